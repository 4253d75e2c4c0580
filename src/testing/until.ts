/**
 * Waiting, in a host's tests, for what becomes of a job: for the outcome and not for a time.
 */
import { type Clock, systemClock } from '../clock.js';
import type { EndReason } from '../errors.js';
import type { GenerationJob } from '../stream/interfaces/generation-job.js';

export interface UntilOptions {
  /** The longest time it may take, in milliseconds of the clock. Default 5,000. */
  readonly withinMs?: number | undefined;
  /** The manager's clock, when that is a `FakeClock`: its time is moved on while this waits. Default: real time. */
  readonly clock?: Pick<Clock, 'monotonic'> & { advance(ms: number): Promise<void> };
}

/** Short enough to be no part of what a test takes; on a fake clock, the step in which time is moved. */
const STEP_MS = 5;

/**
 * Resolves when the job's handle is over for that reason: `completed`, `paused`, `failed`, `aborted` and so on. A handle is
 * over once the end, or the pause, has been committed.
 * @throws Error when it is over for another reason, or not over in time: with the stream, and what it waited for
 * @example
 * await until(job, 'completed');
 * expect((await manager.getResumeState(job.streamId))?.content).toEqual({ text: 'Hello' });
 */
export async function until(
  job: GenerationJob,
  reason: EndReason,
  { withinMs = 5_000, clock }: UntilOptions = {},
): Promise<void> {
  const time = clock ?? systemClock;
  const pass = clock ? (ms: number) => clock.advance(ms) : realPause;
  for (const startedAt = time.monotonic(); !job.isOver; ) {
    if (time.monotonic() - startedAt > withinMs) {
      throw new Error(`The job on ${job.streamId} was not ${reason} within ${withinMs} ms: it is not over.`);
    }
    await pass(STEP_MS);
  }
  if (job.reason !== reason) {
    throw new Error(`The job on ${job.streamId} was to be ${reason}, and is over because: ${job.reason}.`);
  }
}

function realPause(ms: number): Promise<void> {
  return new Promise((resolve) => setTimeout(resolve, ms));
}
