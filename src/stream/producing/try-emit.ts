/** Emitting from where nothing may be thrown. */
import { isGenerationJobError, JobEndedError } from '../../errors.js';
import type { ErrorPlace } from '../model/error-report.js';
import type { HostEvent } from '../model/host-types.js';

interface EmittingJob {
  readonly isOver: boolean;
  emit(event: HostEvent): Promise<void>;
  report(where: ErrorPlace, error: unknown): void;
}

/** Says whether a job took an event; what it refuses is reported, unless the job's end tells of it. */
export function tryEmit(job: EmittingJob, event: HostEvent): boolean {
  if (job.isOver) return false;
  try {
    void job.emit(event);
    return true;
  } catch (error) {
    // That the generation is over, or has just become too large, is told by its end.
    const isTold = error instanceof JobEndedError || isGenerationJobError(error, 'limit_exceeded');
    if (!isTold) job.report('emit', error);
    return false;
  }
}
