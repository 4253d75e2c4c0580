/**
 * A person's decision on what a job asked. Everything is checked before anything changes; the change is one commit,
 * guarded by the action id, so a decision is made once, whoever asks and wherever.
 *
 * A call of `resolve` is, in this order
 * - read: the action must be pending, and not expired
 * - judged: its form, each decision against what was asked, the digest of what was shown, then by the host
 * - committed: the user's slot is taken, the commit is made. It wins, or it is told who did
 * - unanswered, when the store is away for too long: asked again in this process, it is the same commit again
 */
import { GenerationJobError, isGenerationJobError, JobEndedError } from '../../errors.js';
import type { HistoryEntry, ResolveInput } from '../interfaces/action-input.js';
import type { Approvals, Resolved } from '../interfaces/approvals.js';
import type { CommitReply, OtherCommit } from '../interfaces/commits.js';
import type { Ender } from '../lifecycle/ender.js';
import type { Access } from '../model/access.js';
import { isOwnedBy } from '../model/access.js';
import { reasonOfRecord } from '../model/end-reasons.js';
import { serialiseLifecycle } from '../model/events.js';
import { isOwnAction } from '../model/own-actions.js';
import { publicAction } from '../model/resume-state.js';
import { streamKey } from '../model/stream-key.js';
import { isActive } from '../model/transitions.js';
import type { JobRecord, PendingAction, PublicAction, StreamKey, Verdict } from '../model/types.js';
import { checkCall } from '../process/call-input.js';
import { continuationOf } from '../process/continuation.js';
import { publishFrames } from '../process/frames.js';
import { leaveToOthers } from '../process/give-up-lease.js';
import { handOutMethods } from '../process/handed-out.js';
import { boundHook, reportHook } from '../process/host-code.js';
import { logStep } from '../process/life-log.js';
import type { Parts } from '../process/parts.js';
import { repeatUntilAnswered } from '../process/repeat.js';
import type { Opener } from '../process/seals.js';
import type { SlotOwner } from '../process/slot-keeper.js';
import type { Producers } from '../producing/producers.js';
import { ActionDecidedError, isDecidedAsSaid } from './action-decided-error.js';
import { digestOfDecision } from './decision-digest.js';
import { remembering, rememberStanding, throwUnlessRememberable } from './remembering.js';
import { type CheckedResolve, parseResolve, verdictOn } from './verdict.js';

export interface ApprovalContext {
  readonly ender: Ender;
  readonly producers: Producers;
}

/** A decision in the making: the commit that decides, and all that is needed to make it again. */
interface DecisionCall {
  readonly key: StreamKey;
  /** The record before the decision. */
  readonly record: JobRecord;
  readonly commit: OtherCommit;
  /** The digest of who decided what: only the same decision, made again by the same way, is the same call. */
  readonly digest: string;
  /** The time before the commit was first made, on the monotonic clock: the lease may run from then on. */
  readonly startedAt: number;
  /** True once the commit may have been made. */
  readonly isAsked: boolean;
  /** Has opened what is sealed in the record. */
  readonly opener: Opener;
}

