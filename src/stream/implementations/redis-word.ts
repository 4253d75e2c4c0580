/**
 * What Redis, or the way to it, said: the message of the error that lies beneath ours and beneath those a cluster client
 * makes of its nodes’. Redis begins its errors with a word for their kind.
 */
import { GenerationJobError } from '../../errors.js';

/** What comes after is a script's text or a host's key: it says nothing more. */
const LONGEST_WORD = 1_024;

export interface RedisWord {
  /** The first word, such as `WRONGTYPE`. */
  readonly kind: string;
  /** All of it, cut. */
  readonly text: string;
}

export function wordOf(error: unknown): RedisWord {
  const cause = causeOf(error);
  const text = (cause instanceof Error ? cause.message : String(cause)).slice(0, LONGEST_WORD);
  return { kind: text.split(' ', 1)[0] ?? '', text };
}

export function causeOf(error: unknown): unknown {
  const { lastNodeError } = (error ?? {}) as { lastNodeError?: unknown };
  if (lastNodeError !== undefined && lastNodeError !== null) return causeOf(lastNodeError);
  if (error instanceof GenerationJobError && error.cause !== undefined) return causeOf(error.cause);
  return error;
}
