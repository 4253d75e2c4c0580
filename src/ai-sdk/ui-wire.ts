/**
 * An answer as a page of the AI SDK reads it, over the sessions that carry the library's own wire. It begins with a `sync`
 * (its content becomes one delta a part) or with the first event; what follows is text that is made once for all readers of
 * a dialect at the same place.
 *
 * States
 * - `opening`    nothing was written. Leaves with the first batch, or with the end of the subscription: an error is told then.
 * - `showing`    batches become frames.
 * - `paused`     the job waits for a person. Left by a decision; and once all that there is was read, to `whole`: the page
 *                posts its answer only when nothing streams.
 * - `whole`      `finish` was written.
 * - `broken`     what was shown does not hold any more (a restart, a loss), or there is no end: the page has to come again.
 */
import { ERROR_TABLE, GenerationJobError, isGenerationJobError } from '../errors.js';
import { inChunk } from '../http/sse-encoder.js';
import type { Wire } from '../http/sse-wire.js';
import type { BatchReader } from '../stream/interfaces/batch-reader.js';
import type { DetachResult } from '../stream/interfaces/observer.js';
import { formatCursor } from '../stream/model/cursor.js';
import type { Batch, LogEvent } from '../stream/model/types.js';
import { type Change, ChunkWriter, type Dialect, DONE, frameOf } from './chunk-writer.js';
import type { Opening } from './opening.js';
import { PageState } from './page-state.js';
import { pendingRequests, writeEvent } from './write-event.js';

interface Told {
  readonly text: string;
  framed: string | undefined;
  readonly changes: readonly Change[];
}

const told = new Map<string, WeakMap<readonly LogEvent[], Told>>();

/** Texts of a dialect, by the batch they were made of: the hub gives the same array to every follower at the same place. */
function textsOf({
  version,
  isContinuation,
  showEvents,
  cursors,
}: Dialect): WeakMap<readonly LogEvent[], Told> {
  const key = [version, isContinuation, showEvents, cursors].join();
  const known = told.get(key) ?? new WeakMap<readonly LogEvent[], Told>();
  told.set(key, known);
  return known;
}

export class UIWire implements Wire {
  readonly heartbeat = ': keep-alive\n\n';
  readonly #state = new PageState();
  readonly #dialect: Dialect;
  readonly #opening: Opening;
  readonly #texts: WeakMap<readonly LogEvent[], Told>;
  readonly #onMalformed: (error: unknown) => void;
  #hasOpened = false;
  /** The reason why nothing could be read, once it is known. */
  failure: unknown;

  /** `onMalformed` is told of chunks that were left out because no page would have taken them, once for all readers. */
  constructor(dialect: Dialect, opening: Opening, onMalformed: (error: unknown) => void) {
    this.#dialect = dialect;
    this.#opening = opening;
    this.#texts = textsOf(dialect);
    this.#onMalformed = onMalformed;
    opening.begin?.(this.#state);
  }

  get isOver(): boolean {
    return this.#state.ending !== undefined;
  }

  opening(): string {
    return '';
  }

  encode(batch: Batch, isChunked: boolean): string {
    if (this.#hasOpened && this.#state.knowsAll) return this.#shared(batch, isChunked);
    const text = this.#hasOpened ? this.#own(batch) : this.#open(batch);
    return isChunked ? inChunk(text) : text;
  }

  /** The page has what the first batch says from the opening; the rest of it, and what follows, is told as it comes. */
  #open(batch: Batch): string {
    const { text, rest } = this.#opened(batch);
    this.#hasOpened = true;
    return text + (rest === undefined ? '' : this.#own(rest));
  }

  #opened(batch: Batch): ReturnType<Opening['open']> {
    try {
      return this.#opening.open(batch, this.#state, this.#dialect);
    } catch (error) {
      this.failure = error;
      throw error;
    }
  }

  /** Makes the text of a batch for this reader alone. */
  #own(batch: Batch): string {
    const writer = new ChunkWriter(this.#state, this.#dialect);
    for (const event of batch.events) {
      this.#opening.reach?.(event, this.#state);
      writeEvent(writer, event);
    }
    return this.#finished(writer, batch).text;
  }

  #shared(batch: Batch, isChunked: boolean): string {
    const known = this.#texts.get(batch.events);
    if (known === undefined) return this.#first(batch, isChunked);
    for (const change of known.changes) change(this.#state);
    if (!isChunked) return known.text;
    known.framed ??= inChunk(known.text);
    return known.framed;
  }

  #first(batch: Batch, isChunked: boolean): string {
    const writer = new ChunkWriter(this.#state, this.#dialect);
    for (const event of batch.events) writeEvent(writer, event);
    const made = this.#finished(writer, batch);
    this.#texts.set(batch.events, made);
    if (isChunked) made.framed = inChunk(made.text);
    return made.framed ?? made.text;
  }

  #finished({ text, changes, malformed }: ChunkWriter, { generation, events }: Batch): Told {
    for (const type of malformed) {
      const message = `A ui event holds a chunk that no page would take (${type}): it was left out.`;
      this.#onMalformed(new GenerationJobError('invalid_event', message));
    }
    const last = events.at(-1);
    const isPlaced = this.#dialect.cursors && last !== undefined && last.attempt > 0 && !text.endsWith(DONE);
    const cursor = isPlaced ? frameOf(cursorChunk(generation, last)) : '';
    return { text: text + cursor, framed: undefined, changes };
  }

  endedBy(reader: BatchReader): DetachResult | undefined {
    switch (this.#state.ending) {
      case 'whole':
        return 'ended';
      case 'broken':
        return 'detached';
      case undefined:
        return this.#state.pause && reader.isCaughtUp ? 'ended' : reader.closedBy;
      default:
        return this.#state.ending satisfies never;
    }
  }

  farewell(reason: DetachResult): { readonly text: string; readonly isWhole: boolean } {
    const { ending, pause, endedAs } = this.#state;
    if (ending !== undefined) return { text: '', isWhole: ending === 'whole' };
    if (reason === 'ended' && pause !== undefined) {
      const frames = [...pendingRequests(this.#state), { type: 'finish', finishReason: 'tool-calls' }];
      return { text: frames.map((chunk) => frameOf(chunk)).join('') + DONE, isWhole: true };
    }
    if (reason === 'ended' && endedAs !== undefined) return { text: this.#lostEnd(endedAs), isWhole: true };
    if (!this.#hasOpened && reason === 'failed') return { text: errorText(this.failure), isWhole: true };
    return { text: '', isWhole: false };
  }

  /** The store has lost how the answer ended, but for what the record says. */
  #lostEnd(endedAs: 'completed' | 'failed' | 'aborted'): string {
    const writer = new ChunkWriter(this.#state, this.#dialect);
    writer.close();
    if (endedAs === 'failed') writer.put({ type: 'error', errorText: 'The answer has failed.' });
    writer.finish(endedAs === 'completed' ? 'stop' : 'other');
    return writer.text;
  }
}

function cursorChunk(generation: number, { sequence }: LogEvent) {
  return { type: 'data-cursor', data: formatCursor(generation, sequence), transient: true };
}

/** Makes a whole stream that says nothing but what went wrong, by the remedy of the error's code. */
function errorText(error: unknown): string {
  const code = isGenerationJobError(error) ? error.code : 'internal';
  const frames = [
    { type: 'start' },
    { type: 'error', errorText: ERROR_TABLE[code].remedy },
    { type: 'finish', finishReason: 'error' },
  ];
  return frames.map((chunk) => frameOf(chunk)).join('') + DONE;
}
