/**
 * Waits until a generation's record is as its caller wants it, bounded in time. It is woken by the hub like a follower, and
 * counted as none.
 *
 * States
 * - `looking`  one read of the record is under way; wake-ups that come meanwhile make another one follow it
 * - `waiting`  the record is not so yet. Left to `looking` when a frame announces a change of the record or the end, when the
 *              hub's poll finds one, or when the time is over: that look is the last
 * - over       with the record: as it is wanted, or as it is when the time is over. With null when it is not kept.
 *              With an error when the store can't be read, at all or by the time's end
 *
 * Events of a generation that runs wake it, too; they are no reason to look. While it waits for a person each is one.
 */
import type { Clock, TimerHandle } from '../../clock.js';
import { isUnanswered } from '../../errors.js';
import { isActive } from '../model/transitions.js';
import type { JobRecord } from '../model/types.js';
import type { Follower } from './hub-context.js';
import type { StreamHub } from './stream-hub.js';

export interface RecordWaitInput {
  /** A generation; undefined for the one that is current at the first look. */
  readonly generation?: number | undefined;
  /** The longest wait, in milliseconds. */
  readonly timeoutMs: number;
  /** Says of a record that it is as it is wanted. */
  readonly until: (record: JobRecord) => boolean;
  /** The record as the caller has seen it, for a wait that ends before the first look. */
  readonly seen?: JobRecord | undefined;
  /** Ends the wait at once with what was seen last. */
  readonly signal?: AbortSignal | undefined;
}

/** A wait for a settlement need not say what it waits for, nor how long: `settledWaitMs` by default. */
export type SettledWaitInput = Omit<RecordWaitInput, 'until' | 'timeoutMs'> & {
  readonly timeoutMs?: number | undefined;
};

export class RecordWait implements Follower {
  /** Resolves with the record as it then is, or with null when it is not kept. */
  readonly over: Promise<JobRecord | null>;
  readonly #hub: StreamHub;
  readonly #clock: Clock;
  readonly #signal: AbortSignal | undefined;
  readonly #until: (record: JobRecord) => boolean;
  readonly #timer: TimerHandle;
  #generation: number | undefined;
  #record: JobRecord | null = null;
  /** The last look was not answered: whatever wakes it is worth another. */
  #failure: unknown;
  #looking = false;
  #looksAgain = false;
  #isLast = false;
  #isOver = false;
  #answer: (record: JobRecord | null | Promise<never>) => void = () => {};

  constructor(hub: StreamHub, clock: Clock, input: RecordWaitInput) {
    const { generation, timeoutMs, signal, seen = null, until } = input;
    this.#until = until;
    this.#hub = hub;
    this.#clock = clock;
    this.#generation = generation;
    this.#record = seen;
    this.#signal = signal;
    this.over = new Promise((resolve) => {
      this.#answer = resolve;
    });
    this.#timer = clock.setTimeout(() => {
      this.#isLast = true;
      this.#look();
    }, timeoutMs);
    signal?.addEventListener('abort', this.stop, { once: true });
    if (signal?.aborted) this.stop();
  }

  /** Begins to look, once the hub listens: what is announced from then on is heard. */
  async begin(): Promise<void> {
    await this.#hub.listen();
    this.#look();
  }

  /** Ends the wait with what was seen last. */
  readonly stop = () => this.#finish(this.#record);

  wake(): void {
    const { generation, mayHaveEnded } = this.#hub;
    const isKnown = this.#record !== null && this.#failure === undefined;
    const status = isKnown ? this.#record?.status : undefined;
    if (status === 'running' && generation === this.#generation && !mayHaveEnded) return;
    // Of what has ended, events say nothing any more, unless that it has gone.
    if (status !== undefined && !isActive(status) && generation !== 0) return;
    this.#look();
  }

  seeRecord(generation: number, revision: number): void {
    const seen = this.#record;
    if (seen !== null && this.#failure === undefined) {
      if (generation < seen.generation) return;
      if (generation === seen.generation && revision === seen.revision) return;
    }
    this.#look();
  }

  fail(error: unknown): void {
    if (this.#isOver) return;
    this.#finish(Promise.reject(error));
  }

  #look(): void {
    this.#looksAgain = true;
    if (!this.#looking && !this.#isOver) void this.#lookWhileWoken();
  }

  async #lookWhileWoken(): Promise<void> {
    this.#looking = true;
    while (this.#looksAgain && !this.#isOver) {
      this.#looksAgain = false;
      const isLast = this.#isLast;
      try {
        const record = await this.#hub.record(this.#generation);
        this.#failure = undefined;
        this.#record = record;
        this.#generation ??= record?.generation;
        if (record === null || this.#until(record) || isLast) this.#finish(record);
      } catch (error) {
        this.#failure = error;
        if (!isUnanswered(error)) this.fail(error);
        else if (isLast && this.#record === null) this.fail(error);
        else if (isLast) this.stop();
      }
    }
    this.#looking = false;
  }

  #finish(outcome: JobRecord | null | Promise<never>): void {
    this.#isOver = true;
    this.#clock.clearTimeout(this.#timer);
    this.#signal?.removeEventListener('abort', this.stop);
    this.#answer(outcome);
  }
}
