/**
 * Errors of the client. One class: the code says what happened, the remedy what to do about it. A code is the server's own
 * where it gave one (PROTOCOL, 6.6 and 6.7), else one of the few below, which are for what no server says. Their words are
 * few: every page loads them.
 */
import type { ErrorCode } from '../errors.js';

/** The codes that are the client's own, each with its remedy. */
const REMEDIES = {
  invalid_options: 'Correct what is named.',
  no_answer: 'Check the network and the server.',
  stalled: 'Check for a proxy that holds events back.',
  out_of_order: 'Check for a proxy that changes events.',
  bad_answer: 'Check the address.',
  unauthorized: 'Sign in again.',
  refused: 'Check the status.',
  nothing_pending: 'Wait for an action.',
} as const satisfies Record<string, string>;

/** The codes that are the client's own. */
export type ClientErrorCode = keyof typeof REMEDIES;

/** A code of a refusal: the client's, the library's, or one of the host's own routes. */
export type StreamErrorCode = ClientErrorCode | ErrorCode | (string & {});

/** More about an error, where there is more. */
interface Circumstances {
  readonly status?: number;
  readonly remedy?: unknown;
  readonly retryAfterMs?: number;
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

  /** @param detail what happened, where the code alone says too little */
  constructor(code: StreamErrorCode, detail: string = code, about: Circumstances = {}) {
    const { status, remedy, retryAfterMs, outcome, cause } = about;
    const said =
      typeof remedy === 'string' ? remedy : (REMEDIES[code as ClientErrorCode] ?? REMEDIES.refused);
    super(`${detail}: ${said}`, { cause });
    this.code = code;
    this.remedy = said;
    this.status = status;
    this.retryAfterMs = retryAfterMs;
    this.outcome = outcome;
  }
}

/** Returns an error of the client's as it is; anything else that `fetch` threw means that no answer came. */
export function asClientError(cause: unknown): StreamClientError {
  return cause instanceof StreamClientError
    ? cause
    : new StreamClientError('no_answer', undefined, { cause });
}

/** Reads the refusal that an answer is; its code is the server's where the body has one. Never rejects. */
export async function refusalIn(response: Response): Promise<StreamClientError> {
  const { status, headers } = response;
  const body: unknown = await response.json().catch(() => null);
  const { code, message, outcome } = ((body as { error?: unknown } | null)?.error ?? {}) as Readonly<
    Record<string, unknown>
  >;
  const named = typeof code === 'string' ? code : status === 401 ? 'unauthorized' : 'refused';
  const seconds = Number(headers.get('retry-after') ?? Number.NaN);
  return new StreamClientError(named, `${named} (${status})`, {
    ...{ status, remedy: message, outcome },
    ...(seconds >= 0 && { retryAfterMs: seconds * 1000 }),
  });
}
