/**
 * The schedule says when the next snapshot is due. A snapshot writes the whole content, so writing one every so many
 * events costs the answer's square; a rare one makes whoever comes late fold a long tail. It is due when the text
 * committed since the last one comes to a fixed part of that one's size: then all snapshots of an answer together are a
 * few times what was committed, and a tail is at most that part of the content, however long the answer grows.
 */

/**
 * All snapshots together write about this many times the text of the events, and a tail has at most one part in so many of
 * the content's text. Events are slower to read and fold than content is to parse, so a larger tail shows in every resume.
 */
const SIZE_BY_TAIL = 3;

export class SnapshotSchedule {
  readonly #leastEvents: number;
  /** The newest snapshot's. */
  #sequence: number;
  #size: number;
  /** Committed since. */
  #tail = 0;

  /**
   * @param leastEvents so many at least lie between two snapshots
   * @param newest the newest snapshot: sequence 0 for none, and its text with that of the events it keeps
   * @param tail the text of the events since
   */
  constructor(leastEvents: number, newest: { sequence: number; size: number }, tail: number) {
    this.#leastEvents = leastEvents;
    this.#sequence = newest.sequence;
    this.#size = newest.size;
    this.#tail = tail;
  }

  /** The newest snapshot's sequence; 0 without one. */
  get sequence(): number {
    return this.#sequence;
  }

  /** Counts the text of an event. */
  count(length: number): void {
    this.#tail += length;
  }

  /** @param sequence what a snapshot made now would hold */
  isDueAt(sequence: number): boolean {
    return sequence - this.#sequence >= this.#leastEvents && this.#tail * SIZE_BY_TAIL >= this.#size;
  }

  taken(sequence: number, size: number): void {
    this.#sequence = sequence;
    this.#size = size;
    this.#tail = 0;
  }

  /** The store has not answered: the next one need not wait for more than the fewest events. */
  failed(): void {
    this.#size = 0;
  }
}
