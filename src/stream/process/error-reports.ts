/**
 * Error reports take the errors that nobody else is told: those of the host's own code, and of work nobody waits for. A
 * report goes to the hook `onError` and to the logger. Where there is neither, it goes to standard error, a few a
 * minute, so that a host that has set up nothing still finds its own mistake. Reporting never throws, never waits, and
 * is never reported on to the hook that failed: a report can't make a second error of the first.
 */
import { type Clock, MINUTE, type TimerHandle } from '../../clock.js';
import { isGenerationJobError } from '../../errors.js';
import type { Logger } from '../interfaces/logger.js';
import {
  ERROR_MESSAGES,
  type ErrorPlace,
  type ErrorReport,
  type ErrorSubject,
} from '../model/error-report.js';

export interface ErrorReporterInput {
  readonly onError?: ((report: ErrorReport) => unknown) | undefined;
  /** A guarded one; undefined when the host has given none. */
  readonly logger?: Logger | undefined;
  /** The part of an error that is written down: `name` leaves its text and its properties out. */
  readonly logErrors: 'full' | 'name';
  readonly clock: Clock;
  /** Counts a hook that threw. */
  readonly hookFailed: (hook: string) => void;
  /** Writes a text to standard error. */
  readonly print?: ((text: string) => void) | undefined;
}

const OWN_WORK: ReadonlySet<ErrorPlace> = new Set([
  ...(['lease', 'sweep', 'upkeep', 'store', 'transport', 'background'] as const),
]);

/** More would fill a log with one mistake; fewer would hide a second one. */
const PRINTED_IN_A_MINUTE = 10;
const LONGEST_PRINTED = 8 * 1024;
const MOST_CAUSES = 5;
const MOST_FRAMES = 10;

export class ErrorReporter {
  readonly #input: ErrorReporterInput;
  readonly #print: (text: string) => void;
  /** The time on the monotonic clock; undefined before the first. */
  #minuteBegan: number | undefined;
  #printed = 0;
  #leftOut = 0;
  #timer: TimerHandle | undefined;
  #isClosed = false;

  constructor(input: ErrorReporterInput) {
    this.#input = input;
    this.#print = input.print ?? printToStandardError;
  }

  /**
   * Tells the host of an error. Never throws, and waits for nothing.
   * @param given may name its subject by a whole record, opened perhaps: nobody is told more of it than which job it is
   */
  report(given: ErrorReport): void {
    const { logger, onError } = this.#input;
    const report: ErrorReport = { ...given, record: given.record && namesOf(given.record) };
    if (logger && report.where !== 'logger') this.#log(logger, report);
    else if (onError === undefined) this.#warn(report);
    if (onError !== undefined) this.#callHook(onError, report);
  }

  /** Says at once how many were left out; sets no timer any more. */
  close(): void {
    this.#isClosed = true;
    this.#input.clock.clearTimeout(this.#timer);
    this.#tellLeftOut();
  }

  #callHook(onError: (report: ErrorReport) => unknown, report: ErrorReport): void {
    const failed = (error: unknown) => {
      this.#input.hookFailed('onError');
      const failure: ErrorReport = { where: 'onError', error, record: report.record };
      if (this.#input.logger) this.#log(this.#input.logger, failure);
      else this.#warn(failure);
    };
    try {
      // Not waited for: one that hangs holds up nobody.
      Promise.resolve(onError(report)).catch(failed);
    } catch (error) {
      failed(error);
    }
  }

