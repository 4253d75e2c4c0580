/**
 * A Node response as a sink.
 *
 * Over HTTP/1.1 the body of a stream is framed in chunks, so that a client can tell a body that ended from a connection
 * that broke: only a whole body has a last chunk. The connection is closed with the body all the same: a reader of a
 * draining replica must not come back over a connection to that same replica. That it will be is said by a keep-alive
 * time of 0 and not by `connection: close`, because of which the fetch of Node 20 (undici 6) takes any end of a
 * connection for the end of the body, chunks or not. An HTTP/1.0 body ends with its connection.
 *
 * Node's own framing makes four writes of one, and Express gives every response another prototype, which makes each write
 * to it cost half as much again. So the session frames its texts itself, once for all readers of a batch, and they are
 * written to the socket. Where that would not be the same bytes, Node frames them: when the response still waits for its
 * turn on the connection, or the host has put something before its `write`.
 */
import { type IncomingMessage, ServerResponse } from 'node:http';
import type { Http2Stream } from 'node:http2';
import type { Socket } from 'node:net';
import type { Writable } from 'node:stream';
import type { Framing } from './route-options.js';
import type { SseSink } from './sse-sink.js';

/** The code of HTTP/2 for what was not the client's doing: without one a reset passes for an end. */
const INTERNAL_ERROR = 2;

/** Begins the response of a stream. */
export function prepareStream(request: IncomingMessage, response: ServerResponse, framing: Framing): void {
  if (request.httpVersionMajor === 1) {
    if (framing === 'chunked' && request.httpVersionMinor > 0) {
      response.setHeader('transfer-encoding', 'chunked');
      // A client that asked for the end of its connection is told so.
      response.setHeader('connection', response.shouldKeepAlive ? 'keep-alive' : 'close');
      response.setHeader('keep-alive', 'timeout=0');
    } else {
      response.removeHeader('transfer-encoding');
      response.setHeader('connection', 'close');
    }
    response.socket?.setNoDelay(true);
    response.socket?.setTimeout(0);
  }
  response.flushHeaders();
}

/** Gives the sink of a reader who is gone before the first word. */
export function closedSink(): SseSink {
  return {
    ...{ onDrain: undefined, onClose: undefined, closed: true, bufferedBytes: 0, isChunked: false },
    write: () => true,
    end: () => {},
    destroy: () => {},
  };
}

/** A response that `prepareStream` has begun; it is ended only by us or by the connection's end. */
export class NodeSink implements SseSink {
  onDrain: (() => void) | undefined;
  onClose: (() => void) | undefined;
  readonly isChunked: boolean;
  readonly #response: ServerResponse;
  /** The connection's socket; a response may be without one until its turn, and after its end. */
  readonly #socket: Socket;
  readonly #out: Writable;
  readonly #http2Stream: Http2Stream | undefined;
  /** A copy, because asking the response costs a tenth of a delivery. */
  #closed: boolean;

  constructor(request: IncomingMessage, response: ServerResponse) {
    const socket = request.httpVersionMajor === 1 ? bareSocketOf(response) : null;
    this.#response = response;
    this.#socket = request.socket;
    this.#http2Stream = http2StreamOf(request);
    this.#out = socket ?? response;
    this.isChunked = socket !== null && isFramed(response);
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

  end(isWhole: boolean): void {
    this.#closed = true;
    if (isWhole) this.#endWhole();
    else if (this.#http2Stream) this.destroy();
    else this.#breakOff();
  }

  destroy(): void {
    this.#closed = true;
    if (this.#http2Stream) this.#http2Stream.close(INTERNAL_ERROR);
    else this.#response.destroy();
  }

  #endWhole(): void {
    if (isFramed(this.#response)) this.#response.once('finish', () => this.#socket.destroySoon());
    // Without a callback: a host's own `end`, such as that of its sessions, may take one for a chunk.
    this.#response.end();
  }

  /** Leaves out the last chunk, where there would be one; what was written still goes out. */
  #breakOff(): void {
    if (!isFramed(this.#response)) this.#response.end();
    else if (this.#response.socket) this.#socket.end();
    else this.#response.destroy();
  }
}

function bareSocketOf(response: ServerResponse): Socket | null {
  return response.write === ServerResponse.prototype.write ? response.socket : null;
}

function isFramed(response: ServerResponse): boolean {
  return response.chunkedEncoding;
}

function http2StreamOf(
  request: IncomingMessage & { readonly stream?: Http2Stream },
): Http2Stream | undefined {
  return request.httpVersionMajor === 2 ? request.stream : undefined;
}
