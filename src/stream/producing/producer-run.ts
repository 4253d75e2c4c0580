/** A producer's run: whatever comes of it, the job has an end, or is with others. */
import type { EndReason } from '../../errors.js';
import type { AttemptEnd } from '../interfaces/generation-job.js';
import type { AttemptHandOver } from './attempt-hand-over.js';

interface RunningJob {
  readonly isOver: boolean;
  readonly reason: EndReason | undefined;
  readonly leaving: AttemptHandOver;
  complete(final: unknown): Promise<void>;
}

export interface ProducerRun {
  produce(): unknown;
  /** Ends the job for what its producer threw, unless it is over. Never rejects. */
  failed(error: unknown): Promise<void>;
}

/** Completes the job with what is produced; hands it over, or fails it, for what is thrown. Never rejects. */
export async function runProducer(job: RunningJob, { produce, failed }: ProducerRun): Promise<AttemptEnd> {
  try {
    const final = await produce();
    await job.leaving.done();
    if (!job.isOver) await job.complete(final ?? null);
    return { reason: job.reason ?? 'failed' };
  } catch (error) {
    if (await job.leaving.takes(error)) return { reason: job.reason ?? 'failed' };
    await failed(error);
    return { reason: job.reason ?? 'failed', error };
  }
}
