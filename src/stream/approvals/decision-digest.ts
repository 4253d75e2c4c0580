/** A decision is the same one when the same person says the same of the same action, in whatever order and by whatever way. */
import { fingerprintOf } from '../model/fingerprint.js';
import type { CheckedResolve } from './verdict.js';

/** Returns the digest of what is decided, in whatever order it was said. */
export function digestOfDecision({
  actionId,
  by,
  decisions,
  answers,
  response,
  payloadDigest,
}: CheckedResolve): string {
  return fingerprintOf([actionId, by, inOrder(decisions), inOrder(answers), response, payloadDigest]);
}

function inOrder<Said extends { readonly id: string }>(said: readonly Said[] = []): readonly Said[] {
  return said.toSorted((a, b) => (a.id < b.id ? -1 : 1));
}
