/**
 * Bounds how many requests of one caller (a worker's run, a decision link) this replica takes, each second and at once: one that
 * floods costs the others nothing.
 */
import { type Clock, SECOND } from '../clock.js';
import { GenerationJobError } from '../errors.js';

/** Callers whose requests are counted: those asked for last. Whoever is forgotten begins anew, with a full allowance. */
const MOST_CALLERS = 10_000;
/** The allowance, in seconds of requests. */
const BURST = 2;
/** Requests of one caller under way: a client has two or three, and each may hold a large body. */
const MOST_AT_ONCE = 32;
const AT_ONCE_MS = SECOND;

interface Allowance {
  left: number;
  /** The time it was counted at, on the monotonic clock. */
  at: number;
}

/** A request came too soon: the next one is taken after a time. */
export class TooManyRequests extends GenerationJobError {
  readonly afterMs: number;

  constructor(afterMs: number) {
    super('too_many_requests', 'More requests come than may.');
    this.afterMs = afterMs;
  }
}

export class RequestRate {
  readonly #clock: Clock;
  readonly #perMs: number;
  readonly #most: number;
  readonly #allowances = new Map<string, Allowance>();
  readonly #underWay = new Map<string, number>();

  constructor(clock: Clock, requestsPerSecond: number) {
    this.#clock = clock;
    this.#perMs = requestsPerSecond / SECOND;
    this.#most = requestsPerSecond * BURST;
  }

  /** Answers a request of a caller, if there is room for it. @throws TooManyRequests; what `answer` throws */
  async during<Result>(caller: string, answer: () => Promise<Result>): Promise<Result> {
    const leave = this.enter(caller);
    try {
      return await answer();
    } finally {
      leave();
    }
  }

  /** Counts a request as under way, until what is given back is called. @throws TooManyRequests */
  enter(caller: string): () => void {
    this.take(caller);
    const others = this.#underWay.get(caller) ?? 0;
    if (others >= MOST_AT_ONCE) throw new TooManyRequests(AT_ONCE_MS);
    this.#underWay.set(caller, others + 1);
    let isIn = true;
    return () => {
      if (!isIn) return;
      isIn = false;
      const left = (this.#underWay.get(caller) ?? 1) - 1;
      if (left === 0) this.#underWay.delete(caller);
      else this.#underWay.set(caller, left);
    };
  }

  /** Counts a request. @throws TooManyRequests */
  take(caller: string): void {
    const at = this.#clock.monotonic();
    const known = this.#allowances.get(caller) ?? { left: this.#most, at };
    const left = Math.min(this.#most, known.left + (at - known.at) * this.#perMs);
    this.#allowances.delete(caller);
    this.#allowances.set(caller, { left: Math.max(0, left - 1), at });
    if (this.#allowances.size > MOST_CALLERS) {
      const [oldest] = this.#allowances.keys();
      if (oldest !== undefined) this.#allowances.delete(oldest);
    }
    if (left < 1) throw new TooManyRequests((1 - left) / this.#perMs);
  }
}
