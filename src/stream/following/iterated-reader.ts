/** A subscription as its reader holds it: read batch by batch when told that there is something, or iterated. */
import type { Clock } from '../../clock.js';
import type { DetachResult } from '../interfaces/observer.js';
import type { StreamEvent } from '../model/lifecycle-payloads.js';
import type { Batch, StreamKey } from '../model/types.js';
import type { ErrorReporter } from '../process/error-reports.js';
import type { HandOutContext } from '../process/handed-out.js';
import { SubscriptionIteration } from './subscription-iteration.js';

interface ReaderContext {
  readonly errors: ErrorReporter;
  readonly clock: Clock;
}

export abstract class IteratedReader {
  onReadable: (() => void) | undefined;
  /** Made with the first call of `next`: who reads batches has no use for it. */
  #iteration: SubscriptionIteration | undefined;

  abstract get closedBy(): DetachResult | undefined;
  abstract read(): Batch | null;
  abstract detach(reason: DetachResult): void;
  protected abstract onReaderFailed(error: unknown): void;
  /** Errors that nobody takes are told of with this. */
  protected readonly handOutContext: HandOutContext;

  constructor({ errors, clock }: ReaderContext, record: StreamKey) {
    this.handOutContext = { errors, clock, record };
  }

  protected announce(): void {
    try {
      this.onReadable?.();
    } catch (error) {
      // A reader that throws when told that there is something to read harms nobody but itself.
      this.onReaderFailed(error);
    }
    this.#iteration?.answer();
  }

  /** Gives out nothing any more of what has been read. */
  protected forget(): void {
    this.#iteration?.forget();
  }

  next(): Promise<IteratorResult<StreamEvent, undefined>> {
    this.#iteration ??= new SubscriptionIteration(this, this.handOutContext);
    return this.#iteration.next();
  }

  async return(): Promise<IteratorResult<StreamEvent, undefined>> {
    this.detach('left');
    return { done: true, value: undefined };
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.detach('left');
  }

  [Symbol.asyncIterator](): this {
    return this;
  }
}
