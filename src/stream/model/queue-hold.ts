/** A queue is held while the generation before it was stopped, and nobody has said since that it may go on. */
import type { QueueState } from './queued-run.js';
import type { JobRecord } from './types.js';

/** Says whether nothing starts by itself behind the stream's current generation. Only a stop holds: no other end does. */
export function isHeld(
  current: Pick<JobRecord, 'status' | 'error' | 'generation'> | undefined,
  { resumed }: Pick<QueueState, 'resumed'>,
): boolean {
  if (current?.status !== 'aborted' || current.error?.code !== 'aborted') return false;
  return resumed < current.generation;
}
