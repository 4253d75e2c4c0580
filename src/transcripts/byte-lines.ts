/**
 * Lines of bytes, split at LF alone: JSON may hold U+2028 and a lone CR, which other splitters take for ends of lines. One CR
 * before the LF belongs to the end. A line longer than the bound is not kept, only counted.
 */

const LF = 10;
const CR = 13;

export interface ByteLine {
  /** Null of one that is longer than may be. */
  readonly bytes: Uint8Array | null;
  readonly size: number;
  /** False of what is behind the last LF. */
  readonly isEnded: boolean;
}

export class ByteLines {
  readonly #longest: number;
  #begun: Uint8Array[] = [];
  #size = 0;

  constructor(longest: number) {
    this.#longest = longest;
  }

  /** Returns the lines that end in these bytes. */
  *push(bytes: Uint8Array): Generator<ByteLine> {
    let from = 0;
    for (let at = bytes.indexOf(LF); at >= 0; at = bytes.indexOf(LF, from)) {
      this.#add(bytes.subarray(from, at));
      yield this.#take(true);
      from = at + 1;
    }
    this.#add(bytes.subarray(from));
  }

  /** Returns what is behind the last LF, if anything. */
  *end(): Generator<ByteLine> {
    if (this.#size > 0) yield this.#take(false);
  }

  #add(bytes: Uint8Array): void {
    if (bytes.length === 0) return;
    this.#size += bytes.length;
    if (this.#size > this.#longest) this.#begun = [];
    else this.#begun.push(Uint8Array.from(bytes));
  }

  #take(isEnded: boolean): ByteLine {
    const [size, begun] = [this.#size, this.#begun];
    this.#begun = [];
    this.#size = 0;
    if (size > this.#longest) return { bytes: null, size, isEnded };
    const line = Buffer.concat(begun, size);
    return { bytes: line.at(-1) === CR ? line.subarray(0, -1) : line, size, isEnded };
  }
}
