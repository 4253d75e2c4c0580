/**
 * Answers at once, from the last good state of something that is elsewhere: what a turn's end must know without waiting. The state
 * is read again behind the answers:
 *
 * - *clean*: nothing is known to have changed; `refreshMs` after the last read it is read again.
 * - *dirty*: it has been marked; it will be read in `debounceMs`, however often it is marked until then.
 * - *refreshing*: it is being read. A mark in between makes it dirty again: what is read may be of before the mark.
 * - *failing*: a read failed, or took too long; the last good state is served, and it is read again after a pause that doubles.
 * - *closed*: it serves the last good state, and reads no more.
 */
import { z } from 'zod';
import {
  type Clock,
  type Entropy,
  SECOND,
  systemClock,
  systemEntropy,
  type TimerHandle,
} from '../../clock.js';
import { GenerationJobError } from '../../errors.js';
import {
  callable,
  clockSchema,
  durationMs,
  having,
  requiredFunction,
} from '../../stream/model/host-values.js';
import { parseStrictly } from '../../stream/model/strict.js';

export interface SnapshotCacheOptions<State> {
  /** Reads the state as it is now. It gives a value that can be copied, and stops when the signal fires. */
  readonly read: (signal: AbortSignal) => Promise<State>;
  /** The longest wait from a mark to the read that it asks for (ms): marks until then ask for one read. Default 100 ms. */
  readonly debounceMs?: number | undefined;
  /** The time after which a state that nobody marked is read again (ms). Default 30 s. */
  readonly refreshMs?: number | undefined;
  /** The longest time a read may take (ms). Default 10 s. */
  readonly readMs?: number | undefined;
  /** The pause after a read that failed (ms); it doubles with each that follows, up to `refreshMs`. Default 500 ms. */
  readonly retryMs?: number | undefined;
  /** Is told of each read that failed. What it throws is not heard. */
  readonly onError?: ((error: unknown) => void) | undefined;
  /** The clock of it all. Default: the system's. */
  readonly clock?: Clock | undefined;
  /** Its chance spreads the pauses after failures. Default: the system's. */
  readonly entropy?: Entropy | undefined;
}

/** A state as it was. */
export interface CachedState<State> {
  /** A copy, the caller's own. */
  readonly state: State;
  /** The time since it was asked for, in milliseconds: what it says may be that old. */
  readonly ageMs: number;
  /** True when something has been marked since, or the last read failed. */
  readonly isStale: boolean;
}

const DEBOUNCE_MS = 100;
const REFRESH_MS = 30 * SECOND;
const READ_MS = 10 * SECOND;
const RETRY_MS = SECOND / 2;
const optionsSchema = z.strictObject({
  read: requiredFunction,
  debounceMs: durationMs.optional(),
  refreshMs: durationMs.optional(),
  readMs: durationMs.optional(),
  retryMs: durationMs.optional(),
  onError: callable,
  clock: clockSchema.optional(),
  entropy: having('an Entropy', 'id', 'random').optional(),
} satisfies Record<keyof SnapshotCacheOptions<unknown>, z.ZodType>);

/**
 * Keeps the last good state of something that is elsewhere, answers from it at once, and reads it again behind the answers.
 * None of its timers keeps a process alive.
 *
 * @example
 * const open = new SnapshotCache({ read: (signal) => askForApprovals(signal) });
 * open.markDirty();
 * const approvals = open.current()?.state ?? [];
 */
export class SnapshotCache<State> {
  readonly #read: (signal: AbortSignal) => Promise<State>;
  readonly #options: SnapshotCacheOptions<State>;
  readonly #clock: Clock;
  #good: { readonly state: State; readonly askedAt: number } | undefined;
  /** Marks so far, and those that the last good state is of after; the first read needs no mark. */
  #marks = 1;
  #seen = 0;
  #failures = 0;
  #isClosed = false;
  #timer: { readonly handle: TimerHandle; readonly at: number } | undefined;
  #reading: { readonly over: Promise<void>; readonly stop: AbortController } | undefined;

  /**
   * The first read begins at once.
   * @throws GenerationJobError `invalid_options`
   */
  constructor(options: SnapshotCacheOptions<State>) {
    parseStrictly('invalid_options', optionsSchema, options, 'options');
    this.#options = options;
    this.#read = options.read;
    this.#clock = options.clock ?? systemClock;
    this.#schedule(0);
  }

