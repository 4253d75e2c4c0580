/** The runs that wait for their turn on a stream. */
import { QUEUED_RUN_RESULTS, type StreamObserver } from '../stream/interfaces/observer.js';
import type { Makers } from './makers.js';

/** Seconds. An answer takes from seconds to minutes; `queuedMs` is an hour. */
const WAIT_SECONDS = [0.1, 1, 5, 15, 60, 180, 600, 1800, 3600];

export function observeQueues(make: Makers) {
  const runs = make.counterBy(
    'queued_runs_total',
    'Runs that this process queued, and those that it started, took away or handed back',
    'result',
    QUEUED_RUN_RESULTS,
  );
  const waits = make.histogram(
    'queued_run_wait_seconds',
    'Time from queueing a run to its start',
    WAIT_SECONDS,
  );
  return {
    runQueued: (result, waitedMs) => {
      runs(result);
      if (waitedMs !== undefined) waits.observe(waitedMs / 1000);
    },
  } satisfies Partial<StreamObserver>;
}
