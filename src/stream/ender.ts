/**
 * Ends that no producer announces: abort from any replica, expiry of an action, loss of a producer, replacement. All go
 * the same way: read the generation and what it has said so far, ask the host for a final message, bring the due score
 * near enough for what must follow, commit, tell followers and the producer, and look after the settlement.
 */
import { GenerationJobError } from '../errors.js';
import { isTheirs } from './access.js';
import { endEvent } from './end-event.js';
import { reasonOfRecord } from './end-reasons.js';
import type { CommitReply, OtherCommit } from './interfaces/job-store.js';
import type { LeaseKeeper } from './lease-keeper.js';
import type { AbortInput, AbortResult } from './manager-types.js';
import type { EndResult } from './observer.js';
import { callHook, isEarly, type Parts, publishFrames, repeatUntilAnswered, reportHook } from './parts.js';
import { isActive } from './transitions.js';
import type { JobFailure, JobRecord, PendingAction, SerialisedEvent, StreamKey } from './types.js';

const RESULTS: ReadonlySet<string> = new Set<EndResult>([
  'replaced',
  'expired',
  'timeout',
  'producer_lost',
  'limit_exceeded',
  'interrupted',
]);

export interface EnderContext {
  readonly leases: LeaseKeeper;
  /** A generation ended: settle it soon. */
  readonly onEnded: (key: StreamKey, record: JobRecord) => void;
}

export class Ender {
  readonly #parts: Parts;
  readonly #context: EnderContext;

  constructor(parts: Parts, context: EnderContext) {
    this.#parts = parts;
    this.#context = context;
  }

