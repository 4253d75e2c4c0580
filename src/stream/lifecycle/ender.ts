/**
 * Ends that no producer announces: abort from any replica, expiry of an action, loss of a producer, replacement. All go
 * the same way: let the host describe it from what is committed, bring the due score near enough for what must follow,
 * commit, tell followers and the producer, and look after the settlement.
 */

import { SECOND, sleep } from '../../clock.js';
import { GenerationJobError } from '../../errors.js';
import type { CommitReply, CreateRequest, OtherCommit } from '../interfaces/commits.js';
import type { LeaseClaim } from '../interfaces/job-store.js';
import type { ContentlessStep, EndResult } from '../interfaces/observer.js';
import type { AbortInput, AbortResult } from '../interfaces/stopping.js';
import { isEarly, isOwnedBy } from '../model/access.js';
import { lookAfterEnd } from '../model/deadlines.js';
import { reasonOfRecord } from '../model/end-reasons.js';
import { settlementStateOf } from '../model/settlement-state.js';
import { isActive } from '../model/transitions.js';
import type { JobRecord, PendingAction, StreamKey } from '../model/types.js';
import { isEmptyContent } from '../process/empty-content.js';
import { publishFrames } from '../process/frames.js';
import { giveUpLease } from '../process/give-up-lease.js';
import { reportHook } from '../process/host-code.js';
import { logStep } from '../process/life-log.js';
import type { Parts } from '../process/parts.js';
import { endReleasingKey, isForgettable } from '../process/released-key.js';
import { repeatUntilAnswered } from '../process/repeat.js';
import { endEvent } from '../producing/end-event.js';
import type { LeaseKeeper } from '../producing/lease-keeper.js';
import { EndDescriber } from './end-description.js';
import type { Queues } from './queues.js';
import type { SettlementWaits } from './settlement-waits.js';

/** A stop waits no longer for a store that does not answer; less would lose what a busy one still takes. */
const LONGEST_FLUSH_MS = SECOND;

const RESULTS: ReadonlySet<string> = new Set<EndResult>([
  'replaced',
  'expired',
  'timeout',
  'producer_lost',
  'store_damaged',
  'limit_exceeded',
  'interrupted',
]);

export interface EnderContext {
  readonly leases: LeaseKeeper;
  readonly settlements: Pick<SettlementWaits, 'after'>;
  readonly queues: Pick<Queues, 'clear'>;
  /** A generation ended: settle it soon. */
  readonly onEnded: (key: StreamKey, record: JobRecord) => void;
}

export class Ender {
  readonly #parts: Parts;
  readonly #context: EnderContext;
  readonly #describer: EndDescriber;

  constructor(parts: Parts, context: EnderContext) {
    this.#parts = parts;
    this.#context = context;
    this.#describer = new EndDescriber(parts);
  }