export class ApprovalLifecycle implements Approvals {
  static {
    const awaitedOrNot = ['resolve', 'expire', 'peek', 'history'] as const;
    handOutMethods(ApprovalLifecycle.prototype, awaitedOrNot, (approvals) => approvals.#parts);
  }

  readonly #parts: Parts;
  readonly #context: ApprovalContext;
  /** The calls without an answer; one is forgotten when its lease is over, since others may have gone on by then. */
  #unanswered: readonly DecisionCall[] = [];

  constructor(parts: Parts, context: ApprovalContext) {
    this.#parts = parts;
    this.#context = context;
  }

  async peek(streamId: string, access: Access = {}): Promise<PublicAction | null> {
    checkCall('access', access);
    const [record] = await this.#parts.store.read(streamKey(streamId, access.tenantId), 'current');
    return record?.pendingAction && isOwnedBy(record, access) ? publicAction(record.pendingAction) : null;
  }

  async resolve(streamId: string, input: ResolveInput): Promise<Resolved> {
    try {
      this.#context.producers.throwIfDraining();
      const given = parseResolve(input, this.#parts.options);
      throwUnlessRememberable(this.#parts, input);
      const key = streamKey(streamId, input.tenantId);
      return await remembering(this.#parts, input, await this.#decide(key, given, input));
    } catch (error) {
      if (!isDecidedAsSaid(error)) this.#parts.observer.approval('refused');
      else await rememberStanding(this.#parts, streamKey(streamId, input.tenantId), input, error);
      throw error;
    }
  }

  async expire(
    streamId: string,
    access: Access & { readonly actionId?: string | undefined } = {},
  ): Promise<boolean> {
    checkCall('action', access);
    const key = streamKey(streamId, access.tenantId);
    const { pendingAction, ...record } = await this.#read(key, access);
    if (pendingAction === undefined) return false;
    if (access.actionId !== undefined && access.actionId !== pendingAction.actionId) return false;
    return this.#context.ender.expire(key, { ...record, pendingAction });
  }

  async history(streamId: string, access: Access = {}): Promise<readonly HistoryEntry[]> {
    checkCall('access', access);
    const kept = await this.#parts.store.read(streamKey(streamId, access.tenantId), 'kept');
    const [current] = kept;
    if (current === undefined || !isOwnedBy(current, access)) throw notFound();
    return kept
      .toReversed()
      .flatMap(({ generation, resolutions }) => resolutions.map((one) => ({ generation, ...one })));
  }

  async #decide(key: StreamKey, given: CheckedResolve, input: ResolveInput): Promise<Resolved> {
    const again = this.#askedAgain(key, given, input);
    const call = again ?? (await this.#judge(key, given, input));
    try {
      return await this.#startAttempt(await this.#commitCall(call, given), call);
    } catch (error) {
      // Of several who said the same and were not answered, another may have won.
      if (again && error instanceof ActionDecidedError) return this.#decide(key, given, input);
      throw error;
    }
  }

  // --- judging

  async #judge(key: StreamKey, given: CheckedResolve, input: ResolveInput): Promise<DecisionCall> {
    const record = await this.#read(key, input);
    const action = record.pendingAction;
    if (action?.actionId !== given.actionId || !isOf(record, given))
      throw await this.#refusal(key, record, given);
    // By the store's own clock, which this process only estimates: what it does not call expired goes on.
    const isLate = action.expiresAt <= this.#parts.store.now();
    if (isLate && (await this.#context.ender.expire(key, record))) throw expired();
    const verdict = await boundHook(this.#parts, 'actionType', () => verdictOn(action, given, this.#parts));
    if (given.payloadDigest !== undefined && given.payloadDigest !== action.payloadDigest) {
      throw new GenerationJobError('payload_changed', 'The decision was made on another payload.');
    }
    // What the run goes on from is there before the decision is: who can't open it leaves the action to others.
    const opener = this.#parts.seals.opener();
    await this.#askHost(await opener.record(record), verdict, given, input.context);
    return { ...this.#callOf(key, record, action, verdict, given), opener };
  }

  async #askHost(
    record: JobRecord,
    verdict: Verdict,
    { by, via, fingerprint }: CheckedResolve,
    context: unknown,
  ): Promise<void> {
    const { hooks } = this.#parts;
    const action = record.pendingAction as PendingAction;
    const proposed = { ...verdict, record, action, by, via, context };
    let answer: Awaited<ReturnType<NonNullable<typeof hooks.beforeResolve>>>;
    try {
      answer = await boundHook(this.#parts, 'beforeResolve', () => hooks.beforeResolve?.(proposed));
    } catch (cause) {
      reportHook(this.#parts, 'beforeResolve', cause, record);
      throw new GenerationJobError('action_refused', 'The host could not judge the decision.', { cause });
    }
    if (answer === false) throw new GenerationJobError('action_refused', 'The host refused the decision.');
    if (isOwnAction(action)) return; // its fingerprint is the library's, and no host's to know
    const found = typeof answer === 'object' ? answer?.fingerprint : undefined; // null, of a host without types
    const seen = found ?? fingerprint;
    // Without one to compare, nobody has looked whether the run is still the same: that counts as another.
    if (action.fingerprint !== undefined && seen !== action.fingerprint) {
      const what = seen === undefined ? 'No fingerprint was given.' : 'The run has another fingerprint now.';
      throw new GenerationJobError('fingerprint_mismatch', what);
    }
  }

  #callOf(
    key: StreamKey,
    record: JobRecord,
    { actionId, type, payloadDigest, askedAt }: PendingAction,
    verdict: Verdict,
    given: CheckedResolve,
  ): Omit<DecisionCall, 'opener'> {
    const { options, entropy, hooks, clock, replicaId } = this.#parts;
    const { by, via, idempotencyKey } = given;
    const payload = { actionId, type, attempt: record.attempt + 1, by, ...verdict };
    const resolution = {
      ...{ actionId, type, outcome: 'decided' as const, ...verdict, by, payloadDigest, askedAt },
      ...(via !== undefined && { via }),
      ...(idempotencyKey !== undefined && { idempotencyKey, said: digestOfDecision(given) }),
    };
    const { resolutionBytes } = options.limits;
    if (Buffer.byteLength(JSON.stringify([...record.resolutions, resolution])) > resolutionBytes) {
      throw new GenerationJobError('limit_exceeded', 'The decisions exceed limits.resolutionBytes.');
    }
    return {
      key,
      record,
      digest: digestOfDecision(given),
      startedAt: clock.monotonic(),
      isAsked: false,
      commit: {
        writer: 'other',
        key,
        generation: record.generation,
        name: 'resolve',
        callId: entropy.id(),
        event: serialiseLifecycle('resumed', payload, options.limits),
        actionId,
        leaseMs: options.leaseMs,
        replicaId,
        resolution,
        settles: hooks.settle !== undefined,
      },
    };
  }

  // --- committing

  /** Takes out the first call of the same decision whose outcome nobody knows. */
  #askedAgain(key: StreamKey, given: CheckedResolve, access: Access): DecisionCall | undefined {
    const { clock, options } = this.#parts;
    const since = clock.monotonic() - options.leaseMs;
    const digest = digestOfDecision(given);
    const isAgain = (one: DecisionCall) =>
      one.key.id === key.id &&
      one.digest === digest &&
      isOwnedBy(one.record, access) &&
      isOf(one.record, given) &&
      one.commit.resolution?.via === given.via &&
      one.commit.resolution?.idempotencyKey === given.idempotencyKey;
    const call = this.#unanswered.find((one) => one.startedAt > since && isAgain(one));
    // Two who ask again at once are not one.
    this.#unanswered = this.#unanswered.filter((one) => one.startedAt > since && one !== call);
    return call;
  }

  /** @throws what `resolve` throws for a decision that came too late; `unavailable` when the store did not answer */
  async #commitCall(call: DecisionCall, given: CheckedResolve): Promise<JobRecord> {
    const { key, record, commit } = call;
    const { store, slots, options, clock, background } = this.#parts;
    const slot = { ...record, attempt: record.attempt + 1 };
    this.#context.producers.throwIfDraining(); // since: the host may take its time to judge
    let isAsked = call.isAsked;
    let reply: CommitReply;
    try {
      await slots.take(key, slot);
      // The score lies at the action's expiry: the lease ends sooner.
      await store.due.nearer(key, options.leaseMs);
      isAsked = true;
      const until = clock.monotonic() + options.leaseMs / 2;
      reply = await repeatUntilAnswered(this.#parts, () => store.commit(commit), until);
    } catch (error) {
      if (isAsked) this.#unanswered = [...this.#unanswered, { ...call, isAsked }];
      else if (!isGenerationJobError(error, 'user_limit_exceeded'))
        background.run(this.#giveSlotBack(key, slot, undefined));
      throw error;
    }
    if (!reply.ok || reply.record === undefined) {
      await this.#giveSlotBack(key, slot, reply.record);
      throw await this.#refusal(key, reply.record, given);
    }
    publishFrames(this.#parts, reply.frames);
    this.#parts.feed.tellSoon(key, reply.record);
    return reply.record;
  }

  async #startAttempt(
    decided: JobRecord,
    { key, record, commit, startedAt, opener }: DecisionCall,
  ): Promise<Resolved> {
    const { observer, options, states, unknownModels } = this.#parts;
    const attempt = record.attempt + 1;
    throwIfOver(decided, attempt); // a repeat is answered with the record as it stands
    const resolution = decided.resolutions.find(({ actionId }) => actionId === commit.actionId);
    observer.approval('resolved', resolution && resolution.at - resolution.askedAt);
    observer.jobTransitioned('resolve', 'running');
    logStep(this.#parts, 'resumed', decided, {
      actionId: commit.actionId,
      waitedMs: resolution && resolution.at - resolution.askedAt,
    });
    if (unknownModels.has(decided)) unknownModels.tell('resolved', decided);
    // The decision is made, and nobody else will get this attempt.
    const until = startedAt + options.leaseMs;
    const state = await repeatUntilAnswered(this.#parts, () => states.read(key, record.generation), until);
    if (state === null) throw new GenerationJobError('stream_not_found', 'The stream was deleted.');
    throwIfOver(state.record, attempt); // what was stopped meanwhile must not begin
    const opened = await opener.record(state.record).catch(async (error: unknown) => {
      // Sealed anew meanwhile, with a key this replica lacks: the decision stands, and another one goes on with it.
      await leaveToOthers(this.#parts, { key, generation: record.generation, attempt });
      throw error;
    });
    const job = this.#context.producers.adopt(key, state, startedAt);
    if (this.#context.producers.isDraining) {
      // The drain began while the store answered, and may not have seen this job.
      await this.#context.producers.handOverOrEnd(job);
      throw job.signal.reason;
    }
    return { job, continuation: continuationOf(this.#parts, key, { ...state, record: opened }) };
  }

  /** Gives the slot back to the attempt that runs, if one does. */
  async #giveSlotBack(key: StreamKey, slot: SlotOwner, current: JobRecord | undefined): Promise<void> {
    const { slots } = this.#parts;
    await (current?.status === 'running' ? slots.retake(key, current) : slots.give(key, slot));
  }

  // --- refusing

  async #read(key: StreamKey, access: Access): Promise<JobRecord> {
    const [record] = await this.#parts.store.read(key, 'current');
    if (record === undefined || !isOwnedBy(record, access)) throw notFound();
    return record;
  }

  /** Returns the error that says why the action of this id can't be decided any more, by the record as it stands. */
  async #refusal(
    key: StreamKey,
    record: JobRecord | undefined,
    given: CheckedResolve,
  ): Promise<GenerationJobError> {
    const { actionId, idempotencyKey } = given;
    if (record === undefined) return notFound();
    if (record.pendingAction?.actionId === actionId && isOf(record, given)) {
      // The store's clock says so. If that has jumped, whoever asks again later learns what holds.
      if (this.#parts.storeClock.isFarAhead(record.pendingAction.expiresAt)) {
        return new GenerationJobError('unavailable', 'The store’s clock has jumped.');
      }
      // Whichever replica looks first ends it.
      await this.#context.ender.expire(key, record);
      return expired();
    }
    const kept = await this.#parts.store.read(key, 'kept');
    const past = kept.flatMap(({ generation, resolutions }) => {
      return resolutions.map((resolution) => ({ resolution, generation }));
    });
    const known = past.find((one) => one.resolution.actionId === actionId && isOf(one, given));
    if (known === undefined) {
      return isOf(record, given) &&
        isActive(record.status) &&
        !(await this.#hasEndedWith(key, kept, actionId))
        ? new GenerationJobError('action_not_found', 'No such action is pending.')
        : new GenerationJobError('generation_ended', 'The generation has ended.');
    }
    if (known.resolution.outcome === 'expired') return expired();
    const [current = record] = kept;
    const isNewest =
      current.generation === known.generation && current.resolutions.at(-1)?.actionId === actionId;
    const code = isNewest && !current.pendingAction ? 'action_decided' : 'action_stale';
    const repeated =
      idempotencyKey !== undefined &&
      known.resolution.idempotencyKey === idempotencyKey &&
      known.resolution.said === digestOfDecision(given);
    return new ActionDecidedError(code, known.resolution, repeated);
  }

  /**
   * Says whether one of these was aborted or replaced while the action was pending: what nobody decided only the log
   * knows.
   */
  async #hasEndedWith(key: StreamKey, kept: readonly JobRecord[], actionId: string): Promise<boolean> {
    for (const { status, generation, lastSequence } of kept) {
      if (status !== 'aborted') continue;
      const beforeEnd = { key, generation, after: lastSequence - 2, maxEvents: 1, maxBytes: 1 };
      const page = await this.#parts.log.read(beforeEnd);
      const [last] = page.found ? page.events : [];
      if (last?.event !== 'requires_action') continue;
      const { action } = JSON.parse(last.data) as { action: PublicAction };
      if (action.actionId === actionId) return true;
    }
    return false;
  }
}

/** Says whether it belongs to the generation that a decision is for; one that names none is for each. */
function isOf(one: { readonly generation: number }, { generation }: CheckedResolve): boolean {
  return generation === undefined || generation === one.generation;
}

/** @throws JobEndedError unless the attempt that a decision made is the one that runs */
function throwIfOver(record: JobRecord, attempt: number): void {
  if (record.attempt !== attempt) throw new JobEndedError('fenced');
  if (record.status !== 'running') throw new JobEndedError(reasonOfRecord(record));
}

function notFound(): GenerationJobError {
  return new GenerationJobError('stream_not_found', 'There is no such stream.');
}

function expired(): GenerationJobError {
  return new GenerationJobError('action_expired', 'The time to decide is over.');
}
