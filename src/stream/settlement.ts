/**
 * The host's side effect after an end, at least once. Whoever looks first claims the settlement for `settleClaimMs`,
 * renews the claim while the hook runs, and records the outcome; each step names the revision it has seen, so one
 * replica settles at a time. A hook that throws is tried again with growing pauses, and after `settleTries` the
 * settlement is set aside and counted.
 *
 * open ──claim──► open (claimed until) ──returns──► settled
 *   ▲                    │ throws, crash                      (retention starts)
 *   └── after a pause ◄──┘──── tried too often ──► set_aside
 */
import { AsyncLocalStorage } from 'node:async_hooks';
import { sleep } from '../clock.js';
import { isUnanswered } from '../errors.js';
import { LONGEST_BACKOFF_MS } from './deadlines.js';
import type { CommitReply, SettlementCommit } from './interfaces/job-store.js';
import type { Parts } from './parts.js';
import { isActive } from './transitions.js';
import type { JobRecord, StreamKey } from './types.js';

export class Settler {
  readonly #parts: Parts;
  readonly #stopped = new AbortController();
  /** The stream whose settlement called, for what the host's hook calls in turn. */
  readonly #inside = new AsyncLocalStorage<string>();

  constructor(parts: Parts) {
    this.#parts = parts;
  }

  /** Tries to settle an ended generation, if it is time and nobody else does. */
  async settle(key: StreamKey, record: JobRecord): Promise<void> {
    const { hooks, options, store, unknownModels } = this.#parts;
    const { settlement } = record;
    if (isActive(record.status)) return;
    if (settlement.state === 'settled') return this.#retain(key);
    if (settlement.state !== 'open') return;
    // What nobody has tried is waited for by nobody.
    if (settlement.tries > 0 && settlement.notBefore > this.#parts.storeClock.now()) return;
    if (this.#stopped.signal.aborted) return;
    const tries = settlement.tries + 1;
    if (hooks.settle === undefined) return; // another replica's: this one has no hook to call
    // Until then it is for a replica that can fold the content.
    if (unknownModels.leaves(record)) return store.due.nearer(key, 0);
    if (unknownModels.has(record)) unknownModels.tell('settled', record);
    let claimed = await this.#step(key, record, {
      state: 'open',
      tries,
      notBeforeMs: options.settleClaimMs,
      claimed: true,
    });
    if (claimed === undefined) return;
    const over = new AbortController();
    const renewing = this.#keepClaim(key, claimed, over.signal, (record) => {
      claimed = record;
    });
    let outcome: 'settled' | 'retried' | 'set_aside' = 'settled';
    try {
      await this.#callHost(key, claimed);
    } catch (error) {
      outcome = tries >= options.settleTries ? 'set_aside' : 'retried';
      this.#parts.errors.report({ where: 'settle', error, record, details: { tries, outcome } });
    }
    over.abort();
    await renewing;
    const pause = Math.min(options.settleBackoffMs * 2 ** (tries - 1), LONGEST_BACKOFF_MS);
    const state = outcome === 'retried' ? 'open' : outcome;
    const done = await this.#step(key, claimed, {
      state,
      tries,
      notBeforeMs: outcome === 'retried' ? pause : 0,
    });
    if (done === undefined) return;
    this.#parts.observer.settled(outcome);
    if (outcome === 'retried') await store.due.nearer(key, pause);
    else await this.#retain(key);
  }

  /** The end of a lease is when somebody looks next: too late for a retention that is shorter. */
  async #retain(key: StreamKey): Promise<void> {
    const { options, store } = this.#parts;
    if (options.retentionMs < options.leaseMs) await store.due.nearer(key, options.retentionMs);
  }

  /** No further settlements; the hook under way is told by its signal. */
  stop(): void {
    this.#stopped.abort();
  }

  async #callHost(key: StreamKey, record: JobRecord): Promise<void> {
    const { generation, usage } = record;
    const state = await this.#parts.states.read(key, generation);
    // Deleted although it was claimed: there is nobody left to save it for.
    if (state === null) return;
    const ended = {
      settlementId: `${key.id}/${generation}`,
      record,
      content: state.content ?? null,
      ...(state.missing && { missing: state.missing }),
      usage,
      signal: this.#stopped.signal,
    };
    await this.#inside.run(key.id, () => this.#parts.hooks.settle?.(ended));
  }

  /** Whether the caller is the host's `settle` of this stream: it can't wait for itself. */
  isInside(key: StreamKey): boolean {
    return this.#inside.getStore() === key.id;
  }

  async #keepClaim(
    key: StreamKey,
    first: JobRecord,
    over: AbortSignal,
    onRenewed: (record: JobRecord) => void,
  ): Promise<void> {
    const { clock, options } = this.#parts;
    const ended = AbortSignal.any([over, this.#stopped.signal]);
    let record = first;
    for (;;) {
      await sleep(clock, options.settleClaimMs / 3, ended);
      if (ended.aborted) return;
      const { tries } = record.settlement;
      const renewed = await this.#step(key, record, {
        state: 'open',
        tries,
        notBeforeMs: options.settleClaimMs,
        claimed: true,
      }).catch((error: unknown) => {
        this.#parts.errors.report({ where: 'upkeep', error, record });
        return isUnanswered(error) ? undefined : null;
      });
      if (renewed === null) return; // the store refuses it for good
      if (renewed === undefined) continue;
      record = renewed;
      onRenewed(renewed);
    }
  }

  /** The record after the step, or undefined when somebody else took it. */
  async #step(
    key: StreamKey,
    record: JobRecord,
    step: Pick<SettlementCommit, 'state' | 'tries' | 'notBeforeMs' | 'claimed'>,
  ): Promise<JobRecord | undefined> {
    const { generation, settlement } = record;
    const commit: SettlementCommit = {
      writer: 'settler',
      key,
      generation,
      revision: settlement.revision,
      ...step,
    };
    const reply: CommitReply = await this.#parts.store.commit(commit);
    return reply.ok ? reply.record : undefined;
  }
}
