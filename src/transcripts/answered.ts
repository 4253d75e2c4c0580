/** Clients learn nothing from what a database or a file system throws: they are told that the store did not answer. */
import { GenerationJobError, isGenerationJobError } from '../errors.js';

/**
 * Waits for the answer of a store.
 * @throws GenerationJobError its own, or `unavailable` with what else was thrown as `cause`; the reason of `signal` if it fired
 */
export async function answered<Answer>(
  work: () => Promise<Answer>,
  signal?: AbortSignal | undefined,
): Promise<Answer> {
  try {
    return await work();
  } catch (cause) {
    throw unavailable(cause, signal);
  }
}

function unavailable(cause: unknown, signal: AbortSignal | undefined): unknown {
  if (isGenerationJobError(cause) || (signal?.aborted && cause === signal.reason)) return cause;
  return new GenerationJobError('unavailable', 'The store of transcripts failed.', { cause });
}
