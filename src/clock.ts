/**
 * Time, ids and chance, as parameters. Everything in the library that waits, dates, names or rolls dice does it through
 * these two objects, so a test can hold them still. Wall time is only ever compared with wall time of the same store;
 * what a process measures about itself (its own lease, idle time) uses the monotonic clock, which no one can set back.
 */
import { randomUUID } from 'node:crypto';
import { performance } from 'node:perf_hooks';

export const SECOND = 1000;
export const MINUTE = 60 * SECOND;
export const HOUR = 60 * MINUTE;
export const KIB = 1024;
export const MIB = 1024 * KIB;

/** The answer of `setTimeout`; opaque. */
export type TimerHandle = unknown;

export interface Clock {
  /** Wall time in milliseconds since 1970. */
  now(): number;
  /** Milliseconds on a clock that only moves forward. */
  monotonic(): number;
  /** Calls back once, after at least `ms` milliseconds. Never keeps the process alive. */
  setTimeout(callback: () => void, ms: number): TimerHandle;
  /** Cancels a timer; one that has fired, or was cancelled before, is left alone. */
  clearTimeout(timer: TimerHandle): void;
  /** Calls back after the input already received by this turn of the event loop has been handled. */
  defer(callback: () => void): void;
}

export interface Entropy {
  /** A name no other call, in any process, has returned. */
  id(): string;
  /** A number in [0, 1). */
  random(): number;
}

/** The longest wait of one of Node's timers, some 25 days: a longer one fires at once. */
const LONGEST_TIMER_MS = 2 ** 31 - 1;

/** Returns what a timer of Node's may be given that should not fire before `ms` are over: that, or the longest there is. */
export function timerMs(ms: number): number {
  return Math.min(ms, LONGEST_TIMER_MS);
}

/** A timer that is set again until its time is over, however long that is. */
class LongTimer {
  #timer: NodeJS.Timeout | undefined;

  constructor(callback: () => void, ms: number) {
    this.#set(callback, ms);
  }

  clear(): void {
    clearTimeout(this.#timer);
  }

  #set(callback: () => void, ms: number): void {
    const now = timerMs(ms);
    const go = now === ms ? callback : () => this.#set(callback, ms - now);
    this.#timer = setTimeout(go, now).unref();
  }
}

export const systemClock: Clock = {
  now: () => Date.now(),
  monotonic: () => performance.now(),
  setTimeout: (callback, ms) =>
    ms > LONGEST_TIMER_MS ? new LongTimer(callback, ms) : setTimeout(callback, ms).unref(),
  clearTimeout: (timer) =>
    timer instanceof LongTimer ? timer.clear() : clearTimeout(timer as NodeJS.Timeout),
  defer: (callback) => {
    setImmediate(callback);
  },
};

export const systemEntropy: Entropy = {
  id: () => randomUUID(),
  random: () => Math.random(),
};

/**
 * Resolves after `ms` milliseconds, or as soon as `signal` fires: the caller looks at the signal to tell which.
 */
export function sleep(clock: Clock, ms: number, signal?: AbortSignal): Promise<void> {
  return new Promise((resolve) => {
    if (signal?.aborted) return resolve();
    const timer = clock.setTimeout(finish, ms);
    function finish() {
      clock.clearTimeout(timer);
      signal?.removeEventListener('abort', finish);
      resolve();
    }
    signal?.addEventListener('abort', finish, { once: true });
  });
}
