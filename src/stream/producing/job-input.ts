/** The shapes between a job's handle and the manager that made it. */
import type { ProducerTransition } from '../interfaces/commits.js';
import type { Fold } from '../model/fold.js';
import type { JobRecord, LogEvent, StreamKey } from '../model/types.js';

/** The methods of a handle whose promises need not be awaited. */
export const AWAITED_OR_NOT = [
  ...(['flush', 'pipe', 'update', 'addUsage'] as const),
  ...(['pause', 'once', 'handOver', 'complete', 'fail'] as const),
] as const;

/** A job needs this of the manager that made it; `Job` is its handle. */
export interface JobOwner<Job> {
  /** Takes the job out of lease renewal. */
  release(job: Job): void;
  /** The producer has returned after a stop by others; with the record, if the store has noted it. */
  onLeft(job: Job, record: JobRecord | undefined): void;
  /** The store refused the attempt for good. */
  onStoreDamaged(job: Job): void;
  /** Its own commit ended or paused the generation. */
  onTransition(job: Job, name: ProducerTransition['name'], record: JobRecord): void;
  /** Says whether this replica leaves, and another one can go on with its jobs. */
  mayHandOver(): boolean;
}

export interface JobInput {
  readonly key: StreamKey;
  readonly record: JobRecord;
  /** The fold up to `record.lastSequence`, when there is one to go on from. */
  readonly fold: Fold;
  /** The events that the fold has still to see. */
  readonly unfolded: readonly LogEvent[];
  /** Text of the events since the record's newest snapshot; 0 for a new generation. */
  readonly unsnapshotted: number;
  readonly merge: boolean;
  /** The deadline on this process's monotonic clock; by then the lease may be over. */
  readonly leaseDeadline: number;
}
