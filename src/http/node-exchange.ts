/**
 * Node's request and response as the routes see them; works under Express 4 and 5 and under a bare `http` server.
 */
import { type IncomingMessage, ServerResponse } from 'node:http';
import type { Socket } from 'node:net';
import type { Writable } from 'node:stream';
import { discardRest, type NodeRequest, readBody, receivedBodyOf } from './node-body.js';
import type { Identity } from './route-options.js';
import type { Reply, RouteRequest } from './route-types.js';
import type { SseSink } from './sse-sink.js';

/** `target` is the request's path and query below the mount point. */
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
    host: request.headers.host,
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

/** @throws what the host has put in place of the response's own methods throws; a stream has no follower then */
export function sendReply(reply: Reply, request: IncomingMessage, response: ServerResponse): void {
  if (response.headersSent || response.destroyed) {
    // The client left, or the host answers in our place, while a stream was being attached: it ends unread.
    if (reply.kind === 'stream') reply.begin(closedSink());
    return;
  }
  try {
    sendHead(reply, request, response);
  } catch (error) {
    if (reply.kind === 'stream') reply.begin(closedSink());
    throw error;
  }
  if (reply.kind === 'stream') {
    reply.begin(new NodeSink(response, request.httpVersionMajor === 1 ? bareSocketOf(response) : null));
    return;
  }
  if (!request.complete) discardRest(request);
  response.end(reply.kind === 'json' ? reply.body : undefined);
}

/** What middleware before us has said of a body that is not ours. */
const OF_ANOTHER_BODY = ['content-length', 'content-encoding', 'transfer-encoding', 'trailer'];

/** @throws what the host has put in place of the response's own methods throws */
function sendHead(reply: Reply, request: IncomingMessage, response: ServerResponse): void {
  // Only what is there: Node frames no body whose length was ever taken back.
  for (const name of OF_ANOTHER_BODY) if (response.hasHeader(name)) response.removeHeader(name);
  response.statusCode = reply.status;
  for (const [name, value] of Object.entries(reply.headers)) response.setHeader(name, value);
  if (reply.kind === 'json') response.setHeader('content-length', Buffer.byteLength(reply.body));
  if (reply.kind !== 'stream') return;
  if (request.httpVersionMajor === 1) prepareConnection(response);
  response.flushHeaders();
}

/**
 * A stream's body ends with its connection instead of being framed in chunks: framing costs a sixth of the CPU of a
 * delivery, and a reader of a draining replica must not reconnect over a connection to that same replica.
 */
function prepareConnection(response: ServerResponse): void {
  response.setHeader('connection', 'close');
  response.removeHeader('transfer-encoding');
  response.socket?.setNoDelay(true);
  response.socket?.setTimeout(0);
}

/**
 * The socket of a response whose body is not framed: what is written to either is the same bytes, and Express gives
 * every response another prototype, which makes each write to it cost half as much again. Null when the two are not
 * the same: the response still waits for its turn on the connection, or the host has put something before its `write`.
 */
function bareSocketOf(response: ServerResponse): Socket | null {
  return response.write === ServerResponse.prototype.write ? response.socket : null;
}

/** Of a reader who is gone before the first word. */
function closedSink(): SseSink {
  return {
    ...{ onDrain: undefined, onClose: undefined, closed: true, bufferedBytes: 0 },
    write: () => true,
    end: () => {},
    destroy: () => {},
  };
}

/** A response as a sink; it is ended only by us or by the connection's end. */
class NodeSink implements SseSink {
  onDrain: (() => void) | undefined;
  onClose: (() => void) | undefined;
  readonly #response: ServerResponse;
  readonly #out: Writable;
  /** Kept here because asking the response costs a tenth of a delivery. */
  #closed: boolean;

  constructor(response: ServerResponse, socket: Socket | null = null) {
    this.#response = response;
    this.#out = socket ?? response;
    this.#closed = response.destroyed || response.writableEnded;
    this.#out.on('drain', () => this.onDrain?.());
    response.once('close', () => {
      this.#closed = true;
      this.onClose?.();
    });
    // What a broken connection makes of a write is told by `close` as well.
    response.on('error', () => response.destroy());
  }

  get closed(): boolean {
    return this.#closed;
  }

  get bufferedBytes(): number {
    return this.#response.writableLength;
  }

  write(text: string): boolean {
    return this.#closed || this.#out.write(text);
  }

  end(): void {
    this.#closed = true;
    this.#response.end();
  }

  destroy(): void {
    this.#closed = true;
    this.#response.destroy();
  }
}
