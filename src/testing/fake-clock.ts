/**
 * Time that stands still until a test moves it. Wall and monotonic time advance together; timers fire in order of their
 * due time, and what a timer sets off is finished before the next one fires.
 */
import type { Clock, TimerHandle } from '../clock.js';

interface Timer {
  readonly at: number;
  readonly callback: () => void;
}

/** Resolves in the next turn of the event loop, after everything that needs no more input has run. */
function turn(): Promise<void> {
  return new Promise((resolve) => setImmediate(resolve));
}

/** Lets so many turns of the event loop pass. */
export async function turns(count: number): Promise<void> {
  for (let i = 0; i < count; i++) await turn();
}

const START = Date.UTC(2030, 0, 1);

export class FakeClock implements Clock {
  #monotonic = 0;
  #wallOffset = START;
  #timers = new Map<number, Timer>();
  #lastTimer = 0;
  #deferred = 0;
  /** Waits until whatever is under way has come to rest; set by those who know more than this clock does. */
  quiet: () => Promise<void> = () => this.rest();

  now(): number {
    return Math.floor(this.#wallOffset + this.#monotonic);
  }

  monotonic(): number {
    return this.#monotonic;
  }

  /** Sets wall time alone, as somebody who corrects a machine's date does. */
  setDate(byMs: number): void {
    this.#wallOffset += byMs;
  }

  setTimeout(callback: () => void, ms: number): TimerHandle {
    const timer = ++this.#lastTimer;
    this.#timers.set(timer, { at: this.#monotonic + Math.max(0, ms), callback });
    return timer;
  }

  /** Cancels a timer; one that has fired, or was cancelled before, is left alone. */
  clearTimeout(timer: TimerHandle): void {
    this.#timers.delete(timer as number);
  }

  defer(callback: () => void): void {
    this.#deferred++;
    setImmediate(() => {
      this.#deferred--;
      callback();
    });
  }

  /** Counts the timers that have neither fired nor been cancelled. */
  get pendingTimers(): number {
    return this.#timers.size;
  }

  /** Lets everything run that needs no time to pass. */
  async rest(): Promise<void> {
    do await turns(2);
    while (this.#deferred > 0);
  }

  /** Moves time on, firing each timer at its own time. */
  async advance(ms: number): Promise<void> {
    const until = this.#monotonic + ms;
    await this.quiet();
    for (;;) {
      const next = this.#earliest();
      if (next === undefined || next[1].at > until) break;
      this.#monotonic = Math.max(this.#monotonic, next[1].at);
      this.#fire(next);
      await this.quiet();
    }
    this.#monotonic = until;
    await this.quiet();
  }

  /** Moves time in one leap, as for a process that slept: what came due meanwhile fires late, all at the same moment. */
  async jump(ms: number): Promise<void> {
    this.#monotonic += ms;
    for (let next = this.#earliest(); next && next[1].at <= this.#monotonic; next = this.#earliest()) {
      this.#fire(next);
    }
    await this.quiet();
  }

  #fire([handle, { callback }]: [number, Timer]): void {
    this.#timers.delete(handle);
    callback();
  }

  #earliest(): [number, Timer] | undefined {
    let earliest: [number, Timer] | undefined;
    for (const entry of this.#timers)
      if (earliest === undefined || entry[1].at < earliest[1].at) earliest = entry;
    return earliest;
  }
}