  /** @throws GenerationJobError `stream_not_found` for an unknown stream or generation, or somebody else's */
  async abort(key: StreamKey, input: AbortInput): Promise<AbortResult> {
    const { by, reason, generation } = input;
    const [record] = await this.#parts.store.read(key, generation ?? 'current');
    if (record === undefined || !isTheirs(record, input)) {
      throw new GenerationJobError('stream_not_found', 'There is no such stream or generation.');
    }
    let ended: JobRecord | undefined;
    if (isActive(record.status)) {
      const details = { ...(by !== undefined && { by }), ...(reason !== undefined && { reason }) };
      ended = await this.#end(key, record, 'abort', { code: 'aborted', ...details });
    }
    const [now = record] = ended ? [ended] : await this.#parts.store.read(key, record.generation);
    // That it is over is certain; a content model that fails can't take that answer away.
    const state = await this.#parts.states.read(key, record.generation).catch((error: unknown) => {
      reportHook(this.#parts, 'contentModel', error, record);
      return null;
    });
    return {
      aborted: ended !== undefined,
      early: isEarly(now),
      content: state?.content ?? null,
      ...(state?.missing && { missing: state.missing }),
      usage: now.usage,
      record: now,
    };
  }

  /** Ends a paused generation whose action was not answered in time. Says whether this call did. */
  async expire(key: StreamKey, record: JobRecord): Promise<boolean> {
    // The store alone may call it expired by a clock that has jumped: nobody's time to decide ends by that.
    const { expiresAt = 0 } = record.pendingAction ?? {};
    if (this.#parts.storeClock.isFarAhead(expiresAt)) return false;
    const ended = await this.#end(key, record, 'expire', { code: 'expired' });
    const how = ended?.resolutions.at(-1);
    if (how) this.#parts.observer.approval('expired', how.at - how.askedAt);
    return ended !== undefined;
  }

  /**
   * Ends a generation whose producer fell silent. Says whether this call did.
   * @param unmovedLeaseUntil as for `Recovery.recover`
   */
  async loseProducer(key: StreamKey, record: JobRecord, unmovedLeaseUntil?: number): Promise<boolean> {
    const { store, options } = this.#parts;
    const user = { tenantId: key.tenantId, userId: record.userId };
    const run = { streamId: key.streamId, generation: record.generation };
    // What was decided stays decided: made again, the request would ask once more.
    const isForgotten = isEarly(record) && record.resolutions.length === 0;
    // Forgotten before the end: a crash in between leaves a run that is lost, not a key that is.
    const released = isForgotten ? record.idempotencyKey : undefined;
    if (released !== undefined) await store.slots.forget(user, released, run);
    const ended = await this.#end(
      key,
      record,
      'lose',
      { code: 'producer_lost', retryable: true },
      unmovedLeaseUntil,
    );
    if (ended === undefined && released !== undefined) {
      await store.slots.remember(user, released, run, options.idempotencyMs);
    }
    return ended !== undefined;
  }

  /** The end a create gives to the generation it replaces. */
  async describeReplacement(
    record: JobRecord,
    key: StreamKey,
  ): Promise<{ end: SerialisedEvent; error: JobFailure }> {
    const end = await this.#describe(key, record, 'aborted', { code: 'replaced' });
    return { end, error: { code: 'replaced', message: MESSAGES.replaced, retryable: false } };
  }

  /** What follows an end, whoever committed it. */
  afterEnd(key: StreamKey, record: JobRecord): void {
    const { transport, observer } = this.#parts;
    const code = record.error?.code ?? '';
    observer.jobEnded(RESULTS.has(code) ? (code as EndResult) : (record.status as EndResult));
    const local = this.#context.leases.find(key, record.generation);
    if (local) local.lose(reasonOfRecord(record));
    else transport.signal({ key, generation: record.generation });
    this.#context.onEnded(key, record);
  }

  /** The record after the end, or undefined when somebody else changed the generation first. */
  async #end(
    key: StreamKey,
    record: JobRecord,
    name: OtherCommit['name'] & ('abort' | 'expire' | 'lose'),
    cause: {
      code: 'aborted' | 'expired' | 'producer_lost';
      retryable?: boolean;
      by?: string;
      reason?: string;
    },
    unmovedLeaseUntil?: number,
  ): Promise<JobRecord | undefined> {
    const { store, options, clock, entropy, hooks, observer } = this.#parts;
    const failure = { code: cause.code, message: MESSAGES[cause.code], retryable: cause.retryable ?? false };
    const event =
      name === 'lose'
        ? await this.#describe(key, record, 'failed', failure)
        : await this.#describe(key, record, 'aborted', cause);
    // A paused generation's score may lie a day ahead, also of one that pauses in this moment: settlement and retention
    // come sooner now.
    if (name !== 'lose') await store.due.nearer(key, options.leaseMs);
    const commit: OtherCommit = {
      writer: 'other',
      key,
      generation: record.generation,
      name,
      callId: entropy.id(),
      event,
      attempt: name === 'lose' ? record.attempt : undefined,
      unmovedLeaseUntil,
      actionId: name === 'expire' ? record.pendingAction?.actionId : undefined,
      resolution: name === 'expire' && record.pendingAction ? expiryOf(record.pendingAction) : undefined,
      error: failure,
      releaseKeyWhenEarly: name === 'lose' && record.resolutions.length === 0,
      settles: hooks.settle !== undefined,
    };
    const until = clock.monotonic() + options.leaseMs;
    const reply: CommitReply = await repeatUntilAnswered(this.#parts, () => store.commit(commit), until);
    if (!reply.ok || reply.record === undefined) return undefined;
    publishFrames(this.#parts, reply.frames);
    observer.jobTransitioned(name, reply.record.status);
    this.afterEnd(key, reply.record);
    return reply.record;
  }

  async #describe(
    key: StreamKey,
    record: JobRecord,
    event: 'aborted' | 'failed',
    cause: object,
  ): Promise<SerialisedEvent> {
    const { hooks, states, options } = this.#parts;
    const describe = async () => {
      const state = await states.read(key, record.generation);
      return hooks.describeEnd?.(state?.record ?? record, state?.content ?? null);
    };
    const about = { record, limitMs: options.describeEndMs };
    const final =
      hooks.describeEnd && (await callHook<unknown>(this.#parts, 'describeEnd', describe, undefined, about));
    return endEvent(this.#parts, record, event, cause, final);
  }
}

function expiryOf({ actionId, type, payloadDigest, askedAt }: PendingAction): OtherCommit['resolution'] {
  return { actionId, type, outcome: 'expired', decisions: [], answers: [], payloadDigest, askedAt };
}

const MESSAGES = {
  aborted: 'The generation was stopped.',
  replaced: 'A newer generation replaced this one.',
  expired: 'Nobody answered in time.',
  producer_lost: 'The producer stopped without a word.',
} as const;
