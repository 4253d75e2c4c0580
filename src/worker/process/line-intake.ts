/**
 * Reads what an agent prints, line by line, and says by its mapper what it means. What is bad is counted and kept; nothing
 * in a line ends a run. It reads ahead of what is emitted as far as the queue has room, and no further.
 */
import type { Readable } from 'node:stream';
import { isObject } from '../../stream/model/plain-values.js';
import type { AgentMapper, ClosedLines, LineReader, MappedLine } from '../mappers/mapper.js';
import type { BoundedQueue } from './bounded-queue.js';
import type { LineCounts } from './diagnosis.js';
import { LineSplitter, type SplitLine } from './line-splitter.js';

/** One step of a run, in the order of the lines; the last one has what they came to. */
export type RunStep =
  | { readonly kind: 'line'; readonly mapped: MappedLine }
  | { readonly kind: 'over'; readonly closed: ClosedLines };

interface IntakeContext {
  readonly mapper: AgentMapper;
  readonly lineBytes: number;
  readonly queue: BoundedQueue<RunStep>;
  readonly counts: LineCounts;
  /**
   * Called at once, however far behind emitting is: with so many bytes, or that there is room for more; and with what each line
   * means.
   */
  readonly onOutput: (bytes: number) => void;
  readonly onMapped: (mapped: MappedLine) => void;
}

/** An event costs its text; an item of its own, at least so much. */
const LEAST_WEIGHT = 64;

export class LineIntake {
  readonly #context: IntakeContext;
  readonly #reader: LineReader;
  readonly #splitter: LineSplitter;

  constructor(context: IntakeContext) {
    this.#context = context;
    this.#reader = context.mapper.start();
    this.#splitter = new LineSplitter(context.lineBytes);
  }

  /** Reads to the end of the output. Never rejects: a pipe that breaks has ended. */
  async readAll(stdout: Readable): Promise<void> {
    try {
      for await (const chunk of stdout) {
        const bytes = chunk as Buffer;
        this.#context.onOutput(bytes.length);
        for (const line of this.#splitter.push(bytes)) await this.#take(line);
      }
    } catch (error) {
      this.#context.counts.bad(`the pipe broke: ${String(error)}`);
    }
    for (const line of this.#splitter.end()) await this.#take(line);
  }

  /** Says what the lines have come to; of a mapper that throws over it, nothing. */
  close(): ClosedLines {
    try {
      return this.#reader.close();
    } catch (error) {
      this.#context.counts.bad(String(error));
      return { events: [], end: undefined };
    }
  }

  async #take(line: SplitLine): Promise<void> {
    const { counts, queue, onMapped, onOutput } = this.#context;
    if ('tooLong' in line) {
      counts.line();
      return counts.bad(`${line.bytes} bytes: ${line.beginning}`);
    }
    const { text } = line;
    const isText = this.#context.mapper.lines === 'text';
    if (!isText && text.trim() === '') return;
    counts.line();
    const value = isText ? text : objectIn(text);
    if (value === undefined) return counts.bad(text);
    const mapped = this.#read(value, text);
    if (mapped === undefined) return;
    if (mapped.unknown !== undefined) counts.unknown(mapped.unknown);
    onMapped(mapped);
    await queue.put({ kind: 'line', mapped }, Math.max(LEAST_WEIGHT, text.length));
    onOutput(0);
  }

  /** A mapper of the host's own may throw, and that is a bad line like any other. */
  #read(value: unknown, text: string): MappedLine | undefined {
    try {
      const mapped: unknown = this.#reader.read(value);
      if (!isObject(mapped)) throw new TypeError('The mapper said nothing of the line');
      return mapped;
    } catch (error) {
      this.#context.counts.bad(`${String(error)}: ${text}`);
      return undefined;
    }
  }
}

function objectIn(text: string): unknown {
  try {
    const value: unknown = JSON.parse(text);
    return isObject(value) ? value : undefined;
  } catch {
    return undefined; // told as a bad line
  }
}
