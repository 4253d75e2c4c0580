/** The names of the threads in which the SDK saves a generation's checkpoints. */
import type { JobRecord } from '../stream/model/types.js';

/** Names the checkpoint thread of a job or record. It is also the run's id, which must be the same for all attempts. */
export function threadIdOf(of: {
  readonly tenantId?: string | undefined;
  readonly key?: { readonly tenantId: string | undefined } | undefined;
  readonly streamId: string;
  readonly generation: number;
}): string {
  const tenantId = of.key?.tenantId ?? of.tenantId ?? '';
  return `${tenantId}/${of.streamId}/${of.generation}`;
}

/**
 * A record's metadata has the threads of sub-agents under keys that begin so. One key an attempt: each
 * resume makes the SDK go on in threads of other names.
 */
export const CHILD_THREADS = 'agentThreads';

/** Lists every thread a record is known to have. */
export function threadsOf(record: JobRecord): readonly string[] {
  const children = Object.entries(record.metadata).flatMap(([key, threads]) =>
    key.startsWith(CHILD_THREADS) && Array.isArray(threads) ? threads : [],
  );
  return [threadIdOf(record), ...children.filter((one) => typeof one === 'string')];
}
