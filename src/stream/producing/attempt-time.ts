/** The time an attempt has had: how long it has run, and been silent. It does not run while a handle is held back. */
import type { Clock } from '../../clock.js';
import type { Options } from '../model/options.js';
import type { JobFailure } from '../model/types.js';

export class AttemptTime {
  readonly #clock: Clock;
  readonly #options: Pick<Options, 'idleTimeoutMs' | 'maxRunMs'>;
  /** The beginning of this attempt, on the monotonic clock, so that a pause does not count as running. */
  #startedAt: number;
  #lastEmitAt: number;
  #isOverdue = false;

  constructor(clock: Clock, options: Pick<Options, 'idleTimeoutMs' | 'maxRunMs'>) {
    this.#clock = clock;
    this.#options = options;
    this.#startedAt = clock.monotonic();
    this.#lastEmitAt = this.#startedAt;
  }

  /** Stops the time until it is started. */
  hold(): void {
    this.#startedAt = Number.POSITIVE_INFINITY;
    this.#lastEmitAt = Number.POSITIVE_INFINITY;
  }

  /** Starts the time anew. */
  start(): void {
    this.#startedAt = this.#clock.monotonic();
    this.#lastEmitAt = this.#startedAt;
  }

  /** Notes a sign of life. */
  emitted(): void {
    this.#lastEmitAt = this.#clock.monotonic();
  }

  /** Returns what the attempt fails for when it has exceeded a limit; once. */
  overdue(): JobFailure | undefined {
    const limit = this.#isOverdue ? undefined : this.#exceeded();
    if (limit === undefined) return undefined;
    this.#isOverdue = true;
    return { code: 'timeout', message: `The generation exceeded ${limit}.`, retryable: true };
  }

  #exceeded(): 'maxRunMs' | 'idleTimeoutMs' | undefined {
    const now = this.#clock.monotonic();
    if (now - this.#startedAt > this.#options.maxRunMs) return 'maxRunMs';
    return now - this.#lastEmitAt > this.#options.idleTimeoutMs ? 'idleTimeoutMs' : undefined;
  }
}
