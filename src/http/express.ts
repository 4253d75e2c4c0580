/**
 * The routes for Express 5 and 4, as one handler: nothing here loads Express, and nothing depends on what else the app has
 * installed. A body that middleware has taken is used, one that nobody has is read here, and a path that is not ours goes
 * on to the next handler. A handler and not a router, so that `authorize` finds the parameters of the mount path.
 */
import type { Request, RequestHandler } from 'express';
import { warnIfUntested } from '../peer-versions.js';
import type { GenerationJobManager } from '../stream/interfaces/generation-job-manager.js';
import type { HostTypes, Untyped } from '../stream/model/host-types.js';
import { routeRequestOf, sendReply } from './node-exchange.js';
import { parseRouterOptions, type StreamRouterOptions } from './route-options.js';
import { StreamRoutes } from './stream-routes.js';

/**
 * `GET /stream/:streamId`, `GET /status/:streamId`, `GET /active`, `POST /abort` and, with `onResume`, `POST /resume`;
 * where the manager has the hook `startQueued`, `GET /queue/:streamId` and `POST /queue/cancel`, `/queue/move` and `/queue/resume`;
 * where it has `rules`, `GET /rules` and `DELETE /rules/:ruleId`; below wherever it is mounted. Parameters of the mount path (`/tenants/:tenantId/streams`) are in the request's `params`.
 *
 * Behind a proxy that changes the `Host` header, name the page's origin in `allowedOrigins`.
 *
 * @param options `authorize` is required: it says on whose behalf a request acts, from the session or token only
 * @throws GenerationJobError `invalid_options`
 * @example
 * app.use('/api', createStreamRouter(manager, { authorize: (request) => sessionOf(request) }));
 */
export function createStreamRouter<Types extends HostTypes = Untyped>(
  manager: GenerationJobManager<Types>,
  options: StreamRouterOptions<Request, Types>,
): RequestHandler {
  const { authorize, framing, ...settings } = parseRouterOptions(options);
  const routes = new StreamRoutes(manager as unknown as GenerationJobManager, settings);
  warnIfUntested('express');
  return (request, response, next) => {
    const reply = routes.answer(routeRequestOf(request, request.url, () => authorize(request)));
    if (reply === undefined) return next();
    reply.then((made) => sendReply(made, request, response, framing)).catch(next);
  };
}

export { errorHandler } from './express-errors.js';
export type { Authorize, OnResume, StreamRouterOptions } from './route-options.js';
export type { Identity } from './route-types.js';
export { SERVER_OPTIONS } from './server-options.js';
