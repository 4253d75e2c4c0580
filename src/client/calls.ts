/** One call of a route, tried again while no answer comes and while the answer may be another one a while later. */
import { pauseAfter, pauseFor } from './back-off.js';
import { asClientError, refusalIn, StreamClientError } from './errors.js';
import type { RequestOptions } from './options.js';
import { answerTo } from './refusals.js';
import { ask } from './requests.js';

const TRIES = 5;
/** The pauses between tries: 0.4, 0.8, 1.6 and 3.2 s, and up to half as long again. */
const FIRST_PAUSE_MS = 400;
const LONGEST_PAUSE_MS = 5_000;
/** A try has this time: an abort that waits for the settlement takes 10 s by itself. */
const TRY_MS = 30_000;

export interface Call {
  /** The body, sent as JSON by POST; without it the call is a GET. */
  readonly body?: object;
  /** Default: POST with a body, GET without. */
  readonly method?: 'DELETE';
  /** False makes one try: sent again, it might do something else. Default true. */
  readonly isRepeatable?: boolean;
  readonly signal?: AbortSignal | undefined;
}

/** Returns what the server answered. @throws the refusal; the signal's reason when it fires */
export async function send(address: string, options: RequestOptions, call: Call): Promise<unknown> {
  const { signal, isRepeatable = true } = call;
  const hasFreshHeaders = typeof options.headers === 'function';
  let refused: number | undefined;
  for (let inARow = 1; ; inARow++) {
    signal?.throwIfAborted();
    const error = await tryOnce(address, options, call, refused);
    if (!(error instanceof StreamClientError)) return error.answer;
    signal?.throwIfAborted();
    const answer = answerTo(error, { inARow, hasFreshHeaders });
    if (answer === 'stop' || inARow >= TRIES || !(isRepeatable || answer === 'refreshed')) throw error;
    refused = answer === 'refreshed' ? error.status : undefined;
    await pauseFor(
      Math.max(error.retryAfterMs ?? 0, pauseAfter(inARow, FIRST_PAUSE_MS, LONGEST_PAUSE_MS)),
      signal,
    );
  }
}

/** Returns the answer, or why there is none. */
async function tryOnce(
  address: string,
  options: RequestOptions,
  { body, method, signal }: Call,
  refused: number | undefined,
): Promise<{ readonly answer: unknown } | StreamClientError> {
  const within = AbortSignal.timeout(TRY_MS);
  const either = signal === undefined ? within : AbortSignal.any([signal, within]);
  const asked = { accept: 'application/json', refused, signal: either };
  try {
    const posted = body !== undefined && ({ method: 'POST', body } as const);
    const response = await ask(address, options, { ...asked, ...posted, ...(method && { method }) });
    return response.ok ? { answer: await response.json() } : await refusalIn(response);
  } catch (error) {
    return error instanceof SyntaxError
      ? new StreamClientError('bad_answer', 'no JSON', { cause: error })
      : asClientError(error);
  }
}
