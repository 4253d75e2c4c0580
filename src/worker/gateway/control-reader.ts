/**
 * A reader of what a worker is told of its run: the events of its life (a decision, an end by others, a take-over) without its own, and that
 * this replica drains. Each has the cursor of its place in the log, so a worker that comes back is told what it has missed.
 */
import type { BatchReader } from '../../stream/interfaces/batch-reader.js';
import type { DetachResult } from '../../stream/interfaces/observer.js';
import { isOwnEvent, isReservedEvent } from '../../stream/model/transitions.js';
import type { Batch } from '../../stream/model/types.js';

/** Attempt 0 is no place in a log: the event has no id. */
const DRAIN: Batch = { generation: 0, events: [{ event: 'drain', data: '{}', sequence: 0, attempt: 0 }] };

export class ControlReader implements BatchReader {
  readonly #reader: BatchReader;
  #hasToldDrain = false;

  constructor(reader: BatchReader) {
    this.#reader = reader;
  }

  get ready(): Promise<void> {
    return this.#reader.ready;
  }

  get onReadable(): (() => void) | undefined {
    return this.#reader.onReadable;
  }

  set onReadable(listener: (() => void) | undefined) {
    this.#reader.onReadable = listener;
  }

  get closedBy(): DetachResult | undefined {
    return this.#reader.closedBy;
  }

  get isCaughtUp(): boolean {
    return this.#reader.isCaughtUp;
  }

  get cursor(): string {
    return this.#reader.cursor;
  }

  read(): Batch | null {
    for (let batch = this.#reader.read(); batch !== null; batch = this.#reader.read()) {
      const events = batch.events.filter(({ event }) => isReservedEvent(event) && !isOwnEvent(event));
      if (events.length > 0) return { generation: batch.generation, events };
    }
    if (this.#reader.closedBy !== 'draining' || this.#hasToldDrain) return null;
    this.#hasToldDrain = true;
    return DRAIN;
  }

  detach(reason: DetachResult): void {
    this.#reader.detach(reason);
  }
}
