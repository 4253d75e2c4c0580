/**
 * Answers that are not streams, errors among them. A client learns an error's code and the remedy from the table in
 * `errors.ts`, and nothing that was put into a message: ids, stacks and what other systems said stay here, where the host
 * is told of them.
 */
import { ERROR_TABLE, type ErrorCode, type GenerationJobError, isGenerationJobError } from '../errors.js';
import { ActionDecidedError } from '../stream/approvals/action-decided-error.js';
import type { Resolution } from '../stream/model/types.js';
import type { ErrorReporter } from '../stream/process/error-reports.js';
import type { Reply, ReplyHeaders } from './route-types.js';

const NEVER_STORED: ReplyHeaders = {
  'cache-control': 'private, no-store',
  'x-content-type-options': 'nosniff',
};
const JSON_HEADERS: ReplyHeaders = { ...NEVER_STORED, 'content-type': 'application/json; charset=utf-8' };

/**
 * `no-transform` keeps compressing proxies and middleware from holding events back, `x-accel-buffering` nginx from
 * buffering them; `private, no-store` keeps one reader's stream out of shared caches.
 */
export const STREAM_HEADERS: ReplyHeaders = {
  'content-type': 'text/event-stream; charset=utf-8',
  'cache-control': 'no-cache, no-transform, no-store, private',
  'x-accel-buffering': 'no',
  'x-content-type-options': 'nosniff',
};

export function jsonReply(status: number, value: unknown, headers: ReplyHeaders = {}): Reply {
  return { kind: 'json', status, headers: { ...JSON_HEADERS, ...headers }, body: JSON.stringify(value) };
}

export function emptyReply(status: number, headers: ReplyHeaders = {}): Reply {
  return { kind: 'empty', status, headers: { ...NEVER_STORED, ...headers } };
}

/** Makes the reply to an error; `details` stand beside code and message. */
export function errorReply(code: ErrorCode, headers: ReplyHeaders = {}, details: object = {}): Reply {
  const { status, remedy } = ERROR_TABLE[code];
  return jsonReply(status, { error: { code, message: remedy, ...details } }, headers);
}

/** The host's `authorize` threw, or gave nothing that names a user. */
export class AuthorizeFailed extends Error {}

/** Makes the answer to whatever was thrown; what is not the client's doing is told to the host. */
export function replyToError(error: unknown, route: string, errors: ErrorReporter): Reply {
  const code = isGenerationJobError(error) ? error.code : 'internal';
  if (ERROR_TABLE[code].status >= 500) reportError(error, route, errors);
  return isGenerationJobError(error) ? replyToGenerationJobError(error) : errorReply(code);
}

/** Makes the answer to an error of ours; to a decision that came too late, with the outcome. */
export function replyToGenerationJobError(error: GenerationJobError): Reply {
  if (error instanceof ActionDecidedError)
    return errorReply(error.code, {}, { outcome: outcomeOf(error.resolution) });
  return errorReply(error.code);
}

/** Makes the outcome that followers of the stream have been told as well. */
export function outcomeOf({ actionId, by, at, decisions, answers, response }: Resolution): object {
  return { actionId, by, at, decisions, answers, response };
}

export function reportError(error: unknown, route: string, errors: ErrorReporter): void {
  const code = isGenerationJobError(error) ? error.code : 'internal';
  const details = { route, code };
  if (error instanceof AuthorizeFailed) errors.report({ where: 'authorize', error: error.cause, details });
  else errors.report({ where: 'route', error, details });
}
