/** The routes for workers, for Express 5 and 4, as one handler: nothing here loads Express. */
import type { RequestHandler } from 'express';
import { routeRequestOf, sendReply } from '../../http/node-exchange.js';
import type { GenerationJobManager } from '../../stream/interfaces/generation-job-manager.js';
import type { HostTypes, Untyped } from '../../stream/model/host-types.js';
import { sendSnapshot, snapshotRequestOf } from '../../transcripts/http/adapters.js';
import { parseGatewayOptions, type WorkerRouterOptions } from './gateway-options.js';
import { WorkerRoutes } from './worker-routes.js';

/**
 * Makes the routes that workers talk to, below wherever it is mounted: `POST /events`, `/pause`, `/usage`, `/heartbeat`, `/token` and
 * `/hook-fatal`, `GET /control`, and `GET`, `POST` and `DELETE /transcript/snapshot`. Whose run a request acts for stands in its run token alone. Any replica answers any request.
 *
 * Mount it before a body parser with a small limit, or beside it on a path of its own.
 *
 * @param options `keys` is required: the keys of run tokens
 * @throws GenerationJobError `invalid_options`
 * @example
 * app.use('/worker', createWorkerRouter(manager, { keys }));
 */
export function createWorkerRouter<Types extends HostTypes = Untyped>(
  manager: GenerationJobManager<Types>,
  options: WorkerRouterOptions,
): RequestHandler {
  const routes = new WorkerRoutes(manager as unknown as GenerationJobManager, parseGatewayOptions(options));
  return (request, response, next) => {
    const transcript = routes.transcript(request.path, () => snapshotRequestOf(request, response));
    if (transcript !== undefined) {
      // One that breaks off when it has begun has been told to the host by the route, and to the worker by its length.
      const fail = (error: unknown) => (response.headersSent ? response.destroy() : next(error));
      transcript.then((made) => sendSnapshot(made, request, response)).catch(fail);
      return;
    }
    const reply = routes.answer(routeRequestOf(request, request.url, () => null));
    if (reply === undefined) return next();
    reply.then((made) => sendReply(made, request, response, 'chunked')).catch(next);
  };
}
