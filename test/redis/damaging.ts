/** Kinds of damage to what Redis keeps, and looks at all of it, for tests of what the scripts make of both. */
import type { Redis } from 'ioredis';

export interface Damage {
  readonly name: string;
  readonly key: string;
  readonly field?: string | undefined;
  do(): Promise<unknown>;
}

const GARBAGE = ['', 'x\u0000ÿ', '-5', '99999999999999999999', '1e999', 'null', '{', '[1]', '"s"'];
const ODD_SCORES = ['-inf', 'inf', '-5', '1.5', '1e300', '99999999999999999999'];
const ODD_MEMBERS = ['', 'x\u0000ÿ', 'nonsense', '//', '/'.repeat(600)];

/** Every kind, to these keys: also to those that are not there, and might be of any type. */
export async function damagesTo(redis: Redis, keys: Iterable<string>): Promise<readonly Damage[]> {
  const found: Damage[] = [];
  for (const key of [...new Set(keys)].sort()) {
    const type = await redis.type(key);
    if (type !== 'none') found.push({ name: `${key} gone`, key, do: () => redis.del(key) });
    for (const [kind, put] of [
      ['string', () => redis.set(key, 'x')],
      ['list', () => redis.rpush(key, 'x')],
      ['hash', () => redis.hset(key, 'x', 'y')],
      ['stream', () => redis.xadd(key, '1-1', 'x', 'y')],
      ['zset', () => redis.zadd(key, 1, 'x')],
    ] as const) {
      if (kind === type) continue;
      found.push({ name: `${key} a ${kind}`, key, do: async () => [await redis.del(key), await put()] });
    }
    if (type === 'stream') found.push(...(await damagesToStream(redis, key)));
    if (type === 'hash') found.push(...(await damagesToHash(redis, key)));
    if (type === 'zset') found.push(...(await damagesToSet(redis, key)));
  }
  return found;
}

async function damagesToStream(redis: Redis, key: string): Promise<readonly Damage[]> {
  const [last] = await redis.xrevrange(key, '+', '-', 'COUNT', 1);
  const [generation = ''] = last?.[0].split('-') ?? [];
  const ids = [`${generation}-9999`, '9007199254740991-1', '18446744073709551615-18446744073709551615'];
  return [
    { name: `${key} without its last entry`, key, do: () => redis.xdel(key, last?.[0] ?? '') },
    ...ids.map((id) => ({ name: `${key} at ${id}`, key, do: () => redis.xadd(key, id, 'e', '1 x') })),
  ];
}

async function damagesToHash(redis: Redis, key: string): Promise<readonly Damage[]> {
  return (await redis.hkeys(key)).flatMap((field) => [
    { name: `${key} ${field} gone`, key, field, do: () => redis.hdel(key, field) },
    ...GARBAGE.map((value) => ({
      ...{ name: `${key} ${field} = ${JSON.stringify(value)}`, key, field },
      do: () => redis.hset(key, field, value),
    })),
  ]);
}

async function damagesToSet(redis: Redis, key: string): Promise<readonly Damage[]> {
  return [
    ...ODD_MEMBERS.map((member) => ({
      ...{ name: `${key} with ${JSON.stringify(member.slice(0, 20))}`, key },
      do: () => redis.zadd(key, '1', member),
    })),
    ...(await redis.zrange(key, '0', '-1')).flatMap((member) => [
      { name: `${key} without ${member}`, key, field: member, do: () => redis.zrem(key, member) },
      ...ODD_SCORES.map((score) => ({
        ...{ name: `${key} ${member} at ${score}`, key, field: member },
        do: () => redis.zadd(key, score, member),
      })),
    ]),
  ];
}

/** All that is in the server, times to live excepted. */
const LOOK = `
local all = {}
local keys = redis.call('KEYS', '*')
table.sort(keys)
for _, key in ipairs(keys) do
  local type = redis.call('TYPE', key).ok
  local content
  if type == 'hash' then content = redis.call('HGETALL', key)
  elseif type == 'stream' then content = { redis.call('XRANGE', key, '-', '+') }
  elseif type == 'zset' then content = redis.call('ZRANGE', key, 0, -1, 'WITHSCORES')
  elseif type == 'list' then content = redis.call('LRANGE', key, 0, -1)
  else content = { redis.call('GET', key) } end
  all[#all + 1] = { key, type, content }
end
return all`;

export type Seen = ReadonlyMap<
  string,
  { type: string; content: readonly string[] | readonly [readonly [string][]] }
>;

export async function look(redis: Redis): Promise<Seen> {
  const all = (await redis.eval(LOOK, 0)) as [string, string, string[]][];
  // A hash lists its fields in no order.
  return new Map(
    all.map(([key, type, content]) => [
      key,
      { type, content: type === 'hash' ? pairsOf(content).flat() : content },
    ]),
  );
}

export function pairsOf(flat: readonly string[]): [string, string][] {
  const pairs: [string, string][] = [];
  for (let at = 0; at < flat.length; at += 2) pairs.push([flat[at] as string, flat[at + 1] as string]);
  return pairs.sort(([a], [b]) => (a < b ? -1 : 1));
}
