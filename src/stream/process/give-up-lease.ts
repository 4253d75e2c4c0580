/** Giving a lease up before it lapses, so that whoever looks next may take over at once. */
import { isGenerationJobError } from '../../errors.js';
import type { JobStore, LeaseClaim } from '../interfaces/job-store.js';

/** @throws GenerationJobError what the store could not do; the lease then lapses by itself */
export async function giveUpLease(store: JobStore, claim: LeaseClaim): Promise<void> {
  const [answer] = await store.renew([claim], 0);
  if (isGenerationJobError(answer)) throw answer;
  await store.due.nearer(claim.key, 0); // its place in the due index is where the lease would have ended
}
