/**
 * A *word* is what Redis, or the way to it, said: the message of the error that lies beneath ours and beneath those a
 * cluster client makes of its nodes’. Redis begins its errors with a word for their kind.
 */
import { GenerationJobError } from '../../../errors.js';

/** The rest after it is a script's text or a host's key: it says nothing more. */
const LONGEST_WORD = 1_024;

/**
 * The server says some of it to a script as a plain `ERR`: by a part of its text, the word that a command is refused
 * with.
 */
const SAID_TO_SCRIPTS: Readonly<Record<string, string>> = { 'while the cluster is down': 'CLUSTERDOWN' };

export interface RedisWord {
  /** The first word, such as `WRONGTYPE`; of what a script was told, the word that says the same. */
  readonly kind: string;
  /** All of it, cut. */
  readonly text: string;
}

export function wordOf(error: unknown): RedisWord {
  const cause = causeOf(error);
  const text = (cause instanceof Error ? cause.message : String(cause)).slice(0, LONGEST_WORD);
  const kind = text.split(' ', 1)[0] ?? '';
  const same = Object.keys(SAID_TO_SCRIPTS).find((part) => kind === 'ERR' && text.includes(part));
  return { kind: same === undefined ? kind : (SAID_TO_SCRIPTS[same] as string), text };
}

export function causeOf(error: unknown): unknown {
  const { lastNodeError } = (error ?? {}) as { lastNodeError?: unknown };
  if (lastNodeError !== undefined && lastNodeError !== null) return causeOf(lastNodeError);
  if (error instanceof GenerationJobError && error.cause !== undefined) return causeOf(error.cause);
  return error;
}
