/** Web requests and responses as the routes see them. */
import { GenerationJobError } from '../errors.js';
import type { Identity, Reply, RouteRequest } from './route-types.js';
import { WebSink } from './web-sink.js';

/** Makes a request as the routes see it: its path is what follows `basePath`, and empty where it does not. */
export function webRequestOf(
  request: Request,
  basePath: string,
  authorize: () => Identity | null | undefined | Promise<Identity | null | undefined>,
): RouteRequest {
  const url = new URL(request.url);
  return {
    method: request.method,
    path: url.pathname.startsWith(basePath) ? url.pathname.slice(basePath.length) : '',
    query: url.searchParams,
    host: request.headers.get('host') ?? url.host,
    header: (name) => request.headers.get(name) ?? undefined,
    hostRequest: request,
    authorize: async () => authorize(),
    receivedBody: undefined,
    readBody: (maxBytes, signal) => readBody(request, maxBytes, signal),
  };
}

/** Makes the response of a reply; a stream begins to write into it at once. */
export function responseOf(reply: Reply, request: Pick<Request, 'method' | 'signal'>): Response {
  const { status } = reply;
  const headers = { ...reply.headers };
  if (reply.kind === 'empty') return new Response(null, { status, headers });
  if ('body' in reply) {
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
