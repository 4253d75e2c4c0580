/** The route for decision links, for servers that speak Web `Request` and `Response`. */
import { errorReply } from '../http/replies.js';
import { responseOf, webRequestOf } from '../http/web-exchange.js';
import type { GenerationJobManager } from '../stream/interfaces/generation-job-manager.js';
import type { HostTypes, Untyped } from '../stream/model/host-types.js';
import { handOut } from '../stream/process/handed-out.js';
import { internalsOf } from '../stream/process/internals.js';
import { type DecisionHandlerOptions, parseDecisionHandlerOptions } from './decision-options.js';
import { DecisionRoutes } from './decision-routes.js';

/**
 * Makes the same route as `createDecisionRouter`, below `options.basePath`; any other path gets 404.
 *
 * @param options `links` and `onResume` are required
 * @throws GenerationJobError `invalid_options`
 * @example
 * const handler = createDecisionHandler(manager, { basePath: '/api/chat', links, onResume: (job, continuation) => goOn(job, continuation) });
 */
export function createDecisionHandler<Types extends HostTypes = Untyped>(
  manager: GenerationJobManager<Types>,
  options: DecisionHandlerOptions<Types>,
): (request: Request) => Promise<Response> {
  const { basePath, ...settings } = parseDecisionHandlerOptions(options);
  const routes = new DecisionRoutes(manager as unknown as GenerationJobManager, settings);
  const answer = async (request: Request): Promise<Response> => {
    const reply = await routes.answer(webRequestOf(request, basePath, () => null));
    return responseOf(reply ?? errorReply('stream_not_found'), request);
  };
  const internals = internalsOf(manager as unknown as GenerationJobManager);
  return (request) => handOut(internals, 'createDecisionHandler', () => answer(request));
}
