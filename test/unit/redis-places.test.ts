/** The names under which things lie in Redis, and what is made of names that somebody else has put there. */
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { parsePlace, placeOf } from '../../src/stream/implementations/listing-place.js';
import { clusterSlot } from '../../src/stream/implementations/redis/cluster-slot.js';
import { keyOf, membersOf } from '../../src/stream/implementations/redis/due-index.js';
import { RedisKeys } from '../../src/stream/implementations/redis/keys.js';
import { streamKey } from '../../src/stream/model/stream-key.js';
import { checked } from './property.js';

const id = fc.stringMatching(/^[A-Za-z0-9_.~-]{1,40}$/);

describe('a place in a listing', () => {
  it('is read back as it was given, whatever the name', () => {
    const score = fc.oneof(
      fc.nat(2 ** 50).map(String),
      fc.constantFrom('inf', '-inf', '0', '1.5e+21', '-3.25'),
    );
    checked(
      fc.property(score, fc.string({ maxLength: 200 }), (at, name) => {
        expect(parsePlace(placeOf(at, name))).toEqual({ score: at, name });
      }),
      5_000,
    );
  });

  it.each(['', '_', '5', 'x_name', '5-name', 'NaN_name', '(5_name', '5_'.padEnd(600, 'x'), '- 5_name'])(
    'that no listing gave, %j, is refused',
    (text) => {
      expect(() => parsePlace(text)).toThrow(expect.objectContaining({ code: 'invalid_argument' }));
    },
  );
});

describe('the slot of a stream', () => {
  it.each([
    ['123456789', 0x31c3],
    ['foo', 12_182],
    ['bar', 5_061],
    ['', 0],
  ])('of %j is that of the Redis Cluster specification', (tag, slot) => {
    expect(clusterSlot(tag)).toBe(slot);
  });
});

describe('a stream’s name', () => {
  it('leads back to its key, with a tenant and without', () => {
    checked(
      fc.property(id, fc.option(id, { nil: undefined }), (streamId, tenantId) => {
        const key = streamKey(streamId, tenantId);
        expect(keyOf(key.id)).toEqual(key);
        const keys = new RedisKeys('gj:');
        expect(keys.streamIn(keys.stream(key)[0])).toBe(key.id);
      }),
      5_000,
    );
  });

  it.each(['', 'no-slash', '/', 'tenant/', '/a b', 'a b/s', '/a/b', `/${'x'.repeat(200)}`, '/{s}'])(
    'that is none, %j, leads nowhere',
    (name) => {
      expect(keyOf(name)).toBeUndefined();
    },
  );
});

it('the members of a set have their score as it was written, and as a number', () => {
  expect(membersOf(['/a', '5', '/b', 'inf', '/c', '-inf', '/d', '1.7e+12'])).toEqual([
    { name: '/a', score: '5', at: 5 },
    { name: '/b', score: 'inf', at: Number.POSITIVE_INFINITY },
    { name: '/c', score: '-inf', at: Number.NEGATIVE_INFINITY },
    { name: '/d', score: '1.7e+12', at: 1.7e12 },
  ]);
});

describe('keys', () => {
  const keys = new RedisKeys('gj:');
  const tagOf = (key: string) => /\{(.*?)\}/.exec(key)?.[1];

  it('of a stream, and of a user, lie in one slot each', () => {
    const ofStream = [...keys.stream(streamKey('s', 't')), keys.live(streamKey('s', 't'))];
    expect(new Set(ofStream.map(tagOf))).toEqual(new Set(['t/s']));
    expect(new Set(Object.values(keys.user({ tenantId: 't', userId: 'u' })).map(tagOf)).size).toBe(1);
  });

  it('of a user hold nothing of its id, and are another user’s in no case', () => {
    const of = (userId: string, tenantId?: string) => keys.user({ userId, tenantId }).slots;
    expect(of('a}:{b')).not.toContain('a}');
    const users = [of('a'), of('b'), of('a', 't'), of('t/a'), of('')];
    expect(new Set(users).size).toBe(users.length);
  });

  it('of the due index are the same shard for a stream on every replica', () => {
    const key = streamKey('s');
    expect(new RedisKeys('gj:').shard(key)).toEqual(keys.shard(key));
    expect(keys.shards).toContainEqual(keys.shard(key));
    const used = new Set(Array.from({ length: 200 }, (_, n) => keys.shard(streamKey(`s${n}`)).scores));
    expect(used.size).toBe(keys.shards.length);
  });
});
