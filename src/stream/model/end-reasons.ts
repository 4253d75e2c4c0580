/** An attempt's end is told to its holder by a signal's reason, to clients by a failure. */
import type { EndReason } from '../../errors.js';
import { JobFailureError } from './job-failure.js';
import type { JobFailure, JobRecord } from './types.js';

/** The reasons of an attempt that its own commit ends. */
export const OWN_ENDS = {
  pause: 'paused',
  complete: 'completed',
  fail: 'failed',
} as const satisfies Record<string, EndReason>;

/** Returns the reason a refused commit ends the attempt. */
export function reasonOf(reply: { refusal: string; record?: JobRecord | undefined }): EndReason {
  switch (reply.refusal) {
    case 'gone':
      return 'gone';
    case 'paused':
      return 'paused';
    case 'replaced':
    case 'ended':
      return reasonOfRecord(reply.record);
    case 'sequence':
      return 'log_lost';
    default:
      return 'fenced';
  }
}

/** Says how an ended generation ended, in the words of a signal's reason. */
export function reasonOfRecord(record: JobRecord | undefined): EndReason {
  if (record === undefined) return 'gone';
  if (record.error?.code === 'producer_lost') return 'lease_lost';
  if (record.status === 'completed' || record.status === 'failed') return record.status;
  if (record.status === 'requires_action') return 'paused';
  if (record.status === 'running') return 'fenced';
  const code = record.error?.code;
  return code === 'replaced' || code === 'expired' ? code : 'aborted';
}

/**
 * Says whether a host threw it on purpose: then it is told to clients as it is. An `Error` must say `retryable` as
 * well: many have a `code`, and a message that is none of the clients' business.
 */
function isFailure(error: unknown): error is JobFailure {
  if (typeof error !== 'object' || error === null) return false;
  const { code, message, retryable } = error as Partial<JobFailure>;
  if (error instanceof Error && typeof retryable !== 'boolean') return false;
  return typeof code === 'string' && typeof message === 'string';
}

/** Says whether there is nothing more to an error than what clients are told. */
export function isWholeFailure(error: unknown): boolean {
  if (!(error instanceof Error)) return isFailure(error);
  return error instanceof JobFailureError && error.cause === undefined;
}

/** Returns what clients are told: of what a host did not throw on purpose, only that the producer failed. */
export function toFailure(error: unknown): JobFailure {
  if (!isFailure(error))
    return { code: 'producer_failed', message: 'The generation failed.', retryable: true };
  return {
    code: cut(error.code, LONGEST_CODE),
    message: cut(error.message, LONGEST_MESSAGE),
    retryable: error.retryable ?? false,
  };
}

/** UTF-16 units. A failure that is too long to be told would end as a lost producer, which says something else. */
const LONGEST_CODE = 128;
const LONGEST_MESSAGE = 4096;

function cut(text: string, longest: number): string {
  return text.length <= longest ? text : text.slice(0, longest);
}
