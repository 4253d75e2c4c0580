/**
 * A store whose calls take a random number of turns of the event loop to arrive and to be answered, so that calls of
 * several managers interleave in every way. The seed decides.
 */
import type { JobStore } from 'generation-jobs/ports';
import { turns, wrapStore } from 'generation-jobs/testing';
import { pick } from './seeded.js';

/** Counts what is under way, so that a fake clock can wait for it. */
export class Activity {
  underWay = 0;

  async during<Result>(work: () => Promise<Result>): Promise<Result> {
    this.underWay++;
    try {
      return await work();
    } finally {
      this.underWay--;
    }
  }
}

export function delayedStore(
  inner: JobStore,
  random: () => number,
  activity: Activity,
  longestTurns = 3,
): JobStore {
  // A connection keeps the order of what it sends, and of what it is answered.
  let sent: Promise<unknown> = Promise.resolve();
  let answered: Promise<unknown> = Promise.resolve();
  return wrapStore(inner, (_, perform) =>
    activity.during(async () => {
      const arrives = sent.then(() => turns(pick(random, longestTurns + 1)));
      sent = arrives;
      await arrives;
      const outcome = await Promise.allSettled([perform()]);
      const returns = answered.then(() => turns(pick(random, longestTurns + 1)));
      answered = returns;
      await returns;
      if (outcome[0].status === 'rejected') throw outcome[0].reason;
      return outcome[0].value;
    }),
  );
}
