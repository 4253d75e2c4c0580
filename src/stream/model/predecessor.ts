/** A generation's producer, as its successor is told of it: whether anything of it may still be at work. */
import type { JobRecord } from './types.js';

/**
 * `left` it has returned, or had ended or paused the generation itself: none of its tools runs · `running` it was stopped and
 * may still be at work · `lost` it had died, or could not be reached, when the generation ended.
 */
export type Predecessor = 'left' | 'running' | 'lost';

const LOST: ReadonlySet<string | undefined> = new Set(['producer_lost', 'store_damaged']);
/** The failures that a handle makes of itself, whatever its producer is doing. */
const OVER_ITS_HEAD: ReadonlySet<string | undefined> = new Set(['timeout', 'limit_exceeded', 'interrupted']);

/** Returns what the record of an ended generation says of its producer. In doubt it runs. */
function predecessorOf(record: JobRecord): Predecessor {
  const { status, error, producerLeft, settlement, endedAt = 0, replicaId } = record;
  const code = error?.code;
  if (producerLeft || status === 'completed' || code === 'expired') return 'left';
  if (LOST.has(code)) return 'lost';
  if (status === 'failed') return OVER_ITS_HEAD.has(code) ? 'running' : 'left';
  // Where there was a lease, the first settlement waits for the producer. One of release 0.1 does not name its replica.
  const { state, tries, notBefore } = settlement;
  const hadNoLease = state === 'open' && tries === 0 && notBefore <= endedAt && replicaId !== undefined;
  return hadNoLease ? 'lost' : 'running';
}

/** Says whether somebody else ended the generation, and its producer has not returned. */
export function isStaying(record: JobRecord): boolean {
  return record.status === 'aborted' && predecessorOf(record) === 'running';
}

/** Returns what is true of all of them: `left` only if every one has. */
export function predecessorsOf(records: readonly JobRecord[]): Predecessor | undefined {
  const known = new Set(records.map(predecessorOf));
  return (['running', 'lost', 'left'] as const).find((one) => known.has(one));
}
