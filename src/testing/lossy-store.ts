/**
 * A store with a bad connection: of the calls named, some are performed and their answer is lost, some never arrive.
 * Either way the caller learns only that the outcome is unknown.
 */
import { GenerationJobError } from '../errors.js';
import type { JobStore } from '../stream/interfaces/job-store.js';
import { type StoreCall, wrapStore } from './wrapped-store.js';

export type Loss = 'none' | 'reply' | 'request';

/** Makes the error of a call of which nobody knows whether the store has done it. */
export function unknownOutcome(): GenerationJobError {
  return new GenerationJobError('unavailable', 'The answer was lost.');
}

/** Makes a store of another that loses requests, or answers, as `lose` decides call by call. */
export function lossyStore(inner: JobStore, lose: (call: StoreCall) => Loss): JobStore {
  return wrapStore(inner, async (call, perform) => {
    const loss = lose(call);
    if (loss === 'request') throw unknownOutcome();
    const answer = await perform();
    if (loss === 'reply') throw unknownOutcome();
    return answer;
  });
}

/** Loses the answers of the first `times` calls of a method. */
export function firstReplies(method: string, times: number): (call: StoreCall) => Loss {
  let left = times;
  return (call) => (call.method === method && left-- > 0 ? 'reply' : 'none');
}
