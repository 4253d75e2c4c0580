/**
 * The host's side effect after an end, at least once, by whoever has the claim on it (`Claims`). The first claim is not made
 * while a producer that others have stopped may still write its books; it closes them in the store. A hook that throws is
 * tried again with growing pauses, and after `settleForMs` the settlement is set aside and counted.
 *
 * open ──claim──► open (claimed until) ──returns──► settled
 *   ▲                    │ throws, crash                      (retention starts)
 *   └── after a pause ◄──┘──── tried too long ──► set_aside ──returns──► settled
 *
 * What is set aside is kept for `setAsideMs`, tried again every `setAsideRetryMs` and whenever the host asks, and told of
 * before it goes.
 */
import { AsyncLocalStorage } from 'node:async_hooks';
import { GenerationJobError } from '../../errors.js';
import type { CreateJobInput } from '../interfaces/create-job.js';
import { hasOpenBooks, isUntried, LONGEST_BACKOFF_MS } from '../model/deadlines.js';
import { streamKey } from '../model/stream-key.js';
import { isActive } from '../model/transitions.js';
import type { JobRecord, Settlement, StreamKey } from '../model/types.js';
import { atMost } from '../process/at-most.js';
import { backOff } from '../process/back-off.js';
import { isEmptyContent } from '../process/empty-content.js';
import { logStep } from '../process/life-log.js';
import type { Parts } from '../process/parts.js';
import { Claims, type Step } from './claims.js';

export interface SettlementListener {
  /** Hears of each settlement that this process sets aside, not again when a later try fails as well. */
  onSetAside(): void;
  /** Hears of each end here behind which nothing is left to settle: at once, when there was nothing. */
  onSettled(key: StreamKey): void;
}

export class Settler {
  readonly #parts: Parts;
  readonly #claims: Claims;
  readonly #stopped = new AbortController();
  /** The call of the host's hook, for what it calls in turn. What it started and left running finds it over. */
  readonly #inside = new AsyncLocalStorage<{ readonly streamKeyId: string; isOver: boolean }>();

  readonly #listener: SettlementListener;

  constructor(parts: Parts, listener: SettlementListener) {
    this.#parts = parts;
    this.#claims = new Claims(parts, { standing: (record) => record.settlement });
    this.#listener = listener;
  }

