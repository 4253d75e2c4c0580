/**
 * The streams of which a script has needed more keys than usual, with how many. It is bounded: the stream that was asked for
 * longest ago is forgotten first, which costs its next change of state one call more.
 */
import type { StreamKey } from '../../model/types.js';

/** The ids take about 1 MB if each has 200 bytes. With fewer, a process with many chats would forget them and pay again. */
const MOST_STREAMS = 4_096;

export class NeededKeys {
  readonly #most: number;
  /** Keeps the streams in the order in which they were asked for. */
  readonly #counts = new Map<string, number>();

  constructor(most = MOST_STREAMS) {
    this.#most = most;
  }

  /** Returns how many keys the stream has needed; 0 for one that is not remembered. */
  of({ id }: StreamKey): number {
    const count = this.#counts.get(id);
    if (count === undefined) return 0;
    this.#counts.delete(id);
    this.#counts.set(id, count);
    return count;
  }

  remember({ id }: StreamKey, count: number): void {
    this.#counts.delete(id);
    this.#counts.set(id, count);
    if (this.#counts.size <= this.#most) return;
    const [oldest] = this.#counts.keys();
    this.#counts.delete(oldest as string);
  }

  forget({ id }: StreamKey): void {
    this.#counts.delete(id);
  }
}
