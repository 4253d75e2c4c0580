/**
 * A receipt is the note that a tool call was begun, has finished or has failed, kept in the store beside the generation that
 * made the call: what `job.once` goes by when the attempt that made it is gone.
 */

/** The steps of a call: the intent before it, and what it has come to. */
export type ReceiptState = 'begun' | 'finished' | 'failed';

/** A receipt as a store keeps it. */
export interface StoredReceipt {
  /** The name of the call within its generation: the key that `once` was given. */
  readonly name: string;
  /** Says what has become of the call; one that is `begun` may have been made or not. */
  readonly state: ReceiptState;
  /** The attempt that began it last. */
  readonly attempt: number;
  /** Says how often it was begun. */
  readonly runs: number;
  /** The time it was begun last: the store's clock, milliseconds since 1970. */
  readonly begunAt: number;
  /** The time of its last step: the store's clock, milliseconds since 1970. */
  readonly changedAt: number;
  /** Names the call that began it last: only that one says what it has come to. */
  readonly callId: string;
  /** The result of a finished call as JSON text, sealed where the manager has a seal; absent when it is not kept. */
  readonly result?: string | undefined;
}
