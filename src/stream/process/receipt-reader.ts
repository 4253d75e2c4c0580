/** Lists what earlier attempts have called, for the attempt that goes on: page by page, as the host asks for it. */
import type { Receipt } from '../interfaces/once.js';
import { decisionOn } from '../model/own-actions.js';
import type { StoredReceipt } from '../model/receipt.js';
import type { JobRecord, StreamKey } from '../model/types.js';
import type { Parts } from './parts.js';
import { repeatUntilAnswered } from './repeat.js';
import type { Opener } from './seals.js';

export type ReceiptParts = Pick<Parts, 'clock' | 'entropy' | 'options' | 'seals' | 'store'>;

/** Receipts in one read: so many results are a few megabytes at most. */
const PAGE = 128;

/** The receipts of the attempts before the record's, each once. Reads nothing before it is iterated, nor where there is none. */
export function receiptsOf(parts: ReceiptParts, key: StreamKey, record: JobRecord): AsyncIterable<Receipt> {
  return { [Symbol.asyncIterator]: () => readReceipts(parts, key, record) };
}

async function* readReceipts(
  parts: ReceiptParts,
  key: StreamKey,
  record: JobRecord,
): AsyncGenerator<Receipt, void> {
  const { clock, options, seals, store } = parts;
  const { generation } = record;
  if (record.receipts === undefined) return;
  const opener = seals.opener();
  for (let after: string | undefined; ; ) {
    const page = await repeatUntilAnswered(
      parts,
      () => store.receipts(key, generation, { limit: PAGE, after }),
      clock.monotonic() + options.leaseMs,
    );
    for (const receipt of page.entries) {
      if (receipt.attempt < record.attempt) yield shown(receipt, { key, record, opener });
    }
    after = page.next;
    if (after === undefined) return;
  }
}

async function shown(
  { name, state, result, callId, ...times }: StoredReceipt,
  { key, record, opener }: { key: StreamKey; record: JobRecord; opener: Opener },
): Promise<Receipt> {
  const { attempt, runs, begunAt, changedAt } = times;
  const decision = state === 'begun' ? decisionOn(record.resolutions, callId) : undefined;
  const place = { key, generation: record.generation, name };
  return {
    ...{ key: name, attempt, runs, begunAt, changedAt },
    state: state === 'begun' ? 'unknown' : state,
    isKept: result !== undefined,
    ...(result !== undefined && { result: await opener.result(result, place) }),
    ...(decision && { decision }),
  };
}
