/**
 * What a feed costs Redis: one script call for each change of state, by whoever commits it, and none for an event.
 */
import { createHash } from 'node:crypto';
import { Redis } from 'ioredis';
import { afterAll, beforeAll, expect, it } from 'vitest';
import { createStreamServices } from '../../src/services.js';
import { GenerationJobManager } from '../../src/stream/generation-job-manager.js';
import { REDIS_SCRIPTS } from '../../src/stream/implementations/redis/scripts.generated.js';
import type { GenerationJob } from '../../src/stream/interfaces/generation-job.js';
import type { Hooks } from '../../src/stream/interfaces/manager-types.js';
import { RedisServer } from '../support/redis-server.js';
import { NO_WALK } from './no-walk.js';

let server: RedisServer;
beforeAll(async () => {
  server = await RedisServer.start();
});
afterAll(() => server.stop());

const NAMES = new Map(
  Object.entries(REDIS_SCRIPTS).map(([name, text]) => [createHash('sha1').update(text).digest('hex'), name]),
);

/** A replica whose upkeep keeps still, and the scripts that its client is asked to run. */
async function replica(
  feed: boolean,
  hooks: Hooks,
): Promise<{
  manager: GenerationJobManager;
  names: string[];
  close(): Promise<void>;
}> {
  const redis = new Redis({ port: server.port, host: '127.0.0.1' });
  const names: string[] = [];
  const call = redis.evalsha.bind(redis) as (...args: unknown[]) => Promise<unknown>;
  Object.assign(redis, {
    evalsha: (sha: string, ...rest: unknown[]) => {
      names.push(NAMES.get(sha) ?? sha);
      return call(sha, ...rest);
    },
  });
  const times = { leaseMs: 600_000, renewMs: 300_000, sweepMs: 300_000, logPollMs: 300_000 };
  const manager = new GenerationJobManager({
    ...createStreamServices({ redis, pingMs: 600_000 }),
    options: { ...times, ...NO_WALK, feed },
    hooks,
  });
  await manager.start();
  const close = async () => {
    await manager.close();
    redis.disconnect();
  };
  return { manager, names, close };
}

/** The scripts of each step of a life that sees every change of state, by their names. */
async function lifeOf(feed: boolean, hooks: Hooks): Promise<Record<string, string[]>> {
  const made = [await replica(feed, hooks), await replica(feed, hooks)] as const;
  const [{ manager }, other] = made;
  const steps: Record<string, string[]> = {};
  const streamId = `s-${feed}-${Object.keys(hooks).length}`;
  const step = async (name: string, work: () => Promise<unknown>) => {
    for (const { names } of made) names.length = 0;
    await work();
    for (const one of made) await one.manager.upkeep.idle();
    // Whoever tells the host of a pause looks now and then whether it is over, which is a matter of moments.
    steps[name] = made.flatMap(({ names }) => names.filter((script) => script !== 'read-log')).sort();
  };
  let job: GenerationJob | undefined;
  let actionId = '';
  await step('create', async () => {
    job = (await manager.createJob({ streamId, userId: 'u' })).job;
  });
  await step('events', async () => {
    for (let at = 0; at < 20; at++) {
      void job?.emit({ event: 'text', data: at });
      await job?.flush();
    }
  });
  await step('pause', async () => {
    actionId = (await job?.pause({ type: 'checkpoint' }))?.actionId ?? '';
  });
  await step('resolve', async () => {
    job = (await other.manager.approvals.resolve(streamId, { actionId, by: 'p' })).job;
  });
  await step('note', () =>
    manager.annotate(streamId, { notes: [{ key: 'saved', event: 'saved', data: 1 }] }),
  );
  await step('complete', async () => job?.complete());
  await step('replaced', async () => {
    await manager.createJob({ streamId, userId: 'u' });
    job = (await manager.createJob({ streamId, userId: 'u', onConflict: 'replace' })).job;
  });
  await step('abort', () => manager.abortJob(streamId));
  for (const { close } of made) await close();
  return steps;
}

it.each([
  ['without a hook', {}],
  ['with hooks for pauses and ends', { settle() {}, onPaused() {} }],
])(
  'L126 a feed costs one script call for each change of state and none for an event, %s',
  async (_, hooks) => {
    await lifeOf(false, hooks); // every script is known
    await lifeOf(true, hooks);
    const [without, fed] = [await lifeOf(false, hooks), await lifeOf(true, hooks)];
    const added = Object.entries(fed).map(([name, scripts]) => {
      const rest = scripts.filter((script) => script !== 'feed-append');
      expect(rest, name).toEqual(without[name]);
      return [name, scripts.length - rest.length];
    });
    expect(Object.fromEntries(added)).toEqual({
      ...{ create: 1, events: 0, pause: 1, resolve: 1, note: 0, complete: 1, replaced: 2, abort: 1 },
    });
  },
);
