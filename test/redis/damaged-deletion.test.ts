/** A deletion on a Redis where records are damaged: what can't be read goes too, whoever's it says it is keeps it. */
import type { Redis } from 'ioredis';
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import { createStreamServices } from '../../src/services.js';
import { GenerationJobManager } from '../../src/stream/generation-job-manager.js';
import { RedisKeys } from '../../src/stream/implementations/redis/keys.js';
import type { ErrorReport } from '../../src/stream/model/error-report.js';
import { streamKey } from '../../src/stream/model/stream-key.js';
import { RedisServer } from '../support/redis-server.js';
import { NO_WALK } from './no-walk.js';
import { until } from './replicas.js';

let server: RedisServer;
let redis: Redis;
let manager: GenerationJobManager;
let reports: ErrorReport[];
beforeAll(async () => {
  server = await RedisServer.start();
  redis = server.connect();
});
afterAll(async () => {
  redis.disconnect();
  await server.stop();
});
beforeEach(async () => {
  reports = [];
  manager = new GenerationJobManager({
    ...createStreamServices({ redis }),
    options: NO_WALK, // a walk holds a slot of nobody's
    hooks: { onError: (report) => void reports.push(report) },
  });
  await manager.start();
});
afterEach(async () => {
  await manager.close();
  await redis.flushall();
});

async function start(streamId: string, userId = 'u') {
  const created = await manager.createJob({ streamId, userId, idempotencyKey: `key-${streamId}` });
  if (!created.started) throw new Error('The job was not started.');
  void created.job.emit({ event: 'text', data: 'private' });
  await created.job.flush();
  return created.job;
}

const record = (streamId: string) => `gj:{/${streamId}}:job`;
const keysOf = (streamId: string) => redis.keys(`gj:{/${streamId}}*`);
const toldOf = (streamId: string) =>
  reports.filter(
    ({ record, details, error }) =>
      record?.streamId === streamId && details?.step === 'deletion' && error instanceof Error,
  );

/** Kinds of damage to a record; `isOwned` where it still says whose it is. */
const DAMAGES = {
  'a fence of garbage': { isOwned: true, do: (id: string) => redis.hset(record(id), 'fence', 'x') },
  'no fence': { isOwned: true, do: (id: string) => redis.hdel(record(id), 'fence') },
  'garbage and no owner': {
    isOwned: false,
    do: (id: string) => redis.pipeline().hset(record(id), 'fence', 'x').hdel(record(id), 'userId').exec(),
  },
  'another type': { isOwned: false, do: (id: string) => redis.set(record(id), 'x') },
} as const;

describe.each(Object.entries(DAMAGES))('a record with %s', (_, damage) => {
  it('goes with its user, and the others do; the host is told what could not be read', async () => {
    const jobs = [await start('a'), await start('odd'), await start('b')];
    await damage.do('odd');
    const all = manager.deleteUser({ userId: 'u' });
    if (!damage.isOwned) {
      // It may be another's: it is named, and only who names no user deletes it.
      await expect(all).rejects.toMatchObject({ code: 'deletion_incomplete', deleted: 2, left: ['odd'] });
      expect(await keysOf('odd')).not.toEqual([]);
      expect(await manager.deleteStream('odd')).toBe(true);
    } else expect(await all).toBe(3);
    expect(await redis.keys('gj:{/*')).toEqual([]);
    // The index goes with the hold of the creates.
    expect((await redis.keys('gj:{user:*')).filter((key) => !key.endsWith(':streams'))).toEqual([]);
    expect(toldOf('odd')).toHaveLength(1);
    expect(toldOf('a')).toEqual([]);
    for (const job of jobs) {
      job.tryEmit({ event: 'text', data: 1 });
      await until(() => job.isOver, 'it learns it');
      expect(job.reason).toBe('gone');
    }
  });

  it('goes when the host deletes the stream', async () => {
    const job = await start('odd');
    await damage.do('odd');
    expect(await manager.deleteStream('odd')).toBe(true);
    expect(await keysOf('odd')).toEqual([]);
    expect(await manager.deleteStream('odd')).toBe(false);
    void job.emit({ event: 'text', data: 1 });
    await until(() => job.isOver, 'its producer learns it with its next commit');
    expect(job.reason).toBe('gone');
  });

  it('goes for the user it names and for nobody else, also not for one whose index names it', async () => {
    await start('odd');
    const taken = manager.createJob({ streamId: 'odd', userId: 'v' });
    await expect(taken).rejects.toMatchObject({ code: 'stream_taken' });
    await damage.do('odd');
    const keys = await keysOf('odd');
    const other = manager.deleteStream('odd', { userId: 'v' });
    if (damage.isOwned) {
      expect(await other).toBe(false);
      expect(await manager.deleteUser({ userId: 'v' })).toBe(0);
      expect(await keysOf('odd')).toEqual(keys);
      expect(await manager.deleteStream('odd', { userId: 'u' })).toBe(true);
      expect(await keysOf('odd')).toEqual([]);
      return;
    }
    await expect(other).rejects.toMatchObject({ code: 'store_damaged' });
    await expect(manager.deleteStream('odd', { userId: 'u' })).rejects.toMatchObject({
      code: 'store_damaged',
    });
    expect(await manager.deleteStream('odd', { userId: '' })).toBe(false);
    // Its index may still name the stream, since its create asked for it.
    const left = await manager.deleteUser({ userId: 'v' }).catch((error) => error.left);
    expect([0, ['odd']]).toContainEqual(left);
    expect(await keysOf('odd'), 'nothing was changed').toEqual(keys);
  });
});

it('a deletion is not undone by an index that can not be written: the stream has gone, all are told, and so is the host', async () => {
  const job = await start('s');
  const events: string[] = [];
  const following = (async () => {
    for await (const { event } of manager.subscribe('s')) events.push(event);
  })();
  await until(() => events.includes('text'), 'it follows');
  const { holds } = new RedisKeys('gj:').shard(streamKey('s'));
  await redis.del(holds);
  await redis.set(holds, 'x');
  expect(await manager.deleteStream('s')).toBe(true);
  await following;
  expect(events.at(-1)).toBe('gone');
  expect(job.reason).toBe('gone');
  expect(reports.map(({ where }) => where)).toContain('store');
});

it('a deletion of nothing leaves alone what begins at that moment', async () => {
  const services = createStreamServices({ redis });
  const { jobStore } = services;
  const read = jobStore.read.bind(jobStore);
  let hasStarted = false;
  jobStore.read = async (key, which) => {
    const found = await read(key, which);
    if (which === 'kept' && !hasStarted) {
      hasStarted = true;
      await start('s');
    }
    return found;
  };
  const other = new GenerationJobManager(services);
  expect(await other.deleteStream('s')).toBe(false);
  expect(await manager.getJob('s')).toMatchObject({ status: 'running' });
  expect(reports).toEqual([]);
  await other.close();
});

it('what is left of a stream whose record is gone goes when the host deletes the stream', async () => {
  await start('s');
  await redis.del(record('s'));
  expect(await manager.deleteStream('s', { userId: 'u' })).toBe(false);
  expect(await manager.deleteStream('s')).toBe(true);
  expect(await keysOf('s')).toEqual([]);
});

it('a record of a newer release is not deleted by one that can not read it', async () => {
  const job = await start('s');
  await redis.hset(record('s'), 'format', '2');
  await expect(manager.deleteStream('s')).rejects.toMatchObject({ code: 'newer_format' });
  await expect(manager.deleteUser({ userId: 'u' })).rejects.toMatchObject({ left: ['s'] });
  await redis.hset(record('s'), 'format', '1');
  await job.complete();
});