  /** @throws GenerationJobError `stream_not_found` for an unknown stream or generation, or somebody else's */
  async abort(key: StreamKey, input: AbortInput): Promise<AbortResult> {
    const { by, reason, generation } = input;
    const [record] = await this.#parts.store.read(key, generation ?? 'current');
    if (record === undefined || !isOwnedBy(record, input)) {
      throw new GenerationJobError('stream_not_found', 'There is no such stream or generation.');
    }
    let ended: JobRecord | undefined;
    if (isActive(record.status)) {
      const details = { ...(by !== undefined && { by }), ...(reason !== undefined && { reason }) };
      await this.#letFlush(key, record.generation);
      ended = await this.#end(key, record, 'abort', { code: 'aborted', ...details });
    }
    const [over = record] = ended ? [ended] : await this.#parts.store.read(key, record.generation);
    // By now the stop holds the queue: nothing of it starts in between.
    const unqueued = input.queue === 'clear' ? await this.#context.queues.clear(key, over.userId) : [];
    // That it is over is certain; a content model that fails can't take that answer away.
    const state = await this.#parts.states.read(key, record.generation).catch((error: unknown) => {
      reportHook(this.#parts, 'contentModel', error, record);
      return null;
    });
    const waited = input.wait === 'settled' ? await this.#context.settlements.after(key, over) : null;
    const current = waited ?? over;
    return {
      aborted: ended !== undefined,
      early: isEarly(current),
      isEmpty: isEmptyContent(this.#parts, current, state),
      content: state?.content ?? null,
      ...(state?.missing && { missing: state.missing }),
      usage: current.usage,
      usageEntries: current.usageEntries,
      settlement: settlementStateOf(current, this.#parts.store.now()),
      record: current,
      unqueued,
    };
  }

  /** Ends a paused generation whose action was not answered in time. Says whether this call did. */
  async expire(key: StreamKey, record: JobRecord): Promise<boolean> {
    // The store alone may call it expired by a clock that has jumped: nobody's time to decide ends by that.
    // What was asked can't be read: nobody can answer it any more.
    if (record.pendingAction === undefined)
      return (await this.#end(key, record, 'abort', { code: 'store_damaged' })) !== undefined;
    const { expiresAt } = record.pendingAction;
    if (this.#parts.storeClock.isFarAhead(expiresAt)) return false;
    if (this.#parts.unknownModels.leaves(record)) return false;
    const ended = await this.#end(key, record, 'expire', { code: 'expired' });
    const resolution = ended?.resolutions.at(-1);
    if (resolution) this.#parts.observer.approval('expired', resolution.at - resolution.askedAt);
    return ended !== undefined;
  }

  /**
   * Ends a generation whose producer fell silent. Says whether this call did.
   * @param unmovedLeaseUntil as for `Recovery.recover`
   */
  async endSilent(key: StreamKey, record: JobRecord, unmovedLeaseUntil?: number): Promise<boolean> {
    const cause = { code: 'producer_lost', retryable: true } as const;
    const end = async () => (await this.#end(key, record, 'lose', cause, unmovedLeaseUntil)) !== undefined;
    return isForgettable(record) ? endReleasingKey(this.#parts, key, record, end) : end();
  }

  /**
   * Ends a generation whose producer the store refused for good, if the store takes the end. Otherwise the lease has been
   * given up, or lapses: whoever looks next finds it.
   * @throws GenerationJobError what the store could not do
   */
  async endDamaged(claim: LeaseClaim): Promise<void> {
    const { store } = this.#parts;
    await giveUpLease(store, claim);
    const [record] = await store.read(claim.key, claim.generation);
    if (record?.status !== 'running' || record.attempt !== claim.attempt) return;
    await this.#end(claim.key, record, 'lose', { code: 'store_damaged', retryable: true });
  }

  /**
   * Returns the end a create gives to the generation it replaces; undefined when that one is over.
   * @param round counts the descriptions of this end from 1
   * @param limitMs how long describing it may take at most
   */
  async describeReplacement(
    key: StreamKey,
    record: JobRecord,
    round: number,
    limitMs: number,
  ): Promise<CreateRequest['replaces']> {
    const { describeEndMs } = this.#parts.options;
    const { generation } = record;
    if (round === 1) this.#tellContentless('replaced', record);
    await this.#letFlush(key, generation);
    const limit = Math.min(limitMs, describeEndMs);
    const description = await this.#describer.describe(key, record, round, limit);
    if (description === undefined) return undefined;
    const { final, describedFrom } = description;
    const end = endEvent(this.#parts, record, 'aborted', { code: 'replaced' }, final);
    const error = { code: 'replaced', message: MESSAGES.replaced, retryable: false };
    return { generation, end, error, describedFrom, leaveMs: this.#leaveMsOf(record) };
  }

  /** Lets the generation go on, since no create came of it. */
  letReplacedGoOn(key: StreamKey, replaces: CreateRequest['replaces']): void {
    if (replaces !== undefined) this.#describer.releaseHold(key, replaces.generation);
  }

  /** Does what follows an end, whoever committed it. */
  afterEnd(key: StreamKey, record: JobRecord): void {
    const { transport, observer } = this.#parts;
    const code = record.error?.code ?? '';
    const result = RESULTS.has(code) ? (code as EndResult) : (record.status as EndResult);
    observer.jobEnded(result);
    const unsent = record.unsent.length;
    if (unsent > 0) observer.messagesUnsent(unsent);
    logStep(this.#parts, 'ended', record, { result, ...(unsent > 0 && { unsent }) });
    const local = this.#context.leases.find(key, record.generation);
    if (local) local.stop(reasonOfRecord(record));
    else transport.signal({ key, generation: record.generation });
    this.#context.onEnded(key, record);
  }

  /** Returns the record after the end, or undefined when somebody else changed the generation first. */
  async #end(
    key: StreamKey,
    record: JobRecord,
    name: EndName,
    cause: EndCause,
    unmovedLeaseUntil?: number,
  ): Promise<JobRecord | undefined> {
    const { options, entropy, hooks, observer } = this.#parts;
    const failure = { code: cause.code, message: MESSAGES[cause.code], retryable: cause.retryable ?? false };
    const rest: Omit<OtherCommit, 'event' | 'callId'> = {
      writer: 'other',
      key,
      generation: record.generation,
      name,
      attempt: name === 'lose' ? record.attempt : undefined,
      unmovedLeaseUntil,
      actionId: name === 'expire' ? record.pendingAction?.actionId : undefined,
      resolution: name === 'expire' && record.pendingAction ? expiryOf(record.pendingAction) : undefined,
      error: failure,
      releaseKeyWhenEarly: name === 'lose' && record.resolutions.length === 0,
      settles: hooks.settle !== undefined,
      leaveMs: name === 'abort' ? this.#leaveMsOf(record) : 0,
    };
    for (let round = 1; ; round++) {
      const description = await this.#describer.describe(key, record, round);
      if (description === undefined) return undefined;
      const { final, describedFrom } = description;
      const [event, data] = name === 'lose' ? (['failed', failure] as const) : (['aborted', cause] as const);
      const announced = endEvent(this.#parts, record, event, data, final);
      // A paused generation's score may lie a day ahead, also of one that pauses in this moment: settlement and
      // retention come sooner now.
      if (name !== 'lose')
        await this.#parts.store.due.nearer(key, lookAfterEnd(rest.leaveMs, options), options.leaseMs);
      const reply = await this.#commit({ ...rest, event: announced, callId: entropy.id(), describedFrom });
      if (reply.ok && reply.record !== undefined) {
        publishFrames(this.#parts, reply.frames);
        observer.jobTransitioned(name, reply.record.status);
        this.#tellContentless(CONTENTLESS[name], reply.record);
        this.#parts.feed.tellSoon(key, reply.record);
        this.afterEnd(key, reply.record);
        return reply.record;
      }
      if (reply.ok || reply.refusal !== 'behind') {
        this.#describer.releaseHold(key, record.generation);
        return undefined;
      }
    }
  }

  /** Returns how long the producer has for its books: one of release 0.1.0 has none, and does not name its replica. */
  #leaveMsOf({ status, replicaId }: JobRecord): number {
    return status === 'running' && replicaId !== undefined ? this.#parts.options.leaveMs : 0;
  }

  #tellContentless(step: ContentlessStep, record: JobRecord): void {
    const { unknownModels } = this.#parts;
    if (unknownModels.has(record)) unknownModels.tell(step, record);
  }

  #commit(commit: OtherCommit): Promise<CommitReply> {
    const { store, options, clock } = this.#parts;
    const until = clock.monotonic() + options.leaseMs;
    return repeatUntilAnswered(this.#parts, () => store.commit(commit), until);
  }

  /** Commits what a producer of this process has taken before the stop; waits no longer than a moment. */
  async #letFlush(key: StreamKey, generation: number): Promise<void> {
    const { clock } = this.#parts;
    const local = this.#context.leases.find(key, generation);
    if (local === undefined) return;
    const over = new AbortController();
    // What can't be committed now is lost with the end, as what comes after it.
    const flushed = local.flush().catch(() => undefined);
    await Promise.race([flushed, sleep(clock, LONGEST_FLUSH_MS, over.signal)]);
    over.abort();
  }
}

type EndName = OtherCommit['name'] & ('abort' | 'expire' | 'lose');

interface EndCause {
  readonly code: 'aborted' | 'expired' | 'producer_lost' | 'store_damaged';
  readonly retryable?: boolean;
  readonly by?: string;
  readonly reason?: string;
}

function expiryOf({ actionId, type, payloadDigest, askedAt }: PendingAction): OtherCommit['resolution'] {
  return { actionId, type, outcome: 'expired', decisions: [], answers: [], payloadDigest, askedAt };
}

const CONTENTLESS = { abort: 'aborted', expire: 'expired', lose: 'lost' } as const;

const MESSAGES = {
  aborted: 'The generation was stopped.',
  replaced: 'A newer generation replaced this one.',
  expired: 'Nobody answered in time.',
  producer_lost: 'The producer stopped without a word.',
  store_damaged: 'What is kept of the generation can’t be used.',
} as const;