  #log(logger: Logger, { where, error, record, details }: ErrorReport): void {
    const named = { where, ...details, ...record };
    const shown = this.#input.logErrors === 'full' ? { err: error } : summaryOf(error);
    // The library's own upkeep is tried again by itself.
    logger[OWN_WORK.has(where) ? 'warn' : 'error']({ ...named, ...shown }, ERROR_MESSAGES[where]);
  }

  #warn(report: ErrorReport): void {
    const { clock } = this.#input;
    const now = clock.monotonic();
    if (this.#minuteBegan === undefined || now - this.#minuteBegan >= MINUTE) this.#beginMinute(now);
    if (this.#printed < PRINTED_IN_A_MINUTE) {
      this.#printed++;
      this.#write(() => warningOf(report, this.#input.logErrors));
      return;
    }
    this.#leftOut++;
    if (this.#isClosed) return;
    this.#timer ??= clock.setTimeout(
      () => this.#beginMinute(clock.monotonic()),
      (this.#minuteBegan ?? now) + MINUTE - now,
    );
  }

  #beginMinute(now: number): void {
    this.#input.clock.clearTimeout(this.#timer);
    this.#timer = undefined;
    this.#minuteBegan = now;
    this.#printed = 0;
    this.#tellLeftOut();
  }

  #tellLeftOut(): void {
    const count = this.#leftOut;
    this.#leftOut = 0;
    if (count > 0) this.#write(() => `generation-jobs: ${count} more errors were not printed.`);
  }

  #write(text: () => string): void {
    try {
      this.#print(text());
    } catch {
      // Nobody is left to be told: there is no logger, and standard error can't be written to.
      this.#input.hookFailed('onError');
    }
  }
}

/** Returns what may be logged of an error whose text may not: its kind. */
function nameOfError(error: unknown): string {
  if (isGenerationJobError(error)) return error.code;
  return error instanceof Error ? String(error.name) : typeof error;
}

function namesOf({ tenantId, streamId, generation, attempt }: ErrorSubject): ErrorSubject {
  return {
    ...(tenantId !== undefined && { tenantId }),
    streamId,
    ...(generation !== undefined && { generation }),
    ...(attempt !== undefined && { attempt }),
  };
}

/** An error without its text: its name and where it was thrown, and the same of its causes. */
function summaryOf(error: unknown): object {
  const [first, ...causes] = withCauses(error);
  return {
    error: nameOfError(first),
    at: framesOf(first),
    ...(causes.length > 0 && { causes: causes.map(nameOfError) }),
  };
}

/** An error and what caused it, outermost first. */
function withCauses(error: unknown): readonly unknown[] {
  const chain: unknown[] = [];
  for (let one = error; chain.length <= MOST_CAUSES && !chain.includes(one); one = one.cause) {
    chain.push(one);
    if (!(one instanceof Error) || one.cause === undefined) break;
  }
  return chain;
}

/** Returns where it was thrown: the stack after the message. Empty when the two can't be told apart. */
function framesOf(error: unknown): string[] {
  if (!(error instanceof Error) || typeof error.stack !== 'string') return [];
  const message = String(error.message);
  const start = error.stack.indexOf(message);
  if (start < 0) return [];
  return error.stack
    .slice(start + message.length)
    .split('\n')
    .map((line) => line.trim())
    .filter((line) => line.startsWith('at '))
    .slice(0, MOST_FRAMES);
}

function warningOf({ where, error, record, details }: ErrorReport, logErrors: 'full' | 'name'): string {
  const fields = Object.entries({ where, ...details, ...record }).map(
    ([name, value]) => `${name} ${String(value)}`,
  );
  const shown = logErrors === 'full' ? withCauses(error).map(textOf) : [JSON.stringify(summaryOf(error))];
  const text = `generation-jobs: ${ERROR_MESSAGES[where]} (${fields.join(', ')})\n${shown.join('\nCaused by: ')}`;
  return text.length > LONGEST_PRINTED ? `${text.slice(0, LONGEST_PRINTED)} …` : text;
}

function textOf(error: unknown): string {
  if (error instanceof Error) return String(error.stack ?? error);
  return typeof error === 'object' ? JSON.stringify(error) : String(error);
}

/** `console` takes a broken pipe for what it is; a bare write would end the process. */
function printToStandardError(text: string): void {
  // biome-ignore lint/suspicious/noConsole: the last resort of a host that has given neither logger nor hook
  console.error(text);
}
