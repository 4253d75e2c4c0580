/** One job of a replica that leaves: it is let finish if it can in time, asked to hand over, and cut when its time is over. */
import type { Clock } from '../../clock.js';
import { atMost } from '../process/at-most.js';
import type { JobHandle } from './job-handle.js';

/** Times on the monotonic clock. */
export interface LeaveTimes {
  /** The end of the grace time, by which nothing is waited for any more. */
  readonly graceEnd: number;
  /** The time at which what is not handed over is cut, unless it finishes within the grace time as it has said. */
  readonly handOverEnd: number;
}

/** @param cut hands the job over where it stands; never rejects */
export async function leaveJob(
  clock: Clock,
  job: JobHandle,
  { graceEnd, handOverEnd }: LeaveTimes,
  cut: () => Promise<void>,
): Promise<void> {
  const { leaving } = job;
  const until = (at: number) => atMost(clock, at - clock.monotonic(), whenOver(job));
  const finishes = () => leaving.finishesBy > clock.monotonic() && leaving.finishesBy <= graceEnd;
  while (!job.isOver && finishes()) await until(leaving.finishesBy);
  if (!job.isOver) leaving.ask();
  // What it does at once it does also where there is no time left.
  await new Promise<void>((resolve) => clock.defer(resolve));
  const endsAt = () => Math.max(handOverEnd, finishes() ? leaving.finishesBy : 0);
  while (!job.isOver && clock.monotonic() < endsAt()) await until(endsAt());
  if (!job.isOver) await cut();
  await leaving.done();
}

/** Resolves when a handle may no longer write. */
function whenOver({ signal }: JobHandle): Promise<void> {
  if (signal.aborted) return Promise.resolve();
  return new Promise((resolve) => signal.addEventListener('abort', () => resolve(), { once: true }));
}
