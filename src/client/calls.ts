/** One call of a route, tried again while no answer comes and while the answer may be another one a while later. */
import { Pause, pauseAfter } from './back-off.js';
import { asClientError, refusalIn, StreamClientError } from './errors.js';
import type { RequestOptions } from './options.js';
import { mayPass } from './refusals.js';
import { ask, orAborted } from './requests.js';

const TRIES = 5;
/** The pauses between tries: 0.4, 0.8, 1.6 and 3.2 s, and up to half as long again. */
const FIRST_PAUSE_MS = 400;
const LONGEST_PAUSE_MS = 5_000;
/** A try has this time: an abort that waits for the settlement takes 10 s by itself. */
const TRY_MS = 30_000;

export interface Call {
  /** What is sent as JSON, by POST; without it the call is a GET. */
  readonly body?: object;
  /** False makes one try: sent again, it might do something else. Default true. */
  readonly isRepeatable?: boolean;
  readonly signal?: AbortSignal | undefined;
}

/** Returns what the server answered. @throws StreamClientError the refusal; the signal's reason when it fires */
export async function send(address: string, options: RequestOptions, call: Call): Promise<unknown> {
  const { signal, isRepeatable = true } = call;
  const tries = isRepeatable ? TRIES : 1;
  let refused: number | undefined;
  for (let tried = 1; ; tried++) {
    signal?.throwIfAborted();
    const error = await tryOnce(address, options, call, refused);
    if (!(error instanceof StreamClientError)) return error.answer;
    signal?.throwIfAborted();
    const mayRefresh = error.status === 401 && typeof options.headers === 'function' && refused === undefined;
    refused = mayRefresh ? 401 : undefined;
    if (mayRefresh) continue;
    if (tried >= tries || (error.status !== undefined && !mayPass(error.status, error.code))) throw error;
    await pauseFor(
      Math.max(error.retryAfterMs ?? 0, pauseAfter(tried, FIRST_PAUSE_MS, LONGEST_PAUSE_MS)),
      signal,
    );
  }
}

/** Returns the answer, or why there is none. */
async function tryOnce(
  address: string,
  options: RequestOptions,
  { body, signal }: Call,
  refused: number | undefined,
): Promise<{ readonly answer: unknown } | StreamClientError> {
  const within = AbortSignal.timeout(TRY_MS);
  const either = signal === undefined ? within : AbortSignal.any([signal, within]);
  const asked = { accept: 'application/json', refused, signal: either };
  try {
    const response = await ask(
      address,
      options,
      body === undefined ? asked : { ...asked, method: 'POST', body },
    );
    if (!response.ok) return await orAborted(either, refusalIn(response));
    const answer: unknown = await orAborted(either, response.json());
    return { answer };
  } catch (error) {
    return error instanceof SyntaxError
      ? new StreamClientError('bad_answer', 'The answer is no JSON.', { status: 200, cause: error })
      : asClientError(error);
  }
}

async function pauseFor(ms: number, signal: AbortSignal | undefined): Promise<void> {
  const pause = new Pause();
  const end = () => pause.end();
  signal?.addEventListener('abort', end, { once: true });
  await pause.for(ms);
  signal?.removeEventListener('abort', end);
}
