/**
 * A setback is what failed a moment ago and is not tried again before a pause is over, which doubles each time; or what
 * came to nothing, which needs no pause and only comes after others. Only this process's memory: another one tries for
 * itself. What nobody has asked for in a long while is forgotten, so it can't grow for ever.
 */
import type { Clock } from '../../clock.js';
import { backOff, type Pauses } from './back-off.js';

interface Setback {
  /** The number of its failures in a row; 0 when it came to nothing. */
  readonly failures: number;
  /** The end of the pause, on the monotonic clock. */
  readonly until: number;
  /** The time somebody last asked for it; on the monotonic clock. */
  askedAt: number;
}

export class Setbacks {
  readonly #clock: Pick<Clock, 'monotonic'>;
  readonly #pauses: Pauses;
  /** The one that failed longest ago first. */
  readonly #known = new Map<string, Setback>();

  constructor(clock: Pick<Clock, 'monotonic'>, pauses: Pauses) {
    this.#clock = clock;
    this.#pauses = pauses;
  }

  /** Notes that it has failed (again). */
  add(name: string): void {
    this.#note(name, (this.#known.get(name)?.failures ?? 0) + 1);
  }

  /** Notes that it came to nothing, without a failure: it may be tried again at once, after those that have not been. */
  addIdle(name: string): void {
    this.#note(name, 0);
  }

  #note(name: string, failures: number): void {
    const now = this.#clock.monotonic();
    const { longestMs } = this.#pauses;
    const pauseMs = failures === 0 ? 0 : backOff(this.#pauses, failures);
    this.#known.delete(name);
    this.#known.set(name, { failures, until: now + pauseMs, askedAt: now });
    for (const [oldest, { until, askedAt }] of this.#known) {
      if (Math.max(until, askedAt) + longestMs > now) break;
      this.#known.delete(oldest);
    }
  }

  /** Notes that something came of it. */
  end(name: string): void {
    this.#known.delete(name);
  }

  /** Says whether it failed or came to nothing the last time. */
  has(name: string): boolean {
    return this.#known.has(name);
  }

  /** Returns when its pause is over, on the monotonic clock; 0 for what is not known. */
  until(name: string): number {
    return this.#known.get(name)?.until ?? 0;
  }

  /** Says whether it may be tried now. */
  isOver(name: string): boolean {
    const setback = this.#known.get(name);
    if (setback === undefined) return true;
    setback.askedAt = this.#clock.monotonic();
    return setback.until <= setback.askedAt;
  }
}
