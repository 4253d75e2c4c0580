/** The shapes of `job.once` and of what it leaves behind: receipts. No code. */
import type { Decision } from '../model/types.js';

/** Describes the call to whoever has to say whether it is to be made again, and says what happens when nobody knows. */
export interface OnceOptions {
  /**
   * True for a call that may be made twice, since the second time changes nothing: one that is unknown is then simply made
   * again. Default false.
   */
  readonly idempotent?: boolean | undefined;
  /**
   * Says what becomes of a call that an earlier attempt has begun and nobody knows the outcome of. `ask` pauses the job with an
   * action of the type `tool_unknown`; `throw` throws `receipt_unknown`, and the job goes on. Default `ask`.
   */
  readonly unknown?: 'ask' | 'throw' | undefined;
  /** The name of the tool, shown to the person: 1 to 256 characters. Default: the key. */
  readonly name?: string | undefined;
  /** The arguments of the call, shown to the person: JSON. Too large for an event they are left out. Default: none. */
  readonly arguments?: unknown;
  /** More about the call, shown to the person: at most 16,000 characters. Left out with the arguments. Default: none. */
  readonly description?: string | undefined;
}

/** The call was made: by this attempt, or by an earlier one. */
export interface OnceMade<How extends 'called' | 'finished', Result = unknown> {
  /** `called`: it was made now · `finished`: an earlier attempt had made it, and its result is here as JSON carries it. */
  readonly outcome: How;
  /** The result of the call. */
  readonly result: Result;
}

/** There is no result of the call, which was not made now. */
export interface OnceUnmade {
  /**
   * `not_kept`: an earlier attempt had made it, and its result was too large to keep, or no JSON · `responded`: a person gave a
   * text in its place · `not_repeated`: a person said that it is not to be made again.
   */
  readonly outcome: 'not_kept' | 'responded' | 'not_repeated';
  /** There is none. */
  readonly result?: undefined;
  /** The person's text, for `responded`. */
  readonly text?: string | undefined;
  /** The person's reason, when one was given. */
  readonly reason?: string | undefined;
}

/** The answer of `once`. */
export type OnceOutcome<Result = unknown> =
  | OnceMade<'called', Result>
  | OnceMade<'finished', Result>
  | OnceUnmade;

/** A tool call of an earlier attempt, as a continuation lists it. */
export interface Receipt {
  /** The key that `once` was given. */
  readonly key: string;
  /** `unknown`: it was begun, and nobody knows whether it was made. */
  readonly state: 'finished' | 'failed' | 'unknown';
  /** The attempt that made it last. */
  readonly attempt: number;
  /** Says how often it was begun. */
  readonly runs: number;
  /** The time it was begun last: server time, milliseconds since 1970. */
  readonly begunAt: number;
  /** The time of its last step: server time, milliseconds since 1970. */
  readonly changedAt: number;
  /** True when `result` has what it gave; false when it is not kept, and of one that has not finished. */
  readonly isKept: boolean;
  /** The result of a finished call, as JSON carries it. */
  readonly result?: unknown;
  /** The decision of a person on an unknown call; absent while nobody has been asked, or has decided. */
  readonly decision?: Decision | undefined;
}
