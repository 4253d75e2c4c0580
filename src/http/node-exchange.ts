/**
 * Node's request and response as the routes see them; works under Express 4 and 5 and under a bare `http` server.
 */
import type { IncomingMessage, ServerResponse } from 'node:http';
import { discardRest, type NodeRequest, readBody, receivedBodyOf } from './node-body.js';
import { closedSink, NodeSink, prepareStream } from './node-sink.js';
import type { Framing } from './route-options.js';
import type { Identity, Reply, RouteRequest } from './route-types.js';

/** Makes a request as the routes see it; `target` is its path and query below the mount point. */
export function routeRequestOf(
  request: NodeRequest,
  target: string,
  authorize: () => Identity | null | undefined | Promise<Identity | null | undefined>,
): RouteRequest {
  const queryAt = target.indexOf('?');
  return {
    method: request.method ?? 'GET',
    path: queryAt < 0 ? target : target.slice(0, queryAt),
    query: new URLSearchParams(queryAt < 0 ? '' : target.slice(queryAt + 1)),
    host: hostOf(request),
    header: (name) => {
      const value = request.headers[name];
      return Array.isArray(value) ? value.join(', ') : value;
    },
    hostRequest: request,
    authorize: async () => authorize(),
    receivedBody: receivedBodyOf(request),
    readBody: (maxBytes, signal) => readBody(request, maxBytes, signal),
  };
}

/**
 * Returns what the client addressed: over HTTP/2 that is `:authority`, and `host` is what a proxy has put there, if it has.
 */
function hostOf({ headers }: NodeRequest): string | undefined {
  const authority = headers[':authority'];
  return headers.host ?? (typeof authority === 'string' ? authority : undefined);
}

/**
 * Sends a reply.
 * @throws what the host has put in place of the response's own methods throws; a stream has no follower then
 */
export function sendReply(
  reply: Reply,
  request: IncomingMessage,
  response: ServerResponse,
  framing: Framing,
): void {
  if (response.headersSent || response.destroyed) {
    // The client left, or the host answers in our place, while a stream was being attached: it ends unread.
    if (reply.kind === 'stream') reply.begin(closedSink());
    return;
  }
  try {
    sendHead(reply, request, response, framing);
  } catch (error) {
    if (reply.kind === 'stream') reply.begin(closedSink());
    throw error;
  }
  if (reply.kind === 'stream') {
    reply.begin(new NodeSink(request, response));
    return;
  }
  if (!request.complete) discardRest(request);
  response.end('body' in reply ? reply.body : undefined);
}

/** Middleware before us has said these of a body that is not ours. */
const OF_ANOTHER_BODY = ['content-length', 'content-encoding', 'transfer-encoding', 'trailer'];

/** Sends status and headers. @throws what the host has put in place of the response's own methods throws */
function sendHead(reply: Reply, request: IncomingMessage, response: ServerResponse, framing: Framing): void {
  // Only what is there: Node frames no body whose length was ever taken back.
  for (const name of OF_ANOTHER_BODY) if (response.hasHeader(name)) response.removeHeader(name);
  response.statusCode = reply.status;
  for (const [name, value] of Object.entries(reply.headers)) {
    if (name === 'vary') response.appendHeader(name, value);
    else response.setHeader(name, value);
  }
  if ('body' in reply) response.setHeader('content-length', Buffer.byteLength(reply.body));
  if (reply.kind === 'stream') prepareStream(request, response, framing);
}
