/** A user says what they have seen: it is marked in their feed, for all who follow it. */
import { GenerationJobError } from '../../errors.js';
import type { MarkSeenInput } from '../interfaces/feed.js';
import { parsePlace } from '../model/cursor.js';
import { streamKey, userKey } from '../model/stream-key.js';
import { throwUnlessFed } from '../process/feed-writer.js';
import type { Parts } from '../process/parts.js';

/** @throws what `manager.markSeen` throws */
export async function markSeen(
  { options, feed }: Pick<Parts, 'options' | 'feed'>,
  { userId, tenantId, streamId, generation, upTo }: MarkSeenInput,
): Promise<number> {
  throwUnlessFed(options);
  const user = userKey(userId, tenantId);
  if ((streamId === undefined) === (upTo === undefined) || (upTo !== undefined && generation !== undefined)) {
    const message = 'Either streamId, with or without a generation, or upTo must be given.';
    throw new GenerationJobError('invalid_argument', message);
  }
  if (streamId === undefined) return feed.markSeen(user, { upTo: parsePlace(upTo ?? '') });
  return feed.markSeen(user, { streamId: streamKey(streamId, tenantId).streamId, generation });
}
