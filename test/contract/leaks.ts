/**
 * What must be gone when a manager has been closed: its timers, its places in the transport, its followers.
 */
import type { Clock, TimerHandle } from 'generation-jobs';
import type { EventTransport } from 'generation-jobs/ports';

/** A process's own clock: counts its timers, can sleep (timers come late) and die (timers never come). */
export class ProcessClock implements Clock {
  readonly #inner: Clock;
  readonly #timers = new Set<TimerHandle>();
  #held: Map<TimerHandle, () => void> | undefined;
  /** Held ones that run now; each may still take back the others. */
  #late: Map<TimerHandle, () => void> | undefined;
  #dead = false;

  constructor(inner: Clock) {
    this.#inner = inner;
  }

  now(): number {
    return this.#inner.now();
  }

  monotonic(): number {
    return this.#inner.monotonic();
  }

  setTimeout(callback: () => void, ms: number): TimerHandle {
    if (this.#dead) return undefined;
    const timer = this.#inner.setTimeout(() => {
      this.#timers.delete(timer);
      this.#run(callback, timer);
    }, ms);
    this.#timers.add(timer);
    return timer;
  }

  clearTimeout(timer: TimerHandle): void {
    this.#timers.delete(timer);
    this.#held?.delete(timer);
    this.#late?.delete(timer);
    this.#inner.clearTimeout(timer);
  }

  defer(callback: () => void): void {
    this.#inner.defer(() => this.#run(callback, Symbol('deferred')));
  }

  get pendingTimers(): number {
    return this.#timers.size;
  }

  /** From now on timers that come due wait for `wake`. */
  sleep(): void {
    this.#held ??= new Map();
  }

  wake(): void {
    const held = this.#held;
    this.#held = undefined;
    this.#late = held;
    for (const [timer, callback] of held ?? []) {
      if (this.#late?.delete(timer)) callback();
    }
    this.#late = undefined;
  }

  die(): void {
    this.#dead = true;
    for (const timer of this.#timers) this.#inner.clearTimeout(timer);
    this.#timers.clear();
  }

  #run(callback: () => void, timer: TimerHandle): void {
    if (this.#dead) return;
    if (this.#held) this.#held.set(timer, callback);
    else callback();
  }
}

/** Counts a process's places in a transport, and can cut them all off. */
export class CountedTransport implements EventTransport {
  readonly kind: string;
  readonly #inner: EventTransport;
  readonly #places = new Set<() => unknown>();
  #dead = false;

  constructor(inner: EventTransport) {
    this.#inner = inner;
    this.kind = inner.kind;
  }

  get places(): number {
    return this.#places.size;
  }

  start(): Promise<void> {
    return this.#inner.start();
  }

  async subscribe(...args: Parameters<EventTransport['subscribe']>): Promise<() => Promise<void>> {
    const leave = await this.#inner.subscribe(...args);
    if (this.#dead) await leave();
    else this.#places.add(leave);
    return async () => {
      this.#places.delete(leave);
      await leave();
    };
  }

  publish(...args: Parameters<EventTransport['publish']>): void {
    if (!this.#dead) this.#inner.publish(...args);
  }

  publishGone(...args: Parameters<EventTransport['publishGone']>): void {
    if (!this.#dead) this.#inner.publishGone(...args);
  }

  signal(...args: Parameters<EventTransport['signal']>): void {
    if (!this.#dead) this.#inner.signal(...args);
  }

  onSignal(...args: Parameters<EventTransport['onSignal']>): () => void {
    const leave = this.#inner.onSignal(...args);
    this.#places.add(leave);
    return () => {
      this.#places.delete(leave);
      leave();
    };
  }

  close(): Promise<void> {
    return this.#inner.close();
  }

  async die(): Promise<void> {
    this.#dead = true;
    for (const leave of this.#places) await leave();
    this.#places.clear();
  }
}
