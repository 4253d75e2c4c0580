/** The routes of a chat for servers that speak Web `Request` and `Response` (Next.js, Hono, Bun, Deno). */
import { errorReply } from '../http/replies.js';
import { responseOf, webRequestOf } from '../http/web-exchange.js';
import type { GenerationJobManager } from '../stream/interfaces/generation-job-manager.js';
import type { HostTypes, Untyped } from '../stream/model/host-types.js';
import { handOut } from '../stream/process/handed-out.js';
import { internalsOf } from '../stream/process/internals.js';
import type { ChatMessage } from './chat-messages.js';
import { type ChatHandlerOptions, parseChatHandlerOptions } from './chat-options.js';
import { ChatRoutes } from './chat-routes.js';

/**
 * Makes the same routes as `createChatRouter`, below `options.basePath`, which is the chat's `api`; any other path gets 404.
 *
 * @param options `authorize` and `onMessage` are required
 * @throws GenerationJobError `invalid_options`
 * @example
 * const handler = createChatHandler(manager, { basePath: '/api/chat', authorize, onMessage });
 * // In app/api/chat/[[...path]]/route.ts: export { handler as GET, handler as POST };
 */
export function createChatHandler<Message = ChatMessage, Types extends HostTypes = Untyped>(
  manager: GenerationJobManager<Types>,
  options: ChatHandlerOptions<Message, Types>,
): (request: Request) => Promise<Response> {
  const { authorize, basePath, ...settings } = parseChatHandlerOptions(options);
  const routes = new ChatRoutes(manager as unknown as GenerationJobManager, settings);
  const answer = async (request: Request): Promise<Response> => {
    const reply = await routes.answer(webRequestOf(request, basePath, () => authorize(request)));
    return responseOf(reply ?? errorReply('stream_not_found'), request);
  };
  const internals = internalsOf(manager as unknown as GenerationJobManager);
  return (request) => handOut(internals, 'createChatHandler', () => answer(request));
}
