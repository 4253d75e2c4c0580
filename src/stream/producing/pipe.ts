/**
 * Moves what a source yields into a job. A source is somebody else's code and may fall silent, so it is never waited for
 * once the job is over: it is told to close, and left behind when it does not within a bound.
 *
 * States
 * - `reading`  one item is awaited, mapped, emitted. An error of the source or the mapper, or a failure that the mapper
 *              answers with, leads to `closing`, and is thrown when that is done; so does the job's end, which throws nothing.
 * - `closing`  the source's `return` has been called, or a stream cancelled; its answer, or the bound, ends it. A source of
 *              steps may answer with what its call has used so far: also after a stop, the job's books take that.
 */
import { type Clock, sleep } from '../../clock.js';
import { GenerationJobError, JobEndedError } from '../../errors.js';
import type {
  PipeFailure,
  PipeItems,
  PipeMapper,
  PipeSource,
  PipeStep,
  PipeUsage,
} from '../interfaces/pipe.js';
import type { HostEvent } from '../model/host-types.js';
import { JobFailureError } from '../model/job-failure.js';
import { isObject } from '../model/plain-values.js';
import type { JobFailure, UsageInput } from '../model/types.js';
import { type ItemReader, readerOf } from '../process/item-reader.js';

/**
 * Makes what a mapper answers when the source says that the answer has failed: the job then ends `failed` with it.
 * @param failure told to clients as it is; `retryable` is false by default
 * @param options `cause` stays on the server
 * @throws GenerationJobError `invalid_argument` naming each key and value that is not known
 */
export function failWith(
  failure: Omit<JobFailure, 'retryable'> & { readonly retryable?: boolean | undefined },
  options?: { cause?: unknown },
): PipeFailure {
  return { fail: new JobFailureError(failure, options) };
}

/** A pipe needs this of the job. */
export interface PipeTarget {
  readonly signal: AbortSignal;
  emit(event: HostEvent): Promise<void>;
  addUsage(usage: UsageInput): Promise<boolean>;
}

export interface PipeContext {
  readonly clock: Clock;
  readonly closeMs: number;
  /** Told what closing threw, and that a source did not close in time. */
  readonly onCloseFailed: (error: unknown) => void;
}

const STOPPED = Symbol('stopped');

/**
 * @param mapper undefined for a source whose items are steps themselves
 * @throws GenerationJobError `invalid_argument` for a source or a mapper that is none · what the source or the mapper
 *   throws · JobFailureError for a failure that the mapper answers with
 */
export async function pipeInto<Item>(
  target: PipeTarget,
  source: PipeSource<Item>,
  mapper: PipeMapper<Item> | undefined,
  context: PipeContext,
): Promise<void> {
  if (mapper !== undefined && typeof mapper !== 'function')
    throw new GenerationJobError('invalid_argument', 'mapper must be a function.');
  const { signal } = target;
  const untilStop = stoppableBy(signal);
  try {
    const opening = open(source, signal);
    const items = await untilStop(opening);
    if (items === STOPPED) {
      // One that opens after all is closed at once, by itself.
      opening.then((late) => closeInTime(readerOf(late), context)).catch(context.onCloseFailed);
      return;
    }
    const reader = readerOf(items);
    let isExhausted = false;
    try {
      for (;;) {
        const result = await untilStop(reader.next());
        if (result === STOPPED) return;
        if (result.done) {
          isExhausted = true;
          return;
        }
        for (const step of stepsOf(
          mapper === undefined ? (result.value as PipeStep) : mapper(result.value),
        )) {
          if ('fail' in step) throw step.fail;
          if (isUsage(step)) await takeUsage(target, step);
          else if (signal.aborted) return;
          else await target.emit(step);
        }
      }
    } finally {
      const onLast = (last: unknown) => takeLastUsage(target, last);
      if (!isExhausted) await closeInTime(reader, context, mapper === undefined ? onLast : undefined);
    }
  } finally {
    untilStop.end();
  }
}

function isUsage(step: HostEvent | PipeFailure | PipeUsage): step is PipeUsage {
  return 'usage' in step && !('event' in step);
}

/** Adds what a call has used: a stop leaves the books open for it, any other end does not. */
async function takeUsage(target: PipeTarget, { usage }: PipeUsage): Promise<void> {
  await target.addUsage(usage).catch((error: unknown) => {
    if (!(error instanceof JobEndedError)) throw error;
  });
}

/** A source of steps may answer, as it is left, with what its call has used so far. */
async function takeLastUsage(target: PipeTarget, last: unknown): Promise<void> {
  const step = isObject(last) ? last.value : undefined;
  if (isObject(step) && isObject(step.usage)) await takeUsage(target, { usage: step.usage as UsageInput });
}

async function open<Item>(source: PipeSource<Item>, signal: AbortSignal): Promise<PipeItems<Item>> {
  return typeof source === 'function' ? source(signal) : source;
}

function stepsOf(mapped: PipeStep | readonly PipeStep[]): (HostEvent | PipeFailure | PipeUsage)[] {
  const steps: readonly PipeStep[] = Array.isArray(mapped) ? mapped : [mapped as PipeStep];
  return steps.filter((step) => step !== null && step !== undefined);
}

/** Waits for a value, but no longer than until the signal fires. One listener for all waits, so that none piles up. */
function stoppableBy(signal: AbortSignal): {
  <Value>(value: PromiseLike<Value> | Value): Promise<Value | typeof STOPPED>;
  end(): void;
} {
  let stop = () => {};
  const onAbort = () => stop();
  signal.addEventListener('abort', onAbort, { once: true });
  const wait = <Value>(value: PromiseLike<Value> | Value) =>
    new Promise<Value | typeof STOPPED>((resolve, reject) => {
      stop = () => resolve(STOPPED);
      Promise.resolve(value).then(resolve, reject);
      if (signal.aborted) stop();
    });
  return Object.assign(wait, { end: () => signal.removeEventListener('abort', onAbort) });
}

async function closeInTime<Item>(
  reader: ItemReader<Item>,
  { clock, closeMs, onCloseFailed }: PipeContext,
  onLast?: (last: unknown) => Promise<void>,
) {
  const isOver = new AbortController();
  const closing = (async () => {
    const last = await reader.close();
    await onLast?.(last);
  })()
    .catch(onCloseFailed)
    .finally(() => isOver.abort());
  await Promise.race([closing, sleep(clock, closeMs, isOver.signal)]);
  if (!isOver.signal.aborted) onCloseFailed(new Error(`A piped source did not close within ${closeMs} ms.`));
}
