/**
 * The snapshot route's requests and replies as Node and the Web have them.
 */
import type { IncomingMessage, ServerResponse } from 'node:http';
import { pipeline } from 'node:stream/promises';
import { GenerationJobError } from '../../errors.js';
import { discardRest } from '../../http/node-body.js';
import type { SnapshotReply, SnapshotRequest } from './snapshot-route.js';

/** Makes a request of one of Node's, or Express's. Its signal fires when the connection closes before the reply is sent. */
export function snapshotRequestOf(request: IncomingMessage, response: ServerResponse): SnapshotRequest {
  const left = new AbortController();
  const leave = () => {
    if (!response.writableFinished) left.abort(new GenerationJobError('unavailable', 'The client has left.'));
  };
  response.once('close', leave);
  return {
    method: request.method ?? 'GET',
    header: (name) => {
      const value = request.headers[name];
      return Array.isArray(value) ? value.join(', ') : value;
    },
    body: () => bodyOf(request),
    signal: left.signal,
  };
}

async function* bodyOf(request: IncomingMessage): AsyncGenerator<Uint8Array> {
  if (request.readableDidRead || request.readableEnded)
    throw new GenerationJobError('body_consumed', 'Something has read the body before.');
  try {
    // Not destroyed when it is left, or the refusal could not be read.
    for await (const piece of request.iterator({ destroyOnReturn: false })) yield piece as Uint8Array;
  } catch (cause) {
    throw new GenerationJobError('invalid_body', 'The body broke off.', { cause });
  }
}

/**
 * Sends a reply. One whose bytes fail breaks the connection off: its length has been told already, so the client notices.
 * @throws what the bytes throw, when the reply has been broken off
 */
export async function sendSnapshot(
  { status, headers, body, over }: SnapshotReply,
  request: IncomingMessage,
  response: ServerResponse,
): Promise<void> {
  response.writeHead(status, headers);
  if (!request.complete) discardRest(request);
  if (body === null || typeof body === 'string') response.end(body ?? undefined);
  else await pipeline(body, response, { ...(over && { signal: over }) });
}

/** Makes a request of one of the Web's. */
export function snapshotRequestFrom(request: Request): SnapshotRequest {
  return {
    method: request.method,
    header: (name) => request.headers.get(name) ?? undefined,
    body: () => webBodyOf(request),
    signal: request.signal,
  };
}

async function* webBodyOf(request: Request): AsyncGenerator<Uint8Array> {
  if (request.bodyUsed || request.body?.locked)
    throw new GenerationJobError('body_consumed', 'Something has read the body before.');
  try {
    for await (const piece of request.body ?? []) yield piece as Uint8Array;
  } catch (cause) {
    throw new GenerationJobError('invalid_body', 'The body broke off.', { cause });
  }
}

/** Makes a response of the Web's. */
export function snapshotResponse({ status, headers, body, over }: SnapshotReply): Response {
  if (body === null || typeof body === 'string') return new Response(body, { status, headers });
  const iterator = body[Symbol.asyncIterator]();
  const stream = new ReadableStream<Uint8Array>({
    start(controller) {
      const giveUp = () => {
        controller.error(over?.reason);
        iterator.return?.().catch(() => {}); // it has been given up: nobody hears what it still throws
      };
      over?.addEventListener('abort', giveUp, { once: true });
    },
    async pull(controller) {
      const { done, value } = await iterator.next();
      if (done) controller.close();
      else controller.enqueue(value);
    },
    async cancel() {
      await iterator.return?.();
    },
  });
  return new Response(stream, { status, headers });
}
