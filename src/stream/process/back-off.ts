/**
 * The one rule for how long to wait before what has failed is tried again: the pause doubles with each failure, up to a
 * longest one. Where many may have failed at the same moment a part of it is left to chance, so that they don't come
 * back together.
 */
import type { Entropy } from '../../clock.js';
import type { Options } from '../model/options.js';

/**
 * The longest pause, in `retryMs`: a longer one would leave a store alone that has come back; a shorter one would press
 * one that has not.
 */
const LONGEST_RETRY_FACTOR = 20;

/** The pauses in milliseconds: after the first failure, and at most. */
export interface Pauses {
  readonly firstMs: number;
  readonly longestMs: number;
}

/** Returns the pause after so many failures in a row, in milliseconds. @param failures counts from 1 */
export function backOff({ firstMs, longestMs }: Pauses, failures: number): number {
  return Math.min(firstMs * 2 ** (failures - 1), longestMs);
}

/** The pauses before a call of the store is made again. */
export function retryPauses(
  { retryMs }: Pick<Options, 'retryMs'>,
  longestFactor = LONGEST_RETRY_FACTOR,
): Pauses {
  return { firstMs: retryMs, longestMs: retryMs * longestFactor };
}

/** Returns between half of a pause and all of it. */
export function scattered(pauseMs: number, entropy: Pick<Entropy, 'random'>): number {
  return pauseMs * (0.5 + entropy.random() / 2);
}
