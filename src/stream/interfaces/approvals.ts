/** Decisions on what jobs ask, as a host makes them: `manager.approvals`. */
import type { Access } from '../model/access.js';
import type { HostTypes, Untyped } from '../model/host-types.js';
import type { PublicAction } from '../model/types.js';
import type { HistoryEntry, ResolveInput } from './action-input.js';
import type { Continuation } from './continuation.js';
import type { GenerationJob } from './generation-job.js';
import type { Rule } from './rules.js';

/** A resolved action's answer to who decides. */
export interface Resolved<Types extends HostTypes = Untyped> {
  /** The next attempt's handle: go on emitting into the same log. */
  readonly job: GenerationJob<Types>;
  /** The state the attempt goes on from. */
  readonly continuation: Continuation<Types>;
  /**
   * The rules that were given, with `remember`: none when nothing was approved, and fewer than asked for when some could not be
   * given, which `onError` is told. Absent without it.
   */
  readonly rules?: readonly Rule[] | undefined;
}

/** Asks what is pending, decides it, and tells how actions ended. Any replica may. */
export interface Approvals<Types extends HostTypes = Untyped> {
  /** The pending action as clients may see it, or null. @throws GenerationJobError `invalid_stream_id`, `unavailable` */
  peek(streamId: string, access?: Access): Promise<PublicAction | null>;

  /**
   * Decides the pending action. Exactly one caller wins and gets the next attempt; one whose call failed with
   * `unavailable` may have won, and finds out by calling again with the same input.
   * @throws ActionDecidedError with the outcome when somebody decided before (`action_decided`, or `action_stale` when a
   *   newer action has been asked since) · JobEndedError when the decision was made and its attempt is over already
   *   (stopped, or left to another replica because this one drains): there is nothing to go on with ·
   *   GenerationJobError `stream_not_found`, `action_not_found`, `action_expired`, `generation_ended`; `invalid_action`,
   *   `request_unknown`, `request_undecided`, `request_decided_twice`, `decision_not_allowed`, `edit_without_arguments`,
   *   `respond_without_text`, `answer_not_allowed`, `event_too_large`, `json_too_deep`, `limit_exceeded`;
   *   `payload_changed`, `fingerprint_mismatch`, `action_refused`, `user_limit_exceeded`, `seal_unavailable`, `draining`,
   *   `unavailable`.
   *   Nothing has changed then, `unavailable` excepted
   * @example
   * const { job, continuation } = await manager.approvals.resolve('s-1', {
   *   actionId: action.actionId,
   *   decisions: [{ id: 'call-1', decision: 'approve' }],
   *   by: 'ada',
   * });
   * void job.run((job) => goOn(job, continuation));
   */
  resolve(streamId: string, input: ResolveInput): Promise<Resolved<Types>>;

  /**
   * Ends a paused generation whose time to decide is over; with `actionId`, only if that is what it waits for. Says
   * whether this call did; the upkeep does the same by itself. @throws GenerationJobError `stream_not_found`, `unavailable`
   */
  expire(streamId: string, access?: Access & { readonly actionId?: string | undefined }): Promise<boolean>;

  /**
   * Lists how the actions of the stream's kept generations ended, oldest first: who decided what, when, and on the
   * ground of which payload. @throws GenerationJobError `stream_not_found`, `unavailable`
   */
  history(streamId: string, access?: Access): Promise<readonly HistoryEntry[]>;
}
