/** The pause before a try: the server's `retry` at first, twice as long with each failure, and a part of it by chance. */

/** A server that has said nothing is given this time at first, in milliseconds. */
const FIRST_PAUSE_MS = 1_000;
/** Past it a double is no longer told from the longest pause. */
const MOST_DOUBLINGS = 20;

/** Returns the pause after so many failures in a row, in milliseconds. @param failures counts from 1 */
export function pauseAfter(failures: number, retryMs = FIRST_PAUSE_MS, longestMs: number): number {
  // All who lost the same server don't come back together; none comes before the time it was told.
  return Math.min(longestMs, retryMs * 2 ** Math.min(failures - 1, MOST_DOUBLINGS) * (1 + Math.random() / 2));
}

/** Resolves after so many milliseconds, or when the signal fires; without a number, only then. */
export function pauseFor(ms: number | undefined, signal: AbortSignal | undefined): Promise<void> {
  return new Promise((resolve) => {
    const end = () => {
      clearTimeout(timer);
      signal?.removeEventListener('abort', end);
      resolve();
    };
    const timer = ms === undefined ? undefined : setTimeout(end, ms);
    signal?.addEventListener('abort', end);
    if (signal?.aborted) end();
  });
}
