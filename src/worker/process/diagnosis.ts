/**
 * A process's diagnosis: what a host is told of a run beside its answer. All of it is bounded, and none of it is for
 * clients.
 */

export interface ProcessDiagnosis {
  /** The id of the process, which is also that of its group; undefined when it did not start. */
  readonly pid: number | undefined;
  /** The exit code; undefined while it runs, and of one that a signal ended. */
  readonly exitCode: number | undefined;
  /** The name of the signal that ended it; undefined of one that exited. */
  readonly signal: string | undefined;
  /** The end of what it wrote to standard error: at most 8 KiB. */
  readonly stderr: string;
  /** The number of lines that were read. */
  readonly lines: number;
  /** Lines that are no JSON objects, or too long: how many, and the beginnings of the first 16. */
  readonly badLines: {
    /** The number of bad lines. */
    readonly count: number;
    /** The beginnings of the first 16, of at most 512 characters each. */
    readonly kept: readonly string[];
  };
  /** Counts, by kind, the lines that the mapper did not know: at most 64 kinds, and `others` beyond. */
  readonly unknownLines: Readonly<Record<string, number>>;
  /** The agent's own name for its session, when it told one. */
  readonly session: string | undefined;
}

const MOST_KEPT = 16;
const LONGEST_KEPT = 512;
const MOST_KINDS = 64;

/** Counts what is odd in the lines of a run, and keeps some of it. */
export class LineCounts {
  #lines = 0;
  #bad = 0;
  readonly #kept: string[] = [];
  readonly #unknown = new Map<string, number>();

  line(): void {
    this.#lines++;
  }

  bad(text: string): void {
    this.#bad++;
    if (this.#kept.length < MOST_KEPT) this.#kept.push(copyOf(text.slice(0, LONGEST_KEPT)));
  }

  unknown(kind: string): void {
    const isNew = !this.#unknown.has(kind);
    const counted = isNew && this.#unknown.size >= MOST_KINDS ? 'others' : isNew ? copyOf(kind) : kind;
    this.#unknown.set(counted, (this.#unknown.get(counted) ?? 0) + 1);
  }

  /** A copy of the counts. */
  seen(): Pick<ProcessDiagnosis, 'lines' | 'badLines' | 'unknownLines'> {
    return {
      lines: this.#lines,
      badLines: { count: this.#bad, kept: [...this.#kept] },
      unknownLines: Object.fromEntries(this.#unknown),
    };
  }
}

/** A text of its own: a slice keeps the whole of what it was cut from in memory. */
function copyOf(text: string): string {
  return Buffer.from(text).toString();
}

const TAIL_BYTES = 8 * 1024;

/** Keeps the end of what is written to it. */
export class Tail {
  #kept = Buffer.alloc(0);

  push(chunk: Buffer): void {
    const recent = chunk.length > TAIL_BYTES ? chunk.subarray(-TAIL_BYTES) : chunk;
    this.#kept = Buffer.concat([this.#kept, recent]).subarray(-TAIL_BYTES);
  }

  get text(): string {
    return this.#kept.toString('utf8');
  }
}
