/**
 * The events made for one follower, each a batch at the follower's place. They are in no log: attempt 0 says so of all but
 * `sync`, which is the content at its place.
 */
import { type Cursor, formatCursor } from '../model/cursor.js';
import type { FoldedState } from '../model/fold.js';
import type { FollowerPayloads, PublicState } from '../model/lifecycle-payloads.js';
import { type SettlementState, settlementStateOf } from '../model/settlement-state.js';
import type { Batch, JobRecord } from '../model/types.js';

export function syncBatch({ record, sequence }: FoldedState, shown: PublicState): Batch {
  const data = JSON.stringify(shown);
  return {
    generation: record.generation,
    events: [{ event: 'sync', data, sequence, attempt: record.attempt }],
  };
}

/** @param place the place that the log does not have, or that a hole follows */
export function gapBatch(place: Cursor): Batch {
  return unplaced('gap', place, { requested: formatCursor(place.generation, place.sequence) });
}

export function goneBatch(place: Cursor, streamId: string): Batch {
  return unplaced('gone', place, { streamId });
}

export function settledBatch(place: Cursor, record: JobRecord, now: number): Batch {
  return unplaced('settled', place, { state: settlementStateOf(record, now) satisfies SettlementState });
}

/** The place of a run that waits: in no generation yet. */
const NO_PLACE: Cursor = { generation: 0, sequence: 0 };

export function queuedBatch(queued: FollowerPayloads['queued']): Batch {
  return unplaced('queued', NO_PLACE, queued);
}

/** Says whether the batch tells of the settlement: a release before 0.2 let hosts use the name in a log. */
export function isSettledBatch({ events: [event] }: Batch): boolean {
  return event?.event === 'settled' && event.attempt === 0;
}

function unplaced(event: string, { generation, sequence }: Cursor, data: object): Batch {
  return { generation, events: [{ event, data: JSON.stringify(data), sequence, attempt: 0 }] };
}
