/** Why the server did not do what it was asked for, in words for the person. What that was is said by whoever asked. */

/** No answer that says anything came; asking again may bring one. */
export class NoAnswerError extends Error {}

/** The server said no, in words the user can read. */
export class RefusedError extends Error {
  readonly code: string;
  /** Of a decision that came too late: what was decided, and by whom. */
  readonly outcome: unknown;

  constructor(message: string, { code = '', outcome }: Refusal = {}) {
    super(message);
    this.code = code;
    this.outcome = outcome;
  }
}

export interface Refusal {
  readonly code?: string;
  readonly message?: string;
  readonly outcome?: unknown;
}

/** What is tried again by itself. */
export interface Loss {
  /** What failed and why, as one sentence. */
  readonly words: string;
  /** When the next try is, by this machine's clock. */
  readonly retryAt: number;
}

/** @param body what came with the status, if it was JSON */
export function noAnswerIn(status: number, body: { readonly error?: Refusal } | null): NoAnswerError {
  const code: unknown = body?.error?.code;
  const name = typeof code === 'string' ? `: ${code}` : '';
  return new NoAnswerError(`the server answered ${status}${name}`);
}

export function reasonOf(error: unknown): string {
  if (error instanceof NoAnswerError) return error.message;
  return navigator.onLine ? 'the server can’t be reached' : 'you are offline';
}

/** @param what what was not done: "The message was not sent" */
export function complaintOf(what: string, error: unknown): string {
  return error instanceof RefusedError ? `${what}. ${error.message}` : `${what}: ${reasonOf(error)}.`;
}
