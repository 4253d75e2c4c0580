/** The end of an attempt as its gateway tells it, in the words of a store: so a worker's handle ends for the same reasons. */
import type { EndReason } from '../../errors.js';
import type { Refusal } from '../../stream/interfaces/commits.js';
import { isObject } from '../../stream/model/plain-values.js';
import type { JobFailure, JobRecord } from '../../stream/model/types.js';
import type { HttpAnswer } from '../outbox/delivery.js';

const REASONS: ReadonlySet<string> = new Set<EndReason>([
  'completed',
  'failed',
  'aborted',
  'replaced',
  'expired',
  'paused',
  'fenced',
  'log_lost',
  'lease_lost',
  'gone',
]);
/** Codes by which a gateway says that an attempt is over. */
const CODES: ReadonlyMap<string, EndReason> = new Map([
  ['fenced', 'fenced'],
  ['generation_ended', 'aborted'],
  ['run_paused', 'paused'],
  ['stream_not_found', 'gone'],
]);

/** The part of an answer that names an error. */
export function errorIn({ body }: HttpAnswer): Readonly<Record<string, unknown>> {
  const error = isObject(body) ? body.error : undefined;
  return isObject(error) ? error : {};
}

/** Returns why the attempt is over, by an answer of the gateway; undefined when the answer does not say that it is. */
export function endIn(answer: HttpAnswer): EndReason | undefined {
  const { code, reason } = errorIn(answer);
  if (answer.status !== 409 && answer.status !== 404) return undefined;
  const known = typeof code === 'string' ? CODES.get(code) : undefined;
  return known && asEndReason(reason, known);
}

/** Reads a reason that was told or kept as text. */
export function asEndReason(reason: unknown, byDefault: EndReason): EndReason {
  return typeof reason === 'string' && REASONS.has(reason) ? (reason as EndReason) : byDefault;
}

/** The refusal that a store would give, with as much of the record as says why. */
export function refusalOf(
  reason: EndReason,
  record: JobRecord,
): { readonly refusal: Refusal; readonly record: JobRecord } {
  const ended = (status: JobRecord['status'], code?: string): JobRecord => ({
    ...record,
    status,
    ...(code !== undefined && { error: failure(code) }),
  });
  switch (reason) {
    case 'completed':
    case 'failed':
    case 'aborted':
      return { refusal: 'ended', record: ended(reason) };
    case 'replaced':
    case 'expired':
      return { refusal: 'ended', record: ended('aborted', reason) };
    case 'lease_lost':
      return { refusal: 'ended', record: ended('failed', 'producer_lost') };
    case 'paused':
    case 'gone':
      return { refusal: reason, record };
    case 'log_lost':
      return { refusal: 'sequence', record };
    default:
      return { refusal: 'fenced', record };
  }
}

function failure(code: string): JobFailure {
  return { code, message: code, retryable: false };
}
