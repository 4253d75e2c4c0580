/**
 * Where the checkpoints of a generation are: a thread of its own, so that a new turn can't discard another one's pause and
 * a finished run's messages aren't sent twice.
 */
import type { GenerationJob } from '../stream/generation-job.js';
import type { JobRecord } from '../stream/types.js';
import type { Checkpointer } from './checkpointer.js';
import type { RunLike } from './shapes.js';

/** The thread of a job or record. Also the run's id, which must be the same for all attempts. */
export function threadIdOf(of: {
  readonly tenantId?: string | undefined;
  readonly key?: { readonly tenantId: string | undefined } | undefined;
  readonly streamId: string;
  readonly generation: number;
}): string {
  const tenantId = of.key?.tenantId ?? of.tenantId ?? '';
  return `${tenantId}/${of.streamId}/${of.generation}`;
}

/** Where a record keeps the threads of sub-agents that stopped to ask, in the job's metadata. */
const CHILD_THREADS = 'agentThreads';

/** Kept with the job, so that whoever sees to its end knows of them. */
export async function rememberChildThreads(job: GenerationJob, run: RunLike): Promise<void> {
  const threads = run.getChildCheckpointThreadIds?.() ?? [];
  if (threads.length > 0 && !job.isOver) await job.update({ metadata: { [CHILD_THREADS]: [...threads] } });
}

/** Every thread a record is known to have. */
export function threadsOf(record: JobRecord): readonly string[] {
  const children = record.metadata[CHILD_THREADS];
  const known = Array.isArray(children) ? children.filter((one) => typeof one === 'string') : [];
  return [threadIdOf(record), ...known];
}

/** A later attempt that starts over must not add to what an earlier one has saved. */
export async function reserveThread(
  job: Parameters<typeof threadIdOf>[0] & { readonly attempt: number },
  checkpointer: Checkpointer | undefined,
): Promise<void> {
  if (job.attempt > 1) await checkpointer?.deleteThread(threadIdOf(job));
}
