/**
 * Splits what a process prints into lines, on bytes: at LF alone, with one CR before it left out. A character may be cut in
 * two between chunks, and a line holds whatever else its author calls a line's end (U+2028, a lone CR). A line beyond the
 * bound is given up at once, and costs no more than the bound; the next one is read as any other.
 */

/** A line's text, or of one that is too long its beginning and size. */
export type SplitLine =
  | { readonly text: string }
  | { readonly tooLong: true; readonly beginning: string; readonly bytes: number };

const LF = 0x0a;
const CR = 0x0d;
const BEGINNING_BYTES = 512;

export class LineSplitter {
  readonly #mostBytes: number;
  /** The pieces of the line that has not ended yet; joined once, at its end. */
  #pieces: Buffer[] = [];
  #bytes = 0;
  #isTooLong = false;

  constructor(mostBytes: number) {
    this.#mostBytes = mostBytes;
  }

  /** Takes a chunk, and gives the lines that end in it. */
  *push(chunk: Buffer): Generator<SplitLine> {
    let from = 0;
    for (let at = chunk.indexOf(LF); at >= 0; at = chunk.indexOf(LF, from)) {
      this.#take(chunk.subarray(from, at));
      from = at + 1;
      yield this.#line();
    }
    this.#take(chunk.subarray(from));
  }

  /** Gives the last line, when what was printed does not end with one's end. */
  *end(): Generator<SplitLine> {
    if (this.#bytes > 0) yield this.#line();
  }

  #take(piece: Buffer): void {
    if (piece.length === 0) return;
    this.#bytes += piece.length;
    if (this.#isTooLong) return;
    this.#pieces.push(piece);
    // A CR before the end is not counted, and only the end shows that it is one.
    if (this.#bytes <= this.#mostBytes + 1) return;
    this.#isTooLong = true;
    // A copy, or the few bytes would hold all of them.
    this.#pieces = [Buffer.from(Buffer.concat(this.#pieces).subarray(0, BEGINNING_BYTES))];
  }

  #line(): SplitLine {
    const whole = this.#pieces.length === 1 ? (this.#pieces[0] as Buffer) : Buffer.concat(this.#pieces);
    const bytes = this.#bytes;
    const isTooLong = this.#isTooLong;
    this.#pieces = [];
    this.#bytes = 0;
    this.#isTooLong = false;
    const line = !isTooLong && whole.at(-1) === CR ? whole.subarray(0, -1) : whole;
    if (isTooLong || line.length > this.#mostBytes)
      return { tooLong: true, beginning: line.toString('utf8', 0, BEGINNING_BYTES), bytes };
    return { text: line.toString('utf8') };
  }
}
