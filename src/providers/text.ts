/** Plain text as a source: what most SDKs give as `textStream`, or the body of an answer over HTTP. */
import { GenerationJobError } from '../errors.js';
import type { ProviderStream } from './provider-stream.js';
import { nameOfRightSource } from './right-source.js';
import { type ProviderSource, providerSource, type Reading } from './source.js';

/** The name of the events that `fromTextStream` emits. */
const TEXT_EVENT = 'text';

/** A piece of text; bytes are UTF-8, and a character may lie in two pieces. */
export type TextPiece = string | Uint8Array;

/**
 * Makes a source of a stream of text, for `job.pipe`. Each piece becomes an event named `text` with `{ text }` as data, which is what
 * `textContent()` folds; empty pieces are left out. An error that the stream throws fails the job by name (`rate_limited`,
 * `overloaded`, `content_filtered`, `context_exceeded`, `model_failed`). Text has no end mark: a stream that just ends has ended.
 * @param stream an iterable or `ReadableStream` of strings or bytes, the promise of one, or a function that opens one and gets the
 *   job's signal
 * @throws GenerationJobError `invalid_argument` for what is no stream; when piped, for one that yields something else
 * @example
 * await job.pipe(fromTextStream((signal) => model.stream({ signal })));
 */
export function fromTextStream(
  stream: ProviderStream<TextPiece>,
): ProviderSource<typeof TEXT_EVENT, { readonly text: string }> {
  let decoder = new TextDecoder();
  const begin = (): Reading<TextPiece> => {
    decoder = new TextDecoder();
    return { take: () => ({}), usage: () => undefined, end: () => undefined };
  };
  const keep = (piece: TextPiece) => {
    const text = typeof piece === 'string' ? piece : decoder.decode(piece, { stream: true });
    return text === '' ? null : { text };
  };
  return providerSource({ name: 'fromTextStream', event: TEXT_EVENT, begin, check: checkPiece }, stream, {
    keep,
  });
}

function checkPiece(piece: unknown): void {
  if (typeof piece === 'string' || piece instanceof Uint8Array) return;
  const right = nameOfRightSource(piece);
  const hint = right === undefined ? 'pipe other items with a mapper.' : `did you mean ${right}?`;
  throw new GenerationJobError('invalid_argument', `fromTextStream: the stream yields no text; ${hint}`);
}
