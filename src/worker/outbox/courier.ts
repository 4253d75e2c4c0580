/**
 * Delivers what a lane has, one delivery at a time.
 *
 * - `resting`: the lane has nothing. `kick` goes on.
 * - `waiting`: what the lane has is not due yet. `kick` and the time go on.
 * - `pausing`: a delivery has failed. The time goes on, and `hurry`; `kick` is ignored.
 * - `delivering`: goes on by itself.
 * - `stopped`: for good.
 */
import type { Clock, TimerHandle } from '../../clock.js';
import { GenerationJobError } from '../../errors.js';
import { backOff, type Pauses, scattered } from '../../stream/process/back-off.js';
import { asDelivery, type Delivery } from './delivery.js';

/** Something to be delivered. */
export interface Cargo {
  deliver(signal: AbortSignal): Promise<Delivery>;
  /** Notes what became of it. */
  settle(delivery: Delivery): Settled;
}

/** Says whether something has moved; if not, how often the same has failed, and how long it is to be left alone at least. */
export type Settled =
  | { readonly hasMoved: true }
  | { readonly hasMoved: false; readonly tries?: number; readonly afterMs?: number | undefined };

export interface Route {
  /** Returns what is to be delivered next, or when something will be due (monotonic clock), or undefined for nothing. */
  next(): Cargo | { readonly dueAt: number } | undefined;
  onFailed(error: unknown): void;
}

export interface CourierContext {
  readonly clock: Clock;
  readonly pauses: Pauses;
  /** The longest a delivery may take, in milliseconds. */
  readonly deliveryMs: number;
  random(): number;
}

/** The other side may ask for a longer pause than the longest of ours, up to so many of it. */
const LONGEST_ASKED_FACTOR = 10;

export class Courier {
  readonly #context: CourierContext;
  readonly #route: Route;
  #state: 'resting' | 'waiting' | 'pausing' | 'delivering' | 'stopped' = 'resting';
  #failures = 0;
  /** The end of a pause on the monotonic clock. */
  #until = 0;
  #timer: TimerHandle;
  #underWay: AbortController | undefined;
  #resting: (() => void)[] = [];

  constructor(context: CourierContext, route: Route) {
    this.#context = context;
    this.#route = route;
  }

  get isStopped(): boolean {
    return this.#state === 'stopped';
  }

  /** Notes that the lane has something new. */
  kick(): void {
    if (this.#state === 'resting' || this.#state === 'waiting') this.#start();
  }

  /** Goes on at once, whatever has failed before. */
  hurry(): void {
    this.#failures = 0;
    if (this.#state === 'pausing') this.#start();
    else this.kick();
  }

  /** Looks whether a timer should have fired, or something come in unnoticed. */
  poll(): void {
    if (this.#state !== 'pausing') this.kick();
    else if (this.#context.clock.monotonic() >= this.#until) this.#start();
  }

  /** Resolves when the lane has nothing, and when this has stopped. */
  rest(): Promise<void> {
    return new Promise((resolve) => {
      this.#resting.push(resolve);
      if (this.#state === 'stopped') this.#tellResting();
      else this.kick();
    });
  }

  /** Stops for good; what is under way is told so by its signal, and its answer is not heard. */
  stop(): void {
    this.#context.clock.clearTimeout(this.#timer);
    this.#state = 'stopped';
    this.#underWay?.abort(new GenerationJobError('closed', 'The lane takes no more deliveries.'));
    this.#tellResting();
  }

  #start(): void {
    this.#context.clock.clearTimeout(this.#timer);
    this.#state = 'delivering';
    this.#context.clock.defer(() => void this.#go());
  }

  /** Never rejects. A turn of the event loop lies between two deliveries, however fast they are. */
  async #go(): Promise<void> {
    if (this.isStopped) return;
    const cargo = this.#try(() => this.#route.next());
    if (cargo === FAILED) return this.#pause({ hasMoved: false });
    if (cargo === undefined) {
      this.#state = 'resting';
      return this.#tellResting();
    }
    if ('dueAt' in cargo) return this.#sleepUntil(cargo.dueAt, 'waiting');
    const delivery = await this.#bounded(cargo);
    if (this.isStopped) return;
    const settled = this.#try(() => cargo.settle(delivery));
    if (settled === FAILED || !settled.hasMoved)
      return this.#pause(settled === FAILED ? { hasMoved: false } : settled);
    this.#failures = 0;
    this.#start();
  }

  #try<Result>(step: () => Result): Result | typeof FAILED {
    try {
      return step();
    } catch (error) {
      this.#route.onFailed(error);
      return FAILED;
    }
  }

  async #bounded(cargo: Cargo): Promise<Delivery> {
    const { clock, deliveryMs } = this.#context;
    const over = new AbortController();
    this.#underWay = over;
    const late = new GenerationJobError('hook_timed_out', `\`deliver\` did not answer in ${deliveryMs} ms.`);
    const timer = clock.setTimeout(() => over.abort(late), deliveryMs);
    const { signal } = over;
    const aborted = new Promise<never>((_, reject) => {
      signal.addEventListener('abort', () => reject(signal.reason), { once: true });
    });
    try {
      return asDelivery(await Promise.race([cargo.deliver(signal), aborted]));
    } catch (error) {
      return { kind: 'again', error };
    } finally {
      clock.clearTimeout(timer);
      this.#underWay = undefined;
    }
  }

  #pause({ tries = 0, afterMs = 0 }: Extract<Settled, { hasMoved: false }>): void {
    // The lane may have been stopped by what the settling has set off.
    if (this.isStopped) return;
    this.#failures++;
    const { pauses, clock, random } = this.#context;
    const pauseMs = scattered(backOff(pauses, Math.max(this.#failures, tries)), { random });
    const askedMs = Math.min(afterMs, LONGEST_ASKED_FACTOR * pauses.longestMs);
    this.#sleepUntil(clock.monotonic() + Math.max(pauseMs, askedMs), 'pausing');
  }

  #sleepUntil(until: number, state: 'waiting' | 'pausing'): void {
    const { clock } = this.#context;
    this.#state = state;
    this.#until = until;
    this.#timer = clock.setTimeout(() => this.#start(), Math.max(0, until - clock.monotonic()));
  }

  #tellResting(): void {
    const resting = this.#resting;
    this.#resting = [];
    for (const tell of resting) tell();
  }
}

const FAILED = Symbol('failed');
