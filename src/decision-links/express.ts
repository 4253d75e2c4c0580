/** The route for decision links, for Express 5 and 4, as one handler: nothing here loads Express. */
import type { Request, RequestHandler } from 'express';
import { routeRequestOf, sendReply } from '../http/node-exchange.js';
import { warnIfUntested } from '../peer-versions.js';
import type { GenerationJobManager } from '../stream/interfaces/generation-job-manager.js';
import type { HostTypes, Untyped } from '../stream/model/host-types.js';
import { type DecisionRouterOptions, parseDecisionRouterOptions } from './decision-options.js';
import { DecisionRoutes } from './decision-routes.js';

/**
 * Makes the route that decision links lead to, below wherever it is mounted: `GET /decide` shows what a link would decide, and decides
 * nothing; `POST /decide` decides. It looks at no session: the token is all that counts. Any replica answers any request.
 *
 * @param options `links` and `onResume` are required
 * @throws GenerationJobError `invalid_options`
 * @example
 * app.use('/api/chat', createDecisionRouter(manager, { links, onResume: (job, continuation) => goOn(job, continuation) }));
 */
export function createDecisionRouter<Types extends HostTypes = Untyped>(
  manager: GenerationJobManager<Types>,
  options: DecisionRouterOptions<Request, Types>,
): RequestHandler {
  const settings = parseDecisionRouterOptions(options);
  const routes = new DecisionRoutes(manager as unknown as GenerationJobManager, settings);
  warnIfUntested('express');
  return (request, response, next) => {
    const reply = routes.answer(routeRequestOf(request, request.url, () => null));
    if (reply === undefined) return next();
    reply.then((made) => sendReply(made, request, response, 'chunked')).catch(next);
  };
}