  /** Returns the last good state, at once; null before the first is there. */
  current(): CachedState<State> | null {
    if (this.#good === undefined) return null;
    const { state, askedAt } = this.#good;
    const ageMs = this.#clock.monotonic() - askedAt;
    return { state: structuredClone(state), ageMs, isStale: this.#isDirty || this.#failures > 0 };
  }

  /** Says that the state has changed elsewhere: it is read again soon, once for all marks until then. */
  markDirty(): void {
    this.#marks++;
    // While it is read, the end of that looks at the mark; after a failure, a mark is no reason to ask sooner.
    if (this.#reading === undefined && this.#failures === 0)
      this.#schedule(this.#options.debounceMs ?? DEBOUNCE_MS);
  }

  /**
   * Reads the state now, and resolves when a read that began after the call is over: with true if it is good. Never rejects.
   * One that is closed answers false.
   */
  async refresh(): Promise<boolean> {
    await this.#reading?.over;
    if (this.#isClosed) return false;
    // Another caller may have begun one meanwhile: that one began after this call too.
    await (this.#reading?.over ?? this.#begin());
    return this.#failures === 0;
  }

  /** Ends the reads; the last good state is still served. */
  close(): void {
    this.#isClosed = true;
    this.#unschedule();
    this.#reading?.stop.abort(new GenerationJobError('closed', 'The snapshot cache was closed.'));
  }

  get #isDirty(): boolean {
    return this.#marks !== this.#seen;
  }

  /** Sets the next read, unless one is set for an earlier time. */
  #schedule(ms: number): void {
    const at = this.#clock.monotonic() + ms;
    if (this.#isClosed || (this.#timer && this.#timer.at <= at)) return;
    this.#unschedule();
    this.#timer = { at, handle: this.#clock.setTimeout(() => void this.#begin(), ms) };
  }

  #unschedule(): void {
    if (this.#timer) this.#clock.clearTimeout(this.#timer.handle);
    this.#timer = undefined;
  }

  #begin(): Promise<void> {
    this.#unschedule();
    const stop = new AbortController();
    const over = this.#refreshOnce(stop).then(() => {
      this.#reading = undefined;
      this.#schedule(this.#nextPause());
    });
    this.#reading = { over, stop };
    return over;
  }

  async #refreshOnce(stop: AbortController): Promise<void> {
    const askedAt = this.#clock.monotonic();
    const marks = this.#marks;
    try {
      const state = structuredClone(await this.#readInTime(stop));
      this.#good = { state, askedAt };
      this.#seen = marks;
      this.#failures = 0;
    } catch (error) {
      this.#failures++;
      if (!this.#isClosed) this.#tell(error);
    }
  }

  async #readInTime(stop: AbortController): Promise<State> {
    const { readMs = READ_MS } = this.#options;
    const late = () => stop.abort(new GenerationJobError('unavailable', `No state within ${readMs} ms.`));
    const timer = this.#clock.setTimeout(late, readMs);
    try {
      return await new Promise<State>((resolve, reject) => {
        stop.signal.addEventListener('abort', () => reject(stop.signal.reason), { once: true });
        // Inside `then`, so that what it throws at once is a rejection as well.
        Promise.resolve()
          .then(() => this.#read(stop.signal))
          .then(resolve, reject);
      });
    } finally {
      this.#clock.clearTimeout(timer);
    }
  }

  #nextPause(): number {
    const { debounceMs = DEBOUNCE_MS, refreshMs = REFRESH_MS, retryMs = RETRY_MS } = this.#options;
    if (this.#failures === 0) return this.#isDirty ? debounceMs : refreshMs;
    const { random } = this.#options.entropy ?? systemEntropy;
    // Up to a quarter sooner, so that many workers don't come back in one moment.
    return Math.min(retryMs * 2 ** Math.min(this.#failures - 1, 30), refreshMs) * (1 - random() / 4);
  }

  #tell(error: unknown): void {
    try {
      this.#options.onError?.(error);
    } catch {
      // The host's own report failed: there is nobody left to tell, and the state is served all the same.
    }
  }
}
