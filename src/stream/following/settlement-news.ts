/** Waits for the settlement of the generation that a follower has come to the end of. */
import { isGenerationJobError } from '../../errors.js';
import type { SubscribeOptions } from '../interfaces/manager-types.js';
import type { Cursor } from '../model/cursor.js';
import type { Batch, JobRecord, StreamKey } from '../model/types.js';
import { goneBatch, settledBatch } from './follower-events.js';
import type { SettledWaitInput } from './record-wait.js';
import type { StreamHub } from './stream-hub.js';

interface Waiting {
  now(): number;
  whenSettled(key: StreamKey, input: SettledWaitInput): Promise<JobRecord | null>;
}

/**
 * Returns what the follower is told; undefined when that is nothing, since a follower of the stream is told of what has begun
 * meanwhile instead.
 * @throws GenerationJobError `unavailable` to a follower of the generation alone
 */
export async function settlementNews(
  hub: StreamHub,
  context: Waiting,
  place: Cursor,
  { follow, userId }: Pick<SubscribeOptions, 'follow' | 'userId'>,
  signal: AbortSignal,
): Promise<Batch | undefined> {
  const { generation } = place;
  const goesOn = follow === 'stream';
  try {
    const record = await context.whenSettled(hub.key, { generation, signal });
    const isThere = record !== null && (userId === undefined || userId === record.userId);
    if (signal.aborted) return undefined;
    if (!isThere) return goesOn ? undefined : goneBatch(place, hub.key.streamId);
    const page = goesOn ? await hub.read(generation, place.sequence) : undefined;
    if (page?.found && page.nextGeneration !== undefined) return undefined;
    return settledBatch(place, record, context.now());
  } catch (error) {
    if (goesOn && isGenerationJobError(error, 'unavailable')) return undefined;
    throw error;
  }
}
