/**
 * What lies in Redis while a person is waited for: nothing of it may expire before the person's time is over, and it
 * takes little room.
 */
import { Redis } from 'ioredis';
import { afterAll, afterEach, beforeAll, beforeEach, expect, it } from 'vitest';
import { textContent } from '../../src/content/text.js';
import { createStreamServices } from '../../src/services.js';
import { GenerationJobManager } from '../../src/stream/generation-job-manager.js';
import type { ContentModel } from '../../src/stream/model/content-model.js';
import { RedisServer } from '../support/redis-server.js';
import { NO_WALK } from './no-walk.js';

const MINUTE = 60_000;
const DAY = 24 * 60 * MINUTE;

let server: RedisServer;
let redis: Redis;
let manager: GenerationJobManager;
beforeAll(async () => {
  server = await RedisServer.start();
});
afterAll(() => server.stop());
beforeEach(async () => {
  redis = new Redis({ port: server.port, host: '127.0.0.1' });
  await redis.flushall();
  manager = new GenerationJobManager({
    ...createStreamServices({ redis }),
    contentModels: [textContent() as unknown as ContentModel],
    options: { snapshotEvents: 5, leaseMs: 60_000, renewMs: 20_000, ...NO_WALK },
  });
  await manager.start();
});
afterEach(async () => {
  await manager.close();
  redis.disconnect();
});

async function started(streamId: string, userId = 'u') {
  const result = await manager.createJob({ streamId, userId, contentModel: 'text' });
  if (!result.started) throw new Error('The job was not started.');
  return result.job;
}

async function ttls(pattern: string): Promise<Record<string, number>> {
  const keys = (await redis.keys(pattern)).toSorted();
  const found: Record<string, number> = {};
  for (const key of keys) found[key] = await redis.pttl(key);
  return found;
}

it('L43 a paused job’s keys, its user’s index among them, outlive its window, whatever its length', async () => {
  for (const [streamId, days] of [
    ['default', 1],
    ['week', 7],
    ['year', 366],
  ] as const) {
    // An earlier generation is kept beside it.
    await (await started(streamId)).complete();
    const job = await started(streamId);
    for (let index = 0; index < 12; index++) await job.emit({ event: 'text', data: { text: 'x' } });
    const expiresInMs = days === 1 ? undefined : days * DAY;
    await job.pause({ type: 'checkpoint', expiresInMs });
    await manager.upkeep.idle(); // the snapshot is saved behind the pause
    const found = { ...(await ttls(`gj:{/${streamId}}:*`)), ...(await ttls('gj:{user:*}:streams')) };
    const names = Object.keys(found).map((key) => key.replace(/^.*:/, ''));
    expect(names.toSorted()).toEqual(['ended', 'job', 'log', 'snapshots', 'streams']);
    for (const [key, ttl] of Object.entries(found)) {
      expect(ttl, key).toBeGreaterThan(days * DAY);
      expect(ttl, key).toBeLessThan(800 * DAY);
    }
  }
  for (const [key, ttl] of Object.entries(await ttls('gj:{due:*'))) expect(ttl, key).toBe(-1);
  const active = await manager.listActiveJobs({ userId: 'u' });
  expect(active.map(({ streamId }) => streamId).toSorted()).toEqual(['default', 'week', 'year']);
});

it('L43 L44 a decision and the next pause leave no key behind that expires before the others', async () => {
  let job = await started('s');
  for (let round = 0; round < 3; round++) {
    for (let index = 0; index < 6; index++) await job.emit({ event: 'text', data: { text: 'x' } });
    const { actionId } = await job.pause({ type: 'checkpoint', expiresInMs: 30 * DAY });
    await manager.upkeep.idle();
    for (const [key, ttl] of Object.entries(await ttls('gj:{/s}:*'))) {
      expect(ttl, key).toBeGreaterThan(30 * DAY);
    }
    job = (await manager.approvals.resolve('s', { actionId, by: 'p' })).job;
    // Running again, it is kept for as long as its lease and the margin.
    for (const [key, ttl] of Object.entries(await ttls('gj:{/s}:*'))) {
      expect(ttl, key).toBeGreaterThan(2 * DAY);
      expect(ttl, key).toBeLessThan(3 * DAY);
    }
  }
  await job.complete();
});

it('P9 1,000 paused jobs take at most 2.5 KB each beside their text', async () => {
  const JOBS = 1_000;
  const MOST_BYTES = 2.5 * 1_024;
  const usedMemory = async () => Number(/used_memory:(\d+)/.exec(await redis.info('memory'))?.[1]);
  const pausedJob = async (index: number) => {
    const job = await started(`c4f6a1d2-${index}`, `user-${index % 50}`);
    for (let n = 0; n < 10; n++) void job.emit({ event: 'text', data: { text: 'the answer so far ' } });
    await job.pause({
      type: 'tool_approval',
      requests: [
        {
          id: 'call_8f2b',
          name: 'send_mail',
          arguments: { to: 'ann@example.org', subject: 'Report', body: 'x'.repeat(200) },
        },
      ],
      resumeContext: { thread: 'c4f6a1d2', checkpoint: 'x'.repeat(100) },
      fingerprint: 'x'.repeat(43),
    });
  };
  await pausedJob(JOBS); // every script is known
  await manager.upkeep.idle();
  const before = await usedMemory();
  for (let from = 0; from < JOBS; from += 100) {
    await Promise.all(Array.from({ length: 100 }, (_, index) => pausedJob(from + index)));
  }
  await manager.upkeep.idle();
  // Its text is in its log and its snapshot.
  const isText = (key: string) => /\}:(log|snapshots)$/.test(key);
  const keys = await redis.keys('*');
  let [text, rest] = [0, 0];
  for (const key of keys) {
    const bytes = Number(await redis.call('MEMORY', 'USAGE', key, 'SAMPLES', '0'));
    if (isText(key)) text += bytes;
    else rest += bytes;
  }
  const used = (await usedMemory()) - before;
  console.log(
    `a paused job: ${Math.round(rest / (JOBS + 1))} bytes by key, ${Math.round((used - text) / JOBS)} by the server’s count, its text ${Math.round(text / (JOBS + 1))}`,
  );
  expect(rest / (JOBS + 1)).toBeLessThanOrEqual(MOST_BYTES);
  expect((used - text) / JOBS).toBeLessThanOrEqual(MOST_BYTES);
});
