/**
 * The events of a subscription one by one, for `for await`: what it reads in batches is given out event by event, and calls
 * of `next` that come before there is anything wait in their order.
 */

import { formatCursor } from '../model/cursor.js';
import type { StreamEvent } from '../model/lifecycle-payloads.js';
import type { Batch, LogEvent } from '../model/types.js';
import { HandedOut, type HandOutContext, handOut, watch } from '../process/handed-out.js';

type Result = IteratorResult<StreamEvent, undefined>;

/** An iteration is over this. */
interface Source {
  readonly closedBy: string | undefined;
  read(): Batch | null;
}

/** A call of `next` that waits. */
interface Pending {
  /** Rejects, too, when given a rejected promise: one function less for each idle follower to hold. */
  readonly resolve: (result: Result | Promise<never>) => void;
  readonly promise: HandedOut<Result>;
  next: Pending | undefined;
}

export class SubscriptionIteration {
  readonly #source: Source;
  readonly #context: HandOutContext;
  #batch: Batch | undefined;
  #place = 0;
  #pending: Pending | undefined;

  constructor(source: Source, context: HandOutContext) {
    this.#source = source;
    this.#context = context;
  }

  /** Gives out nothing any more of what has been read. */
  forget(): void {
    this.#batch = undefined;
  }

  /** Answers waiting calls of `next` as far as there is something to say. */
  answer(): void {
    while (this.#pending !== undefined) {
      const { resolve, promise } = this.#pending;
      try {
        const result = this.#result();
        if (result === undefined) return;
        resolve(result);
      } catch (error) {
        watch(this.#context, 'next', promise);
        resolve(Promise.reject(error));
      }
      this.#pending = this.#pending.next;
    }
  }

  next(): Promise<Result> {
    if (this.#pending === undefined) {
      try {
        const result = this.#result();
        if (result !== undefined) return Promise.resolve(result);
      } catch (error) {
        return handOut(this.#context, 'next', () => Promise.reject(error));
      }
    }
    let resolve: Pending['resolve'] = () => {};
    const promise = new HandedOut<Result>((answer) => {
      resolve = answer;
    });
    const call: Pending = { resolve, promise, next: undefined };
    if (this.#pending === undefined) this.#pending = call;
    else {
      let last = this.#pending;
      while (last.next !== undefined) last = last.next;
      last.next = call;
    }
    return promise;
  }

  /** Returns what `next` answers now; undefined when there is nothing yet. */
  #result(): Result | undefined {
    const event = this.#nextEvent();
    if (event !== undefined) return { done: false, value: event };
    return this.#source.closedBy === undefined ? undefined : { done: true, value: undefined };
  }

  #nextEvent(): StreamEvent | undefined {
    if (this.#batch === undefined) {
      this.#batch = this.#source.read() ?? undefined;
      this.#place = 0;
    }
    const batch = this.#batch;
    if (batch === undefined) return undefined;
    const event = batch.events[this.#place++] as LogEvent;
    if (this.#place === batch.events.length) this.#batch = undefined;
    return {
      cursor: formatCursor(batch.generation, event.sequence),
      event: event.event,
      data: JSON.parse(event.data),
    };
  }
}
