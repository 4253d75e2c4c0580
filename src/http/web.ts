/**
 * The routes for servers that speak Web `Request` and `Response` (Hono, Next.js, Bun, Deno, a service worker).
 */
import { GenerationJobError } from '../errors.js';
import type { GenerationJobManager } from '../stream/interfaces/generation-job-manager.js';
import type { HostTypes, Untyped } from '../stream/model/host-types.js';
import { handOut } from '../stream/process/handed-out.js';
import { internalsOf } from '../stream/process/internals.js';
import { errorReply } from './replies.js';
import { parseHandlerOptions, type StreamHandlerOptions } from './route-options.js';
import type { Reply, RouteRequest } from './route-types.js';
import { StreamRoutes } from './stream-routes.js';
import { WebSink } from './web-sink.js';

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
    const url = new URL(request.url);
    const path = url.pathname.startsWith(basePath) ? url.pathname.slice(basePath.length) : '';
    const reply = await routes.answer({
      method: request.method,
      path,
      query: url.searchParams,
      host: request.headers.get('host') ?? url.host,
      header: (name) => request.headers.get(name) ?? undefined,
      hostRequest: request,
      authorize: async () => authorize(request),
      receivedBody: undefined,
      readBody: (maxBytes, signal) => readBody(request, maxBytes, signal),
    } satisfies RouteRequest);
    return responseOf(reply ?? errorReply('stream_not_found'), request);
  };
  const internals = internalsOf(manager as unknown as GenerationJobManager);
  return (request) => handOut(internals, 'createStreamHandler', () => answer(request));
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

async function readBody(request: Request, maxBytes: number, signal: AbortSignal): Promise<Uint8Array> {
  const { body } = request;
  if (request.bodyUsed || body?.locked) {
    throw new GenerationJobError('body_consumed', 'Something has read the body before.');
  }
  if (body === null) return new Uint8Array();
  const reader = body.getReader();
  const cancel = () => reader.cancel().catch(() => {}); // of what has broken off there is nothing to cancel
  signal.addEventListener('abort', cancel, { once: true });
  const chunks: Uint8Array[] = [];
  let bytes = 0;
  try {
    for (let read = await reader.read(); !read.done; read = await reader.read()) {
      bytes += read.value.length;
      if (bytes > maxBytes) break;
      chunks.push(read.value);
    }
  } catch (cause) {
    throw new GenerationJobError('invalid_body', 'The body broke off.', { cause });
  } finally {
    signal.removeEventListener('abort', cancel);
  }
  signal.throwIfAborted();
  if (bytes <= maxBytes) return Buffer.concat(chunks, bytes);
  void cancel();
  throw new GenerationJobError('body_too_large', `The body exceeds ${maxBytes} bytes.`);
}

export type { Authorize, OnResume, StreamHandlerOptions } from './route-options.js';
export type { Identity } from './route-types.js';
