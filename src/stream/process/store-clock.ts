/**
 * The store's clock as far as this process believes it: what a judge goes by. A store's clock may jump, when another
 * machine takes over or somebody sets it, and then every lease, window and retention that it measures looks over, or
 * far ahead, at once. So what it shows is compared with this process's own monotonic clock, and a jump beyond half a
 * lease counts only once it has stood for `renewMs` and a sweep, in which living producers have renewed:
 *
 * unwatched ──stood──► believed ──off by more──► doubted ──stood──► believed, by the new time
 *                          ▲                        │
 *                          └────── back again ──────┘
 *
 * While a jump is doubted, `now` goes on by the time believed before. Before anything is believed it is 0, at which
 * nothing is over but what no clock decides, such as a lease that was given up. Smaller steps are followed at once.
 */
import type { Clock } from '../../clock.js';
import type { JobStore } from '../interfaces/job-store.js';
import type { ClockJump, StreamObserver } from '../interfaces/observer.js';
import type { Options } from '../model/options.js';
import type { ErrorReporter } from './error-reports.js';

export interface StoreClockContext {
  readonly store: Pick<JobStore, 'now'>;
  readonly clock: Clock;
  readonly options: Options;
  readonly observer: StreamObserver;
  readonly errors: ErrorReporter;
}

interface Doubt {
  /** The store's time less this process's monotonic time. */
  readonly offset: number;
  readonly since: number;
}

/** A jump back, as a judge of leases needs it. */
export interface JumpBack {
  /** The time at which this process first saw it, on its monotonic clock. */
  readonly seenAt: number;
  /** The store's time as it would have been then. */
  readonly before: number;
}

export class StoreClock {
  readonly #parts: StoreClockContext;
  #believed: number | undefined;
  #doubt: Doubt | undefined;
  #observedAt = 0;
  #jumpBack: JumpBack | undefined;

  constructor(parts: StoreClockContext) {
    this.#parts = parts;
  }

  /** The store's time in milliseconds since 1970, as it is believed; 0 until then. */
  now(): number {
    if (this.#believed === undefined) return 0;
    return Math.floor(this.#believed + this.#parts.clock.monotonic());
  }

  /** True when the store shows another time than the one believed, or none is believed yet. */
  get isDoubted(): boolean {
    return this.#believed === undefined || this.#doubt !== undefined;
  }

  /** The last jump back of the store's clock, unless it was taken back before it was believed. */
  get jumpBack(): JumpBack | undefined {
    return this.#jumpBack;
  }

  /** The store's time as it is believed or, until then, as it shows itself: where a wrong one does little harm. */
  likely(): number {
    return this.#believed === undefined ? this.#parts.store.now() : this.now();
  }

  /**
   * Says whether a time of the store's lies so far ahead that a store to which it is over must have jumped. Before
   * anything is believed there is nothing to tell a jump by.
   */
  isFarAhead(time: number): boolean {
    return this.#believed !== undefined && time - this.now() > this.#parts.options.leaseMs / 2;
  }

  /**
   * Looks at the store's newest estimate of its time: called whenever the store has told it.
   * @returns which way it has jumped, if this is the first look that shows it
   */
  observe(): ClockJump | undefined {
    const { store, clock, options } = this.#parts;
    const at = clock.monotonic();
    const offset = store.now() - at;
    const standMs = options.renewMs + options.sweepMs;
    // Where the store could not be asked, nobody could renew either.
    const isFirstInLong = at - this.#observedAt > standMs;
    this.#observedAt = at;
    if (this.#believed !== undefined && this.#isNear(offset, this.#believed)) {
      if (this.#doubt !== undefined) this.#jumpBack = undefined;
      this.#believed = offset;
      this.#doubt = undefined;
      return undefined;
    }
    const doubt = this.#doubt;
    if (doubt === undefined || isFirstInLong || !this.#isNear(offset, doubt.offset)) {
      this.#doubt = { offset, since: at };
      const isKnown = doubt !== undefined && this.#isNear(offset, doubt.offset);
      if (this.#believed === undefined || isKnown) return undefined;
      this.#jumpBack = offset < this.#believed ? { seenAt: at, before: this.#believed + at } : undefined;
      return this.#tell(offset - this.#believed);
    }
    this.#doubt = { offset, since: doubt.since };
    if (at - doubt.since < standMs) return undefined;
    this.#believed = offset;
    this.#doubt = undefined;
    return undefined;
  }

  #isNear(offset: number, other: number): boolean {
    return Math.abs(offset - other) <= this.#parts.options.leaseMs / 2;
  }

  #tell(jumpMs: number): ClockJump {
    const { observer, errors } = this.#parts;
    const direction = jumpMs > 0 ? 'ahead' : 'back';
    observer.clockJumped(direction);
    const error = new Error(`The store’s clock jumped ${direction}: see to the clocks of its machines.`);
    errors.report({ where: 'clock', error, details: { direction, jumpMs: Math.round(jumpMs) } });
    return direction;
  }
}
