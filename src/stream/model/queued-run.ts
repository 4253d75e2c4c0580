/**
 * Runs that wait for their turn on a stream: each is the request of a create, kept until a replica starts it. No code but what
 * says which of them wait.
 */
import type { Json } from './types.js';

/** `expired` nobody could start it in time · `refused` the store refuses its create for good */
export type QueueReturnReason = 'expired' | 'refused';

/** A run that waits, as its user sees it. */
export interface QueuedRun {
  /** Names the run while it waits; the record of the generation it becomes has it as `createId`. */
  readonly queueId: string;
  /** The stream it waits on. */
  readonly streamId: string;
  /** Its place among those that wait, from 1. */
  readonly position: number;
  /** The time at which it was accepted, by the store's clock in milliseconds since 1970. */
  readonly queuedAt: number;
  /** The time at which it is handed back if it has not started, by the store's clock in milliseconds since 1970. */
  readonly expiresAt: number;
  /** The conversation it belongs to; absent when none was named. */
  readonly conversationId?: string | undefined;
  /** The payload of the `created` event that it will begin with: what its user has asked. */
  readonly created?: Json | undefined;
}

/** A run that was handed back: it has not run, and will not. Kept for a day, or until it is cancelled. */
export interface ReturnedRun extends Omit<QueuedRun, 'position'> {
  /** Says why it was handed back. */
  readonly reason: QueueReturnReason;
}

/** A run as a store keeps it. */
export interface StoredQueuedRun {
  /** Names the run. */
  readonly queueId: string;
  /** Its place in the order of the queue; a smaller one goes first. */
  readonly place: number;
  /** The time at which it was accepted, by the store's clock. */
  readonly queuedAt: number;
  /** The time at which it is handed back, by the store's clock. */
  readonly expiresAt: number;
  /** The key under which its user asks once only. */
  readonly idempotencyKey?: string | undefined;
  /** The request of its create as JSON text, which a store keeps and doesn't read. */
  readonly request: string;
  /** Absent while it waits. */
  readonly returned?: QueueReturnReason | undefined;
}

/** A stream's queue as a store answers it. */
export interface QueueState {
  /** Names whose the queue is; undefined while there is none. */
  readonly userId?: string | undefined;
  /** Grows with each change, also when the queue was gone in between. 0 while there is none. */
  readonly revision: number;
  /** The newest generation behind whose stop the queue may go on; 0 for none. */
  readonly resumed: number;
  /** The runs in their order, those that were handed back among them. */
  readonly runs: readonly StoredQueuedRun[];
}

/** Returns those that wait, in their order. */
export function waitingRuns({ runs }: Pick<QueueState, 'runs'>): readonly StoredQueuedRun[] {
  return runs.filter(({ returned }) => returned === undefined);
}
