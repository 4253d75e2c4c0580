/**
 * What may be emitted: checked whole and turned into text once.
 */
import fc from 'fast-check';
import { expect, it } from 'vitest';
import { serialiseHostEvent, serialiseMetadata } from '../../src/stream/model/events.js';
import { nestsDeeperThan } from '../../src/stream/model/json-depth.js';
import { parseOptions } from '../../src/stream/model/options.js';
import {
  FOLLOWER_EVENTS,
  isReservedEvent,
  isTerminalEvent,
  LIFECYCLE_EVENTS,
} from '../../src/stream/model/transitions.js';
import { thrownCode } from '../contract/harness.js';
import { checked } from './property.js';

const { limits } = parseOptions({ limits: { eventBytes: 1_000, metadataBytes: 300, jsonDepth: 5 } });
const code = (given: unknown) => thrownCode(() => serialiseHostEvent(given as never, limits));

it('L11 whatever JSON can carry comes back as JSON would give it back', () => {
  const wide = parseOptions().limits;
  checked(
    fc.property(fc.jsonValue({ maxDepth: 6 }), (data) => {
      const { data: text } = serialiseHostEvent({ event: 'x', data }, wide);
      expect(text).toBe(JSON.stringify(data));
      expect(text).not.toMatch(/[\r\n]/);
    }),
  );
});

it('A7 names with line breaks, NUL, blanks or other scripts are refused, never repaired', () => {
  for (const event of [
    '',
    'a b',
    'a\nb',
    'a\rb',
    'a\0',
    'é',
    'а',
    'x'.repeat(129),
    1,
    null,
    undefined,
    {},
    ['a'],
  ]) {
    expect(code({ event, data: 1 }), String(event)).toBe('invalid_event');
    if (event !== undefined)
      expect(code({ event: 'x', data: 1, keep: event }), String(event)).toBe('invalid_event');
  }
  for (const event of ['a', 'A.b/c:d-e_f', 'x'.repeat(128), 'Completed'])
    expect(code({ event, data: 1 })).toBe('nothing was thrown');
});

it('lifecycle and follower names are reserved, and only the ends are terminal', () => {
  for (const event of [...LIFECYCLE_EVENTS, ...FOLLOWER_EVENTS]) {
    expect(isReservedEvent(event)).toBe(true);
    expect(code({ event, data: 1 })).toBe('reserved_event');
    expect(isTerminalEvent(event)).toBe(['completed', 'failed', 'aborted'].includes(event));
  }
});

it('L16 size is counted in bytes of the JSON text, to the byte', () => {
  expect(code({ event: 'x', data: 'a'.repeat(998) })).toBe('nothing was thrown');
  expect(code({ event: 'x', data: 'a'.repeat(999) })).toBe('event_too_large');
  expect(code({ event: 'x', data: '€'.repeat(332) })).toBe('nothing was thrown');
  expect(code({ event: 'x', data: '€'.repeat(333) })).toBe('event_too_large');
  expect(code({ event: 'x', data: '\u0001'.repeat(167) })).toBe('event_too_large');
});

it('A9 depth is found exactly, in one pass, whatever stands in strings', () => {
  const nested = (depth: number, inner: unknown = 0): unknown =>
    depth === 0 ? inner : depth % 2 ? [nested(depth - 1, inner)] : { k: nested(depth - 1, inner) };
  for (let depth = 0; depth < 12; depth++) {
    expect(nestsDeeperThan(JSON.stringify(nested(depth, '[[[[[[[{"\\"[[[')), 5), `${depth}`).toBe(depth > 5);
  }
  const deepOf = (value: unknown): number =>
    typeof value === 'object' && value !== null ? 1 + Math.max(0, ...Object.values(value).map(deepOf)) : 0;
  checked(
    fc.property(fc.jsonValue({ maxDepth: 8 }), fc.nat(8), (value, limit) => {
      expect(nestsDeeperThan(JSON.stringify(value), limit)).toBe(deepOf(value) > limit);
    }),
  );
  expect(nestsDeeperThan('['.repeat(1_000_000), 64)).toBe(true);
});

it('A8 metadata keeps odd keys as they are and is bounded by key and value together', () => {
  const odd = JSON.parse('{"__proto__":1,"constructor":2,"":3}');
  const texts = serialiseMetadata(odd, limits);
  expect(Object.entries(texts)).toEqual([
    ['__proto__', '1'],
    ['constructor', '2'],
    ['', '3'],
  ]);
  expect(serialiseMetadata({ a: undefined }, limits)).toEqual({});
  expect(thrownCode(() => serialiseMetadata({ ['k'.repeat(200)]: 'v'.repeat(120) }, limits))).toBe(
    'metadata_too_large',
  );
  expect(thrownCode(() => serialiseMetadata({ a: () => {} }, limits))).toBe('invalid_argument');
  expect(thrownCode(() => serialiseMetadata({ a: [[[[[[1]]]]]] }, limits))).toBe('json_too_deep');
});
