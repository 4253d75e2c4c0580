/**
 * Feeds of users where processes die between a commit and the feed's entry, and beside a replica of the release before, which
 * writes none.
 */
import type { Redis } from 'ioredis';
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import { RedisJobStore } from '../../src/stream/implementations/redis/job-store.js';
import { userKey } from '../../src/stream/model/stream-key.js';
import { RedisServer } from '../support/redis-server.js';
import { type ReplicaConfig, Stage } from './replicas.js';

const BEFORE: ReplicaConfig = {
  library: new URL('../fixtures/releases/0.1.0/index.js', import.meta.url).href,
};
/** A lease of a busy machine; a pause may be decided for a day. */
const FED: ReplicaConfig = {
  options: { feed: true, leaseMs: 2_400, renewMs: 600 },
  redisOptions: { timeoutMs: 1_100 },
};
const { feed: _, ...UNFED } = FED.options ?? {};
const OLD: ReplicaConfig = { ...BEFORE, options: UNFED, redisOptions: { timeoutMs: 1_100 } };
const BOUNDS = { entries: 100, keptMs: 600_000 };

let server: RedisServer;
let redis: Redis;
let stage: Stage;
beforeAll(async () => {
  server = await RedisServer.start();
  redis = server.connect();
});
afterAll(async () => {
  redis.disconnect();
  await server.stop();
});
beforeEach(() => {
  stage = new Stage(server.port);
});
afterEach(() => stage.close());

/** What the feed itself has, which nobody follows. */
async function entries(): Promise<readonly string[]> {
  const { feeds } = new RedisJobStore(redis, { keyPrefix: stage.keyPrefix });
  const page = await feeds.read(userKey('u'), { after: 0, limit: 99, bounds: BOUNDS });
  return page.entries.map(
    ({ streamId, state }) => `${streamId} ${(JSON.parse(state) as { status: string }).status}`,
  );
}

describe.each([
  ['without a hook', {}],
  ['with a settlement', { settle: true }],
])('A process that is killed between its commit and the feed’s entry, %s', (_, hooks) => {
  it('F55 at a pause: another tells it within a lease or so, and not when the action expires', async () => {
    const doomed = await stage.replica({ ...FED, ...hooks, diesAtFeedOf: 'requires_action' });
    await stage.replica({ ...FED, ...hooks });
    await doomed.create({ streamId: 's', produce: { total: 3, end: 'hang' } });
    await doomed.call('pause', { streamId: 's', action: { type: 'checkpoint' } }).catch(() => undefined);
    await doomed.exited;
    expect(await entries()).toEqual(['s running']);
    await stage.until(async () => (await entries()).includes('s requires_action'), 'it is told');
  });

  it('F55 at an end: another tells it, once', async () => {
    const doomed = await stage.replica({ ...FED, ...hooks, diesAtFeedOf: 'completed' });
    const other = await stage.replica({ ...FED, ...hooks });
    await doomed.create({ streamId: 's', produce: { total: 3 } });
    await doomed.exited;
    expect(await entries()).toEqual(['s running']);
    await stage.until(async () => (await entries()).includes('s completed'), 'it is told');
    expect(await other.feed()).toMatchObject([{ streamId: 's', status: 'completed', seen: false }]);
    expect((await other.counts())['feedWritten:written']).toBe(1);
  });
});

it('F55 A replica of release 0.1.0 tells no feed anything: a sync says what it began, paused and ended all the same, and it chokes on nothing', async () => {
  const old = await stage.replica(OLD);
  const here = await stage.replica(FED);
  await old.create({ streamId: 'old', produce: { total: 2, end: 'hang' } });
  await old.create({ streamId: 'asks', produce: { total: 2, end: 'hang' } });
  await old.call('pause', { streamId: 'asks', action: { type: 'checkpoint' } });
  await here.create({ streamId: 'mine', produce: { total: 2, end: 'hang' } });
  const states = async () =>
    Object.fromEntries((await here.feed()).map(({ streamId, status }) => [streamId, status]));
  const begun = { old: 'running', asks: 'requires_action', mine: 'running' };
  expect(await states()).toEqual(begun);
  await stage.until(async () => (await entries()).length === 3, 'what it lacked is put right');
  await old.abort('mine');
  await old.abort('asks');
  expect(await states()).toEqual({ ...begun, mine: 'aborted', asks: 'aborted' });
  await here.abort('old');
  await stage.until(async () => (await entries()).includes('old aborted'), 'what this release ends is told');
  expect(await old.call('delete', { streamId: 'mine' })).toBe(true);
  expect(Object.keys(await states())).toContain('old');
});
