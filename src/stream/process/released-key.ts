/** An idempotency key is given back with the end of a run that has come to nothing, so that the request may be made again. */
import { isEarly } from '../model/access.js';
import { ownerOf } from '../model/stream-key.js';
import type { JobRecord, StreamKey } from '../model/types.js';
import type { Parts } from './parts.js';
import { repeatUntilAnswered } from './repeat.js';

/** Says whether nothing would be done twice if the request of this run were made again: it has said and asked nothing. */
export function isForgettable(record: JobRecord): boolean {
  // What was decided stays decided: made again, the request would ask once more.
  return isEarly(record) && record.resolutions.length === 0;
}

/**
 * Forgets the run's key, and then ends it: a crash in between leaves a run that is lost, not a key that is.
 * @param end makes the end, which takes the key from the record as well; says whether it did
 * @throws GenerationJobError `unavailable` when the store did not answer within half a lease. Then nothing was ended, or it
 *   was by others, and they have not given the key back
 */
export async function endReleasingKey(
  parts: Pick<Parts, 'store' | 'options' | 'clock' | 'entropy'>,
  key: StreamKey,
  { userId, generation, idempotencyKey }: JobRecord,
  end: () => Promise<boolean>,
): Promise<boolean> {
  if (idempotencyKey === undefined) return end();
  const { store, options, clock } = parts;
  const user = ownerOf(key, userId);
  const run = { streamId: key.streamId, generation };
  const answered = (call: () => Promise<unknown>) =>
    repeatUntilAnswered(parts, call, clock.monotonic() + options.leaseMs / 2);
  await answered(() => store.slots.forget(user, idempotencyKey, run));
  const hasEnded = await end();
  if (!hasEnded) await answered(() => store.slots.remember(user, idempotencyKey, run, options.idempotencyMs));
  return hasEnded;
}
