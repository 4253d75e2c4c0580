/**
 * The clients a host may bring, and what Redis says to a replica that starts: each mistake is its own sentence, with what
 * Redis said, where, and what to do; odd settings work or are refused by name.
 */
import { once } from 'node:events';
import { type AddressInfo, connect, createServer } from 'node:net';
import { Redis } from 'ioredis';
import { Cluster as Cluster5, Redis as Redis5 } from 'ioredis5';
import { afterAll, afterEach, beforeAll, describe, expect, it } from 'vitest';
import { createStreamServices, GenerationJobManager } from '../../src/index.js';
import { connectRedis } from '../../src/redis/index.js';
import type { RedisClient } from '../../src/stream/implementations/redis/client.js';
import { read } from '../docs/markdown.js';
import { RedisServer, startCluster } from '../support/redis-server.js';

let server: RedisServer;
let locked: RedisServer;
const open: { disconnect(): void }[] = [];
const managers: GenerationJobManager[] = [];
beforeAll(async () => {
  [server, locked] = await Promise.all([RedisServer.start(), RedisServer.start()]);
  const admin = locked.connect();
  await admin.config('SET', 'requirepass', 'secret');
  admin.disconnect();
});
afterAll(() => Promise.all([server.stop(), locked.stop()]));
afterEach(async () => {
  for (const manager of managers.splice(0)) await manager.close();
  for (const client of open.splice(0)) client.disconnect();
});

function quiet<Client extends { on(event: 'error', listener: () => void): unknown; disconnect(): void }>(
  client: Client,
): Client {
  client.on('error', () => {});
  open.push(client);
  return client;
}

function managerOf(redis: RedisClient, options: { timeoutMs?: number; pingMs?: number } = {}) {
  const services = createStreamServices({ redis, timeoutMs: 1_000, ...options });
  const manager = new GenerationJobManager(services);
  managers.push(manager);
  return manager;
}

async function saidByStart(redis: RedisClient): Promise<string> {
  const error = await managerOf(redis)
    .start()
    .then(
      () => new Error('it started'),
      (error: Error & { code?: string }) => error,
    );
  expect(error).toMatchObject({ code: 'unavailable', cause: expect.anything() });
  return error.message;
}

async function answers(redis: RedisClient, options = {}): Promise<void> {
  const manager = managerOf(redis, options);
  const created = await manager.createJob({ streamId: 's', userId: 'u', onConflict: 'replace' });
  if (!created.started) throw new Error('not started');
  await created.job.emit({ event: 'text', data: { text: 'a' } });
  await created.job.complete({ done: true });
  const seen: string[] = [];
  for await (const { event } of manager.subscribe('s', { userId: 'u' })) seen.push(event);
  expect(seen).toEqual(['created', 'text', 'completed']);
}

/** A proxy that makes the server look as old as `version` says. */
async function olderServer(port: number, version: string): Promise<{ port: number; close(): void }> {
  const proxy = createServer((socket) => {
    const target = connect(port, '127.0.0.1');
    socket.on('error', () => target.destroy()).pipe(target);
    target.on('error', () => socket.destroy());
    target.on('data', (bytes) => {
      const text = bytes.toString('latin1');
      const real = /redis_version:(\S+)/.exec(text)?.[1] ?? '';
      // Of the same length, so that the reply stays whole.
      socket.write(
        Buffer.from(text.replace(real, version.padEnd(real.length, '0').slice(0, real.length)), 'latin1'),
      );
    });
    target.on('close', () => socket.destroy());
    socket.on('close', () => target.destroy());
  });
  await once(proxy.listen(0, '127.0.0.1'), 'listening');
  return { port: (proxy.address() as AddressInfo).port, close: () => proxy.close() };
}

const LIBRARIES: [string, typeof Redis][] = [
  ['ioredis 6', Redis],
  ['ioredis 5', Redis5 as unknown as typeof Redis],
];

