/**
 * What the parts of one manager share, and two things all of them do: repeat a call whose outcome is unknown, and call
 * the host's code without letting it fail a stream.
 */
import { type Clock, type Entropy, sleep, type TimerHandle } from '../clock.js';
import { GenerationJobError, isUnanswered } from '../errors.js';
import type { ActionTypes } from './action-types.js';
import type { CommitTurns } from './commit-turns.js';
import type { ContentModels } from './content-model.js';
import type { EmitTurns } from './emit-turns.js';
import type { ErrorPlace, ErrorReporter, ErrorSubject } from './error-reports.js';
import type { EventTransport } from './interfaces/event-transport.js';
import type { JobStore } from './interfaces/job-store.js';
import type { LogReader } from './log-reader.js';
import type { Logger } from './logger.js';
import type { Hooks } from './manager-types.js';
import type { StreamObserver } from './observer.js';
import type { Options } from './options.js';
import type { StateReader } from './resume-state.js';
import type { SetAsideCount } from './set-aside-count.js';
import type { SlotKeeper } from './slot-keeper.js';
import type { StoreClock } from './store-clock.js';
import type { Frame, JobRecord } from './types.js';
import type { UnknownModels } from './unknown-models.js';

export interface Parts {
  readonly store: JobStore;
  readonly transport: EventTransport;
  readonly log: LogReader;
  /** The store's clock as far as it is believed: for judging what is over. */
  readonly storeClock: StoreClock;
  readonly states: StateReader;
  readonly options: Options;
  readonly models: ContentModels;
  readonly unknownModels: UnknownModels;
  readonly actionTypes: ActionTypes;
  readonly slots: SlotKeeper;
  readonly setAside: SetAsideCount;
  readonly emitTurns: EmitTurns;
  readonly commitTurns: CommitTurns;
  readonly hooks: Hooks;
  readonly observer: StreamObserver;
  readonly logger: Logger;
  /** Told of each error that nobody else is told. */
  readonly errors: ErrorReporter;
  readonly clock: Clock;
  readonly entropy: Entropy;
  readonly background: Background;
}

const LONGEST_RETRY_FACTOR = 20;

/**
 * Calls until there is an answer, which any error of ours but `unavailable` is. Otherwise the outcome is unknown, and every
 * write can be recognised when it comes again, so it is repeated as it was, with growing pauses, until `untilMonotonic`; then
 * the last error is thrown.
 */
export async function repeatUntilAnswered<Answer>(
  parts: Pick<Parts, 'clock' | 'entropy' | 'options'>,
  call: () => Promise<Answer>,
  untilMonotonic: number,
): Promise<Answer> {
  const { clock, entropy, options } = parts;
  for (let pause = options.retryMs; ; pause = Math.min(pause * 2, options.retryMs * LONGEST_RETRY_FACTOR)) {
    try {
      return await call();
    } catch (error) {
      if (!isUnanswered(error) || clock.monotonic() + pause > untilMonotonic) throw error;
      await sleep(clock, pause * (0.5 + entropy.random() / 2));
    }
  }
}

/**
 * Runs the host's code for at most `limitMs`; default `hookMs`. An answer that comes later is ignored, and so is a
 * rejection. What blocks the event loop instead of awaiting can't be cut short.
 * @throws GenerationJobError `hook_timed_out` · what the hook throws
 */
export async function boundHook<Result>(
  parts: Pick<Parts, 'clock' | 'options'>,
  hook: string,
  call: () => Result | PromiseLike<Result>,
  limitMs: number = parts.options.hookMs,
): Promise<Result> {
  const answer = call();
  if (!isThenable(answer)) return answer;
  let timer: TimerHandle;
  const late = new Promise<never>((_, reject) => {
    const error = new GenerationJobError('hook_timed_out', `\`${hook}\` did not answer in ${limitMs} ms.`);
    timer = parts.clock.setTimeout(() => reject(error), limitMs);
  });
  try {
    return await Promise.race([answer, late]);
  } finally {
    parts.clock.clearTimeout(timer);
  }
}

/** Runs the host's code like `boundHook`; what it throws is reported, and `fallback` stands in for it. */
export async function callHook<Result>(
  parts: Pick<Parts, 'clock' | 'options' | 'observer' | 'errors'>,
  hook: ErrorPlace,
  call: () => Result | PromiseLike<Result>,
  fallback: Result,
  about: { readonly record?: ErrorSubject | undefined; readonly limitMs?: number | undefined } = {},
): Promise<Result> {
  try {
    return await boundHook(parts, hook, call, about.limitMs);
  } catch (error) {
    reportHook(parts, hook, error, about.record);
    return fallback;
  }
}

/** Counts a hook's failure, and tells the host of it. */
export function reportHook(
  { observer, errors }: Pick<Parts, 'observer' | 'errors'>,
  hook: ErrorPlace,
  error: unknown,
  record?: ErrorSubject,
): void {
  observer.hookFailed(hook);
  errors.report({ where: hook, error, record });
}

function isThenable<Result>(answer: Result | PromiseLike<Result>): answer is PromiseLike<Result> {
  return typeof (answer as { then?: unknown } | null | undefined)?.then === 'function';
}

/** Hands the frames of a store that does not publish by itself to the transport. */
export function publishFrames(
  parts: Pick<Parts, 'transport'>,
  frames: readonly Frame[],
  emittedAt?: number,
): void {
  for (const frame of frames) {
    frame.emittedAt = emittedAt;
    parts.transport.publish(frame);
  }
}

/** Whether no event of the host was committed. `record` may be before or after its end. */
export function isEarly(record: JobRecord): boolean {
  return record.lastSequence === record.lifecycleEvents;
}

/** Work nobody waits for, so that a closing manager can. */
export class Background {
  readonly #running = new Set<Promise<void>>();
  readonly #onError: (error: unknown) => void;

  constructor(onError: (error: unknown) => void) {
    this.#onError = onError;
  }

  run(work: Promise<unknown>): void {
    const settled: Promise<void> = work.then(
      () => {},
      (error: unknown) => this.#onError(error),
    );
    this.#running.add(settled);
    void settled.then(() => this.#running.delete(settled));
  }

  /** Resolves when nothing runs any more. */
  async idle(): Promise<void> {
    while (this.#running.size > 0) await Promise.all(this.#running);
  }
}
