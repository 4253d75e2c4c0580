/** Giving a lease up before it lapses, so that whoever looks next may take over at once. */
import { isGenerationJobError } from '../../errors.js';
import type { EventTransport } from '../interfaces/event-transport.js';
import type { JobStore, LeaseClaim } from '../interfaces/job-store.js';

/** @throws GenerationJobError what the store could not do; the lease then lapses by itself */
export async function giveUpLease(store: JobStore, claim: LeaseClaim): Promise<void> {
  const [answer] = await store.renew([claim], 0);
  if (isGenerationJobError(answer)) throw answer;
  await store.due.nearer(claim.key, 0); // its place in the due index is where the lease would have ended
}

/**
 * Gives up what this replica has taken on and can't go on with, and tells the others, one of which takes over at once.
 * @throws GenerationJobError what the store could not do; the lease then lapses by itself
 */
export async function leaveToOthers(
  { store, transport }: { readonly store: JobStore; readonly transport: EventTransport },
  claim: LeaseClaim,
): Promise<void> {
  await giveUpLease(store, claim);
  transport.signal({ key: claim.key, generation: claim.generation, kind: 'handover' });
}
