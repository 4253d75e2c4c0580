/** The routes for workers, for servers that speak Web `Request` and `Response`. */
import { errorReply } from '../../http/replies.js';
import { responseOf, webRequestOf } from '../../http/web-exchange.js';
import type { GenerationJobManager } from '../../stream/interfaces/generation-job-manager.js';
import type { HostTypes, Untyped } from '../../stream/model/host-types.js';
import { handOut } from '../../stream/process/handed-out.js';
import { internalsOf } from '../../stream/process/internals.js';
import { snapshotRequestFrom, snapshotResponse } from '../../transcripts/http/adapters.js';
import { parseWebGatewayOptions, type WorkerHandlerOptions } from './gateway-options.js';
import { WorkerRoutes } from './worker-routes.js';

/**
 * Makes the same routes as `createWorkerRouter`, below `options.basePath`; any other path gets 404.
 *
 * @param options `keys` is required: the keys of run tokens
 * @throws GenerationJobError `invalid_options`
 * @example
 * const handler = createWorkerHandler(manager, { basePath: '/worker', keys });
 */
export function createWorkerHandler<Types extends HostTypes = Untyped>(
  manager: GenerationJobManager<Types>,
  options: WorkerHandlerOptions,
): (request: Request) => Promise<Response> {
  const { basePath, ...settings } = parseWebGatewayOptions(options);
  const routes = new WorkerRoutes(manager as unknown as GenerationJobManager, settings);
  const answer = async (request: Request): Promise<Response> => {
    const { pathname } = new URL(request.url);
    const path = pathname.startsWith(basePath) ? pathname.slice(basePath.length) : '';
    const transcript = await routes.transcript(path, () => snapshotRequestFrom(request));
    if (transcript !== undefined) return snapshotResponse(transcript);
    const reply = await routes.answer(webRequestOf(request, basePath, () => null));
    return responseOf(reply ?? errorReply('stream_not_found'), request);
  };
  const internals = internalsOf(manager as unknown as GenerationJobManager);
  return (request) => handOut(internals, 'createWorkerHandler', () => answer(request));
}
