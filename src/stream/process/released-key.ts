/** An idempotency key is given back with the end of a run that has come to nothing, so that the request may be made again. */
import { ownerOf } from '../model/stream-key.js';
import type { JobRecord, StreamKey } from '../model/types.js';
import type { Parts } from './parts.js';

/**
 * Forgets the run's key, and then ends it: a crash in between leaves a run that is lost, not a key that is.
 * @param end makes the end, which takes the key from the record as well; says whether it did
 */
export async function endReleasingKey(
  { store, options }: Pick<Parts, 'store' | 'options'>,
  key: StreamKey,
  { userId, generation, idempotencyKey }: JobRecord,
  end: () => Promise<boolean>,
): Promise<boolean> {
  if (idempotencyKey === undefined) return end();
  const user = ownerOf(key, userId);
  const run = { streamId: key.streamId, generation };
  await store.slots.forget(user, idempotencyKey, run);
  const hasEnded = await end();
  if (!hasEnded) await store.slots.remember(user, idempotencyKey, run, options.idempotencyMs);
  return hasEnded;
}
