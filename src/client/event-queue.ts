/**
 * The events between a connection and a loop that reads them: bounded, so that a loop that is slow holds up the
 * connection, and with it the server, instead of piling events up here.
 */

/** More than these wait for nobody; fewer would make a fast loop wait for the network. */
const MOST_WAITING = 256;

export class EventQueue<Event> {
  readonly #waiting: Event[] = [];
  #isOver = false;
  #error: unknown;
  #hasError = false;
  /** Those who wait for an event, or for the end. */
  readonly #readers: (() => void)[] = [];
  #wakeWriter: (() => void) | undefined;

  /** Adds an event; a promise, when there are too many, that resolves once there is room. */
  push(event: Event): Promise<void> | undefined {
    this.#waiting.push(event);
    this.#wakeReaders();
    if (this.#waiting.length < MOST_WAITING) return undefined;
    return new Promise((resolve) => {
      this.#wakeWriter = resolve;
    });
  }

  /** Says that nothing more comes; a reader gets what waits, and then the error if there is one. */
  end(...error: [] | [error: unknown]): void {
    if (this.#isOver) return;
    this.#isOver = true;
    [this.#error] = error;
    this.#hasError = error.length > 0;
    this.#wakeReaders();
    this.#wakeWriter?.();
  }

  /** Drops what waits: nobody reads any more. */
  clear(): void {
    this.#waiting.length = 0;
    this.#hasError = false;
    this.end();
  }

  /** @throws what it was ended with, once, behind the last event */
  async next(): Promise<IteratorResult<Event, undefined>> {
    while (this.#waiting.length === 0 && !this.#isOver) {
      await new Promise<void>((resolve) => this.#readers.push(resolve));
    }
    const [event] = this.#waiting.splice(0, 1);
    if (event !== undefined) {
      this.#wakeWriter?.();
      return { done: false, value: event };
    }
    if (!this.#hasError) return { done: true, value: undefined };
    this.#hasError = false;
    throw this.#error;
  }

  #wakeReaders(): void {
    for (const wake of this.#readers.splice(0)) wake();
  }
}
