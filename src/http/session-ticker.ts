/**
 * One timer for all sessions of a router: heartbeats, re-checks and stalls are counted in its ticks, so an open
 * connection costs no timer and a delivery no look at the clock. It runs only while there are sessions, and never keeps
 * the process alive.
 */
import type { Clock, TimerHandle } from '../clock.js';

export interface Ticking {
  tick(): void;
}

/** Sessions ticked in one turn of the event loop: a heartbeat costs a system call, and 10,000 of them 0.1 s. */
const TICKED_AT_ONCE = 256;

export class SessionTicker {
  /** Milliseconds between two ticks. */
  readonly tickMs: number;
  readonly #clock: Clock;
  readonly #sessions = new Set<Ticking>();
  #timer: TimerHandle | undefined;

  constructor(clock: Clock, tickMs: number) {
    this.#clock = clock;
    this.tickMs = tickMs;
  }

  add(session: Ticking): void {
    this.#sessions.add(session);
    this.#timer ??= this.#clock.setTimeout(this.#tick, this.tickMs);
  }

  remove(session: Ticking): void {
    this.#sessions.delete(session);
    if (this.#sessions.size > 0 || this.#timer === undefined) return;
    this.#clock.clearTimeout(this.#timer);
    this.#timer = undefined;
  }

  readonly #tick = () => {
    this.#timer = this.#clock.setTimeout(this.#tick, this.tickMs);
    this.#walk([...this.#sessions], 0);
  };

  #walk(sessions: readonly Ticking[], from: number): void {
    const to = Math.min(from + TICKED_AT_ONCE, sessions.length);
    for (const session of sessions.slice(from, to)) {
      if (this.#sessions.has(session)) session.tick();
    }
    if (to < sessions.length) this.#clock.defer(() => this.#walk(sessions, to));
  }
}
