/**
 * Moves what a source yields into a job. A source is somebody else's code and may fall silent, so it is never waited for
 * once the job is over: it is told to close, and left behind when it does not within a bound.
 *
 * States
 * - `reading`  one item is awaited, mapped, emitted. An error of the source or the mapper, or a failure that the mapper
 *              answers with, leads to `closing`, and is thrown when that is done; so does the job's end, which throws nothing.
 * - `closing`  the source's `return` has been called, or a stream cancelled; its answer, or the bound, ends it.
 */
import { type Clock, sleep } from '../../clock.js';
import { GenerationJobError } from '../../errors.js';
import type { PipeFailure, PipeItems, PipeMapper, PipeSource, PipeStep } from '../interfaces/pipe.js';
import type { HostEvent } from '../model/host-types.js';
import { JobFailureError } from '../model/job-failure.js';
import type { JobFailure } from '../model/types.js';

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
}

export interface PipeContext {
  readonly clock: Clock;
  readonly closeMs: number;
  /** Told what closing threw, and that a source did not close in time. */
  readonly onCloseFailed: (error: unknown) => void;
}

interface Reader<Item> {
  next(): PromiseLike<IteratorResult<Item>> | IteratorResult<Item>;
  close(): unknown;
}

const STOPPED = Symbol('stopped');

/**
 * @throws GenerationJobError `invalid_argument` for a source or a mapper that is none · what the source or the mapper
 *   throws · JobFailureError for a failure that the mapper answers with
 */
export async function pipeInto<Item>(
  target: PipeTarget,
  source: PipeSource<Item>,
  mapper: PipeMapper<Item>,
  context: PipeContext,
): Promise<void> {
  if (typeof mapper !== 'function')
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
        for (const step of stepsOf(mapper(result.value))) {
          if ('fail' in step) throw step.fail;
          if (signal.aborted) return;
          await target.emit(step);
        }
      }
    } finally {
      if (!isExhausted) await closeInTime(reader, context);
    }
  } finally {
    untilStop.end();
  }
}

async function open<Item>(source: PipeSource<Item>, signal: AbortSignal): Promise<PipeItems<Item>> {
  return typeof source === 'function' ? source(signal) : source;
}

function readerOf<Item>(items: PipeItems<Item>): Reader<Item> {
  // A stream's own iterator can't be left while a read is pending; its reader can be cancelled.
  if (items instanceof ReadableStream) {
    const reader = items.getReader();
    return {
      next: async () => (await reader.read()) as IteratorResult<Item>,
      close: () => reader.cancel(),
    };
  }
  if (!isIterable(items)) {
    const message = 'source must be an iterable, a ReadableStream, or a function that opens one.';
    throw new GenerationJobError('invalid_argument', message);
  }
  const iterator = Symbol.asyncIterator in items ? items[Symbol.asyncIterator]() : items[Symbol.iterator]();
  return { next: () => iterator.next(), close: () => iterator.return?.() };
}

function isIterable(items: unknown): boolean {
  const given = Object(items) as Partial<AsyncIterable<unknown> & Iterable<unknown>>;
  return typeof (given[Symbol.asyncIterator] ?? given[Symbol.iterator]) === 'function';
}

function stepsOf(mapped: PipeStep | readonly PipeStep[]): (HostEvent | PipeFailure)[] {
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

async function closeInTime<Item>(reader: Reader<Item>, { clock, closeMs, onCloseFailed }: PipeContext) {
  const isOver = new AbortController();
  const closing = (async () => reader.close())()
    .catch(onCloseFailed)
    .finally(() => isOver.abort());
  await Promise.race([closing, sleep(clock, closeMs, isOver.signal)]);
  if (!isOver.signal.aborted) onCloseFailed(new Error(`A piped source did not close within ${closeMs} ms.`));
}
