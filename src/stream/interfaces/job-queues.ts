/**
 * The part of a store's contract that keeps the queues of streams: the runs that wait for their turn, in an order, each for a
 * bounded time. A queue belongs to one user, and lives in the slot of its stream, so that `create` takes a run and makes its
 * generation in one step; it needs no generation on the stream.
 *
 * No composition of the others: what waits belongs to no generation (a record holds one generation's), and a due score says
 * nothing but when to look.
 */
import type { QueueReturnReason, QueueState, StoredQueuedRun } from '../model/queued-run.js';
import type { StreamKey } from '../model/types.js';

export interface AddToQueue {
  /** Names the run from now on. */
  readonly queueId: string;
  /** Names whose run it is. */
  readonly userId: string;
  /** A run of the same key that is there, waiting or handed back not yet, is answered instead. */
  readonly idempotencyKey?: string | undefined;
  /** The request as JSON text. */
  readonly request: string;
  /** The time after which it is handed back (ms). */
  readonly expiresInMs: number;
  /** Runs that wait, at most. */
  readonly mostWaiting: number;
}

export type QueueStep =
  /** Takes a run away, one that waits or one that was handed back. */
  | {
      /** Names the step. */
      readonly name: 'cancel';
      /** The run that is taken away. */
      readonly queueId: string;
    }
  /** Moves a run that waits to a position from 1; beyond the last one it is the last. */
  | {
      /** Names the step. */
      readonly name: 'move';
      /** The run that is moved. */
      readonly queueId: string;
      /** The place among those that wait, from 1. */
      readonly position: number;
    }
  /** Takes away all that wait. */
  | {
      /** Names the step. */
      readonly name: 'clear';
    }
  /** Lets the queue go on behind the stop of a generation, and of those before it. */
  | {
      /** Names the step. */
      readonly name: 'resume';
      /** The generation that was stopped. */
      readonly generation: number;
    }
  /** Hands a run back that can't be started. */
  | {
      /** Names the step. */
      readonly name: 'return';
      /** The run that is handed back. */
      readonly queueId: string;
      /** Says why it is handed back. */
      readonly reason: QueueReturnReason;
    }
  /** Writes down which runs have waited too long by the store's clock, so that the revision says so. */
  | {
      /** Names the step. */
      readonly name: 'lapse';
    };

export type QueueReply =
  | {
      /** Says that the step was made, or had been. */
      readonly outcome: 'ok';
      /** The queue as it is now. */
      readonly state: QueueState;
      /** False when nothing was changed: a repeat, or nothing to do. */
      readonly changed: boolean;
      /** The run that an `add` means, one that was there before when the key was known. */
      readonly queueId?: string | undefined;
      /** The runs that a `cancel` or a `clear` has taken away, or a `lapse` has handed back. */
      readonly removed: readonly StoredQueuedRun[];
    }
  /** `taken` the stream or its queue is another user's · `full` as many wait as may · `unknown` no such run waits */
  | {
      /** Says why nothing was changed. */
      readonly outcome: 'taken' | 'full' | 'unknown';
    };

/**
 * The queues; each method is atomic for one stream, and a repeat changes nothing. A run whose time is over by the store's clock
 * waits no longer: it is read as `expired`, and no create takes it. Of the runs that were handed back the newest 100 are kept, each until
 * a day after its time.
 */
export interface JobQueues {
  /**
   * Adds a run at the end, unless one of its id, or of its key, is there; then that is the answer, whatever it has come to. The
   * stream is put into the user's index first. Checked in this order: a repeat, `taken`, the key, `full`. An id that a kept
   * generation has as its `createId` was started: the answer is the queue without it, with `queueId` and `changed: false`.
   */
  add(key: StreamKey, run: AddToQueue): Promise<QueueReply>;
  /**
   * Makes a step. With `ownedBy`, only in a queue of that user (`unknown` otherwise, as where there is none). `clear`, `lapse` and
   * `resume` of nothing answer `ok`.
   */
  change(key: StreamKey, step: QueueStep, ownedBy?: string): Promise<QueueReply>;
  /** The queue as it is. */
  read(key: StreamKey): Promise<QueueState>;
  /** Removes the queue whole; with `ownedBy`, only one of that user. A no-op where there is none. */
  drop(key: StreamKey, ownedBy?: string): Promise<void>;
}
