/** The log of one generation in memory: its events, from the first that is kept, and the newest snapshot. */
import type { LogEvent, Snapshot } from '../../model/types.js';

export class InMemoryLog {
  #events: LogEvent[] = [];
  #firstSequence = 1;
  #snapshot: Snapshot | undefined;

  get firstSequence(): number {
    return this.#firstSequence;
  }

  get snapshot(): Snapshot | undefined {
    return this.#snapshot;
  }

  /** The newest event, if there is one. */
  get newest(): readonly LogEvent[] {
    return this.#events.slice(-1);
  }

  push(event: LogEvent): void {
    this.#events.push(event);
  }

  /** The events after a place: at least one, if there is one, and no more than both bounds allow. */
  after(sequence: number, maxEvents: number, maxBytes: number): readonly LogEvent[] {
    const start = Math.max(0, sequence + 1 - this.#firstSequence);
    let end = start;
    let bytes = 0;
    while (end < this.#events.length && end - start < maxEvents) {
      bytes += this.#events[end]?.data.length ?? 0;
      if (bytes > maxBytes && end > start) break;
      end++;
    }
    return this.#events.slice(start, end);
  }

  /** Keeps the snapshot; with `trim`, the events up to it go. */
  keep(snapshot: Snapshot, trim: boolean): void {
    this.#snapshot = snapshot;
    if (!trim) return;
    this.#events = this.#events.slice(snapshot.sequence + 1 - this.#firstSequence);
    this.#firstSequence = snapshot.sequence + 1;
  }
}