describe.each(LIBRARIES)('At start, through %s,', (_, Client) => {
  it('a wrong password is told as one', async () => {
    const said = await saidByStart(quiet(new Client({ port: locked.port, password: 'wrong' })));
    expect(said).toContain(`Redis at localhost:${locked.port} refuses the password`);
    expect(said).toContain('WRONGPASS');
    expect(said).not.toContain('wrong');
  });

  it('a password that is not given is asked for', async () => {
    const said = await saidByStart(quiet(new Client({ port: locked.port })));
    expect(said).toContain('asks for a password');
    expect(said).toContain('NOAUTH');
  });

  it('a refused connection is told with host and port', async () => {
    const closed = createServer().listen(0, '127.0.0.1');
    await once(closed, 'listening');
    const { port } = closed.address() as AddressInfo;
    closed.close();
    const said = await saidByStart(quiet(new Client({ host: '127.0.0.1', port })));
    expect(said).toContain(`Redis at 127.0.0.1:${port} refused the connection`);
    expect(said).toContain('ECONNREFUSED');
  });

  it('a user without rights is told which right is missing', async () => {
    const admin = quiet(new Redis({ port: locked.port, password: 'secret' }));
    await admin.call('ACL', 'SETUSER', 'jobs', 'reset', 'on', '>pw', '~gj:*', '&gj:*', '+@all', '-xadd');
    const redis = quiet(new Client({ port: locked.port, username: 'jobs', password: 'pw' }));
    const said = await saidByStart(redis);
    expect(said).toContain('denies a right');
    expect(said.toLowerCase()).toContain('xadd');
  });

  it('a user that may not listen is told so', async () => {
    const admin = quiet(new Redis({ port: locked.port, password: 'secret' }));
    await admin.call('ACL', 'SETUSER', 'deaf', 'reset', 'on', '>pw', '~gj:*', '&gj:*', '+@all', '-subscribe');
    const said = await saidByStart(
      quiet(new Client({ port: locked.port, username: 'deaf', password: 'pw' })),
    );
    expect(said).toContain('denies a right');
  });

  it('the rights that docs/redis.md lists are enough', async () => {
    const admin = quiet(new Redis({ port: locked.port, password: 'secret' }));
    const [, rights = ''] = /^ACL SETUSER jobs on >secret ([^`]+)/m.exec(read('docs/redis.md')) ?? [];
    await admin.call('ACL', 'SETUSER', 'listed', 'reset', 'on', '>pw', ...rights.trim().split(/\s+/));
    await answers(quiet(new Client({ port: locked.port, username: 'listed', password: 'pw' })));
  });

  it('a server older than 7.0 is refused with its version', async () => {
    const old = await olderServer(server.port, '6.2.14');
    const said = await saidByStartOfOld(quiet(new Client({ port: old.port })));
    old.close();
    expect(said).toMatch(/is version 6\.2\.\d+: use Redis 7\.0 or newer, or Valkey/);
  });

  it('a copy that takes no writes is told as one', async () => {
    const copy = await RedisServer.start('--replicaof', '127.0.0.1', `${server.port}`);
    try {
      const said = await saidByStart(quiet(new Client({ port: copy.port })));
      expect(said).toContain('is a copy that takes no writes');
    } finally {
      await copy.stop();
    }
  });

  it('a full server lets the replica start, which is told what it refuses', async () => {
    const full = await RedisServer.start('--maxmemory', '1', '--maxmemory-policy', 'noeviction');
    const warnings: object[] = [];
    const redis = quiet(new Client({ port: full.port }));
    const services = createStreamServices({ redis });
    try {
      await services.jobStore.start((error) => warnings.push(error as object));
      expect(warnings).toHaveLength(1);
      expect(warnings[0]).toMatchObject({ message: expect.stringContaining('Redis is full') });
      expect(String((warnings[0] as { cause?: unknown }).cause)).toContain('OOM');
    } finally {
      await services.eventTransport.close();
      await full.stop();
    }
  });

  it.each([
    ['without an offline queue', { enableOfflineQueue: false }],
    ['that connects when asked', { lazyConnect: true }],
    ['that connects when asked, without an offline queue', { lazyConnect: true, enableOfflineQueue: false }],
    ['that gives each request one try', { maxRetriesPerRequest: 0 }],
    ['that gives requests any number of tries', { maxRetriesPerRequest: null }],
    ['that gathers requests', { enableAutoPipelining: true }],
    ['without a ready check', { enableReadyCheck: false }],
    ['that does not subscribe again', { autoResubscribe: false }],
    ['of the older protocol', { protocol: 2 as const }],
  ])('a client %s works', async (_what, settings) => {
    await answers(quiet(new Client({ port: server.port, ...settings })));
  });

  it('a server that comes a moment later is waited for', async () => {
    const late = await RedisServer.start();
    await late.halt();
    const redis = quiet(new Client({ host: '127.0.0.1', port: late.port, retryStrategy: () => 20 }));
    const manager = managerOf(redis, { timeoutMs: 5_000 });
    const refused = new Promise((resolve) => redis.once('close', resolve));
    const started = manager.start();
    await refused;
    await late.run();
    await started;
    await late.stop();
  });
});

async function saidByStartOfOld(redis: RedisClient): Promise<string> {
  const error = await managerOf(redis)
    .start()
    .catch((error: Error & { code?: string }) => error);
  expect(error).toMatchObject({ code: 'unavailable' });
  return (error as Error).message;
}

describe('What a client is', () => {
  const refusal = (redis: unknown) => {
    try {
      createStreamServices({ redis: redis as RedisClient });
      return 'accepted';
    } catch (error) {
      expect(error).toMatchObject({ code: 'invalid_options' });
      return (error as Error).message;
    }
  };

  it('is told to whoever gives a URL, a promise, another package’s client, or nothing of use', () => {
    expect(refusal('redis://localhost')).toContain('await connectRedis(url)');
    expect(refusal(new URL('redis://localhost'))).toContain('await connectRedis(url)');
    expect(refusal(Promise.resolve())).toContain('await it first');
    expect(refusal({ isOpen: false, sendCommand() {} })).toContain('node-redis');
    expect(refusal({ call() {} })).toContain('evalsha');
    expect(refusal(7)).toContain('number');
    expect(refusal(null)).toContain('null');
  });

  it.each([
    ['keyPrefix', { keyPrefix: 'a:' }],
    ['stringNumbers', { stringNumbers: true }],
    ['replyMapping', { replyMapping: 'resp3' as const }],
    ['monitor', { monitor: true }],
    ['retryStrategy', { retryStrategy: (times: number) => (times > 3 ? null : 10) }],
    ['retryStrategy', { retryStrategy: null }],
  ])('is refused by name with %s, before anything is asked of it', (name, settings) => {
    const client = quiet(new Redis({ lazyConnect: true, ...settings }));
    expect(refusal(client)).toContain(name);
  });

  it('is refused by name with what a cluster’s client has of these', () => {
    const cluster = (settings: object) =>
      quiet(new Cluster5([{ host: '127.0.0.1', port: 1 }], { lazyConnect: true, ...settings }));
    expect(refusal(cluster({ redisOptions: { stringNumbers: true } }))).toContain('stringNumbers');
    expect(refusal(cluster({ keyPrefix: 'a:' }))).toContain('keyPrefix');
    expect(refusal(cluster({ scaleReads: 'slave' }))).toContain('scaleReads');
    expect(refusal(cluster({ clusterRetryStrategy: () => null }))).toContain('clusterRetryStrategy');
  });
});

describe('A subscriber link that its client has given up', () => {
  it('is made anew, live events arrive again, and the host is told', async () => {
    const own = await RedisServer.start();
    const told: unknown[] = [];
    let gaveUp = false;
    // As a client whose strategy changes its mind, so that construction can't see it.
    const redis = quiet(
      new Redis({
        host: '127.0.0.1',
        port: own.port,
        retryStrategy: (times) => (gaveUp && times < 1_000 ? null : 20),
      }),
    );
    const services = createStreamServices({ redis, pingMs: 50 });
    await services.jobStore.start();
    await services.eventTransport.start((error) => told.push(error));
    let resets = 0;
    const key = { tenantId: undefined, streamId: 's', id: '/s' };
    const frames: number[] = [];
    await services.eventTransport.subscribe(key, {
      onFrame: ({ lastSequence }) => frames.push(lastSequence),
      onGone: () => {},
      onReset: () => resets++,
    });
    gaveUp = true;
    const admin = quiet(own.connect());
    await admin.call('CLIENT', 'KILL', 'TYPE', 'pubsub');
    await expect.poll(() => told.length).toBe(1);
    expect(told[0]).toMatchObject({ code: 'unavailable', message: expect.stringContaining('made anew') });
    await expect.poll(() => resets).toBeGreaterThan(0);
    await admin.publish('gj:{/s}:log', '1 5 1 1 1\ntext\t\t{}\n');
    await expect.poll(() => frames).toEqual([1]);
    await services.eventTransport.close();
    await own.stop();
  });
});

describe('A server that takes no writes any more', () => {
  it('is told to the host as what it is, once, while producers go on trying', async () => {
    const own = await RedisServer.start();
    const admin = quiet(own.connect());
    const told: { message: string; cause?: unknown }[] = [];
    const manager = new GenerationJobManager({
      ...createStreamServices({ redis: quiet(new Redis({ port: own.port })) }),
      hooks: { onError: ({ where, error }) => where === 'store' && told.push(error as { message: string }) },
    });
    managers.push(manager);
    const created = await manager.createJob({ streamId: 's', userId: 'u' });
    if (!created.started) throw new Error('not started');
    await admin.config('SET', 'maxmemory', '1');
    for (let n = 0; n < 20; n++) void created.job.emit({ event: 'text', data: { n } });
    await expect.poll(() => told.length).toBe(1);
    expect(told[0]?.message).toContain('Redis is full: give it more memory');
    expect(String(told[0]?.cause)).toContain('OOM');
    await admin.config('SET', 'maxmemory', '0');
    await created.job.complete();
    expect(told).toHaveLength(1);
    for (const one of managers.splice(0)) await one.close();
    await own.stop();
  });
});

describe('connectRedis', () => {
  it('makes a client from a URL that a manager can work with', async () => {
    const redis = await connectRedis(`redis://127.0.0.1:${server.port}`);
    open.push(redis);
    await answers(redis);
  });

  it('makes one for a cluster whose frames stay within their shard', async () => {
    const cluster = await startCluster();
    try {
      const redis = await connectRedis(`redis://127.0.0.1:${cluster.nodes[0]?.port}`, { cluster: true });
      open.push(redis);
      expect(redis.options?.shardedSubscribers).toBe(true);
      await answers(redis);
      for (const manager of managers.splice(0)) await manager.close();
      redis.disconnect();
    } finally {
      await cluster.stop();
    }
  });

  it('takes user and password from the URL', async () => {
    open.push(await connectRedis(`redis://default:secret@127.0.0.1:${locked.port}/0`));
    const wrong = connectRedis(`redis://default:hunter2@127.0.0.1:${locked.port}`);
    await expect(wrong).rejects.toThrow(/refuses the password.*WRONGPASS/);
    await expect(wrong).rejects.not.toThrow(/hunter2/);
  });

  it('says within its time that nobody is there, and leaves no connection behind', async () => {
    const closed = createServer().listen(0, '127.0.0.1');
    await once(closed, 'listening');
    const { port } = closed.address() as AddressInfo;
    closed.close();
    const failing = connectRedis(`redis://127.0.0.1:${port}`, { connectTimeoutMs: 300 });
    await expect(failing).rejects.toThrow(/refused the connection.*ECONNREFUSED/);
  });

  it('refuses a malformed URL and an unknown option by name', async () => {
    await expect(connectRedis('localhost:6379')).rejects.toMatchObject({ code: 'invalid_options' });
    await expect(connectRedis('http://localhost')).rejects.toThrow(/redis:\/\//);
    await expect(connectRedis('redis://localhost', { timeout: 1 } as object)).rejects.toThrow(/timeout/);
  });

  it('hands later errors of the connection to onError', async () => {
    const own = await RedisServer.start();
    const told: unknown[] = [];
    const redis = await connectRedis(`redis://127.0.0.1:${own.port}`, {
      onError: (error) => told.push(error),
    });
    open.push(redis);
    await own.halt('SIGKILL');
    await expect.poll(() => told.length).toBeGreaterThan(0);
    await own.stop();
  });
});
