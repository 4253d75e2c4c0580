/**
 * Redis as somebody sees it who can read all of it: every key, every value, and every command and message while they
 * pass. What is sealed is in none of it, in no form a reader would look for.
 */
import { Redis } from 'ioredis';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { createStreamServices } from '../../src/services.js';
import { GenerationJobManager } from '../../src/stream/generation-job-manager.js';
import type { Continuation } from '../../src/stream/interfaces/continuation.js';
import { createSeal } from '../../src/stream/model/aes-seal.js';
import type { Seal } from '../../src/stream/model/seal.js';
import { RedisServer } from '../support/redis-server.js';

const CANARY = 'canary/7c1e+f0';
/** The canary as it would stand in a text that was only encoded; of base64, the part that its place doesn't change. */
const FORMS = [
  CANARY,
  Buffer.from(CANARY).toString('hex'),
  ...[0, 1, 2].map((at) =>
    Buffer.from(' '.repeat(at) + CANARY)
      .toString('base64')
      .slice(4, 16),
  ),
];
const TIMES = { sweepMs: 100, retentionMs: 60_000 };

let server: RedisServer;
let redis: Redis;
beforeAll(async () => {
  server = await RedisServer.start();
  redis = new Redis({ port: server.port, host: '127.0.0.1' });
});
afterAll(async () => {
  redis.disconnect();
  await server.stop();
});

/** Every key with its value as the server itself would write it down, and what can be read of it in plain. */
async function everything(): Promise<string[]> {
  const keys: string[] = [];
  for (let cursor = '0'; ; ) {
    const [next, found] = await redis.scan(cursor, 'COUNT', 100);
    keys.push(...found);
    if (next === '0') break;
    cursor = next;
  }
  const values = await Promise.all(
    keys.map(async (key): Promise<unknown> => {
      switch (await redis.type(key)) {
        case 'hash':
          return redis.hgetall(key);
        case 'stream':
          return redis.xrange(key, '-', '+');
        case 'zset':
          return redis.zrange(key, '0', '-1');
        case 'set':
          return redis.smembers(key);
        case 'string':
          return redis.get(key);
        default:
          throw new Error(`${key} is of a type this test can’t read.`);
      }
    }),
  );
  return keys.map((key, at) => `${key} ${JSON.stringify(values[at])}`);
}

/** A whole life: created, changed, paused, decided, paused again, handed over to another process, ended, settled. */
async function runThrough(seal: Seal | undefined) {
  await redis.flushall();
  const monitor = await new Redis({ port: server.port, host: '127.0.0.1' }).monitor();
  const commands: string[] = [];
  monitor.on('monitor', (_time: string, args: string[]) => commands.push(args.join(' ')));
  const channels = new Redis({ port: server.port, host: '127.0.0.1' });
  const messages: string[] = [];
  channels.on('pmessage', (_pattern: string, channel: string, text: string) => messages.push(channel, text));
  await channels.psubscribe('*');
  const clients: Redis[] = [];
  const recovered: Continuation[] = [];
  const settled: unknown[] = [];
  const newManager = async () => {
    const client = new Redis({ port: server.port, host: '127.0.0.1' });
    clients.push(client);
    const manager = new GenerationJobManager({
      ...createStreamServices({ redis: client }),
      seal,
      options: TIMES,
      hooks: {
        recover: (_, continuation) => void recovered.push(continuation),
        settle: ({ record }) => void settled.push(record),
      },
    });
    await manager.start();
    return manager;
  };
  const [one, two] = [await newManager(), await newManager()];
  const seen: string[] = [];
  const look = async () => void seen.push(...(await everything()));
  try {
    const made = await one.createJob({
      ...{ streamId: 's', userId: 'ann', idempotencyKey: 'k' },
      metadata: { token: { value: CANARY }, shown: 1 },
    });
    if (!made.started) throw new Error('not started');
    await made.job.emit({ event: 'n', data: 1 });
    await look();
    await made.job.update({ metadata: { token: [CANARY] } });
    const ask = { type: 'checkpoint', resumeContext: { [CANARY]: CANARY } };
    const { actionId } = await made.job.pause(ask);
    await look();
    const resolved = await two.approvals.resolve('s', { actionId, by: 'ann' });
    await look();
    const again = await resolved.job.pause(ask);
    const last = await one.approvals.resolve('s', { actionId: again.actionId, by: 'ann' });
    void last.job.run(() => new Promise(() => {})).catch(() => {});
    await look();
    // Handed over, as by a process that leaves: another one takes it over.
    await one.drain({ graceMs: 0 });
    await expect.poll(() => [recovered.length, settled.length], { timeout: 10_000 }).toEqual([1, 1]);
    await look();
    expect(recovered[0]).toMatchObject({
      resumeContext: { [CANARY]: CANARY },
      record: { metadata: { token: [CANARY], shown: 1 } },
    });
    seen.push(JSON.stringify(settled));
  } finally {
    await Promise.all([one.close(), two.close()]);
    for (const client of [...clients, channels, monitor]) client.disconnect();
  }
  return { seen, commands, messages };
}

