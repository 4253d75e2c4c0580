/**
 * Upkeep on a cluster: what it costs each node, and what a node that is away keeps from the others.
 */
import { setTimeout as pause } from 'node:timers/promises';
import { Cluster, type Redis } from 'ioredis';
import { afterAll, beforeAll, expect, it } from 'vitest';
import { createStreamServices } from '../../src/services.js';
import { GenerationJobManager } from '../../src/stream/generation-job-manager.js';
import { RedisKeys } from '../../src/stream/implementations/redis/keys.js';
import { streamKey } from '../../src/stream/model/stream-key.js';
import { type RedisCluster, startCluster } from '../support/redis-server.js';
import { NO_WALK } from './no-walk.js';
import { until } from './replicas.js';

const TIMES = { leaseMs: 2_400, renewMs: 400, sweepMs: 100, ...NO_WALK };
const KEYS = new RedisKeys('gj:');

let cluster: RedisCluster;
let lookers: Redis[];
const clients: Cluster[] = [];
const managers: GenerationJobManager[] = [];
beforeAll(async () => {
  cluster = await startCluster();
  lookers = cluster.nodes.map((node) => node.connect());
  // A node that is away takes its own slots with it, and no others.
  for (const looker of lookers) await looker.config('SET', 'cluster-require-full-coverage', 'no');
});
afterAll(async () => {
  await Promise.all(managers.map((manager) => manager.close().catch(() => {})));
  for (const client of [...clients, ...lookers]) client.disconnect();
  await cluster.stop();
});

async function replica(options: object = {}): Promise<{ manager: GenerationJobManager; client: Cluster }> {
  const client = new Cluster(cluster.nodes.map(({ port }) => ({ port, host: '127.0.0.1' })));
  clients.push(client);
  const manager = new GenerationJobManager({
    ...createStreamServices({ redis: client, timeoutMs: 800 }),
    options: { ...TIMES, ...options },
  });
  await manager.start();
  managers.push(manager);
  return { manager, client };
}

async function start(manager: GenerationJobManager, streamId: string) {
  const created = await manager.createJob({ streamId, userId: `user-of-${streamId}` });
  if (!created.started) throw new Error('The job was not started.');
  return created.job;
}

/** Where a key lies: the place of its node in `cluster.nodes`. */
async function nodeOf(key: string): Promise<number> {
  const found = await Promise.all(
    lookers.map((looker) =>
      looker.exists(key).then(
        () => true,
        () => false,
      ),
    ),
  );
  return found.indexOf(true);
}

const scriptsOf = async (looker: Redis) =>
  Number(/cmdstat_evalsha:calls=(\d+)/.exec(await looker.info('commandstats'))?.[1] ?? 0);

it('an idle replica’s sweep is one call a node, and lists what is due on all of them', async () => {
  const { manager } = await replica({ leaseMs: 600_000, renewMs: 300_000, sweepMs: 300_000 });
  await manager.upkeep.sweep(); // which shards lie on one node is known
  for (const looker of lookers) await looker.config('RESETSTAT');
  await manager.upkeep.sweep();
  const nodes = new Set(await Promise.all(KEYS.shards.map(({ scores }) => nodeOf(scores))));
  const calls = await Promise.all(lookers.map(scriptsOf));
  expect(calls).toEqual(lookers.map((_, node) => (nodes.has(node) ? 1 : 0)));
});

it('a node that is away ends no job on another, and the dead there are noticed all the same', async () => {
  const { manager } = await replica();
  const doomed = await replica();
  const names = (prefix: string) => Array.from({ length: 24 }, (_, n) => `${prefix}${n}`);
  const living = await Promise.all(names('living').map((streamId) => start(manager, streamId)));
  await Promise.all(names('dead').map((streamId) => start(doomed.manager, streamId)));
  const away = 1;
  const areOn = async (streamId: string) => {
    const key = streamKey(streamId);
    return Promise.all([nodeOf(KEYS.stream(key)[0]), nodeOf(KEYS.shard(key).scores)]);
  };
  const isElsewhere = async (streamId: string) => !(await areOn(streamId)).includes(away);
  const elsewhere = async (streamIds: readonly string[]) => {
    const flags = await Promise.all(streamIds.map(isElsewhere));
    return streamIds.filter((_, at) => flags[at]);
  };
  const [alive, dead] = [await elsewhere(names('living')), await elsewhere(names('dead'))];
  expect(Math.min(alive.length, dead.length)).toBeGreaterThan(2);
  doomed.client.disconnect();
  cluster.nodes[away]?.signal('SIGSTOP');
  try {
    const statusOf = async (streamId: string) =>
      (await manager.getJob(streamId).catch(() => undefined))?.status;
    const areLost = async () =>
      (await Promise.all(dead.map(statusOf))).every((status) => status === 'failed');
    await until(areLost, 'the dead are noticed');
    await pause(TIMES.leaseMs);
    const going = living.filter(({ streamId }) => alive.includes(streamId));
    expect(going.map((job) => job.reason)).toEqual(going.map(() => undefined));
  } finally {
    cluster.nodes[away]?.signal('SIGCONT');
  }
});
