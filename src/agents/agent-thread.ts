/**
 * The checkpoints of a generation have a thread of their own, so that a new turn can't discard another one's pause and
 * a finished run's messages aren't sent twice.
 */
import type { EndReason } from '../errors.js';
import type { GenerationJob } from '../stream/interfaces/generation-job.js';
import type { Checkpointer } from './checkpointer.js';
import type { RunLike, SaverLike } from './shapes.js';
import { CHILD_THREADS, threadIdOf } from './thread-ids.js';

/** Keeps the threads of sub-agents with the job, so that whoever sees to its end knows of them. */
export async function rememberChildThreads(job: GenerationJob, run: RunLike | undefined): Promise<void> {
  const threads = childThreadsOf(run);
  if (threads.length === 0 || job.isOver) return;
  await job.update({ metadata: { [`${CHILD_THREADS}${job.attempt}`]: threads } });
}

/** Deletes an attempt's threads once it is over: one that others ended may have saved something after they were deleted. */
export async function deleteLate(
  job: GenerationJob,
  run: RunLike | undefined,
  checkpointer: Checkpointer,
): Promise<void> {
  for (const threadId of [threadIdOf(job), ...childThreadsOf(run)]) await checkpointer.deleteThread(threadId);
}

/** Says whether nobody goes on with the threads of a generation that is over for this reason. */
export function isFinal(reason: EndReason | undefined): boolean {
  switch (reason) {
    case 'completed':
    case 'failed':
    case 'aborted':
    case 'replaced':
    case 'expired':
    case 'gone':
      return true;
    case 'paused':
    case 'fenced':
    case 'log_lost':
    case 'store_damaged':
    case 'lease_lost':
    case 'handed_over':
    case undefined:
      return false;
    default:
      return reason satisfies never;
  }
}

function childThreadsOf(run: RunLike | undefined): string[] {
  return [...(run?.getChildCheckpointThreadIds?.() ?? [])];
}

/**
 * Gives the saver as one attempt may use it: it writes nothing once that is over, when the thread may be another attempt's
 * or be deleted. Reads go on, and a pause is saved before it is one.
 */
export function saverOf(job: GenerationJob, saver: SaverLike): SaverLike {
  return new Proxy(saver, {
    get(target, name) {
      const member: unknown = Reflect.get(target, name);
      if (typeof member !== 'function') return member;
      const isWrite = name === 'put' || name === 'putWrites';
      return (...args: unknown[]) => {
        if (isWrite && job.isOver) return refusedWrite(job);
        return member.apply(target, args);
      };
    },
  });
}

/** Rejects for whoever awaits it. Nobody need: the signal tells that the attempt is over. */
function refusedWrite(job: GenerationJob): Promise<never> {
  const refused = Promise.reject(job.signal.reason);
  refused.catch(() => {});
  return refused;
}

/** Clears the thread for a later attempt that starts over: it must not add to what an earlier one has saved. */
export async function reserveThread(
  job: Parameters<typeof threadIdOf>[0] & { readonly attempt: number },
  checkpointer: Checkpointer | undefined,
): Promise<void> {
  if (job.attempt > 1) await checkpointer?.deleteThread(threadIdOf(job));
}
