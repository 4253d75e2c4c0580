/**
 * What was written is read back as it was; what is damaged is refused, and never read for ever.
 */
import fc from 'fast-check';
import { expect, it } from 'vitest';
import { decodeBatch, encodeBatch } from '../../src/stream/implementations/redis-codec.js';

const WHOLE = encodeBatch(5, 1, [
  { event: 'text', data: '{"a":"\\tb\\n"}', sequence: 1, attempt: 1 },
  { event: 'gauge', data: '1', keep: 'g', sequence: 2, attempt: 1 },
]);

it('reads back what was written', () => {
  const { events } = decodeBatch(WHOLE);
  expect(events?.map(({ event, data, keep }) => [event, data, keep])).toEqual([
    ['text', '{"a":"\\tb\\n"}', undefined],
    ['gauge', '1', 'g'],
  ]);
});

it('a damaged batch is refused or read, and always in the time of one pass', () => {
  const damages = fc.record({ at: fc.nat(WHOLE.length), length: fc.nat(8), by: fc.string({ maxLength: 4 }) });
  fc.assert(
    fc.property(damages, ({ at, length, by }) => {
      const damaged = WHOLE.slice(0, at) + by + WHOLE.slice(at + length);
      let events: readonly unknown[] | undefined = [];
      try {
        events = decodeBatch(damaged).events;
      } catch (error) {
        expect(error).toHaveProperty('code');
      }
      expect(events?.length ?? 0).toBeLessThanOrEqual(damaged.length);
    }),
  );
});

it('a line without its tabs does not send the reader back to the start', () => {
  expect(() => decodeBatch('1 5 1 1 1\ntext{}\n')).toThrow();
  expect(() => decodeBatch('1 5 1 1 1\ntext\t{}\n')).toThrow();
});
