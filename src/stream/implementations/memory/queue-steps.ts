/** The steps of a queue in memory, on its runs alone. */
import type { QueueStep } from '../../interfaces/job-queues.js';
import { type QueueState, type StoredQueuedRun, waitingRuns } from '../../model/queued-run.js';

/** The time for which a run that was handed back is kept after its own, and a queue after its last run's (ms). */
export const KEPT_FOR_MS = 86_400_000;
/** The newest of those that were handed back. */
const MOST_RETURNED = 100;

interface Changed {
  readonly runs: readonly StoredQueuedRun[];
  /** The runs that were taken away, or have lapsed. */
  readonly removed?: readonly StoredQueuedRun[];
  readonly resumed?: number;
}

/** Returns what the step makes of the runs; their order is theirs. */
export function afterStep(
  { runs, resumed }: Pick<QueueState, 'runs' | 'resumed'>,
  step: QueueStep,
  now: number,
): Changed | 'unknown' | 'unchanged' {
  const shown = asShown(runs, now);
  switch (step.name) {
    case 'cancel': {
      const removed = shown.filter(({ queueId }) => queueId === step.queueId);
      return removed.length === 0 ? 'unknown' : without(runs, removed);
    }
    case 'clear': {
      const removed = waitingRuns({ runs: shown });
      return removed.length === 0 ? 'unchanged' : without(runs, removed);
    }
    case 'move':
      return moved(runs, waitingRuns({ runs: shown }), step);
    case 'resume':
      return shown.length > 0 && step.generation > resumed ? { runs, resumed: step.generation } : 'unchanged';
    case 'return': {
      const run = runs.find((one) => one.queueId === step.queueId && !isOver(one, now));
      if (run === undefined) return 'unknown';
      if (run.returned !== undefined) return 'unchanged';
      return { runs: runs.map((one) => (one === run ? { ...run, returned: step.reason } : one)) };
    }
    case 'lapse': {
      const removed = shown.filter((run) => run.returned !== undefined && !runs.includes(run));
      return removed.length === 0 ? 'unchanged' : { runs: shown, removed };
    }
  }
}

/** Returns the runs as they are read: those whose time is over are `expired`, and in the end no longer there. */
export function asShown(runs: readonly StoredQueuedRun[], now: number): readonly StoredQueuedRun[] {
  return runs
    .filter((run) => !isOver(run, now))
    .map((run) =>
      run.returned === undefined && run.expiresAt <= now ? { ...run, returned: 'expired' } : run,
    );
}

/** Says whether nobody needs to know of the run any more. */
export function isOver({ expiresAt }: StoredQueuedRun, now: number): boolean {
  return expiresAt + KEPT_FOR_MS <= now;
}

/** Returns the runs without the oldest of those that were handed back, when there are too many. */
export function withoutOldReturned(
  runs: readonly StoredQueuedRun[],
  now: number,
): readonly StoredQueuedRun[] {
  const returned = asShown(runs, now).filter((run) => run.returned !== undefined);
  return without(runs, returned.slice(0, Math.max(0, returned.length - MOST_RETURNED))).runs;
}

function without(runs: readonly StoredQueuedRun[], removed: readonly StoredQueuedRun[]): Changed {
  const gone = new Set(removed.map(({ queueId }) => queueId));
  return { runs: runs.filter(({ queueId }) => !gone.has(queueId)), removed };
}

/** The places stay, and go to other runs. */
function moved(
  runs: readonly StoredQueuedRun[],
  waiting: readonly StoredQueuedRun[],
  { queueId, position }: { readonly queueId: string; readonly position: number },
): Changed | 'unknown' | 'unchanged' {
  const from = waiting.findIndex((one) => one.queueId === queueId);
  if (from < 0) return 'unknown';
  const to = Math.max(0, Math.min(position, waiting.length) - 1);
  if (from === to) return 'unchanged';
  const order = waiting.map((one) => one.queueId);
  order.splice(to, 0, ...order.splice(from, 1));
  const places = new Map(order.map((id, index) => [id, waiting[index]?.place ?? 0]));
  const replaced = runs.map((run) => ({ ...run, place: places.get(run.queueId) ?? run.place }));
  return { runs: replaced.sort((one, other) => one.place - other.place) };
}
