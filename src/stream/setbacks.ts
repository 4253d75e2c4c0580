/**
 * What failed a moment ago and is not tried again before a pause is over, which doubles each time. Only this process's
 * memory: another one tries for itself. What has not failed for a long while is forgotten, so it can't grow for ever.
 */
import type { Clock } from '../clock.js';

interface Setback {
  readonly pauseMs: number;
  /** On the monotonic clock. */
  readonly until: number;
}

export class Setbacks {
  readonly #clock: Pick<Clock, 'monotonic'>;
  readonly #pauses: { readonly firstMs: number; readonly longestMs: number };
  /** The one that failed longest ago first. */
  readonly #known = new Map<string, Setback>();

  constructor(
    clock: Pick<Clock, 'monotonic'>,
    pauses: { readonly firstMs: number; readonly longestMs: number },
  ) {
    this.#clock = clock;
    this.#pauses = pauses;
  }

  /** Notes that it has failed (again). */
  add(name: string): void {
    const now = this.#clock.monotonic();
    const { firstMs, longestMs } = this.#pauses;
    const pauseMs = Math.min(longestMs, (this.#known.get(name)?.pauseMs ?? firstMs / 2) * 2);
    this.#known.delete(name);
    this.#known.set(name, { pauseMs, until: now + pauseMs });
    for (const [oldest, { until }] of this.#known) {
      if (until + longestMs > now) break;
      this.#known.delete(oldest);
    }
  }

  /** Notes that it has not failed. */
  end(name: string): void {
    this.#known.delete(name);
  }

  /** Whether it failed the last time. */
  has(name: string): boolean {
    return this.#known.has(name);
  }

  /** When its pause is over, on the monotonic clock; 0 for what has not failed. */
  until(name: string): number {
    return this.#known.get(name)?.until ?? 0;
  }

  /** Whether it may be tried now. */
  isOver(name: string): boolean {
    return this.until(name) <= this.#clock.monotonic();
  }
}
