/**
 * Promises that nobody need await. A bare `job.update(…)` after a stop is no mistake worth a process, so what a call of
 * the library rejects with is never an unhandled rejection: whoever awaits the call gets it, and when nobody does by the
 * end of the turn it is told to `onError`, each error once however many calls it met. A call that belongs to no manager has
 * no `onError`: its error goes to standard error.
 */
import { type Clock, systemClock } from '../../clock.js';
import type { ErrorSubject } from '../model/error-report.js';
import { ErrorReporter } from './error-reports.js';

/** The manager that is told, and what of. */
export interface HandOutContext {
  readonly errors: ErrorReporter;
  readonly clock: Clock;
  readonly record?: ErrorSubject | undefined;
}

/** The context of calls that belong to no manager. */
export const NO_MANAGER: HandOutContext = {
  clock: systemClock,
  errors: new ErrorReporter({ logErrors: 'full', clock: systemClock, hookFailed: () => {} }),
};

/** Knows whether anybody has asked for its outcome: `await` and all combinators do so by `then`, of a subclass. */
export class HandedOut<Value> extends Promise<Value> {
  isTaken = false;

  /** A promise chained to it is the caller's own, with the caller's own rejections. */
  static override get [Symbol.species](): PromiseConstructor {
    return Promise;
  }

  // biome-ignore lint/suspicious/noThenProperty: this is how it learns that somebody awaits it
  override then<Fulfilled = Value, Rejected = never>(
    onFulfilled?: ((value: Value) => Fulfilled | PromiseLike<Fulfilled>) | null,
    onRejected?: ((reason: unknown) => Rejected | PromiseLike<Rejected>) | null,
  ): Promise<Fulfilled | Rejected> {
    this.isTaken = true;
    return super.then(onFulfilled, onRejected);
  }
}

const reported = new WeakSet<object>();

/**
 * The promise of a call, for the caller to await or not.
 * @param call its name, for the report
 * @param isTakenElsewhere whether somebody gets the error in another way
 */
export function handOut<Value>(
  context: HandOutContext,
  call: string,
  work: () => PromiseLike<Value>,
  isTakenElsewhere: () => boolean = () => false,
): Promise<Value> {
  const handed = new HandedOut<Value>((resolve, reject) => {
    work().then(resolve, reject);
  });
  watch(context, call, handed, isTakenElsewhere);
  return handed;
}

/** Marks a promise handled, and tells of its rejection when nobody has taken it by the end of the turn. */
export function watch(
  context: HandOutContext,
  call: string,
  handed: HandedOut<unknown>,
  isTakenElsewhere: () => boolean = () => false,
): void {
  const tellUnlessTaken = (error: unknown) => {
    if (handed.isTaken || isTakenElsewhere() || !isFirst(error)) return;
    context.errors.report({ where: 'unawaited', error, record: context.record, details: { call } });
  };
  // An `await` asks one microtask after the call: an error that is there at once must wait for it.
  Promise.prototype.then.call(handed, undefined, (error: unknown) =>
    context.clock.defer(() => tellUnlessTaken(error)),
  );
}

/** Makes methods of a class hand out their promises. Called once, for the prototype. */
export function handOutMethods<Owner extends object>(
  prototype: Owner,
  names: readonly (keyof Owner & string)[],
  contextOf: (owner: Owner) => HandOutContext,
): void {
  for (const name of names) {
    const method = prototype[name] as (...args: unknown[]) => PromiseLike<unknown>;
    Object.defineProperty(prototype, name, {
      configurable: true,
      writable: true,
      value(this: Owner, ...args: unknown[]) {
        return handOut(contextOf(this), name, () => method.apply(this, args));
      },
    });
  }
}

function isFirst(error: unknown): boolean {
  if (typeof error !== 'object' || error === null) return true;
  if (reported.has(error)) return false;
  reported.add(error);
  return true;
}
