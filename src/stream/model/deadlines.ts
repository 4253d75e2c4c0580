/**
 * A deadline is when somebody must next look at a generation, by the store's clock: this is the one place that says
 * what each state waits for. The due index holds the earliest of a stream's deadlines, or something earlier.
 */
import { MINUTE } from '../../clock.js';
import type { Options } from './options.js';
import { isActive } from './transitions.js';
import type { JobRecord } from './types.js';

/** The longest pause between two tries of anything: also how long one replica leaves to others what they do better. */
export const LONGEST_BACKOFF_MS = 10 * MINUTE;

export function deadlineOf(record: JobRecord, options: Pick<Options, 'retentionMs' | 'setAsideMs'>): number {
  switch (record.status) {
    case 'running':
      return record.leaseUntil ?? record.updatedAt;
    case 'requires_action':
      return Math.min(expiryOf(record), noticeDeadlineOf(record));
    case 'completed':
    case 'failed':
    case 'aborted':
      return settlementDeadlineOf(record, options);
    default:
      return record.status satisfies never;
  }
}

/** Returns since when what is due on a generation waits for somebody, by the store's clock. */
export function dueSince(record: JobRecord, options: Pick<Options, 'retentionMs' | 'setAsideMs'>): number {
  return Math.max(deadlineOf(record, options), record.updatedAt);
}

/** Returns until when a paused generation waits for a decision; what can't be read of that is over. */
export function expiryOf({ pendingAction, updatedAt }: JobRecord): number {
  return pendingAction?.expiresAt ?? updatedAt;
}

/** Sweeps between the look that a notice is due at and the one that is held behind it. */
const HELD_SWEEPS = 10;

/** Returns for how long the due score of a notice is held that is due in `inMs`. */
export function noticeHeldMs(inMs: number, { sweepMs }: Pick<Options, 'sweepMs'>): number {
  return inMs + HELD_SWEEPS * sweepMs;
}

function noticeDeadlineOf({ pauseNotice }: JobRecord): number {
  return pauseNotice?.state === 'open' ? pauseNotice.notBefore : Number.POSITIVE_INFINITY;
}

/**
 * Returns when somebody must next look at a stream: the earliest deadline of its generations.
 * @param kept newest first
 * @param deadlineOfOne when each must be looked at
 */
export function earliestOf(kept: readonly JobRecord[], deadlineOfOne: (record: JobRecord) => number): number {
  const deadlines = kept.map((record, at) => {
    // The newest one stays while older ones are kept: it waits for them, however long ago its own time was.
    const waits = at === 0 && kept.length > 1 && !isActive(record.status);
    return waits && record.settlement.state === 'settled' ? Number.POSITIVE_INFINITY : deadlineOfOne(record);
  });
  return Math.min(...deadlines);
}

/** Returns until when a generation is kept whose settlement was set aside. */
export function setAsideUntil(record: JobRecord, { setAsideMs }: Pick<Options, 'setAsideMs'>): number {
  return (record.endedAt ?? record.updatedAt) + setAsideMs;
}

/** Says whether nobody has tried yet to settle an end: that waits for nothing but a stopped producer's books. */
export function isUntried({ status, settlement: { state, tries } }: JobRecord): boolean {
  return !isActive(status) && state === 'open' && tries === 0;
}

/**
 * Says whether a producer that others have stopped may still write its books: only after such an end does the first
 * settlement lie ahead of it. A clock to which the end is still to come has gone back, and says nothing of the time since.
 */
export function hasOpenBooks(record: JobRecord, now: number, { leaseMs }: Pick<Options, 'leaseMs'>): boolean {
  const { settlement, endedAt = 0, producerLeft } = record;
  if (!isUntried(record) || producerLeft || endedAt - now > leaseMs / 2) return false;
  return settlement.notBefore > Math.max(endedAt, now);
}

/** Returns how long a stopped producer had for its books, and so how soon somebody looks whether they are closed (ms). */
export function booksMs({ settlement, endedAt = 0 }: JobRecord): number {
  return Math.max(0, settlement.notBefore - endedAt);
}

/** Returns when somebody must look at what is about to end: when the producer's books are closed, or a lease is over (ms). */
export function lookAfterEnd(leaveMs: number | undefined, { leaseMs }: Pick<Options, 'leaseMs'>): number {
  return leaveMs ? Math.min(leaveMs, leaseMs) : leaseMs;
}

function settlementDeadlineOf(
  record: JobRecord,
  options: Pick<Options, 'retentionMs' | 'setAsideMs'>,
): number {
  const { state, notBefore, claimed } = record.settlement;
  switch (state) {
    case 'open':
      return notBefore;
    case 'set_aside':
      // Somebody settles it, or tells of it, until then.
      return claimed ? notBefore : Math.min(notBefore, setAsideUntil(record, options));
    case 'settled':
      return notBefore + options.retentionMs;
    default:
      return state satisfies never;
  }
}
