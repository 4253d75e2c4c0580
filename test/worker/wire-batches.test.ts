/** Batches of a worker as one request, and what of it a gateway has that is ahead of it. */
import { describe, expect, it } from 'vitest';
import { coveredBy, requestOf, type WireBatch } from '../../src/worker/client/wire-batches.js';

const texts = (count: number) => Array.from({ length: count }, (_, n) => ({ event: 'text', data: n }));

/** A request of batches that follow on, each of so many events; 0 is a change alone. */
function requestOfSizes(...sizes: readonly number[]) {
  let after = 10;
  return requestOf(
    sizes.map((size, at) => {
      const batch: WireBatch = {
        after,
        events: texts(size),
        ...(size === 0 && { change: { number: at + 1 } }),
      };
      after += size;
      const ordinal = at + 1;
      return { first: ordinal, last: ordinal, text: JSON.stringify(batch), at: 0, tries: 0 };
    }),
  );
}

describe('a request', () => {
  it('is the batches that follow on as one: their events, and their newest change', () => {
    const { batch, items } = requestOfSizes(2, 0, 3, 0);
    expect(batch).toMatchObject({ after: 10, change: { number: 4 } });
    expect(batch.events).toHaveLength(5);
    expect(items.map(({ lastSequence }) => lastSequence)).toEqual([12, 12, 15, 15]);
  });

  it.each([
    { sizes: [2, 3], has: 12, done: 1 },
    { sizes: [2, 3], has: 15, done: 2 },
    { sizes: [2, 0, 3], has: 12, done: 1, why: 'the change after it may be missing' },
    { sizes: [2, 0, 0, 3, 0], has: 15, done: 4, why: 'what came before events that are there is there' },
    { sizes: [2, 3], has: 11, done: undefined, why: 'it is within a batch' },
    { sizes: [2, 3], has: 10, done: undefined },
    { sizes: [2, 3], has: 9, done: undefined, why: 'it lacks what came before' },
    { sizes: [2, 3], has: 99, done: undefined, why: 'it has what was never sent' },
  ])('is done up to batch $done when of $sizes the gateway has event $has: $why', ({ sizes, has, done }) => {
    expect(coveredBy(requestOfSizes(...sizes), has)).toBe(done);
  });
});
