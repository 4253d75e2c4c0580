/**
 * The words for a person who has followed a link: a sentence for each code, in place of the remedy that its table has for programs.
 * The sentences are fixed, so a refusal says nothing that is not its code's.
 */
import type { ErrorCode } from '../errors.js';
import type { Resolution } from '../stream/model/types.js';
import type { LinkDecision } from './link-scope.js';

/** The sentences by code. */
const SENTENCES: Partial<Readonly<Record<ErrorCode, string>>> = {
  link_invalid: 'This link is not valid.',
  link_expired: 'This link has expired. Nothing was changed by it.',
  action_decided: 'This has been decided already. The link changes nothing any more.',
  action_expired: 'The time to decide this is over. Nothing was changed by this link.',
  generation_ended: 'This is no longer waiting: it was stopped, or something newer took its place.',
  action_not_found: 'This is no longer waiting: it was stopped, or something newer took its place.',
  stream_not_found: 'What this link was about is no longer there.',
  payload_changed: 'What is asked has changed since this link was made. Decide it in the application.',
  fingerprint_mismatch:
    'What would go on has changed since this link was made. Start it again in the application.',
  decision_not_allowed: 'This link does not allow that decision.',
  decision_not_linkable: 'This needs more of an answer than a link can give. Decide it in the application.',
  action_refused: 'The application does not accept this decision.',
  too_many_requests: 'This link is asked for too often. Wait a moment, and try again.',
  user_limit_exceeded: 'Too much is running already. It still waits: try again later.',
  draining: 'The server is being restarted. Try again in a moment.',
  unavailable: 'The server can’t tell just now. Try again in a moment: a decision is made only once.',
  hook_timed_out: 'The application did not answer in time. Try again in a moment.',
  seal_unavailable: 'This server can’t do it just now. Try again in a moment.',
};
const NOT_UNDERSTOOD = 'The request was not understood. Nothing was changed by it.';
const FAILED = 'Something went wrong on the server. Decide in the application.';
const SERVER_ERROR = 500;

/** The codes after which the same, sent again, may be answered otherwise. */
const PASSING: ReadonlySet<ErrorCode> = new Set([
  'too_many_requests',
  'user_limit_exceeded',
  'draining',
  'unavailable',
  'hook_timed_out',
  'seal_unavailable',
]);

/** The names of decisions: to press, and as they are told. */
export const DECISION_WORDS: Readonly<
  Record<LinkDecision, { readonly press: string; readonly told: string }>
> = {
  approve: { press: 'Approve', told: 'approved' },
  reject: { press: 'Reject', told: 'rejected' },
};

/** Returns the sentence for a code that is answered with this status. */
export function sentenceFor(code: ErrorCode, status: number): string {
  return SENTENCES[code] ?? (status < SERVER_ERROR ? NOT_UNDERSTOOD : FAILED);
}

/** Says whether the same request may be answered otherwise in a moment. */
export function isPassing(code: ErrorCode): boolean {
  return PASSING.has(code);
}

/** Says how an action was decided, by whom and when: for those whose link came too late. */
export function outcomeWords({ decisions, by = 'somebody', at }: Resolution): string {
  const [first] = decisions;
  const isAlike = first !== undefined && decisions.every(({ decision }) => decision === first.decision);
  const told = isAlike ? (TOLD[first.decision] ?? 'decided') : 'decided';
  return `It was ${told} by ${by}, ${new Date(at).toISOString().slice(0, 16).replace('T', ' ')} UTC.`;
}

const TOLD: Readonly<Record<string, string>> = { approve: 'approved', reject: 'rejected' };
