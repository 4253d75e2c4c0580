/**
 * The body of a Node request, which belongs to whoever takes it first. Middleware before the routes may have parsed it,
 * read it, given it an encoding or paused it; what is there is used, and what can't come any more is refused by name
 * instead of being waited for.
 */
import type { IncomingMessage } from 'node:http';
import { MIB } from '../clock.js';
import { GenerationJobError } from '../errors.js';
import type { ReceivedBody } from './route-types.js';

/**
 * A refused body is read and dropped so far, so that a client that is still sending gets to read the refusal instead of
 * a reset connection. More than that is an attack, and is cut off.
 */
const LONGEST_DISCARDED = 16 * MIB;

export interface NodeRequest extends IncomingMessage {
  /** A body parser leaves this. */
  readonly body?: unknown;
  /** Those leave this who need a body as it came, to check a signature say. */
  readonly rawBody?: unknown;
}

/** Returns the body that something before us has taken off the request; undefined when nothing has. */
export function receivedBodyOf(request: NodeRequest): ReceivedBody | undefined {
  const { body, rawBody } = request;
  if (isUnparsed(body)) return { unparsed: body };
  if (!isEmpty(body)) return { value: body };
  if (isUnparsed(rawBody)) return { unparsed: rawBody };
  // The parsers of Express 4 leave an empty object where they have read nothing.
  return body !== undefined && request.readableDidRead ? { value: body } : undefined;
}

function isUnparsed(body: unknown): body is string | Uint8Array {
  return typeof body === 'string' || body instanceof Uint8Array;
}

function isEmpty(body: unknown): boolean {
  if (body === undefined || body === null) return true;
  return typeof body === 'object' && !Array.isArray(body) && Object.keys(body).length === 0;
}

/**
 * Reads the body, by events, because leaving an iterator of a request destroys its connection, and with it the refusal.
 *
 * @throws GenerationJobError `body_too_large` · `body_consumed` when something has read of it · `invalid_body` when it
 *   broke off · the reason of `signal`
 */
export function readBody(
  request: IncomingMessage,
  maxBytes: number,
  signal: AbortSignal,
): Promise<Uint8Array> {
  return new Promise((resolve, reject) => {
    const chunks: Buffer[] = [];
    let bytes = 0;
    const take = (chunk: Buffer | string) => {
      // A string when an encoding was set: its bytes are what came, except those that were no UTF-8.
      const piece =
        typeof chunk === 'string' ? Buffer.from(chunk, request.readableEncoding ?? 'utf8') : chunk;
      bytes += piece.length;
      if (bytes <= maxBytes) chunks.push(piece);
      else finish(new GenerationJobError('body_too_large', `The body exceeds ${maxBytes} bytes.`));
    };
    const end = () => finish();
    const breakOff = () => finish(new GenerationJobError('invalid_body', 'The body broke off.'));
    const giveUp = () => finish(signal.reason);
    const finish = (error?: unknown) => {
      request.off('data', take).off('end', end).off('close', breakOff).off('error', breakOff);
      signal.removeEventListener('abort', giveUp);
      if (error === undefined) resolve(Buffer.concat(chunks, bytes));
      else reject(error);
    };
    if (request.readableEnded || request.readableDidRead) {
      finish(new GenerationJobError('body_consumed', 'Something has read the body and left it nowhere.'));
    } else if (request.destroyed) breakOff();
    else {
      request.on('data', take).on('end', end).on('close', breakOff).on('error', breakOff);
      signal.addEventListener('abort', giveUp, { once: true });
      request.resume(); // also one that was paused
    }
  });
}

/** Reads and drops what is still to come of a body that was refused. */
export function discardRest(request: IncomingMessage): void {
  let bytes = 0;
  request.on('error', () => {});
  request.on('data', (chunk: Buffer | string) => {
    bytes += chunk.length;
    if (bytes > LONGEST_DISCARDED) request.destroy();
  });
  request.resume();
}
