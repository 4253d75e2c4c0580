/** Rules on Redis: the contract on a server and on a cluster, and what of its keys the contract can't see. */

import type { NewRule, RuleStore } from 'generation-jobs/rules';
import { createRedisRules } from 'generation-jobs/rules';
import { Cluster, type Redis } from 'ioredis';
import { afterAll, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import { describeRuleStoreContract, newRule, newUse, type RuleBackend } from '../contract/rules.js';
import { SIDE_BY_SIDE } from '../contract/vitest-tools.js';
import { type RedisCluster, RedisServer, startCluster } from '../support/redis-server.js';

const DAY = 24 * 3_600_000;
const ANN = { tenantId: 't', userId: 'ann' };
const TENANT = { tenantId: 't' };

let server: RedisServer;
let cluster: RedisCluster;
beforeAll(async () => {
  [server, cluster] = await Promise.all([RedisServer.start(), startCluster()]);
});
afterAll(() => Promise.all([server.stop(), cluster.stop()]));

let backends = 0;

function backendOver(connect: () => Redis | Cluster): RuleBackend {
  const keyPrefix = `rules-${++backends}:`;
  const clients: (Redis | Cluster)[] = [];
  return {
    connect: () => {
      const redis = connect();
      clients.push(redis);
      return createRedisRules({ redis, keyPrefix, timeoutMs: 20_000 });
    },
    soonMs: 4_000,
    pass: (ms) => new Promise((resolve) => setTimeout(resolve, ms)),
    dispose: async () => {
      for (const client of clients) client.disconnect();
    },
  };
}

describeRuleStoreContract('Redis', async () => backendOver(() => server.connect()), SIDE_BY_SIDE);
describeRuleStoreContract(
  'a Redis cluster',
  async () => backendOver(() => new Cluster(cluster.nodes.map(({ port }) => ({ port, host: '127.0.0.1' })))),
  SIDE_BY_SIDE,
);

describe('rules on Redis', () => {
  let redis: Redis;
  let rules: RuleStore;
  beforeAll(() => {
    redis = server.connect();
  });
  afterAll(() => redis.disconnect());
  beforeEach(async () => {
    await redis.flushall();
    rules = createRedisRules({ redis });
  });

  const give = (more: Partial<NewRule> = {}, owner: object = ANN) =>
    rules.add(owner, newRule('r-1', more), 9);
  const keyOf = async (kind: string) => (await redis.keys(`gj:*:${kind}`))[0] ?? '';

  it('L151 an owner has two keys in one slot, under the prefix, in which no user id stands', async () => {
    await give();
    await rules.spend(ANN, 'r-1', newUse('r-1', 'u-1'));
    const { userId: _, ...ofTenant } = newRule('r-1', { scope: 'tenant' });
    await rules.add(TENANT, ofTenant, 9);
    const keys = (await redis.keys('*')).sort();
    expect(keys).toEqual([
      expect.stringMatching(/^gj:\{rules:t\/[\w-]{43}\}:rules$/),
      expect.stringMatching(/^gj:\{rules:t\/[\w-]{43}\}:uses$/),
      'gj:{rules:t/}:rules',
    ]);
  });

  it('L151 both keys expire: a day after the last rule has ended, and 30 days after the last use', async () => {
    await give({ expiresInMs: 10 * DAY });
    await rules.add(ANN, newRule('brief', { expiresInMs: 1_000 }), 9);
    await rules.spend(ANN, 'r-1', newUse('r-1', 'u-1'));
    const near = (ttl: number, days: number) => expect(Math.abs(ttl - days * DAY)).toBeLessThan(DAY / 24);
    near(await redis.pttl(await keyOf('rules')), 11);
    near(await redis.pttl(await keyOf('uses')), 30);
    await rules.revoke(ANN, 'r-1');
    near(await redis.pttl(await keyOf('rules')), 11);
    await rules.clear(ANN);
    expect(await redis.keys('*')).toEqual([]);
  });

  it('L152 the newest 1,000 uses are kept and known, whatever was used before', async () => {
    await give();
    const uses = Array.from({ length: 1_010 }, (_, at) => rules.spend(ANN, 'r-1', newUse('r-1', `u-${at}`)));
    expect(new Set(await Promise.all(uses))).toEqual(new Set(['spent']));
    // 1,000 uses, as many names, and the last number.
    expect(await redis.hlen(await keyOf('uses'))).toBe(2_001);
    const { uses: listed } = await rules.uses(ANN, { limit: 1_000 });
    expect([listed.length, listed[0]?.callId, listed.at(-1)?.callId]).toEqual([1_000, 'u-1009', 'u-10']);
    expect(await rules.spend(ANN, 'r-1', newUse('r-1', 'u-10'))).toBe('known');
    expect(await rules.spend(ANN, 'r-1', newUse('r-1', 'u-9'))).toBe('spent');
    expect(await rules.list(ANN)).toMatchObject([{ used: 1_011 }]);
  });

  it('L151 what is over is dropped with the next rule that is given, revoked ids among it', async () => {
    await rules.add(ANN, newRule('brief', { expiresInMs: 1 }), 9);
    await give();
    await rules.revoke(ANN, 'r-1');
    const key = await keyOf('rules');
    await redis.hset(key, 'x:r-1', '1');
    await expect.poll(async () => (await rules.list(ANN)).length).toBe(0);
    await rules.add(ANN, newRule('next'), 9);
    expect((await redis.hkeys(key)).sort()).toEqual(['n:next', 'r:next']);
  });

  it('F57 a count that is gone, or can’t be read, allows nothing: it does not begin anew', async () => {
    await give({ budget: 1 });
    expect(await rules.spend(ANN, 'r-1', newUse('r-1', 'u-1'))).toBe('spent');
    const key = await keyOf('rules');
    for (const damage of [() => redis.hdel(key, 'n:r-1'), () => redis.hset(key, 'n:r-1', '-1')]) {
      await damage();
      await expect(rules.spend(ANN, 'r-1', newUse('r-1', 'u-2'))).rejects.toMatchObject({
        code: 'store_damaged',
      });
      expect((await rules.uses(ANN, { limit: 9 })).uses).toHaveLength(1);
    }
    expect(await rules.revoke(ANN, 'r-1')).toBe(true);
  });

  it('F57 a rule that can’t be read is not listed, allows nothing, and can be revoked', async () => {
    await give();
    const key = await keyOf('rules');
    const stored = (await redis.hget(key, 'r:r-1')) ?? '';
    for (const damaged of [
      stored.replace('"user"', '"all"'),
      stored.replace('"ann"', '"eve"'),
      `${stored}x`,
      'x',
      '',
    ]) {
      await redis.hset(key, 'r:r-1', damaged);
      expect(await rules.list(ANN)).toEqual([]);
    }
    await expect(rules.spend(ANN, 'r-1', newUse('r-1', 'u'))).rejects.toMatchObject({
      code: 'store_damaged',
    });
    expect(await rules.revoke(ANN, 'r-1')).toBe(true);
    expect(await rules.spend(ANN, 'r-1', newUse('r-1', 'u'))).toBe('gone');
  });

  it('F57 a server that lost the script is given it again, and one that stands still is unavailable', async () => {
    await give();
    await redis.script('FLUSH');
    expect(await rules.list(ANN)).toHaveLength(1);
    const impatient = createRedisRules({ redis, timeoutMs: 50 });
    server.signal('SIGSTOP');
    await expect(impatient.list(ANN)).rejects.toMatchObject({ code: 'unavailable' });
    server.signal('SIGCONT');
    expect(await rules.list(ANN)).toHaveLength(1);
  });
});
