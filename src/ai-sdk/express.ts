/** The routes of a chat for Express 5 and 4, as one handler: nothing here loads Express. */
import type { Request, RequestHandler } from 'express';
import { routeRequestOf, sendReply } from '../http/node-exchange.js';
import { warnIfUntested } from '../peer-versions.js';
import type { GenerationJobManager } from '../stream/interfaces/generation-job-manager.js';
import type { HostTypes, Untyped } from '../stream/model/host-types.js';
import type { ChatMessage } from './chat-messages.js';
import { type ChatRouterOptions, parseChatRouterOptions } from './chat-options.js';
import { ChatRoutes } from './chat-routes.js';

/**
 * Makes the routes that `useChat` speaks to, below wherever it is mounted, which is its `api`: `POST /` to start an answer, to go
 * on with one or to decide what it asks, `GET /:chatId/stream` to resume it, `POST /:chatId/stop` to stop it. Any replica answers
 * any request. The manager needs the content model of `uiMessageContent()`.
 *
 * @param options `authorize` and `onMessage` are required
 * @throws GenerationJobError `invalid_options`
 * @example
 * app.use('/api/chat', createChatRouter(manager, {
 *   authorize: (request) => sessionOf(request),
 *   onMessage: async ({ messages, job }: ChatInput<UIMessage>) =>
 *     streamText({ model, messages: await convertToModelMessages(messages), abortSignal: job.signal }),
 * }));
 */
export function createChatRouter<Message = ChatMessage, Types extends HostTypes = Untyped>(
  manager: GenerationJobManager<Types>,
  options: ChatRouterOptions<Message, Request, Types>,
): RequestHandler {
  const { authorize, framing, ...settings } = parseChatRouterOptions(options);
  const routes = new ChatRoutes(manager as unknown as GenerationJobManager, settings);
  warnIfUntested('express');
  return (request, response, next) => {
    const reply = routes.answer(routeRequestOf(request, request.url, () => authorize(request)));
    if (reply === undefined) return next();
    reply.then((made) => sendReply(made, request, response, framing)).catch(next);
  };
}
