/**
 * Answers that are not streams, errors among them. A client learns an error's code and the remedy from the table in
 * `errors.ts`, and nothing that was put into a message: ids, stacks and what other systems said stay here. The log gets
 * the code and where it was thrown, for the same reason without the message.
 */
import { ERROR_TABLE, type ErrorCode, isGenerationJobError } from '../errors.js';
import { ActionDecidedError } from '../stream/action-decided-error.js';
import type { Logger } from '../stream/logger.js';
import type { Resolution } from '../stream/types.js';
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

/** `details` stand beside code and message. */
export function errorReply(code: ErrorCode, headers: ReplyHeaders = {}, details: object = {}): Reply {
  const { status, remedy } = ERROR_TABLE[code];
  return jsonReply(status, { error: { code, message: remedy, ...details } }, headers);
}

/** The answer to whatever was thrown; what is not the client's doing is logged. */
export function replyToError(error: unknown, route: string, logger: Logger): Reply {
  const code = isGenerationJobError(error) ? error.code : 'internal';
  if (ERROR_TABLE[code].status >= 500) logError(error, route, logger);
  if (error instanceof ActionDecidedError)
    return errorReply(code, {}, { outcome: outcomeOf(error.resolution) });
  return errorReply(code);
}

/** What followers of the stream have been told as well. */
function outcomeOf({ actionId, by, at, decisions, answers, response }: Resolution): object {
  return { actionId, by, at, decisions, answers, response };
}

/** One record for an error, without its message: that may quote a prompt, a key or a URL. */
export function logError(error: unknown, route: string, logger: Logger): void {
  const code = isGenerationJobError(error) ? error.code : 'internal';
  logger.error({ route, code, thrown: nameOf(error), at: framesOf(error) }, 'request failed');
}

function nameOf(error: unknown): string {
  return error instanceof Error ? String(error.name) : typeof error;
}

/** Where it was thrown: the stack after the message. Empty when the two can't be told apart. */
function framesOf(error: unknown): string[] {
  if (!(error instanceof Error) || typeof error.stack !== 'string') return [];
  const message = String(error.message);
  const start = error.stack.indexOf(message);
  if (start < 0) return [];
  return error.stack
    .slice(start + message.length)
    .split('\n')
    .map((line) => line.trim())
    .filter((line) => line.startsWith('at '))
    .slice(0, 10);
}
