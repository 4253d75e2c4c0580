/** Calls of `job.once`: what was made, and what was not made again. */
import { ONCE_RESULTS, type StreamObserver } from '../stream/interfaces/observer.js';
import type { Makers } from './makers.js';

export function observeReceipts(make: Makers) {
  const calls = make.counterBy(
    'once_calls_total',
    'Steps of calls of job.once in this process: unknown ones wait for a person or the host',
    'result',
    ONCE_RESULTS,
  );
  return { onceCalled: (result) => calls(result) } satisfies Partial<StreamObserver>;
}
