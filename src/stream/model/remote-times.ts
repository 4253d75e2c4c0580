/** The times of an attempt that a worker makes out of reach: its lease is kept by what it sends, its length by its record. */
import { SECOND } from '../../clock.js';
import type { Options } from './options.js';
import type { JobRecord } from './types.js';

const LEASE_PARTS = 16;

/**
 * Returns how long ago, at most, a lease was renewed when a batch has been accepted: batches that follow closely are one sign of
 * life, or each would cost the store a second call. Never more than a second.
 */
export function leaseSlackMs(leaseMs: number): number {
  return Math.min(SECOND, leaseMs / LEASE_PARTS);
}

/**
 * Returns the store's time by which an attempt must be over, whatever its worker says: a worker ends itself at `maxRunMs`, and one
 * that does not is ended a lease later. An attempt begins with the last decision; each recovery may have begun another.
 */
export function lastMomentOf(
  { createdAt, resolutions, recoveries }: Pick<JobRecord, 'createdAt' | 'resolutions' | 'recoveries'>,
  { maxRunMs }: Pick<Options, 'maxRunMs'>,
  leaseMs: number,
): number {
  const beganAt = Math.max(createdAt, resolutions.at(-1)?.at ?? 0);
  return beganAt + maxRunMs * (1 + recoveries) + leaseMs;
}
