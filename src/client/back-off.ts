/** The pause before a try: the server's `retry` at first, twice as long with each failure, and a part of it by chance. */

/** A server that has said nothing is given this time at first, in milliseconds. */
const FIRST_PAUSE_MS = 1_000;
/** Past it a double is no longer told from the longest pause. */
const MOST_DOUBLINGS = 20;

/** Returns the pause after so many failures in a row, in milliseconds. @param failures counts from 1 */
export function pauseAfter(failures: number, retryMs: number | undefined, longestMs: number): number {
  const shortest = Math.min(retryMs ?? FIRST_PAUSE_MS, longestMs);
  const doubled = shortest * 2 ** Math.min(failures - 1, MOST_DOUBLINGS);
  // All who lost the same server don't come back together; none comes before the time it was told.
  return Math.min(longestMs, doubled * (1 + Math.random() / 2));
}

/** A pause that can be ended early: by `wake`, or by whoever closes. */
export class Pause {
  #end: (() => void) | undefined;

  /** Resolves after so many milliseconds, or when it is ended; without a number, only when it is ended. */
  async for(ms?: number): Promise<void> {
    let timer: ReturnType<typeof setTimeout> | undefined;
    await new Promise<void>((resolve) => {
      this.#end = resolve;
      if (ms !== undefined) timer = setTimeout(resolve, ms);
    });
    clearTimeout(timer);
    this.#end = undefined;
  }

  end(): void {
    this.#end?.();
  }
}
