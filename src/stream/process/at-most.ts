/** Waiting with a bound for what may take its time. */
import { type Clock, sleep } from '../../clock.js';

/** Waits for `work`, but no longer than `ms`. @throws what `work` rejects with in that time */
export async function atMost(clock: Clock, ms: number, work: Promise<unknown>): Promise<void> {
  const over = new AbortController();
  try {
    await Promise.race([work, sleep(clock, ms, over.signal)]);
  } finally {
    over.abort();
  }
}
