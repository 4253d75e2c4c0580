/** What is asked for again and again while no answer comes, and shown meanwhile. */
import { type Loss, reasonOf } from './failures.js';

const TRIES = 5;
const FIRST_PAUSE_MS = 400;

/** Everything that waits for its next try now, oldest first. */
const waiting = new Map<Loss, () => void>();
let onChange: () => void = () => {};

export const tryingAgain = {
  /** The oldest of what waits. */
  get loss(): Loss | undefined {
    return [...waiting.keys()][0];
  },

  onChange(listener: () => void): void {
    onChange = listener;
  },

  /** Ends every pause. */
  now(): void {
    for (const endPause of waiting.values()) endPause();
  },
};

/**
 * @param what what isn't done while no answer comes: "The message is not sent yet"
 * @param mayRetry whether another try can end otherwise
 * @throws whatever the last try threw
 */
export async function tryAgainAndAgain<T>(
  what: string,
  ask: () => Promise<T>,
  mayRetry: (error: unknown) => boolean,
): Promise<T> {
  for (let attempt = 1; ; attempt++) {
    try {
      return await ask();
    } catch (error) {
      if (!mayRetry(error) || attempt === TRIES) throw error;
      const pauseMs = FIRST_PAUSE_MS * 2 ** (attempt - 1);
      await pause({ words: `${what}: ${reasonOf(error)}.`, retryAt: Date.now() + pauseMs }, pauseMs);
    }
  }
}

async function pause(loss: Loss, pauseMs: number): Promise<void> {
  let timer: ReturnType<typeof setTimeout> | undefined;
  try {
    await new Promise<void>((resolve) => {
      timer = setTimeout(resolve, pauseMs);
      waiting.set(loss, resolve);
      onChange();
    });
  } finally {
    clearTimeout(timer);
    waiting.delete(loss);
    onChange();
  }
}
