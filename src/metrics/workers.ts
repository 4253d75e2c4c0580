/** The gateway for workers counts what it accepts, and what it refuses. */
import { type StreamObserver, WORKER_REFUSALS } from '../stream/interfaces/observer.js';
import type { Makers } from './makers.js';

export function observeWorkers(make: Makers) {
  const batches = make.counter('worker_batches_total', 'Batches of workers that this gateway has accepted');
  const events = make.counter('worker_events_total', 'Events in the batches of workers, repeats among them');
  const refusals = make.counterBy(
    'worker_refusals_total',
    'Requests of workers that this gateway has refused',
    'code',
    WORKER_REFUSALS,
  );
  return {
    workerBatch: (count) => {
      batches.inc();
      events.inc(count);
    },
    workerRefused: (refusal) => refusals(refusal),
  } satisfies Partial<StreamObserver>;
}
