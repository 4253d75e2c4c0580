/**
 * What a queue costs Redis: the scripts that a replica runs for each step of a run that waits, and that nothing is asked where there
 * is no hook.
 */
import { createHash } from 'node:crypto';
import { Redis } from 'ioredis';
import { afterAll, afterEach, beforeAll, expect, it } from 'vitest';
import { createStreamServices } from '../../src/services.js';
import { GenerationJobManager } from '../../src/stream/generation-job-manager.js';
import { REDIS_SCRIPTS } from '../../src/stream/implementations/redis/scripts.generated.js';
import type { GenerationJob } from '../../src/stream/interfaces/generation-job.js';
import type { Hooks } from '../../src/stream/interfaces/manager-types.js';
import { RedisServer } from '../support/redis-server.js';
import { NO_WALK } from './no-walk.js';
import { until } from './replicas.js';

let server: RedisServer;
const closing: (() => Promise<void>)[] = [];
beforeAll(async () => {
  server = await RedisServer.start();
});
afterEach(async () => {
  for (const close of closing.splice(0)) await close();
  const redis = server.connect();
  await redis.flushall();
  redis.disconnect();
});
afterAll(() => server.stop());

const NAMES = new Map(
  Object.entries(REDIS_SCRIPTS).map(([name, text]) => [createHash('sha1').update(text).digest('hex'), name]),
);

/** A replica whose upkeep keeps still, and the scripts that its client is asked to run; those on a queue with their step. */
async function replica(hooks: Hooks): Promise<{ manager: GenerationJobManager; names: string[] }> {
  const redis = new Redis({ port: server.port, host: '127.0.0.1' });
  const names: string[] = [];
  const call = redis.evalsha.bind(redis) as (...args: unknown[]) => Promise<unknown>;
  Object.assign(redis, {
    evalsha: (sha: string, keys: number, ...rest: unknown[]) => {
      const name = NAMES.get(sha) ?? sha;
      names.push(name === 'queue' ? `queue ${rest[keys]}` : name);
      return call(sha, keys, ...rest);
    },
  });
  const times = { leaseMs: 600_000, renewMs: 300_000, sweepMs: 300_000, logPollMs: 300_000 };
  const manager = new GenerationJobManager({
    ...createStreamServices({ redis, pingMs: 600_000 }),
    options: { ...times, ...NO_WALK },
    hooks,
  });
  await manager.start();
  closing.push(async () => {
    await manager.close();
    redis.disconnect();
  });
  return { manager, names };
}

async function started(manager: GenerationJobManager, streamId: string): Promise<GenerationJob> {
  const created = await manager.createJob({ streamId, userId: 'u' });
  if (!created.started) throw new Error('The job was not started.');
  return created.job;
}

it('L160 a run that waits costs one call on the queue when it is added, and none but its create when it starts', async () => {
  const runs: GenerationJob[] = [];
  const startQueued: Hooks['startQueued'] = (job) => {
    runs.push(job);
    return new Promise<void>((resolve) => job.signal.addEventListener('abort', () => resolve()));
  };
  const { manager, names } = await replica({ startQueued });
  for (const streamId of ['known', 's']) {
    // On the first stream every script becomes known.
    const job = await started(manager, streamId);
    await manager.upkeep.idle();
    names.length = 0;
    const enqueued = await manager.createJob({ streamId, userId: 'u', onConflict: 'enqueue' });
    expect(enqueued).toMatchObject({ started: false, queued: { position: 1 } });
    await manager.upkeep.idle();
    const added = [...names];
    names.length = 0;
    await job.complete();
    await until(() => runs.length > 0, 'the run has started');
    const ended = [...names];
    await runs.pop()?.complete();
    await manager.upkeep.idle();
    if (streamId === 'known') continue;
    // The stream's record, the due score, the queue; then a look whether its turn has come meanwhile.
    expect(added).toEqual(['read', 'due-nearer', 'index-add', 'queue add', 'queue read', 'read']);
    // The end, the same look, and the start, which is a create like any other.
    const start = ['due-nearer', 'index-add', 'create'];
    expect(ended).toEqual(['commit', 'queue read', 'read', ...start]);
  }
});

it('L160 without the hook, nothing of a queue is asked', async () => {
  const { manager, names } = await replica({});
  const job = await started(manager, 's');
  await job.complete();
  await manager.upkeep.idle();
  await manager.upkeep.sweep();
  const next = await started(manager, 's');
  expect(await manager.abortJob('s')).toMatchObject({ aborted: true });
  await next.signal;
  await manager.upkeep.idle();
  expect(names.filter((name) => name.startsWith('queue'))).toEqual([]);
});
