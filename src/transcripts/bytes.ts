/**
 * Streams of bytes with bounds: none is read without its size, its digest or its end being looked at.
 */
import { createHash } from 'node:crypto';
import { MIB } from '../clock.js';
import { GenerationJobError } from '../errors.js';

/** The most bytes of a transcript. Some hundred kilobytes are usual; all the text of a long project is some 10 MiB. */
export const LARGEST_TRANSCRIPT = 64 * MIB;

export type Bytes = AsyncIterable<Uint8Array>;

/** Passes bytes on, as long as there are no more of them than that. @throws GenerationJobError `transcript_too_large` */
export async function* atMost(bytes: Bytes, maxBytes: number): AsyncGenerator<Uint8Array> {
  let size = 0;
  for await (const piece of bytes) {
    size += piece.length;
    if (size > maxBytes) throw tooLarge(maxBytes);
    yield piece;
  }
}

export function tooLarge(maxBytes: number): GenerationJobError {
  return new GenerationJobError('transcript_too_large', `The transcript exceeds ${maxBytes} bytes.`);
}

/** Passes bytes on. @throws GenerationJobError `transcript_damaged` unless they are so many, with that digest if it is known */
export async function* exactly(
  bytes: Bytes,
  { size, sha256 }: { readonly size: number; readonly sha256?: string | undefined },
): AsyncGenerator<Uint8Array> {
  const measure = new Measure();
  for await (const piece of bytes) {
    measure.add(piece);
    if (measure.size > size) break;
    yield piece;
  }
  const isSame = measure.size === size && (sha256 === undefined || measure.sha256() === sha256);
  if (!isSame)
    throw new GenerationJobError('transcript_damaged', 'The bytes are not those that were promised.');
}

/** Passes bytes on until the signal fires, also while it waits for some. @throws the reason of the signal */
export async function* until(bytes: Bytes, signal: AbortSignal): AsyncGenerator<Uint8Array> {
  const iterator = bytes[Symbol.asyncIterator]();
  let isAtEnd = false;
  let fire: (() => void) | undefined;
  const fired = new Promise<never>((_, reject) => {
    fire = () => reject(signal.reason);
    signal.addEventListener('abort', fire, { once: true });
  });
  fired.catch(() => {}); // it is raced below; after the last race nobody needs it
  try {
    for (;;) {
      signal.throwIfAborted();
      const next = await Promise.race([iterator.next(), fired]);
      if (next.done) {
        isAtEnd = true;
        return;
      }
      yield next.value;
    }
  } finally {
    if (fire) signal.removeEventListener('abort', fire);
    // Not awaited: an iterator that hangs in `next` would hang here too. What it throws has no reader any more.
    if (!isAtEnd) iterator.return?.().catch(() => {});
  }
}

/** The size and the digest of bytes as they pass. */
export class Measure {
  size = 0;
  readonly #hash = createHash('sha256');

  add(piece: Uint8Array): void {
    this.size += piece.length;
    this.#hash.update(piece);
  }

  /** Returns the digest in hexadecimal digits; nothing can be added after it. */
  sha256(): string {
    return this.#hash.digest('hex');
  }
}

/** Joins bytes into pieces of that many, but for the last one. */
export async function* inPiecesOf(bytes: Bytes, pieceBytes: number): AsyncGenerator<Buffer> {
  let waiting: Uint8Array[] = [];
  let size = 0;
  for await (let rest of bytes) {
    while (size + rest.length >= pieceBytes) {
      const taken = rest.subarray(0, pieceBytes - size);
      yield Buffer.concat([...waiting, taken], pieceBytes);
      rest = rest.subarray(taken.length);
      waiting = [];
      size = 0;
    }
    // A copy: whoever reads may fill the same memory again.
    if (rest.length > 0) waiting.push(Uint8Array.from(rest));
    size += rest.length;
  }
  if (size > 0) yield Buffer.concat(waiting, size);
}
