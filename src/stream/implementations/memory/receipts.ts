/** The receipts of one generation in memory. Their rules stand in redis-lua/receipt.lua, too. */
import type { Page, PageRequest } from '../../interfaces/job-store.js';
import type { ReceiptCommit } from '../../interfaces/receipt-commits.js';
import type { StoredReceipt } from '../../model/receipt.js';

export class InMemoryReceipts {
  readonly #receipts = new Map<string, StoredReceipt>();

  /** Their number; undefined for none. */
  get count(): number | undefined {
    return this.#receipts.size || undefined;
  }

  /** Takes a step, and gives the receipt that stands; or the reason it is refused for. The fence of a begin has been passed. */
  take(commit: ReceiptCommit, now: number): StoredReceipt | 'receipts' | 'call' {
    const known = this.#receipts.get(commit.name);
    return commit.step === 'begin' ? this.#begin(commit, known, now) : this.#end(commit, known, now);
  }

  /** A page of them, in the order they were first begun. */
  page({ limit, after }: PageRequest): Page<StoredReceipt> {
    const names = [...this.#receipts.keys()];
    const from = after === undefined ? 0 : names.indexOf(after) + 1;
    const page = names.slice(from, from + limit);
    return {
      entries: page.map((name) => ({ ...(this.#receipts.get(name) as StoredReceipt) })),
      next: from + limit < names.length ? page.at(-1) : undefined,
    };
  }

  #begin(
    { name, callId, attempt, over, most }: ReceiptCommit,
    known: StoredReceipt | undefined,
    now: number,
  ): StoredReceipt | 'receipts' {
    if (known !== undefined) {
      const isAllowed = over === 'any' ? known.attempt < attempt : over?.callId === known.callId;
      const stands = known.state === 'finished' || (known.state === 'begun' && !isAllowed);
      if (stands || known.callId === callId) return { ...known };
    } else if (this.#receipts.size >= most) return 'receipts';
    const runs = (known?.runs ?? 0) + 1;
    return this.#keep({ name, state: 'begun', attempt, runs, begunAt: now, changedAt: now, callId });
  }

  #end(
    { callId, step, result }: ReceiptCommit,
    known: StoredReceipt | undefined,
    now: number,
  ): StoredReceipt | 'call' {
    if (known === undefined || known.callId !== callId) return 'call';
    if (known.state !== 'begun') return { ...known };
    if (step === 'fail') return this.#keep({ ...known, state: 'failed', changedAt: now });
    const kept = result === undefined ? {} : { result };
    return this.#keep({ ...known, ...kept, state: 'finished', changedAt: now });
  }

  #keep(receipt: StoredReceipt): StoredReceipt {
    this.#receipts.set(receipt.name, receipt);
    return { ...receipt };
  }
}
