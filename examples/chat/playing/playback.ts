/**
 * A model that plays what is given: every event once, in order, at a chosen number a second. The schedule counts from
 * the start, so a late timer is made up for by the next events instead of slowing the whole answer.
 */
import { setTimeout as wait } from 'node:timers/promises';
import type { GenerationJob, HostEvent } from 'generation-jobs';

const SECOND = 1000;

/**
 * Fires when a job is stopped, and when it is to be handed over. What is played goes on anywhere: a player that ends with this
 * signal's reason hands its job over as it is (`job.handover`).
 */
export function untilLeft(job: GenerationJob): AbortSignal {
  return AbortSignal.any([job.signal, job.handover]);
}

/** Ends early, by throwing the signal's reason, as soon as `signal` fires. */
export async function* play(
  events: readonly HostEvent[],
  eventsPerSecond: number,
  signal: AbortSignal,
): AsyncGenerator<HostEvent, void, undefined> {
  const startedAt = performance.now();
  for (const [index, event] of events.entries()) {
    const earlyMs = startedAt + (index * SECOND) / eventsPerSecond - performance.now();
    // Timers can't wait less than a millisecond: at high speeds the events of one millisecond go out together.
    if (earlyMs >= 1) await wait(earlyMs, undefined, { signal });
    signal.throwIfAborted();
    yield event;
  }
}
