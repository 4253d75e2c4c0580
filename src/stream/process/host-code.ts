/** Calls the host's code without letting it hang or fail a stream. */
import type { Clock, TimerHandle } from '../../clock.js';
import { GenerationJobError } from '../../errors.js';
import type { StreamObserver } from '../interfaces/observer.js';
import type { ErrorPlace, ErrorSubject } from '../model/error-report.js';
import type { Options } from '../model/options.js';
import type { ErrorReporter } from './error-reports.js';

export interface HostCodeContext {
  readonly clock: Clock;
  readonly options: Pick<Options, 'hookMs'>;
}

export interface HookReportContext {
  readonly observer: Pick<StreamObserver, 'hookFailed'>;
  readonly errors: Pick<ErrorReporter, 'report'>;
}

/**
 * Runs the host's code for at most `limitMs`; default `hookMs`. An answer that comes later is ignored, and so is a
 * rejection. What blocks the event loop instead of awaiting can't be cut short.
 * @throws GenerationJobError `hook_timed_out` · what the hook throws
 */
export async function boundHook<Result>(
  context: HostCodeContext,
  hook: string,
  call: () => Result | PromiseLike<Result>,
  limitMs: number = context.options.hookMs,
): Promise<Result> {
  const answer = call();
  if (!isThenable(answer)) return answer;
  let timer: TimerHandle;
  const late = new Promise<never>((_, reject) => {
    const error = new GenerationJobError('hook_timed_out', `\`${hook}\` did not answer in ${limitMs} ms.`);
    timer = context.clock.setTimeout(() => reject(error), limitMs);
  });
  try {
    return await Promise.race([answer, late]);
  } finally {
    context.clock.clearTimeout(timer);
  }
}

/** Runs the host's code like `boundHook`, and answers in the same turn where that does. @throws what the hook throws */
export function boundOrAtOnce<Result>(
  context: HostCodeContext,
  hook: string,
  call: () => Result | PromiseLike<Result>,
): Result | Promise<Result> {
  const answer = call();
  return isThenable(answer) ? boundHook(context, hook, () => answer) : answer;
}

/** Runs the host's code like `boundHook`; what it throws is reported, and `fallback` stands in for it. */
export async function callHook<Result>(
  context: HostCodeContext & HookReportContext,
  hook: ErrorPlace,
  call: () => Result | PromiseLike<Result>,
  fallback: Result,
  about: { readonly record?: ErrorSubject | undefined; readonly limitMs?: number | undefined } = {},
): Promise<Result> {
  try {
    return await boundHook(context, hook, call, about.limitMs);
  } catch (error) {
    reportHook(context, hook, error, about.record);
    return fallback;
  }
}

/** Counts a hook's failure, and tells the host of it. */
export function reportHook(
  { observer, errors }: HookReportContext,
  hook: ErrorPlace,
  error: unknown,
  record?: ErrorSubject,
): void {
  observer.hookFailed(hook);
  errors.report({ where: hook, error, record });
}

/**
 * Calls the host's code that nobody waits for. An `async` function where a plain one is asked for rejects later, and that
 * would end the process.
 * @param failed told what it throws, at once or later
 */
export function callUnawaited(call: () => unknown, failed: (error: unknown) => void): void {
  try {
    const answer = call();
    if (isThenable(answer)) answer.then(undefined, failed);
  } catch (error) {
    failed(error);
  }
}

function isThenable<Result>(answer: Result | PromiseLike<Result>): answer is PromiseLike<Result> {
  return typeof (answer as { then?: unknown } | null | undefined)?.then === 'function';
}
