/**
 * The grammar of cursors: what we write is read back, and nothing else is read at all.
 */
import fc from 'fast-check';
import { expect, it } from 'vitest';
import { formatCursor, parseCursor } from '../../src/stream/model/cursor.js';
import { thrownCode } from '../contract/harness.js';
import { checked } from './property.js';

const place = fc.tuple(fc.maxSafeNat(), fc.maxSafeNat());

it('A5 every cursor we write is read back as it was', () => {
  checked(
    fc.property(place, ([generation, sequence]) => {
      expect(parseCursor(formatCursor(generation, sequence))).toEqual({ generation, sequence });
    }),
  );
});

it('A5 what is read at all is written the same way: there is one text for each place', () => {
  const almost = fc.oneof(
    fc.string({ unit: fc.constantFrom('0', '1', '9', '-', '+', ' ', '.', 'e', '\n', '١'), maxLength: 40 }),
    place.map(([generation, sequence]) => `${generation}-${sequence}`),
    fc.string(),
  );
  checked(
    fc.property(almost, (text) => {
      let cursor: ReturnType<typeof parseCursor> | undefined;
      try {
        cursor = parseCursor(text);
      } catch {
        expect(thrownCode(() => parseCursor(text))).toBe('invalid_cursor');
        return;
      }
      expect(formatCursor(cursor.generation, cursor.sequence)).toBe(text);
    }),
  );
});

it('A5 a cursor beyond 2^53 − 1, or long, is refused and never rounded', () => {
  for (const text of [
    `${2 ** 53}-1`,
    `1-${2 ** 53}`,
    '9999999999999999-1',
    `1-${'1'.repeat(1_000_000)}`,
    `${'0'.repeat(20)}-0`,
  ]) {
    expect(thrownCode(() => parseCursor(text))).toBe('invalid_cursor');
  }
  expect(parseCursor(`${2 ** 53 - 1}-0`)).toEqual({ generation: 2 ** 53 - 1, sequence: 0 });
});
