/** A settlement after a step of it, in memory. */
import type { SettlementCommit } from '../../interfaces/commits.js';
import type { Settlement } from '../../model/types.js';

export function afterStep(
  { state, revision, tries, notBeforeMs, claimed }: SettlementCommit,
  now: number,
): Settlement {
  return {
    state,
    revision: revision + 1,
    tries,
    notBefore: now + notBeforeMs,
    ...(claimed && { claimed }),
  };
}
