/** Waits for what may never come are given up by name. */
import type { Clock } from '../clock.js';
import { GenerationJobError } from '../errors.js';

/** Waits for the work until the signal fires. @throws the reason of the signal, or what the work throws */
export async function settledBefore<Value>(signal: AbortSignal, work: () => Promise<Value>): Promise<Value> {
  signal.throwIfAborted();
  return new Promise((resolve, reject) => {
    const giveUp = () => reject(signal.reason);
    const settled = () => signal.removeEventListener('abort', giveUp);
    signal.addEventListener('abort', giveUp, { once: true });
    work().then(
      (value) => {
        settled();
        resolve(value);
      },
      (error: unknown) => {
        settled();
        reject(error);
      },
    );
  });
}

export interface Bound {
  /** Names the work in the error. */
  readonly what: string;
  readonly withinMs: number;
  readonly clock: Clock;
  /** Ends the wait earlier. */
  readonly signal?: AbortSignal | undefined;
}

/**
 * Does work that is told by a signal when its time is over.
 * @throws GenerationJobError `transcript_timeout`; the reason of the bound's own signal; what the work throws
 */
export async function within<Value>(
  { what, withinMs, clock, signal }: Bound,
  work: (signal: AbortSignal) => Promise<Value>,
): Promise<Value> {
  signal?.throwIfAborted();
  const over = new AbortController();
  const stop = () => over.abort(signal?.reason);
  signal?.addEventListener('abort', stop, { once: true });
  const timer = clock.setTimeout(
    () => over.abort(new GenerationJobError('transcript_timeout', `${what} took more than ${withinMs} ms.`)),
    withinMs,
  );
  try {
    return await settledBefore(over.signal, () => work(over.signal));
  } finally {
    clock.clearTimeout(timer);
    signal?.removeEventListener('abort', stop);
    over.abort(); // what the work has left open, such as an answer that nobody read, is let go
  }
}
