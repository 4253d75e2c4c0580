/** The events of the library's own that the layers around a job let it emit. */
import type { OwnEvent } from '../model/transitions.js';
import { JobHandle } from './job-handle.js';

export interface OwnEvents {
  /**
   * Emits an event of the library's own, which is neither merged nor kept. Resolves when there is room for the next one;
   * `job.flush` tells whether it was committed. How large its data may be is the caller's to bound.
   * @throws JobEndedError when the handle is over · GenerationJobError `limit_exceeded`, which fails the job
   */
  emitOwn(event: OwnEvent, data: object): Promise<void>;
}

/** Returns what a job of this copy of the package can do beside its face; undefined for anything else. */
export function ownEventsOf(job: unknown): OwnEvents | undefined {
  return job instanceof JobHandle ? job : undefined;
}
