/**
 * The watch over one connection: half-open ones look alive to everybody but a clock. Time counts only while something is
 * waited for, and not while a slow listener holds the connection up by itself.
 */
import { StreamClientError } from './errors.js';

/** A wake-up doubts a connection that has been silent for this part of the longest silence. */
const DOUBTFUL_PART = 0.6;

export class LifeWatch {
  readonly #stallMs: number;
  readonly #abort: (error: StreamClientError) => void;
  #timer: ReturnType<typeof setTimeout> | undefined;
  #heardAt = 0;

  /** @param abort ends the connection with this reason */
  constructor(stallMs: number, abort: (error: StreamClientError) => void) {
    this.#stallMs = stallMs;
    this.#abort = abort;
  }

  /** Notes a sign of life; without the next one in time the connection is given up. */
  heard(): void {
    this.stop();
    this.#heardAt = Date.now();
    this.#timer = setTimeout(() => this.#giveUp(), this.#stallMs);
  }

  /** Gives a connection up whose timer has slept, as in a frozen tab. */
  doubt(): void {
    if (this.#timer !== undefined && Date.now() - this.#heardAt > this.#stallMs * DOUBTFUL_PART)
      this.#giveUp();
  }

  stop(): void {
    clearTimeout(this.#timer);
    this.#timer = undefined;
  }

  #giveUp(): void {
    this.stop();
    this.#abort(new StreamClientError('stalled', 'The connection has fallen silent.'));
  }
}
