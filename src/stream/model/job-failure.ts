/**
 * A host says in its own words that a job has failed. What it says goes to clients, so it is taken strictly: with a
 * misspelt `retryable`, nobody would try again.
 */
import { z } from 'zod';
import { parseStrictly } from './strict.js';
import type { JobFailure } from './types.js';

const failureSchema = z.strictObject({
  code: z.string(),
  message: z.string(),
  retryable: z.boolean().default(false),
});

/** A producer throws it to say on purpose that its job has failed: all of it is told to clients, except the `cause`. */
export class JobFailureError extends Error {
  /** The name of the class, as every error has one. */
  override readonly name = 'JobFailureError';
  /** The host's own word for what went wrong. */
  readonly code: string;
  /** True when the same request may succeed when it is made again. */
  readonly retryable: boolean;

  /**
   * @param failure told to clients as it is; `retryable` is false by default
   * @param options `cause` stays on the server, where `onError` and the log get it
   * @throws GenerationJobError `invalid_argument` naming each key and value that is not known
   */
  constructor(
    failure: Omit<JobFailure, 'retryable'> & { readonly retryable?: boolean | undefined },
    options?: { cause?: unknown },
  ) {
    const { code, message, retryable } = parseStrictly('invalid_argument', failureSchema, failure, 'failure');
    super(message, options);
    this.code = code;
    this.retryable = retryable;
  }
}
