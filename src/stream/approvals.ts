/**
 * A person's decision on what a job asked. Everything is checked before anything changes; the change is one commit,
 * guarded by the action id, so a decision is made once, whoever asks and wherever.
 */
import { GenerationJobError, JobEndedError } from '../errors.js';
import type { Ender } from './ender.js';
import { serialiseLifecycle } from './events.js';
import type { GenerationJob } from './generation-job.js';
import type { CommitReply, OtherCommit } from './interfaces/job-store.js';
import type { Access, Continuation, ResolveInput } from './manager-types.js';
import { type Parts, publishFrames, repeatUntilAnswered } from './parts.js';
import { parseDecisions } from './pending-action.js';
import { continuationOf } from './recovery.js';
import { type FoldedState, publicAction } from './resume-state.js';
import { streamKey } from './stream-key.js';
import type { JobRecord, PublicAction, StreamKey } from './types.js';

export interface ApprovalContext {
  readonly ender: Ender;
  readonly adopt: (key: StreamKey, state: FoldedState, leaseStartedAt: number) => GenerationJob;
}

export interface Resolved {
  /** The next attempt's handle: go on emitting into the same log. */
  readonly job: GenerationJob;
  readonly continuation: Continuation;
}

export class ApprovalLifecycle {
  readonly #parts: Parts;
  readonly #context: ApprovalContext;

  constructor(parts: Parts, context: ApprovalContext) {
    this.#parts = parts;
    this.#context = context;
  }

  /** The pending action as clients may see it, or null. */
  async peek(streamId: string, access: Access = {}): Promise<PublicAction | null> {
    const [record] = await this.#parts.store.read(streamKey(streamId, access.tenantId), 'current');
    const isTheirs = access.userId === undefined || record?.userId === access.userId;
    return isTheirs && record?.pendingAction ? publicAction(record.pendingAction) : null;
  }

  /**
   * Decides the pending action. Exactly one caller wins and gets the next attempt.
   * @throws GenerationJobError `stream_not_found`, `invalid_action`, `action_not_found`, `action_stale`,
   *   `action_decided`, `action_expired`, `user_limit_exceeded`; nothing has changed then
   */
  async resolve(streamId: string, input: ResolveInput): Promise<Resolved> {
    const { store, options, clock, entropy, hooks, observer } = this.#parts;
    const key = streamKey(streamId, input.tenantId);
    const record = await this.#read(key, input);
    const action = record.pendingAction;
    if (action === undefined || action.actionId !== input.actionId)
      throw this.#refusal(record, input.actionId);
    if (action.expiresAt <= store.now()) throw await this.#expire(key, record);
    const decisions = parseDecisions(input.decisions, action);
    await this.#takeSlot(key, record);
    const told = { actionId: action.actionId, attempt: record.attempt + 1, by: input.by, decisions };
    const commit: OtherCommit = {
      writer: 'other',
      key,
      generation: record.generation,
      name: 'resolve',
      callId: entropy.id(),
      event: serialiseLifecycle('resumed', told, options.limits),
      actionId: action.actionId,
      leaseMs: options.leaseMs,
      resolution: { actionId: action.actionId, decisions, by: input.by },
      settles: hooks.settle !== undefined,
    };
    const startedAt = clock.monotonic();
    // The score lies at the action's expiry: the lease ends sooner.
    await store.due.nearer(key, options.leaseMs);
    const reply: CommitReply = await repeatUntilAnswered(
      this.#parts,
      () => store.commit(commit),
      startedAt + options.leaseMs / 2,
    );
    if (!reply.ok) {
      observer.approval('refused');
      await this.#giveSlotBack(key, record, reply.record);
      throw this.#refusal(reply.record, input.actionId);
    }
    publishFrames(this.#parts, reply.frames);
    // A repeat is answered with the record as it stands: this attempt may be over already.
    if (reply.record?.attempt !== told.attempt) throw new JobEndedError('fenced');
    observer.approval('resolved');
    observer.jobTransitioned('resolve', 'running');
    // The decision is made, and nobody else will get this attempt.
    const state = await repeatUntilAnswered(
      this.#parts,
      () => this.#parts.states.read(key, record.generation),
      startedAt + options.leaseMs,
    );
    if (state === null) throw new GenerationJobError('stream_not_found', 'The stream was deleted.');
    const job = this.#context.adopt(
      key,
      { ...state, record: { ...state.record, attempt: told.attempt } },
      startedAt,
    );
    return { job, continuation: { ...continuationOf(state), resumeContext: action.resumeContext } };
  }

  /** Ends a paused generation whose time to decide is over; says whether this call did. */
  async expire(streamId: string, access: Access = {}): Promise<boolean> {
    const key = streamKey(streamId, access.tenantId);
    const record = await this.#read(key, access);
    if (record.status !== 'requires_action') return false;
    return this.#context.ender.expire(key, record);
  }

  async #read(key: StreamKey, access: Access): Promise<JobRecord> {
    const [record] = await this.#parts.store.read(key, 'current');
    if (record === undefined || (access.userId !== undefined && record.userId !== access.userId)) {
      throw new GenerationJobError('stream_not_found', 'There is no such stream.');
    }
    return record;
  }

  async #expire(key: StreamKey, record: JobRecord): Promise<GenerationJobError> {
    await this.#context.ender.expire(key, record);
    return new GenerationJobError('action_expired', 'The action has expired.');
  }

  async #takeSlot(key: StreamKey, record: JobRecord): Promise<void> {
    const { store, options } = this.#parts;
    const limit = options.limits.activeJobsPerUser;
    if (limit === 0) return;
    const user = { tenantId: key.tenantId, userId: record.userId };
    const slot = { streamId: key.streamId, holder: record.createId, limit, forMs: options.leaseMs };
    if (await store.slots.take(user, slot)) return;
    throw new GenerationJobError('user_limit_exceeded', `The user already has ${limit} running jobs.`);
  }

  /** Unless it is now the winner's, who holds it by the same name. */
  async #giveSlotBack(key: StreamKey, record: JobRecord, now: JobRecord | undefined): Promise<void> {
    const { store, options } = this.#parts;
    if (options.limits.activeJobsPerUser === 0 || now?.status === 'running') return;
    const user = { tenantId: key.tenantId, userId: record.userId };
    await store.slots.give(user, { streamId: key.streamId, holder: record.createId });
  }

  #refusal(record: JobRecord | undefined, actionId: string): GenerationJobError {
    if (record === undefined) return new GenerationJobError('stream_not_found', 'There is no such stream.');
    const decided = record.resolutions.find((one) => one.actionId === actionId);
    if (decided) {
      const outcome = decided.decisions.map((one) => one.decision).join(', ');
      return new GenerationJobError('action_decided', `The action has been decided (${outcome}).`);
    }
    if (record.error?.code === 'expired')
      return new GenerationJobError('action_expired', 'The action has expired.');
    if (record.pendingAction) return new GenerationJobError('action_stale', 'Another action is pending.');
    return new GenerationJobError('action_not_found', 'No such action is pending.');
  }
}
