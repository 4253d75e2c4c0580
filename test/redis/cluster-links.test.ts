/**
 * Subscriber links on a cluster, one to each shard, that stay open and carry nothing any more, or are lost while
 * nothing is said. The replica that follows reaches the cluster through proxies; the others do not.
 */
import { afterAll, afterEach, beforeAll, beforeEach, expect, it } from 'vitest';
import { RedisProxy } from '../support/redis-proxy.js';
import { type RedisCluster, startCluster } from '../support/redis-server.js';
import { BUSY_MS, countOf, type Follower, NOTHING_LAPSES, namesOf, type Replica, Stage } from './replicas.js';

const BUDGET = { pingMs: 250, pingTimeoutMs: 1_000 };
/** What a link may take until it has been replaced: until it is tried, found silent, and made again on a busy machine. */
const REPLACED_MS = BUDGET.pingMs + BUDGET.pingTimeoutMs + BUSY_MS;
/** Streams that lie on all three nodes, by chance. */
const STREAMS = Array.from({ length: 12 }, (_, index) => `s${index}`);

let cluster: RedisCluster;
let proxies: RedisProxy[];
let stage: Stage;
beforeAll(async () => {
  cluster = await startCluster();
});
afterAll(() => cluster.stop());
beforeEach(async () => {
  stage = new Stage(0);
  proxies = await Promise.all(cluster.nodes.map(({ port }) => RedisProxy.start(port)));
});
afterEach(async () => {
  await stage.close();
  await Promise.all(proxies.map((proxy) => proxy.close()));
});

/** A producer, and a follower whom no poll helps. */
async function pair(client: object = {}): Promise<[Replica, Replica]> {
  const clusterPorts = cluster.nodes.map(({ port }) => port);
  const natMap = Object.fromEntries(
    cluster.nodes.map(({ port }, index) => [
      `127.0.0.1:${port}`,
      { host: '127.0.0.1', port: proxies[index]?.port },
    ]),
  );
  return Promise.all([
    stage.replica({ ...NOTHING_LAPSES, clusterPorts, client }),
    stage.replica({
      clusterPorts: proxies.map(({ port }) => port),
      client: { ...client, natMap },
      options: { ...NOTHING_LAPSES.options, logPollMs: 60_000 },
      redisOptions: { ...BUDGET, timeoutMs: 450 },
    }),
  ]);
}

const all = (condition: (follower: Follower) => boolean) => (followers: readonly Follower[]) => () =>
  followers.every(condition);
const areOver = all((follower) => follower.isOver);
const accepted = () => proxies.reduce((sum, proxy) => sum + proxy.accepted, 0);

it.each([
  ['frames that stay in their shard', {}],
  ['frames on the bus', { shardedSubscribers: false }],
])(
  'F11 P6 half-open subscriber links on a cluster are replaced within the ping budget (%s)',
  async (_, client) => {
    const [one, two] = await pair(client);
    const produce = { total: 3, everyMs: 1, end: 'hang' } as const;
    await Promise.all(STREAMS.map((streamId) => one.create({ streamId, produce })));
    const followers = await Promise.all(STREAMS.map((streamId) => two.follow(streamId)));
    await stage.until(() => followers.every((follower) => countOf(follower) === 3), 'all are followed');
    for (const proxy of proxies) proxy.freeze('links');
    // Nothing more is said: no later frame can show that one was missed.
    await Promise.all(STREAMS.map((streamId) => one.abort(streamId)));
    await stage.until(areOver(followers), 'all are told their end', REPLACED_MS);
    for (const follower of followers) expect(namesOf(follower).at(-1)).toBe('aborted');
    stage.check();
  },
);

it('F11 and one half-open link to one shard is replaced too, also when the new ones are dead at first', async () => {
  const [one, two] = await pair();
  const produce = { total: 2_000, everyMs: 5, end: 'hang' } as const;
  await Promise.all(STREAMS.map((streamId) => one.create({ streamId, produce })));
  const followers = await Promise.all(STREAMS.map((streamId) => two.follow(streamId)));
  const seen = () => followers.map(countOf);
  const haveMore = (before: number[]) =>
    followers.every((follower, index) => countOf(follower) > (before[index] ?? 0) + 50);
  await stage.until(() => followers.every((follower) => countOf(follower) > 5), 'all are followed');
  const [proxy] = proxies.filter(({ links }) => links > 0);
  if (proxy === undefined) throw new Error('There is no link.');
  const restore = proxy.swallow('links');
  const before = accepted();
  await stage.until(() => proxy.accepted > before + 1, 'the dead new one is replaced too', 2 * REPLACED_MS);
  restore();
  proxy.cut('links');
  const then = seen();
  await stage.until(() => haveMore(then), 'all go on');
  await Promise.all(STREAMS.map((streamId) => one.abort(streamId)));
  await stage.until(areOver(followers), 'all are told their end');
  stage.check();
});

it('F10 an end that is told while links are being made anew is heard without a poll', async () => {
  const [one, two] = await pair();
  const produce = { total: 3, everyMs: 1, end: 'hang' } as const;
  await Promise.all(STREAMS.map((streamId) => one.create({ streamId, produce })));
  const followers = await Promise.all(STREAMS.map((streamId) => two.follow(streamId)));
  await stage.until(() => followers.every((follower) => countOf(follower) === 3), 'all are followed');
  for (const proxy of proxies) proxy.down();
  await Promise.all(STREAMS.map((streamId) => one.abort(streamId)));
  for (const proxy of proxies) proxy.up();
  await stage.until(areOver(followers), 'all are told their end');
  for (const follower of followers) expect(namesOf(follower).at(-1)).toBe('aborted');
  stage.check();
});

it('F10 an end that is told while one shard’s link is made anew is heard without a poll', async () => {
  const [one, two] = await pair();
  const produce = { total: 3, everyMs: 1, end: 'hang' } as const;
  await Promise.all(STREAMS.map((streamId) => one.create({ streamId, produce })));
  const followers = await Promise.all(STREAMS.map((streamId) => two.follow(streamId)));
  await stage.until(() => followers.every((follower) => countOf(follower) === 3), 'all are followed');
  const [proxy] = proxies.filter(({ links }) => links > 0);
  // The client connects anew at once, but what was said before is lost.
  proxy?.freeze('links');
  await Promise.all(STREAMS.map((streamId) => one.abort(streamId)));
  proxy?.cut('links');
  await stage.until(areOver(followers), 'all are told their end');
  for (const follower of followers) expect(namesOf(follower).at(-1)).toBe('aborted');
  stage.check();
});
