/**
 * Sends a decision and says what came of it, in words. A decision that is sent again, because its answer was lost or the
 * person pressed twice, has the same key, so the server knows it for the same.
 */
import type { Answer, Decision } from 'generation-jobs';
import { type Decided, decidedIn, LONGEST_TYPED, type ShownAction } from '../content/asked-action.js';
import { type Remembered, sendDecision } from '../following/chat-api.js';
import { complaintOf, RefusedError } from '../following/failures.js';
import { randomName } from '../identity.js';

export interface Said {
  readonly decisions?: readonly Decision[];
  readonly answers?: readonly Answer[];
  /** For whose calls it is to be remembered. */
  readonly remember?: Remembered;
}

export type DecideResult =
  /** The stream will bring it. */
  | { readonly kind: 'taken' }
  /** Somebody else was first. */
  | { readonly kind: 'late'; readonly decided: Decided }
  | { readonly kind: 'refused'; readonly message: string };

/** By the code of the refusal; otherwise the server's own words are shown. */
const WORDS: Readonly<Record<string, string>> = {
  action_refused: `The server does not accept this. What is typed must not be blank, nor longer than ${LONGEST_TYPED} characters, nor hold a word it refuses.`,
  action_expired: 'The time to decide is over.',
  action_not_found: 'This is no longer asked.',
  generation_ended: 'The answer has ended meanwhile.',
  stream_not_found: 'The server no longer knows this conversation.',
};

let last = { saying: '', key: '' };

export async function decide(streamId: string, action: ShownAction, said: Said): Promise<DecideResult> {
  const { actionId, payloadDigest } = action;
  const saying = JSON.stringify([streamId, actionId, said]);
  if (last.saying !== saying) last = { saying, key: randomName() };
  try {
    const { remember, ...decided } = said;
    const request = { streamId, actionId, ...decided, payloadDigest, idempotencyKey: last.key };
    await sendDecision(request, remember);
    return { kind: 'taken' };
  } catch (error) {
    if (!(error instanceof RefusedError)) {
      return {
        kind: 'refused',
        message: `${complaintOf('The decision was not sent', error)} Nothing is lost here: send it again.`,
      };
    }
    if (error.outcome !== undefined) return { kind: 'late', decided: decidedIn(error.outcome) };
    return { kind: 'refused', message: WORDS[error.code] ?? error.message };
  }
}
