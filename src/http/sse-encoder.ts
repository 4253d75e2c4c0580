/**
 * A batch of log events becomes the text of a server-sent event stream (WHATWG HTML, section 9.2). The text of a batch
 * is made once for all who follow: the hub hands the same `events` array to every follower at the same place, so the
 * array itself is the key of the memo, and the text goes when the array goes.
 *
 * An event is `id: <cursor>`, `event: <name>`, `data: <one line of JSON>` and a blank line. What is in no log and at no place
 * (`gap`, `gone`, `settled`: attempt 0) carries no id: nobody can go on from it, and a browser must keep the last one it has. A field with CR, LF or NUL
 * would be read as another field, or end the event; it is refused, never repaired. Nothing else is special to a parser
 * (U+2028, a BOM inside the text, `data:` inside the data), so nothing else is touched.
 */
import { GenerationJobError } from '../errors.js';
import { formatCursor } from '../stream/model/cursor.js';
import type { Batch, LogEvent } from '../stream/model/types.js';

type Texts = WeakMap<readonly LogEvent[], string>;
const texts: Texts = new WeakMap();
const chunks: Texts = new WeakMap();

/**
 * Gives the text of a batch, framed for readers whose sinks are chunked; the same string for the same array of events.
 * @throws GenerationJobError `invalid_event` when a field can't be written without changing what a parser reads
 */
export function encodeBatch(batch: Batch, isChunked = false): string {
  const made = isChunked ? chunks : texts;
  const known = made.get(batch.events);
  if (known !== undefined) return known;
  let text = '';
  for (const { event, data, sequence, attempt } of batch.events) {
    text += encodeEvent(attempt > 0 ? formatCursor(batch.generation, sequence) : undefined, event, data);
  }
  if (isChunked) text = inChunk(text);
  made.set(batch.events, text);
  return text;
}

/**
 * Frames a text as one chunk of an HTTP/1.1 body (RFC 9112, section 7.1), which counts bytes. An empty one would be the
 * last.
 */
export function inChunk(text: string): string {
  return text === '' ? '' : `${Buffer.byteLength(text).toString(16)}\r\n${text}\r\n`;
}

/**
 * One event. `data` must already be one line of JSON text.
 * @throws GenerationJobError `invalid_event` when a field holds CR or LF, or the id or name NUL
 */
export function encodeEvent(id: string | undefined, event: string, data: string): string {
  if (breaksLine(event) || event.includes('\0')) refuse('name');
  if (breaksLine(data)) refuse('data');
  if (id === undefined) return `event: ${event}\ndata: ${data}\n\n`;
  if (breaksLine(id) || id.includes('\0')) refuse('id');
  return `id: ${id}\nevent: ${event}\ndata: ${data}\n\n`;
}

/** Encodes a comment, which keeps a connection alive and is read by nobody. */
export function encodeComment(text: string): string {
  if (breaksLine(text)) refuse('comment');
  return `: ${text}\n\n`;
}

/** Encodes how long the client waits before it reconnects, in whole milliseconds. */
export function encodeRetry(ms: number): string {
  return `retry: ${Math.round(ms)}\n\n`;
}

/** Encodes a place alone: a browser that loses the connection before the first event comes back with it. */
export function encodePlace(cursor: string): string {
  if (breaksLine(cursor) || cursor.includes('\0')) refuse('id');
  return `id: ${cursor}\n\n`;
}

function breaksLine(text: string): boolean {
  return text.includes('\n') || text.includes('\r');
}

function refuse(field: string): never {
  throw new GenerationJobError(
    'invalid_event',
    `The event’s ${field} holds a character that would break the stream.`,
  );
}
