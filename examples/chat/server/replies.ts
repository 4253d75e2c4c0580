/**
 * How the example's own routes refuse: the library's shape, `{ error: { code, message } }`, and the library's codes and
 * statuses wherever the library has a word for it. Nothing unexpected is told to a client.
 */
import type { ErrorRequestHandler, Request, RequestHandler, Response } from 'express';
import { ERROR_TABLE, isGenerationJobError } from 'generation-jobs';
import type { Logger } from 'pino';
import { z } from 'zod';
import type { Identity } from '../conversations/conversations.js';
import { UnknownRecordingError } from '../playing/answers.js';
import { identityOf } from './identity.js';

interface Refusal {
  readonly status: number;
  readonly code: string;
  readonly message: string;
}

function refuse(response: Response, { status, code, message }: Refusal): void {
  response.status(status).json({ error: { code, message } });
}

/** Runs the handler for a request that names a user; 401 otherwise. */
export function withIdentity(
  handler: (owner: Identity, request: Request, response: Response) => unknown,
): RequestHandler {
  return async (request, response) => {
    const owner = identityOf(request);
    if (owner) return handler(owner, request, response);
    return refuse(response, {
      status: 401,
      code: 'unauthorized',
      message: 'The request names no user. Send x-user-id, or open the page first.',
    });
  };
}

/** Browsers say where a POST comes from: another site's page must not start answers in this user's name. */
export const sameOriginOnly: RequestHandler = (request, response, next) => {
  const { origin, host } = request.headers;
  if (origin === undefined || (URL.canParse(origin) && new URL(origin).host === host)) return next();
  return refuse(response, known('origin_refused', 'The request comes from another site.'));
};

/** Express leaves other types unread, and the request would look empty instead of wrong. */
export const jsonOnly: RequestHandler = (request, response, next) => {
  if (request.is('application/json')) return next();
  return refuse(response, known('unsupported_media_type', 'Send application/json.'));
};

export const notFound: RequestHandler = (_request, response) =>
  refuse(response, { status: 404, code: 'not_found', message: 'There is nothing here.' });

export function errorHandler(logger: Logger): ErrorRequestHandler {
  return (error, request, response, next) => {
    if (response.headersSent) return next(error);
    const refusal = refusalFor(error);
    if (refusal.status >= 500) logger.error({ err: error, method: request.method }, 'a request failed');
    return refuse(response, refusal);
  };
}

function refusalFor(error: unknown): Refusal {
  // The remedy and not the message: a message may name what the caller has no business to know.
  if (isGenerationJobError(error)) return known(error.code, error.remedy);
  if (error instanceof UnknownRecordingError) {
    return { status: 400, code: 'unknown_recording', message: error.message };
  }
  if (error instanceof z.ZodError) {
    const issues = error.issues.map((issue) => `${issue.path.join('.') || 'body'}: ${issue.message}`);
    return known('invalid_body', issues.join('; '));
  }
  return bodyRefusal(error) ?? known('internal', 'The request failed.');
}

/** What Express's own body reader throws. */
function bodyRefusal(error: unknown): Refusal | undefined {
  switch (error instanceof Error && 'type' in error ? error.type : undefined) {
    case 'entity.too.large':
      return known('body_too_large', 'The body is too large.');
    case 'encoding.unsupported':
    case 'charset.unsupported':
      return known('unsupported_media_type', 'The body’s encoding is not supported.');
    case 'entity.parse.failed':
    case 'entity.verify.failed':
    case 'request.aborted':
    case 'request.size.invalid':
      return known('invalid_body', 'The body is not JSON.');
    default:
      return undefined;
  }
}

function known(code: keyof typeof ERROR_TABLE, message: string): Refusal {
  return { status: ERROR_TABLE[code].status, code, message };
}