const withCanary = (texts: readonly string[]) =>
  texts.filter((text) => FORMS.some((form) => text.includes(form)));

describe('Redis, read whole', () => {
  it('has a secret in its keys and its commands when there is no seal, so that this test would find one', async () => {
    const { seen, commands } = await runThrough(undefined);
    expect(withCanary(seen)).not.toEqual([]);
    expect(withCanary(commands)).not.toEqual([]);
  });

  it('has a sealed secret in no key, value, command or message (A23)', async () => {
    const seal = createSeal({ keys: [{ id: 'k1', key: Buffer.alloc(32, 7) }], metadata: ['token'] });
    const { seen, commands, messages } = await runThrough(seal);
    expect(withCanary(seen)).toEqual([]);
    expect(withCanary(commands)).toEqual([]);
    expect(withCanary(messages)).toEqual([]);
    expect(seen.some((text) => text.includes('$sealed'))).toBe(true);
    expect(commands.some((text) => text.includes('$sealed'))).toBe(true);
    expect(messages.some((text) => text.includes('requires_action'))).toBe(true);
  });
});

describe('What is sealed, beside a replica of the release before', () => {
  it('is carried by it as it is: it learns nothing, loses nothing, and this release goes on with it in plain', async () => {
    await redis.flushall();
    const before = await import(new URL('../fixtures/releases/0.1.0/index.js', import.meta.url).href);
    const seal = createSeal({ keys: [{ id: 'k1', key: Buffer.alloc(32, 7) }], metadata: ['token'] });
    const clients = [0, 1].map(() => new Redis({ port: server.port, host: '127.0.0.1' }));
    const recovered: Continuation[] = [];
    const here = new GenerationJobManager({
      ...createStreamServices({ redis: clients[0] as Redis }),
      seal,
      options: TIMES,
      hooks: { recover: (_, continuation) => void recovered.push(continuation) },
    });
    const there = new before.GenerationJobManager({
      ...before.createStreamServices({ redis: clients[1] }),
      options: TIMES,
      hooks: { recover: () => undefined },
    });
    try {
      await Promise.all([here.start(), there.start()]);
      const made = await here.createJob({ streamId: 's', userId: 'ann', metadata: { token: CANARY } });
      if (!made.started) throw new Error('not started');
      const { actionId } = await made.job.pause({ type: 'checkpoint', resumeContext: CANARY });
      const resolved = await there.approvals.resolve('s', { actionId, by: 'ann' });
      expect(withCanary([JSON.stringify(resolved.continuation)])).toEqual([]);
      await resolved.job.update({ metadata: { more: 1 } });
      await there.drain({ graceMs: 0 }); // leaves, and so hands it over
      await expect.poll(() => recovered.length, { timeout: 10_000 }).toBe(1);
      expect(recovered[0]).toMatchObject({
        resumeContext: CANARY,
        resolution: { by: 'ann' },
        record: { metadata: { token: CANARY, more: 1 } },
      });
    } finally {
      await Promise.all([here.close(), there.close()]);
      for (const client of clients) client.disconnect();
    }
  });
});
