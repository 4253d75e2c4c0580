/** Runs that wait for their turn, as a host sees and changes them: `manager.queue`. */
import type { Access } from '../model/access.js';
import type { QueuedRun, ReturnedRun } from '../model/queued-run.js';

/** The runs that wait on a stream, and those that were handed back. */
export interface QueueListing {
  /** The runs that wait, in the order in which they start. */
  readonly waiting: readonly QueuedRun[];
  /** The runs that were handed back within the last day: they have not run, and will not. */
  readonly returned: readonly ReturnedRun[];
  /** True while nothing starts because somebody has stopped the generation before: `resume` goes on. */
  readonly held: boolean;
}

/** A run that waits. */
export interface QueuedAccess extends Access {
  /** The run, as `createJob` has named it. */
  readonly queueId: string;
}

/** A run that waits, and its new place. */
export interface MoveInput extends QueuedAccess {
  /** The place among those that wait, from 1; beyond the last one it is the last. */
  readonly position: number;
}

/**
 * Lists, reorders and cancels runs that wait (`createJob` with `onConflict: 'enqueue'`), from any replica. Each one that was
 * accepted runs once or is handed back: in `returned`, or as what `cancel` and a stop with `queue: 'clear'` have taken away.
 */
export interface JobQueue {
  /**
   * Lists what waits on a stream, and what was handed back. Empty when there is nothing, or it is not theirs.
   * @throws GenerationJobError `invalid_argument`, `invalid_stream_id`, `unavailable`
   * @example
   * for (const { queueId, position } of (await manager.queue.list('s-1', { userId: 'ada' })).waiting) console.log(position, queueId);
   */
  list(streamId: string, access?: Access): Promise<QueueListing>;

  /**
   * Takes a run away before it starts, and gives it back; also one that was handed back, which is listed no longer then.
   * @throws GenerationJobError `run_not_queued` when it waits no longer, or never has; `invalid_argument`, `invalid_stream_id`,
   *   `unavailable`
   */
  cancel(streamId: string, input: QueuedAccess): Promise<QueuedRun | ReturnedRun>;

  /** Gives a run that waits another place. @throws as `cancel` */
  move(streamId: string, input: MoveInput): Promise<QueueListing>;

  /**
   * Goes on with a queue that a stop holds. Says whether it was held.
   * @throws GenerationJobError `invalid_argument`, `invalid_stream_id`, `unavailable`
   */
  resume(streamId: string, access?: Access): Promise<boolean>;
}
