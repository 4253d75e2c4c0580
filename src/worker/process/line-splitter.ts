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
/** A line that comes in pieces is held in a buffer of so much at first, which doubles. */
const HELD_BYTES = 16 * 1024;
const NOTHING = Buffer.alloc(0);

export class LineSplitter {
  readonly #mostBytes: number;
  /** The line that has not ended yet, in its first `#bytes`: copied, since a piece of a byte costs a hundred. */
  #held = NOTHING;
  #bytes = 0;
  #isTooLong = false;

  constructor(mostBytes: number) {
    this.#mostBytes = mostBytes;
  }

  /** Takes a chunk, and gives the lines that end in it. */
  *push(chunk: Buffer): Generator<SplitLine> {
    let from = 0;
    for (let at = chunk.indexOf(LF); at >= 0; at = chunk.indexOf(LF, from)) {
      const piece = chunk.subarray(from, at);
      from = at + 1;
      if (this.#bytes === 0) yield this.#lineOf(piece, piece.length);
      else {
        this.#hold(piece);
        yield this.#heldLine();
      }
    }
    this.#hold(chunk.subarray(from));
  }

  /** Gives the last line, when what was printed does not end with one's end. */
  *end(): Generator<SplitLine> {
    if (this.#bytes > 0) yield this.#heldLine();
  }

  #hold(piece: Buffer): void {
    const bytes = this.#bytes + piece.length;
    // A CR before the end is not counted, and only the end shows that it is one.
    if (!this.#isTooLong && bytes > this.#mostBytes + 1) {
      this.#isTooLong = true;
      const beginning = [this.#held.subarray(0, this.#bytes), piece.subarray(0, BEGINNING_BYTES)];
      // A copy, or the few bytes would hold all of them.
      this.#held = Buffer.from(Buffer.concat(beginning).subarray(0, BEGINNING_BYTES));
    }
    if (!this.#isTooLong) {
      if (bytes > this.#held.length) {
        const larger = Buffer.allocUnsafe(Math.max(HELD_BYTES, bytes, 2 * this.#held.length));
        this.#held.copy(larger, 0, 0, this.#bytes);
        this.#held = larger;
      }
      piece.copy(this.#held, this.#bytes);
    }
    this.#bytes = bytes;
  }

  #heldLine(): SplitLine {
    const [bytes, isTooLong] = [this.#bytes, this.#isTooLong];
    const line = isTooLong
      ? this.#tooLong(this.#held, bytes)
      : this.#lineOf(this.#held.subarray(0, bytes), bytes);
    this.#bytes = 0;
    this.#isTooLong = false;
    if (this.#held.length !== HELD_BYTES) this.#held = NOTHING;
    return line;
  }

  #lineOf(whole: Buffer, bytes: number): SplitLine {
    const line = whole.at(-1) === CR ? whole.subarray(0, -1) : whole;
    return line.length > this.#mostBytes ? this.#tooLong(line, bytes) : { text: line.toString('utf8') };
  }

  #tooLong(line: Buffer, bytes: number): SplitLine {
    return { tooLong: true, beginning: line.toString('utf8', 0, BEGINNING_BYTES), bytes };
  }
}
