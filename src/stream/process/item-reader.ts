/** One way to read what a source yields, whether it is iterated or is a stream of the Web. */
import { GenerationJobError } from '../../errors.js';
import type { PipeItems } from '../interfaces/pipe.js';

export interface ItemReader<Item> {
  next(): PromiseLike<IteratorResult<Item>> | IteratorResult<Item>;
  /** Tells the source that nobody reads it any more; gives what an iterator's `return` answers. */
  close(): unknown;
}

/** @throws GenerationJobError `invalid_argument` for what can't be read item by item */
export function readerOf<Item>(items: PipeItems<Item>): ItemReader<Item> {
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
