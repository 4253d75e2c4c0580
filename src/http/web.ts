/**
 * The routes for servers that speak Web `Request` and `Response` (Hono, Next.js, Bun, Deno, a service worker).
 */
import type { GenerationJobManager } from '../stream/interfaces/generation-job-manager.js';
import type { HostTypes, Untyped } from '../stream/model/host-types.js';
import { handOut } from '../stream/process/handed-out.js';
import { internalsOf } from '../stream/process/internals.js';
import { errorReply } from './replies.js';
import { parseHandlerOptions, type StreamHandlerOptions } from './route-options.js';
import { StreamRoutes } from './stream-routes.js';
import { responseOf, webRequestOf } from './web-exchange.js';

/**
 * The same routes as `createStreamRouter`, below `options.basePath`; any other path gets 404.
 *
 * @throws GenerationJobError `invalid_options`
 * @example
 * const handler = createStreamHandler(manager, { basePath: '/api', authorize: (request) => sessionOf(request) });
 */
export function createStreamHandler<Types extends HostTypes = Untyped>(
  manager: GenerationJobManager<Types>,
  options: StreamHandlerOptions<Types>,
): (request: Request) => Promise<Response> {
  const { authorize, basePath, ...settings } = parseHandlerOptions(options);
  const routes = new StreamRoutes(manager as unknown as GenerationJobManager, settings);
  const answer = async (request: Request): Promise<Response> => {
    const reply = await routes.answer(webRequestOf(request, basePath, () => authorize(request)));
    return responseOf(reply ?? errorReply('stream_not_found'), request);
  };
  const internals = internalsOf(manager as unknown as GenerationJobManager);
  return (request) => handOut(internals, 'createStreamHandler', () => answer(request));
}

export type { Authorize, OnResume, StreamHandlerOptions } from './route-options.js';
export type { Identity } from './route-types.js';
