/**
 * A provider's errors by the names that clients are told. An SDK throws them, or they come as parts of the stream; both are
 * looked at for what they say (`status`, `code`, `type`, `headers`) and not for whose class they are, so that none of the SDKs
 * is needed, and their next version fits too.
 *
 * Clients get a sentence of ours. What the provider wrote can name the host's organisation, its limits or its prompt; it stays
 * on the server, as the failure's `cause`.
 */

import type { PipeFailure } from '../stream/interfaces/pipe.js';
import { JobFailureError } from '../stream/model/job-failure.js';
import { isObject } from '../stream/model/plain-values.js';

const MESSAGES = {
  rate_limited: 'The model takes no more requests for now.',
  overloaded: 'The model is overloaded.',
  content_filtered: 'The model, or its content filter, refused to answer.',
  context_exceeded: 'The conversation is longer than the model can read.',
  model_failed: 'The model failed.',
} as const;

/** The names of what can go wrong at a provider. */
export type ProviderFailureCode = keyof typeof MESSAGES;

interface FailureInput {
  readonly retryable?: boolean | undefined;
  readonly cause?: unknown;
}

/** Makes a failure of one of these names. @param input `retryable` is false by default; `cause` stays on the server */
export function providerFailure(code: ProviderFailureCode, input: FailureInput = {}): PipeFailure {
  const { retryable = false, cause } = input;
  const failure = { code, message: MESSAGES[code], retryable };
  return { fail: new JobFailureError(failure, cause === undefined ? undefined : { cause }) };
}

/** The failure of a stream that is over before its end: the connection was cut, or the provider gave up without a word. */
export function brokenOff(cause?: unknown): PipeFailure {
  return providerFailure('model_failed', {
    retryable: true,
    cause: cause ?? new Error('The provider’s stream broke off before its end.'),
  });
}

/** The failure that an error means, one that was thrown or one that came as a part of the stream. */
export function failureOf(error: unknown): PipeFailure {
  const facts = factsOf(error);
  const code = codeOf(facts);
  return providerFailure(code, { retryable: isRetryable(code, facts), cause: error });
}

/**
 * Says whether an error is a provider's, or that of the connection to it, and not a mistake of the host's: an SDK's error has a
 * `status`, also when it is undefined because no answer came; what `fetch` throws names a cause of the system.
 */
export function isProviderError(error: unknown): boolean {
  if (!(error instanceof Error)) return false;
  if ('status' in error || 'statusCode' in error) return true;
  return error instanceof TypeError && error.cause instanceof Error && 'code' in error.cause;
}

/** An error as far as it says something that decides. */
interface Facts {
  readonly status: number | undefined;
  /** Its codes and types, in lower case, wherever they stand. */
  readonly words: readonly string[];
  readonly text: string;
  /** The provider's own word on whether to try again. */
  readonly told: boolean | undefined;
}

/** Bodies in one another: the SDK's error, its body, the error in it. */
const DEEPEST = 3;
/** UTF-16 units of a message that are looked at. */
const LONGEST_TEXT = 2_048;

function factsOf(error: unknown): Facts {
  const words: string[] = [];
  const texts: string[] = [];
  let status: number | undefined;
  let inner: unknown = error;
  for (let depth = 0; depth < DEEPEST && isObject(inner); depth++) {
    // Some providers behind an OpenAI-compatible address give the HTTP status as `code`.
    for (const value of [inner.status, inner.statusCode, inner.code])
      if (typeof value === 'number') status ??= value;
    for (const value of [inner.code, inner.type])
      if (typeof value === 'string') words.push(value.toLowerCase());
    if (typeof inner.message === 'string') texts.push(inner.message.slice(0, LONGEST_TEXT).toLowerCase());
    inner = inner.error;
  }
  return { status, words, text: texts.join('\n'), told: toldBy(error) };
}

/** The header with which both providers overrule their status; `isRetryable` of the AI SDK's errors. */
function toldBy(error: unknown): boolean | undefined {
  if (!isObject(error)) return undefined;
  if (typeof error.isRetryable === 'boolean') return error.isRetryable;
  const { headers } = error;
  const told: unknown = headers instanceof Headers ? headers.get('x-should-retry') : undefined;
  return told === 'true' ? true : told === 'false' ? false : undefined;
}

function codeOf({ status, words, text }: Facts): ProviderFailureCode {
  const has = (...parts: string[]) => words.some((word) => parts.some((part) => word.includes(part)));
  const says = (...parts: string[]) => parts.some((part) => text.includes(part));
  if (has('content_filter', 'content_policy', 'policy_violation', 'moderation', 'invalid_prompt'))
    return 'content_filtered';
  if (has('context_length', 'request_too_large') || status === 413) return 'context_exceeded';
  const isRefused = status === undefined || status === 400;
  if (
    isRefused &&
    says('prompt is too long', 'maximum context length', 'exceed context limit', 'context window')
  )
    return 'context_exceeded';
  if (has('overloaded', 'slow_down') || status === 529 || status === 503) return 'overloaded';
  if (has('rate_limit', 'quota', 'too_many_requests') || status === 429) return 'rate_limited';
  return 'model_failed';
}

/** The caller's own mistakes, by what providers' codes and types have in common: another try would be answered alike. */
const CALLERS_FAULTS = [
  'invalid',
  'not_found',
  'authentication',
  'permission',
  'billing',
  'unsupported',
  'image',
];

function isRetryable(code: ProviderFailureCode, { status, words, told }: Facts): boolean {
  if (code === 'content_filtered' || code === 'context_exceeded') return false;
  if (told !== undefined) return told;
  // A quota that is used up is answered like a limit that is over in a minute.
  if (code === 'rate_limited')
    return !words.some((word) => word.includes('quota') || word.includes('billing'));
  if (code === 'overloaded') return true;
  if (status !== undefined) return status === 408 || status === 409 || status >= 500;
  return !words.some((word) => CALLERS_FAULTS.some((fault) => word.includes(fault)));
}
