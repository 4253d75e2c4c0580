/** A stop, a wait for what the host saves after it, and a leave: what these calls take and give. No code. */
import type { Access } from '../model/access.js';
import type { ContentOf, HostTypes, Untyped } from '../model/host-types.js';
import type { QueuedRun } from '../model/queued-run.js';
import type { SettlementState } from '../model/settlement-state.js';
import type { Hole, JobRecord, Usage, UsageEntry } from '../model/types.js';
import type { GenerationAccess } from './manager-types.js';

export interface AbortInput extends Access {
  /** Only this generation; without it, the current one. */
  readonly generation?: number | undefined;
  /** The person or thing that aborts; shown to clients. */
  readonly by?: string | undefined;
  /** Says why; shown to clients. Default: none. */
  readonly reason?: string | undefined;
  /**
   * `settled`: answer when the settlement is over, or after `settledWaitMs` (10 s), also of what had ended before. Default:
   * answer at once.
   */
  readonly wait?: 'settled' | undefined;
  /**
   * `clear`: takes away what waits in the stream's queue as well, and hands it back as `unqueued`. Default: the queue stays, and
   * the stop holds it until `manager.queue.resume`, or a new create.
   */
  readonly queue?: 'clear' | undefined;
}

/** A wait for a settlement. */
export interface SettledInput extends GenerationAccess {
  /** The longest wait, in milliseconds: 0 to 24 h. Default `settledWaitMs` (10 s). */
  readonly timeoutMs?: number | undefined;
  /** Gives the wait up when it fires: the call rejects with its reason. Default: none. */
  readonly signal?: AbortSignal | undefined;
}

export interface AbortResult<Types extends HostTypes = Untyped> {
  /** True when this call ended it. */
  readonly aborted: boolean;
  /** True when it ended before any event of the host was committed. */
  readonly early: boolean;
  /**
   * True when nothing of it is worth keeping: the content model's `isEmpty` says so, or, without one, `early`. In doubt
   * false: where the log has lost events, and with a final message of the producer's own.
   */
  readonly isEmpty: boolean;
  /** Holds what the generation came to; null without a content model. */
  readonly content: ContentOf<Types> | null;
  /** The hole, as in `ResumeState`. */
  readonly missing?: Hole | undefined;
  /** The generation's counters. */
  readonly usage: Usage;
  /** The same by call, as in the record. */
  readonly usageEntries: readonly UsageEntry[];
  /** Says where the settlement stands; `settled` and `set_aside` are the ends of it. */
  readonly settlement: SettlementState;
  /** The record after the end. */
  readonly record: JobRecord<Types>;
  /** The runs that were taken out of the stream's queue by `queue: 'clear'`, in their order; none of them has run, or will. */
  readonly unqueued: readonly QueuedRun[];
}

/** A replica's leave. */
export interface DrainInput {
  /**
   * The time producers may still take to finish, in milliseconds: 0 to 24 h. Default 8,000: supervisors kill after 10
   * s.
   */
  readonly graceMs?: number | undefined;
  /**
   * The time that producers which another replica can go on for may still take, in milliseconds: 0 to 24 h, and no longer than
   * `graceMs`. What is left then is handed over as it stands; with 0 all at once, for hosts whose `recover` goes on from any
   * place. A job that has said `finishesWithin` has that long. Default: `graceMs`.
   */
  readonly handOverMs?: number | undefined;
}
