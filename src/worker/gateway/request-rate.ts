/** Bounds how many requests of one run this replica takes: one that floods costs the others nothing. */
import { type Clock, SECOND } from '../../clock.js';
import { GenerationJobError } from '../../errors.js';

/** Runs whose requests are counted: those asked for last. Whoever is forgotten begins anew, with a full allowance. */
const MOST_RUNS = 10_000;
/** The allowance, in seconds of requests. */
const BURST = 2;

interface Allowance {
  left: number;
  /** The time it was counted at, on the monotonic clock. */
  at: number;
}

/** A request came too soon: the next one is taken after a time. */
export class TooManyRequests extends GenerationJobError {
  readonly afterMs: number;

  constructor(afterMs: number) {
    super('too_many_requests', 'The run sends more requests than it may.');
    this.afterMs = afterMs;
  }
}

export class RequestRate {
  readonly #clock: Clock;
  readonly #perMs: number;
  readonly #most: number;
  readonly #allowances = new Map<string, Allowance>();

  constructor(clock: Clock, requestsPerSecond: number) {
    this.#clock = clock;
    this.#perMs = requestsPerSecond / SECOND;
    this.#most = requestsPerSecond * BURST;
  }

  /** Counts a request. @throws TooManyRequests */
  take(run: string): void {
    const at = this.#clock.monotonic();
    const known = this.#allowances.get(run) ?? { left: this.#most, at };
    const left = Math.min(this.#most, known.left + (at - known.at) * this.#perMs);
    this.#allowances.delete(run);
    this.#allowances.set(run, { left: Math.max(0, left - 1), at });
    if (this.#allowances.size > MOST_RUNS) {
      const [oldest] = this.#allowances.keys();
      if (oldest !== undefined) this.#allowances.delete(oldest);
    }
    if (left < 1) throw new TooManyRequests((1 - left) / this.#perMs);
  }
}
