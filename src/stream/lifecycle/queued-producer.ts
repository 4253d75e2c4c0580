/** The producer of a run that has waited for its turn: the host's hook, for the first attempt and for those that follow it early. */
import type { JobRecord, Json } from '../model/types.js';
import type { Parts } from '../process/parts.js';
import { isForgettable } from '../process/released-key.js';
import type { JobHandle } from '../producing/job-handle.js';

/** A run is started so often in all, while each of its producers dies before its first event of the host. */
export const MOST_STARTS = 3;

/**
 * Says whether the next attempt of a generation begins as the first one did: it has waited in a queue, and no producer of it has said,
 * asked or handed over anything.
 */
export function beginsAnew(record: JobRecord): boolean {
  return record.fromQueue === true && isForgettable(record) && record.handOver?.state === undefined;
}

/** Has the host produce it. @param record the record with what a seal keeps secret opened */
export async function produceQueued(
  { hooks }: Parts,
  job: JobHandle,
  record: JobRecord,
  created: Json | undefined,
): Promise<void> {
  const queued = { queueId: record.createId, record, ...(created !== undefined && { created }) };
  await job.run(() => hooks.startQueued?.(job, queued));
}
