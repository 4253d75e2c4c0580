/**
 * The answer to errors of this library that a host's own routes throw, as the stream routes give it: a client that starts
 * a job by a host's route and follows it by ours meets one form of error.
 */
import type { ErrorRequestHandler } from 'express';
import { ERROR_TABLE, isGenerationJobError } from '../errors.js';
import { sendReply } from './node-exchange.js';
import { replyToGenerationJobError } from './replies.js';

/**
 * Makes an error handler, to be used after a host's routes: it answers errors of this library with their status, code and
 * remedy as JSON, as the stream routes do, and hands everything else on, as it does when the answer has begun. What is not
 * the client's doing (a status of 500 and above) is answered in the same way; log it in a handler before this one.
 *
 * @example
 * app.post('/chat', async (request, response) => {
 *   const { record } = await manager.createJob({ streamId: request.body.id, userId: request.user.id, onConflict: 'reject' });
 *   response.status(201).json({ generation: record.generation });
 * });
 * app.use(errorHandler()); // a ConflictError becomes 409 { error: { code: 'conflict', message } }
 */
export function errorHandler(): ErrorRequestHandler {
  return (error: unknown, request, response, next) => {
    if (!isGenerationJobError(error) || !Object.hasOwn(ERROR_TABLE, error.code) || response.headersSent) {
      next(error);
      return;
    }
    sendReply(replyToGenerationJobError(error), request, response, 'chunked');
  };
}
