/**
 * Errors of the client. One class: the code says what happened, the remedy what to do about it. A code is the server's own
 * where it gave one (PROTOCOL, 6.6 and 6.7), else one of the few below, which are for what no server says.
 */
import type { ErrorCode } from '../errors.js';

/** The codes that are the client's own, each with its remedy. */
const REMEDIES = {
  invalid_options: 'Correct the options named in the message.',
  no_answer: 'Look at the network, and at whether the server runs; asking again may help.',
  stalled:
    'Wait: the connection is made anew. If it happens again and again, look for a proxy that holds events back.',
  out_of_order:
    'Wait: the content is asked for anew. If it happens again, look for a proxy that changes the stream.',
  bad_answer: 'Look at the address, and at what stands between the client and the routes.',
  unauthorized: 'Sign in again, or give `headers` that the server accepts.',
  refused: 'Look at the status: the server does not do what was asked for.',
  nothing_pending: 'Decide while an action is pending: `pendingAction` has it.',
} as const satisfies Record<string, string>;

/** The codes that are the client's own. */
export type ClientErrorCode = keyof typeof REMEDIES;

/** A code of a refusal: the client's, the library's, or one of the host's own routes. */
export type StreamErrorCode = ClientErrorCode | ErrorCode | (string & {});

/** More about an error, where there is more. */
interface Circumstances {
  readonly status?: number | undefined;
  readonly remedy?: string | undefined;
  readonly retryAfterMs?: number | undefined;
  readonly outcome?: unknown;
  readonly cause?: unknown;
}

/** Every error that the client throws, or tells as the reason of a state. */
export class StreamClientError extends Error {
  /** The name of the class, as every error has one. */
  override readonly name = 'StreamClientError';
  /** Names the error for programs: PROTOCOL, 6.6 and 6.7, or the client's own. */
  readonly code: StreamErrorCode;
  /** Says what can be done about it, in a sentence for developers. */
  readonly remedy: string;
  /** The HTTP status of a refusal; undefined when no answer came. */
  readonly status: number | undefined;
  /** The least pause that the server asks for, in milliseconds; undefined when it asks for none. */
  readonly retryAfterMs: number | undefined;
  /** The decision that counts, where somebody was first (`action_decided`); undefined otherwise. */
  readonly outcome: unknown;

  constructor(code: StreamErrorCode, message: string, about: Circumstances = {}) {
    const remedy = about.remedy ?? REMEDIES[code as ClientErrorCode] ?? REMEDIES.refused;
    super(`${message} ${remedy}`, about.cause === undefined ? undefined : { cause: about.cause });
    this.code = code;
    this.remedy = remedy;
    this.status = about.status;
    this.retryAfterMs = about.retryAfterMs;
    this.outcome = about.outcome;
  }
}

/** Returns an error of the client's as it is; anything else that `fetch` threw means that no answer came. */
export function asClientError(error: unknown): StreamClientError {
  if (error instanceof StreamClientError) return error;
  return new StreamClientError('no_answer', 'The server can’t be reached.', { cause: error });
}

/** Reads the refusal that an answer is; its code is the server's where the body has one. Never rejects. */
export async function refusalIn(response: Response): Promise<StreamClientError> {
  const { status, headers } = response;
  const body: unknown = await response.json().catch(() => null);
  const said = ((body as { error?: unknown } | null)?.error ?? {}) as Readonly<Record<string, unknown>>;
  const seconds = Number(headers.get('retry-after') ?? Number.NaN);
  return new StreamClientError(
    typeof said.code === 'string' ? said.code : status === 401 ? 'unauthorized' : 'refused',
    `The server answered ${status}.`,
    {
      status,
      ...(typeof said.message === 'string' && { remedy: said.message }),
      ...(seconds >= 0 && { retryAfterMs: seconds * 1000 }),
      outcome: said.outcome,
    },
  );
}
