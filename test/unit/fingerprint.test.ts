/**
 * The digest that says whether two runs, or two payloads, are the same.
 */
import { createHash } from 'node:crypto';
import fc from 'fast-check';
import { expect, it } from 'vitest';
import { fingerprintOf } from '../../src/stream/model/fingerprint.js';
import { thrownCode } from '../contract/harness.js';
import { checked } from './property.js';

/** JSON values of every kind, with keys that objects treat oddly. */
const key = fc.oneof(
  fc.string({ unit: 'binary', maxLength: 6 }),
  fc.constantFrom(
    '__proto__',
    'constructor',
    'toJSON',
    '10',
    '9',
    '',
    'é',
    'e\u0301',
    '\ud83d\ude00',
    '\ud83d',
  ),
);
const leaf = fc.oneof(
  fc.constantFrom(null, true, false, 0, 1, -1, 1e21, 0.1, '', '0', 'null'),
  fc.string({ unit: 'binary' }),
  fc.double({ noNaN: true, noDefaultInfinity: true }),
);
const entriesOf = <Value>(value: fc.Arbitrary<Value>) =>
  fc.uniqueArray(fc.tuple(key, value), { selector: ([name]) => name, maxLength: 5 });
const { json } = fc.letrec<{ json: unknown }>((tie) => ({
  json: fc.oneof(
    { maxDepth: 4 },
    leaf,
    fc.array(tie('json'), { maxLength: 4 }),
    entriesOf(tie('json')).map(objectOf),
  ),
}));

/** An object whose own keys are these, `__proto__` among them. */
function objectOf(entries: readonly (readonly [string, unknown])[]): object {
  return Object.fromEntries(entries);
}

/** The same value with the keys of every object put in the other way round. */
function turned(value: unknown): unknown {
  if (Array.isArray(value)) return value.map(turned);
  if (typeof value !== 'object' || value === null) return value;
  return objectOf(
    Object.entries(value)
      .map(([name, inner]) => [name, turned(inner)] as const)
      .toReversed(),
  );
}

it('the order of keys does not matter, at any depth', () => {
  checked(
    fc.property(json, (value) => {
      expect(fingerprintOf(turned(value))).toBe(fingerprintOf(value));
    }),
  );
});

it('any other value has another fingerprint, and the same one the same', () => {
  checked(
    fc.property(json, json, (one, other) => {
      // JSON knows no negative zero.
      const isSame = canonical(one) === canonical(other);
      expect(fingerprintOf(one) === fingerprintOf(other)).toBe(isSame);
      expect(fingerprintOf(structuredClone(one))).toBe(fingerprintOf(one));
    }),
  );
});

it('a change of one leaf, one key or one length changes it', () => {
  checked(
    fc.property(entriesOf(json), key, leaf, (entries, name, value) => {
      const before = fingerprintOf(objectOf(entries));
      const after = objectOf([...entries.filter(([one]) => one !== name), [name, [value]]]);
      const had = entries.find(([one]) => one === name)?.[1];
      expect(fingerprintOf(after) === before).toBe(
        had !== undefined && canonical(had) === canonical([value]),
      );
      expect(fingerprintOf([...entries, value])).not.toBe(fingerprintOf(entries));
    }),
  );
});

/** Written by other means: every value with its kind and its length before it. */
function canonical(value: unknown): string {
  if (Array.isArray(value)) return `a${value.length}(${value.map(canonical).join('')})`;
  if (typeof value === 'object' && value !== null) {
    const entries = Object.entries(value).toSorted(([a], [b]) => (a < b ? -1 : 1));
    return `o${entries.length}(${entries.map(([name, inner]) => canonical(name) + canonical(inner)).join('')})`;
  }
  if (typeof value === 'string') return `s${value.length}(${unitsOf(value)})`;
  return `${typeof value}(${value === 0 ? 0 : value})`;
}

const unitsOf = (text: string) => [...Array(text.length).keys()].map((at) => text.charCodeAt(at)).join(',');

it('an own `__proto__` counts like any other key, and sets nothing', () => {
  const forged = JSON.parse('{"a":1,"__proto__":{"admin":true}}');
  expect(fingerprintOf(forged)).not.toBe(fingerprintOf({ a: 1 }));
  expect(fingerprintOf(forged)).toBe(fingerprintOf(JSON.parse('{"__proto__":{"admin":true},"a":1}')));
  expect({}).not.toHaveProperty('admin');
});

it('is SHA-256 of the sorted JSON in base64url: 43 characters on every replica and release', () => {
  const expected = createHash('sha256').update('{"a":[{"b":2,"c":"é"}],"z":null}').digest('base64url');
  expect(fingerprintOf({ z: null, a: [{ c: 'é', b: 2 }], gone: undefined })).toBe(expected);
  expect(expected).toMatch(/^[\w-]{43}$/);
  expect(fingerprintOf({ at: new Date(0) })).toBe(fingerprintOf({ at: '1970-01-01T00:00:00.000Z' }));
});

it('what JSON can’t carry is refused', () => {
  const circular: Record<string, unknown> = {};
  circular.self = circular;
  let deep: unknown = 0;
  for (let depth = 0; depth < 100_000; depth++) deep = [deep];
  for (const value of [undefined, () => 1, Symbol('x'), { a: 1n }, circular, deep]) {
    expect(thrownCode(() => fingerprintOf(value))).toBe('invalid_argument');
  }
});