  /**
   * Tries to settle an ended generation, if it is time and nobody else does.
   * @param isAsked whether somebody asks for it now, whatever time it is
   */
  async settle(key: StreamKey, record: JobRecord, isAsked = false): Promise<void> {
    const { hooks, options, store, unknownModels } = this.#parts;
    const { settlement } = record;
    if (isActive(record.status)) return;
    if (settlement.state === 'settled') {
      this.#listener.onSettled(key);
      return this.#retain(key);
    }
    if (this.#isEarly(record) && (!isAsked || settlement.claimed)) return;
    // Others look when the lease of its producer would have ended: they need not wait for that.
    if (this.#stopped.signal.aborted) return store.due.nearer(key, 0);
    const tries = settlement.tries + 1;
    if (hooks.settle === undefined) return; // another replica's: this one has no hook to call
    // Until then it is for a replica that can fold the content.
    if (unknownModels.leaves(record)) return store.due.nearer(key, 0);
    if (unknownModels.has(record)) unknownModels.tell('settled', record);
    const told = this.#parts.feed.tell(key, record);
    let claimed = await this.#claims.step(key, record, {
      state: settlement.state,
      tries,
      notBeforeMs: options.settleClaimMs,
      claimed: true,
    });
    if (claimed === undefined) return;
    const over = new AbortController();
    const ended = AbortSignal.any([over.signal, this.#stopped.signal]);
    const renewing = this.#claims.renew(key, claimed, ended, (record) => {
      claimed = record;
    });
    let outcome: 'settled' | 'retried' | 'set_aside' = 'settled';
    try {
      await this.#callHost(key, claimed);
    } catch (error) {
      outcome = this.#isTriedEnough(record, tries) ? 'set_aside' : 'retried';
      this.#parts.errors.report({ where: 'settle', error, record, details: { tries, outcome } });
    }
    await told; // that it is over says that the feed knows of the end, or can't be told
    over.abort();
    await renewing;
    const pauses = { settled: 0, retried: this.#pauseAfter(tries), set_aside: options.setAsideRetryMs };
    const mine = claimed;
    const step: Step = {
      state: outcome === 'retried' ? 'open' : outcome,
      tries,
      notBeforeMs: pauses[outcome],
      // Its keys must outlive the tries to come, and what follows them.
      ...(outcome !== 'settled' && { keepMs: options.setAsideMs }),
    };
    const done = await this.#claims.finish(key, mine, step);
    if (done === undefined) return;
    this.#parts.observer.settled(outcome);
    logStep(this.#parts, 'settled', done, { outcome, tries });
    if (outcome === 'set_aside' && settlement.state === 'open') {
      this.#parts.setAside.changed(1);
      this.#listener.onSetAside();
    }
    if (outcome === 'settled') await this.#afterSettled(key, settlement.state);
    else await store.due.nearer(key, pauses[outcome]);
  }

  async #afterSettled(key: StreamKey, before: Settlement['state']): Promise<void> {
    this.#listener.onSettled(key);
    if (before !== 'set_aside') return this.#retain(key);
    this.#parts.setAside.changed(-1);
    // What was set aside is looked at when its next try is due: its retention is over sooner.
    await this.#parts.store.due.nearer(key, this.#parts.options.retentionMs);
  }

  /** Settles a generation now, whether or not its producer has returned: this process waits for it no longer. */
  async settleNow({ key, generation }: { key: StreamKey; generation: number }): Promise<void> {
    const [record] = await this.#parts.store.read(key, generation);
    if (record !== undefined && record.settlement.tries === 0) await this.settle(key, record, true);
  }

  /** Tries it now, whatever time it is. Says whether it is settled then. */
  async again(key: StreamKey, record: JobRecord): Promise<boolean> {
    await this.settle(key, record, true);
    const [current] = await this.#parts.store.read(key, record.generation);
    return current !== undefined && !isActive(current.status) && current.settlement.state === 'settled';
  }

  /**
   * Gives up what was set aside, unless somebody settles it now: the host is told, at least once, and then it goes as what
   * is settled does, after the retention time, within which it can still be read.
   */
  async drop(key: StreamKey, record: JobRecord, why: string): Promise<void> {
    const { options, observer, errors, storeClock } = this.#parts;
    const { state, claimed, notBefore } = record.settlement;
    if (isActive(record.status) || state !== 'set_aside') return;
    if (claimed && notBefore > storeClock.now()) return;
    const tries = record.settlement.tries + 1; // as for every claim
    const notBeforeMs = options.settleClaimMs;
    const mine = await this.#claims.step(key, record, { state, tries, notBeforeMs, claimed: true });
    if (mine === undefined) return;
    errors.report({ where: 'settle', error: new GenerationJobError('settlement_dropped', why), record });
    const done = await this.#claims.step(key, mine, { state: 'settled', tries, notBeforeMs: 0 });
    if (done === undefined) return;
    observer.settled('dropped');
    logStep(this.#parts, 'settled', done, { outcome: 'dropped', tries });
    await this.#afterSettled(key, state);
  }

  /** Says whether the next try is still to come. */
  #isEarly(record: JobRecord): boolean {
    const { storeClock, options } = this.#parts;
    if (isUntried(record)) return hasOpenBooks(record, storeClock.likely(), options);
    return record.settlement.notBefore > storeClock.now();
  }

  #pauseAfter(tries: number): number {
    return backOff({ firstMs: this.#parts.options.settleBackoffMs, longestMs: LONGEST_BACKOFF_MS }, tries);
  }

  /** Says whether the next try would come too late, or be one too many. */
  #isTriedEnough(record: JobRecord, tries: number): boolean {
    const { options, storeClock } = this.#parts;
    if (record.settlement.state === 'set_aside') return true;
    if (options.settleTries > 0 && tries >= options.settleTries) return true;
    const next = storeClock.now() + this.#pauseAfter(tries);
    return next - (record.endedAt ?? record.updatedAt) > options.settleForMs;
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
    const { generation, usage, usageEntries } = record;
    const state = await this.#parts.states.read(key, generation);
    // Deleted although it was claimed: there is nobody left to save it for.
    if (state === null) return;
    const { content, sequence, missing } = state;
    const { clock, options, progress, models } = this.#parts;
    if (progress.isWanted && models.has(record.contentModel ?? '')) {
      const told = progress.tell(key, generation, async () => ({
        record,
        content: structuredClone(content),
        sequence,
        ...(missing && { missing }),
      }));
      // A host that is slow to take it must not keep everybody from the settlement.
      await atMost(clock, Math.min(options.progressMs, options.hookMs), told);
    }
    const ended = {
      settlementId: `${key.id}/${generation}`,
      record,
      content: state.content ?? null,
      ...(state.missing && { missing: state.missing }),
      isEmpty: isEmptyContent(this.#parts, record, state),
      usage,
      usageEntries,
      signal: this.#stopped.signal,
    };
    const call = { streamKeyId: key.id, isOver: false };
    try {
      await this.#inside.run(call, () => this.#parts.hooks.settle?.(ended));
    } finally {
      call.isOver = true;
    }
  }

  /** Says whether the caller is the host's `settle` of this stream: it can't wait for itself. */
  isInside(key: StreamKey): boolean {
    const call = this.#inside.getStore();
    return call !== undefined && !call.isOver && call.streamKeyId === key.id;
  }

  /** @throws GenerationJobError `invalid_argument` when `settle` creates a successor that waits for it to return */
  throwIfAwaitingItself({
    streamId,
    tenantId,
    waitFor,
  }: Pick<CreateJobInput, 'streamId' | 'tenantId' | 'waitFor'>): void {
    if (waitFor !== 'settled' || !this.isInside(streamKey(streamId, tenantId))) return;
    throw new GenerationJobError(
      'invalid_argument',
      'waitFor must not be "settled" inside `settle` of the same stream: it would wait for itself.',
    );
  }
}
