/**
 * The routes for servers that speak Web `Request` and `Response` (Hono, Next.js, Bun, Deno, a service worker).
 */
import { GenerationJobError } from '../errors.js';
import type { GenerationJobManager } from '../stream/generation-job-manager.js';
import { errorReply } from './replies.js';
import { parseRouteOptions, type StreamHandlerOptions } from './route-options.js';
import type { Reply, RouteRequest } from './route-types.js';
import { StreamRoutes } from './stream-routes.js';
import { WebSink } from './web-sink.js';

/**
 * The same routes as `createStreamRouter`, below `options.basePath`; any other path gets 404.
 *
 * @throws GenerationJobError `invalid_options`
 */
export function createStreamHandler(
  manager: GenerationJobManager,
  options: StreamHandlerOptions,
): (request: Request) => Promise<Response> {
  const { authorize, ...settings } = parseRouteOptions(options);
  const routes = new StreamRoutes(manager, settings);
  return async (request) => {
    const url = new URL(request.url);
    const path = url.pathname.startsWith(settings.basePath)
      ? url.pathname.slice(settings.basePath.length)
      : '';
    const reply = await routes.answer({
      method: request.method,
      path,
      query: url.searchParams,
      host: request.headers.get('host') ?? url.host,
      header: (name) => request.headers.get(name) ?? undefined,
      hostRequest: request,
      authorize: async () => authorize(request),
      parsedBody: undefined,
      readBody: (maxBytes) => readBody(request, maxBytes),
    } satisfies RouteRequest);
    return responseOf(reply ?? errorReply('stream_not_found'), request);
  };
}

function responseOf(reply: Reply, request: Request): Response {
  const { status } = reply;
  const headers = { ...reply.headers };
  if (reply.kind === 'empty') return new Response(null, { status, headers });
  if (reply.kind === 'json') {
    return new Response(request.method === 'HEAD' ? null : reply.body, { status, headers });
  }
  const sink = new WebSink(request.signal);
  reply.begin(sink);
  return new Response(sink.stream, { status, headers });
}

async function readBody(request: Request, maxBytes: number): Promise<Uint8Array> {
  const chunks: Uint8Array[] = [];
  let bytes = 0;
  // Leaving the loop cancels the body.
  for await (const chunk of request.body ?? []) {
    bytes += chunk.length;
    if (bytes > maxBytes)
      throw new GenerationJobError('body_too_large', `The body exceeds ${maxBytes} bytes.`);
    chunks.push(chunk);
  }
  return Buffer.concat(chunks, bytes);
}

export type { Authorize, Identity, OnResume, StreamHandlerOptions } from './route-options.js';
