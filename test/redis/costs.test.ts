/**
 * What a token costs Redis and the wire, exactly: counted by the server and by a proxy, not timed.
 */
import { createHash } from 'node:crypto';
import { Redis } from 'ioredis';
import { afterAll, afterEach, beforeAll, beforeEach, expect, it } from 'vitest';
import { textContent } from '../../src/content/text.js';
import { createStreamServices } from '../../src/services.js';
import { GenerationJobManager } from '../../src/stream/generation-job-manager.js';
import { REDIS_SCRIPTS } from '../../src/stream/implementations/redis/scripts.generated.js';
import type { GenerationJob } from '../../src/stream/interfaces/generation-job.js';
import type { Hooks } from '../../src/stream/interfaces/manager-types.js';
import type { ContentModel } from '../../src/stream/model/content-model.js';
import { pick, seededRandom } from '../contract/seeded.js';
import { RedisProxy } from '../support/redis-proxy.js';
import { RedisServer } from '../support/redis-server.js';
import { NO_WALK } from './no-walk.js';
import { until } from './replicas.js';

let server: RedisServer;
let looker: Redis;
let proxy: RedisProxy;
let client: Redis;
let manager: GenerationJobManager;
beforeAll(async () => {
  server = await RedisServer.start();
  looker = server.connect();
});
afterAll(async () => {
  looker.disconnect();
  await server.stop();
});
beforeEach(async () => {
  proxy = await RedisProxy.start(server.port);
  client = new Redis({ port: proxy.port, host: '127.0.0.1' });
  manager = await replica(client);
});
afterEach(async () => {
  await manager.close();
  client.disconnect();
  await proxy.close();
  await looker.flushall();
});

/** Its upkeep keeps still for as long as a count takes. */
async function replica(
  redis: Redis,
  contentModels: readonly ContentModel[] = [],
  hooks: Hooks = {},
): Promise<GenerationJobManager> {
  const made = new GenerationJobManager({
    ...createStreamServices({ redis, pingMs: 600_000 }),
    options: {
      leaseMs: 600_000,
      renewMs: 300_000,
      sweepMs: 300_000,
      logPollMs: 300_000,
      ...NO_WALK,
      // Snapshots are counted by themselves, below.
      ...(contentModels.length === 0 && { snapshotEvents: 100_000 }),
      limits: { unsnapshottedEvents: 400_000 },
    },
    contentModels,
    hooks,
  });
  await made.start();
  return made;
}

async function started(): Promise<GenerationJob> {
  const result = await manager.createJob({ streamId: 's', userId: 'u' });
  if (!result.started) throw new Error('The job was not started.');
  // Every script the hot path needs is known to the server before anything is counted.
  void result.job.emit(token(0));
  await result.job.flush();
  return result.job;
}

const WORDS = ['the', ' answer', ' is', ' forty', '-two', ',', ' of', ' course', '.', ' Ask'];
const token = (index: number) => ({ event: 'text', data: { text: WORDS[index % WORDS.length] } });

/** Calls by command while `work` runs, those made inside scripts included. */
async function commandsOf(work: () => Promise<void>): Promise<Record<string, number>> {
  await looker.config('RESETSTAT');
  await work();
  const stats = await looker.info('commandstats');
  const calls: Record<string, number> = {};
  for (const [, name = '', count] of stats.matchAll(/cmdstat_(\S+?):calls=(\d+)/g)) {
    if (name !== 'info' && name !== 'config|resetstat') calls[name] = Number(count);
  }
  return calls;
}

/** Nothing but the one script call, which makes four small commands. */
function expectOnlyAppends(calls: Record<string, number>): number {
  const { evalsha = 0 } = calls;
  expect(calls).toEqual({ evalsha, hmget: evalsha, xadd: evalsha, hset: evalsha, publish: evalsha });
  return evalsha;
}

it('a paced token is one round trip of one script call', async () => {
  const TOKENS = 200;
  const job = await started();
  const calls = await commandsOf(async () => {
    for (let index = 0; index < TOKENS; index++) {
      void job.emit(token(index));
      await job.flush();
    }
  });
  expect(expectOnlyAppends(calls)).toBe(TOKENS);
});

it('tokens that come 1 to 7 at a time cost at most half a round trip each', async () => {
  const BURSTS = 300;
  const random = seededRandom(7);
  const job = await started();
  let tokens = 0;
  const calls = await commandsOf(async () => {
    for (let burst = 0; burst < BURSTS; burst++) {
      for (let left = 1 + pick(random, 7); left > 0; left--) void job.emit(token(tokens++));
      await job.flush();
    }
  });
  expect(expectOnlyAppends(calls) / tokens).toBeLessThanOrEqual(0.5);
});

it('tokens at full speed cost at most a tenth of a round trip each', async () => {
  const TOKENS = 20_000;
  const job = await started();
  const calls = await commandsOf(async () => {
    for (let index = 0; index < TOKENS; index++) await job.emit(token(index));
    await job.flush();
  });
  expect(expectOnlyAppends(calls) / TOKENS).toBeLessThanOrEqual(0.1);
});

it('followers cost nothing while they keep up, however many they are', async () => {
  const TOKENS = 300;
  const job = await started();
  const followers = Array.from({ length: 50 }, () => manager.subscribe('s', { after: 'tail' }));
  const received = followers.map(() => 0);
  const reading = followers.map(async (follower, index) => {
    for await (const _ of follower) received[index] = (received[index] ?? 0) + 1;
  });
  await Promise.all(followers.map((follower) => follower.ready));
  const calls = await commandsOf(async () => {
    for (let index = 0; index < TOKENS; index++) {
      void job.emit(token(index));
      if (index % 5 === 0) await job.flush();
    }
    await job.flush();
    await until(() => received.every((count) => count === TOKENS), 'all have all');
  });
  expectOnlyAppends(calls);
  await job.complete();
  await Promise.all(reading);
});

it('accepting a message is one script call, and one signal to a producer elsewhere; taking it is two', async () => {
  const job = await started();
  const other = new Redis({ port: proxy.port, host: '127.0.0.1' });
  const sender = await replica(other);
  const send = (text: string) => sender.inbox.send('s', { message: { text }, idempotencyKey: text });
  // Every script becomes known, and the producer listens for signals.
  await send('first');
  await until(() => job.inbox.waiting === 1, 'it is heard of');
  await job.inbox.take();
  const names: string[] = [];
  nameScripts(client, names, 'producer: ');
  nameScripts(other, names, 'sender: ');
  const sent = await commandsOf(async () => {
    await send('second');
    await until(() => job.inbox.waiting === 1, 'it is heard of');
  });
  expect(tallied(names)).toEqual({ 'sender: inbox': 1, 'producer: renew': 1 });
  // The announcement, and the signal that makes the producer look.
  expect(sent).toMatchObject({ evalsha: 2, publish: 2 });
  names.length = 0;
  await job.inbox.take();
  expect(tallied(names)).toEqual({ 'producer: inbox': 1, 'producer: commit': 1 });
  names.length = 0;
  expect(await job.inbox.take()).toBeNull();
  expect(names).toEqual([]);
  await job.complete();
  await sender.close();
  other.disconnect();
});

it('a key of a stream that was never written costs nothing but its name', async () => {
  const job = await started();
  const calls = await commandsOf(() => job.complete());
  // A lifetime for each of the four keys that a stream without messages and receipts has.
  expect(calls.pexpire).toBe(4);
  const kept = await looker.keys('gj:{/s}:*');
  expect(kept.filter((key) => /:(inbox|receipts)$/.test(key))).toEqual([]);
});

it('a stream with messages or receipts costs each process one call more, once: the first that keeps it alive', async () => {
  const other = new Redis({ port: proxy.port, host: '127.0.0.1' });
  const decider = await replica(other);
  const names: string[] = [];
  const ran = async (work: () => Promise<unknown>) => {
    names.length = 0;
    await work();
    return tallied(names.filter((name) => /: (commit|transition)$/.test(name)));
  };
  const first = await started();
  await manager.inbox.send('s', { message: 'a' });
  await first.inbox.take();
  await first.once('k', () => 1);
  // Every script is known to the server.
  const begun = await first.pause({ type: 'checkpoint' });
  let job = (await manager.approvals.resolve('s', { ...begun, by: 'p' })).job;
  await job.complete();
  const created = await manager.createJob({ streamId: 't', userId: 'u' });
  job = created.job as GenerationJob;
  await manager.inbox.send('t', { message: 'a' });
  await job.inbox.take();
  nameScripts(client, names, 'producer: ');
  nameScripts(other, names, 'decider: ');
  const pause = () => job.pause({ type: 'checkpoint' });
  const decide = async (by: GenerationJobManager, actionId: string) => {
    job = (await by.approvals.resolve('t', { actionId, by: 'p' })).job;
  };
  let actionId = '';
  const pauses = async () => {
    actionId = (await pause()).actionId;
  };
  expect(await ran(pauses)).toEqual({ 'producer: commit': 2 });
  expect(await ran(() => decide(decider, actionId))).toEqual({ 'decider: transition': 2 });
  // From then on both know: the decider produces now.
  expect(await ran(pauses)).toEqual({ 'decider: commit': 1 });
  expect(await ran(() => decide(manager, actionId))).toEqual({ 'producer: transition': 1 });
  // Its first receipt makes the stream need one key more.
  await job.once('k', () => 1);
  expect(await ran(pauses)).toEqual({ 'producer: commit': 2 });
  expect(await ran(() => decide(manager, actionId))).toEqual({ 'producer: transition': 1 });
  expect(await ran(() => job.complete())).toEqual({ 'producer: commit': 1 });
  await decider.close();
  other.disconnect();
});

it('a renewal is one script call on one key, and a patch one on two', async () => {
  const job = await started();
  await job.addUsage({ tokens: 1 });
  const given: (readonly string[])[] = [];
  const { evalsha } = client;
  Object.assign(client, {
    evalsha: (sha: string, count: number, ...rest: (string | number)[]) => {
      given.push([scriptOf(sha), ...rest.slice(0, count).map(String)]);
      return evalsha.call(client, sha, count, ...rest);
    },
  });
  await manager.upkeep.renewLeases();
  await job.addUsage({ tokens: 1 });
  expect(given).toEqual([
    ['renew', 'gj:{/s}:job'],
    ['commit', 'gj:{/s}:job', 'gj:{/s}:log'],
  ]);
  await job.complete();
});

it('a pause is one script call, with what was buffered before it', async () => {
  const job = await started();
  const calls = await commandsOf(async () => {
    for (let index = 0; index < 5; index++) void job.emit(token(index));
    await job.pause({ type: 'checkpoint' });
  });
  // The first token leaves at once, by itself; the others go with the pause.
  expect(calls).toMatchObject({ evalsha: 2, xadd: 2, publish: 2 });
  expect(calls.zadd).toBeUndefined();
});

it('a pause that may expire within the lease is one script call and one write to the due index', async () => {
  const job = await started();
  const calls = await commandsOf(async () => {
    await job.pause({ type: 'checkpoint', expiresInMs: 60_000 });
  });
  expect(calls).toMatchObject({ evalsha: 2, xadd: 1, publish: 1, zadd: 1 });
});

/** Script calls by what they are, of an end and of all that comes of it at once: a settlement, a slot that is given back. */
async function costOfEnd(
  end: (job: GenerationJob, host: GenerationJobManager) => Promise<unknown>,
): Promise<Record<string, number>> {
  const settled: string[] = [];
  const hosts = [client, new Redis({ port: proxy.port, host: '127.0.0.1' })];
  const [one, two] = await Promise.all(
    hosts.map((redis) =>
      replica(redis, [], { settle: ({ settlementId }) => void settled.push(settlementId) }),
    ),
  );
  const names: string[] = [];
  for (const redis of hosts) nameScripts(redis, names);
  for (const isCounted of [false, true]) {
    // In the first round every script becomes known.
    const streamId = `s${isCounted}`;
    const created = await (one as GenerationJobManager).createJob({ streamId, userId: 'u' });
    const job = created.job as GenerationJob;
    await job.emit(token(0));
    await job.flush();
    names.length = settled.length = 0;
    await end(job, two as GenerationJobManager);
    await until(() => settled.length === 1, 'it is settled');
    await Promise.all([one?.upkeep.idle(), two?.upkeep.idle()]);
  }
  await Promise.all([one?.close(), two?.close()]);
  hosts[1]?.disconnect();
  return tallied(names);
}

/** Notes the name of each script that the client is asked to run from now on. */
function nameScripts(redis: Redis, names: string[], whose = ''): void {
  const call = redis.evalsha.bind(redis) as (...args: unknown[]) => Promise<unknown>;
  Object.assign(redis, {
    evalsha: (sha: string, ...rest: unknown[]) => {
      names.push(`${whose}${scriptOf(sha)}`);
      return call(sha, ...rest);
    },
  });
}

function tallied(names: readonly string[]): Record<string, number> {
  const tally: Record<string, number> = {};
  for (const name of names) tally[name] = (tally[name] ?? 0) + 1;
  return tally;
}

function scriptOf(sha: string): string {
  const known = Object.entries(REDIS_SCRIPTS).find(([, text]) =>
    [text, text.replaceAll("'PUBLISH'", "'SPUBLISH'")].some(
      (own) => createHash('sha1').update(own).digest('hex') === sha,
    ),
  );
  return known?.[0] ?? sha;
}

it('an end by the producer itself costs its commit and its settlement; a stopped producer costs one call more, its leave', async () => {
  // A settlement is its claim, a read of what is settled, its outcome.
  const own = await costOfEnd((job) => job.run(() => undefined));
  expect(own).toEqual({ commit: 1, settle: 2, 'read-log': 1 });
  const stopped = await costOfEnd((job, two) => two.abortJob(job.streamId));
  expect(stopped).toEqual({
    // The stop: the record, a look in time, the end, the content that is its answer.
    ...{ read: 2, 'due-nearer': 1, transition: 1, 'read-log': 2 },
    // The producer hears of it: its lease is refused, and the record (above) says why. Then it leaves.
    ...{ renew: 1, leave: 1 },
    settle: 2,
  });
  // Its last usage goes with the leave.
  const counted = await costOfEnd(async (job, two) => {
    const running = job.run(async () => {
      await new Promise((resolve) => job.signal.addEventListener('abort', resolve));
      void job.addUsage({ tokens: 1 });
    });
    await two.abortJob(job.streamId);
    await running;
  });
  expect(counted).toEqual(stopped);
});

it('L132 a hand-over costs three script calls of who leaves, and six of who goes on, whatever the replicas sweep', async () => {
  const names: string[] = [];
  const counted = () => {
    const redis = new Redis({ port: proxy.port, host: '127.0.0.1' });
    nameScripts(redis, names);
    return redis;
  };
  const states: unknown[] = [];
  const hooks: Hooks = {
    recoverMode: 'continue',
    recover: ({ signal }, { handoverState }) => {
      states.push(handoverState);
      return new Promise((resolve) => signal.addEventListener('abort', resolve));
    },
  };
  const clients = [counted(), counted(), counted()];
  const [first, second, staying] = await Promise.all(clients.map((redis) => replica(redis, [], hooks)));
  // In the first round every script becomes known.
  for (const leaving of [first, second] as GenerationJobManager[]) {
    const created = await leaving.createJob({ streamId: `s${states.length}`, userId: 'u' });
    const job = created.job as GenerationJob;
    await job.emit(token(0));
    await job.flush();
    names.length = 0;
    const { length } = states;
    // What is emitted last, and the state, go together.
    job.handover.addEventListener('abort', () => {
      void job.emit(token(1));
      void job.handOver({ next: 2 });
    });
    await leaving.drain();
    await until(() => states.length > length && names.includes('due-later'), 'another one goes on');
    if (leaving !== first) continue;
    await staying?.abortJob('s0');
    await Promise.all([second?.upkeep.idle(), staying?.upkeep.idle()]);
  }
  expect(states).toEqual([{ next: 2 }, { next: 2 }]);
  const { list = 0, ...calls } = tallied(names);
  // One for the signal; an ordinary sweep may fall into the same moment.
  expect(list).toBeGreaterThanOrEqual(1);
  const leaves = { append: 1, commit: 1, renew: 1, 'due-nearer': 1 };
  // The record, the take-over, what was said, and the look that puts the next one off.
  expect(calls).toEqual({ ...leaves, read: 2, transition: 1, 'read-log': 1, 'due-later': 1 });
  await Promise.all([first, second, staying].map((one) => one?.close()));
  for (const redis of clients) redis.disconnect();
});

it('a decision is one script call and one write to the due index, between reading the action and reading the content', async () => {
  const decided = async () => {
    const job = await started();
    const { actionId } = await job.pause({ type: 'checkpoint' });
    let next: GenerationJob | undefined;
    const calls = await commandsOf(async () => {
      next = (await manager.approvals.resolve('s', { actionId, by: 'p' })).job;
    });
    await next?.complete();
    return calls;
  };
  await decided(); // every script is known
  const calls = await decided();
  // read the record · due-nearer · transition · read-log, for what to go on from
  expect(calls.evalsha).toBe(4);
  expect(calls).toMatchObject({ xadd: 1, publish: 1, zadd: 1 });
});

/** The manager of another process, with its own client, whose settlements last until they are let. */
async function settling() {
  let begin = () => {};
  let save = () => {};
  const begun = new Promise<void>((resolve) => {
    begin = resolve;
  });
  const allowed = new Promise<void>((resolve) => {
    save = resolve;
  });
  const redis = new Redis({ port: proxy.port, host: '127.0.0.1' });
  const settle = () => {
    begin();
    return allowed;
  };
  const other = await replica(redis, [], { settle });
  const stop = async () => {
    await other.close();
    redis.disconnect();
  };
  return { other, begun, save: () => save(), stop };
}

const isSettled = async () => (await looker.hget('gj:{/s}:job', 'settlement'))?.startsWith('settled');

it('a settlement that nobody waits for is a claim, a read of what is saved, and an outcome, whoever follows', async () => {
  const { other, begun, save, stop } = await settling();
  const created = await other.createJob({ streamId: 's', userId: 'u' });
  const ended = other.subscribe('s', { follow: 'stream' });
  const follower = manager.subscribe('s', { follow: 'stream' });
  await created.job?.complete();
  for (const one of [ended, follower]) for (let n = 0; n < 2; n++) await one.next();
  await begun;
  // What was asked before on these connections has been answered then.
  for (const one of [manager, other]) await one.getJob('s');
  const calls = await commandsOf(async () => {
    save();
    await until(isSettled, 'it is settled');
  });
  expect(calls.evalsha).toBe(1);
  follower.close();
  ended.close();
  await stop();
});

it('who waits for a settlement costs two reads, and one for each step of it that is told', async () => {
  const { other, save, stop } = await settling();
  const created = await other.createJob({ streamId: 's', userId: 'u' });
  await created.job?.complete();
  await until(
    async () => (await manager.getResumeState('s'))?.settlement === 'settling',
    'it is being saved',
  );
  let waits: Promise<string>[] = [];
  const begun = await commandsOf(async () => {
    waits = Array.from({ length: 20 }, () => manager.settled('s'));
    await until(async () => (await looker.pubsub('NUMSUB', 'gj:{/s}:log'))[1] === 1, 'they listen');
    // Their looks are shared: those who begin together read together. A read on the same link is answered after them.
    for (let reads = 0; reads < 2; reads++) await manager.getJob('s');
  });
  expect(begun.evalsha).toBeLessThanOrEqual(20 + 2 + 2);
  const over = await commandsOf(async () => {
    save();
    expect(new Set(await Promise.all(waits))).toEqual(new Set(['settled']));
  });
  // The outcome by the other replica, and one read for all who wait here.
  expect(over.evalsha).toBe(2);
  await stop();
});

it('a decision that is refused for what it says is one read; one that comes too late is two', async () => {
  const job = await started();
  const { actionId } = await job.pause({ type: 'tool_approval', requests: [{ id: 'r', name: 't' }] });
  const refused = (decisions: { id: string; decision: 'approve' }[], id = actionId) =>
    commandsOf(async () => {
      await manager.approvals.resolve('s', { actionId: id, decisions, by: 'p' }).then(
        () => expect.unreachable('it is refused'),
        () => {},
      );
    });
  const writes = ['hset', 'hdel', 'xadd', 'publish', 'zadd', 'pexpire'];
  const none = Object.fromEntries(writes.map((name) => [name, undefined]));
  expect({ ...none, ...(await refused([])) }).toMatchObject({ evalsha: 1, ...none });
  const { job: next } = await manager.approvals.resolve('s', {
    ...{ actionId, by: 'p' },
    decisions: [{ id: 'r', decision: 'approve' }],
  });
  expect({ ...none, ...(await refused([])) }).toMatchObject({ evalsha: 2, ...none });
  await next.complete();
});

it('a call that is made once costs two script calls, and one that has finished costs one', async () => {
  const job = await started();
  await job.once('known', () => 1); // the script is known
  const costs = [0, 1, 2].map((at) => async () => void (await job.once(`k${at}`, () => ({ at }))));
  for (const made of costs) expect(await commandsOf(made)).toMatchObject({ evalsha: 2 });
  const again = await commandsOf(async () => {
    expect(await job.once('known', () => 2)).toEqual({ outcome: 'finished', result: 1 });
  });
  expect(again).toMatchObject({ evalsha: 1 });
  expect([again.hset, again.publish, again.xadd]).toEqual([undefined, undefined, undefined]);
  const token1 = await commandsOf(async () => {
    void job.emit(token(1));
    await job.flush();
  });
  expect(expectOnlyAppends(token1)).toBe(1);
});

it('an idle replica’s sweep is one call, and reads nothing else', async () => {
  await manager.upkeep.sweep(); // the script is known
  const calls = await commandsOf(() => manager.upkeep.sweep());
  expect(calls).toEqual({ evalsha: 1, time: 1, zrange: 8 });
});

it('a page of a user’s jobs is one call for the index and one command a job, in one write each', async () => {
  const JOBS = 1_300;
  for (let at = 0; at < JOBS; at += 100) {
    const some = Array.from({ length: Math.min(100, JOBS - at) }, (_, index) => `s${at + index}`);
    await Promise.all(some.map((streamId) => manager.createJob({ streamId, userId: 'u' })));
  }
  await manager.listActiveJobs({ userId: 'nobody' }); // the script's text travels once
  const socket = client.stream as unknown as Record<'_write' | '_writev', (...args: unknown[]) => unknown>;
  // Of what goes out, only what a listing asks: upkeep goes on meanwhile.
  const seen = { index: 0, records: 0, writesOfRecords: 0 };
  for (const name of ['_write', '_writev'] as const) {
    const write = socket[name];
    socket[name] = function counted(this: unknown, ...args) {
      const [sent] = args as [Uint8Array | string | { chunk: Uint8Array | string }[]];
      const text = Array.isArray(sent) ? sent.map(({ chunk }) => String(chunk)).join('') : String(sent);
      const records = text.split('HGETALL').length - 1;
      seen.records += records;
      if (records > 0) seen.writesOfRecords++;
      if (text.includes(':streams\r\n') && text.includes('\r\n1000\r\n')) seen.index++;
      return write.apply(this, args);
    };
  }
  const first = await manager.listActiveJobs({ userId: 'u' });
  const second = await manager.listActiveJobs({ userId: 'u', cursor: first.next });
  expect([first.length, second.length, second.next]).toEqual([1_000, JOBS - 1_000, undefined]);
  expect(new Set([...first, ...second].map(({ streamId }) => streamId)).size).toBe(JOBS);
  expect(seen).toEqual({ index: 2, records: JOBS, writesOfRecords: 2 });
});

/** How often something is sent after an answer, while `work` runs. */
async function roundTripsOf(work: () => Promise<unknown>): Promise<number> {
  const { stream } = client as unknown as {
    stream: NodeJS.ReadableStream & Record<'_write' | '_writev', (...args: unknown[]) => unknown>;
  };
  let trips = 0;
  let isAnswered = true;
  const heard = () => {
    isAnswered = true;
  };
  stream.on('data', heard);
  for (const name of ['_write', '_writev'] as const) {
    const write = stream[name];
    stream[name] = function counted(this: unknown, ...args) {
      if (isAnswered) trips++;
      isAnswered = false;
      return write.apply(this, args);
    };
  }
  await work();
  stream.off('data', heard);
  return trips;
}

it('a page of all jobs, as operators list them, is two round trips: the index, and one read a stream', async () => {
  const JOBS = 300;
  const created = Array.from({ length: JOBS }, (_, index) =>
    manager.createJob({ streamId: `s${index}`, userId: `u${index}` }),
  );
  await Promise.all(created);
  await manager.listJobs({ limit: 1 }); // the scripts are known
  let trips = 0;
  const calls = await commandsOf(async () => {
    trips = await roundTripsOf(async () => {
      const first = await manager.listJobs({ limit: 200 });
      const second = await manager.listJobs({ limit: 200, cursor: first.next });
      expect([first.length, second.length, second.next]).toEqual([200, 100, undefined]);
    });
  });
  expect(calls).toMatchObject({ evalsha: 2 + JOBS, hgetall: JOBS });
  expect(trips).toBe(4);
});

/** What a token costs without group commit and explicit ids: a script that appends, a counter, a message. */
class Baseline {
  static readonly #script =
    "local id = redis.call('XADD', KEYS[1], '*', 'event', ARGV[1], 'data', ARGV[2])\nredis.call('EXPIRE', KEYS[1], ARGV[3])\nreturn id";
  readonly #redis: Redis;
  readonly #sha = createHash('sha1').update(Baseline.#script).digest('hex');
  readonly #base = 'gj:{/s}:'; // names as long as ours

  constructor(redis: Redis) {
    this.#redis = redis;
  }

  async start(): Promise<void> {
    await this.#redis.script('LOAD', Baseline.#script);
  }

  get channel(): string {
    return `${this.#base}live`;
  }

  async emit({ event, data }: { event: string; data: unknown }): Promise<void> {
    const text = JSON.stringify(data);
    await this.#redis.evalsha(this.#sha, 1, `${this.#base}log`, event, text, 3600);
    const sequence = await this.#redis.incr(`${this.#base}sequence`);
    await this.#redis.publish(this.channel, JSON.stringify({ sequence, event, data }));
  }
}

it('a token’s bytes on the wire are at most 0.75 of the baseline’s, also one by one', async () => {
  const TOKENS = 1_000;
  const bytesOf = async (work: () => Promise<void>) => {
    const before = proxy.traffic.toServer + proxy.traffic.toClient;
    await work();
    return (proxy.traffic.toServer + proxy.traffic.toClient - before) / TOKENS;
  };
  // Both have one subscriber, whose messages count too.
  const subscriber = new Redis({ port: proxy.port, host: '127.0.0.1' });
  const baseline = new Baseline(client);
  await baseline.start();
  let heard = 0;
  subscriber.on('message', () => heard++);
  await subscriber.subscribe(baseline.channel);
  const base = await bytesOf(async () => {
    for (let index = 0; index < TOKENS; index++) await baseline.emit(token(index));
    await until(() => heard === TOKENS, 'the subscriber has all');
  });
  subscriber.disconnect();
  await looker.flushdb();

  const job = await started();
  let got = 0;
  const follower = manager.subscribe('s', { after: 'tail' });
  const reading = (async () => {
    for await (const _ of follower) got++;
  })();
  await follower.ready;
  const measure = (flushEvery: number) => {
    const target = got + TOKENS;
    return bytesOf(async () => {
      for (let index = 0; index < TOKENS; index++) {
        const room = job.emit(token(index));
        if (flushEvery === 0) await room;
        else if (index % flushEvery === flushEvery - 1) await job.flush();
      }
      await job.flush();
      await until(() => got === target, 'the follower has all');
    });
  };
  const ratios = {
    paced: (await measure(1)) / base,
    bursty: (await measure(4)) / base,
    'full speed': (await measure(0)) / base,
  };
  await job.complete();
  await reading;
  expect(ratios.paced).toBeLessThanOrEqual(0.75);
  expect(ratios.bursty).toBeLessThanOrEqual(0.75);
  expect(ratios['full speed']).toBeLessThanOrEqual(0.75);
});

/** What a token costs with a content model, its snapshots included, in bytes that are sent to Redis. */
async function bytesPerToken(tokens: number, kind: 'text' | undefined): Promise<number> {
  const streamId = `long-${tokens}-${kind}`;
  const long = await replica(client, [textContent()]);
  const created = await long.createJob({ streamId, userId: 'u', contentModel: kind });
  if (!created.started) throw new Error('The job was not started.');
  const before = proxy.traffic.toServer;
  for (let index = 0; index < tokens; index++) await created.job.emit(token(index));
  await created.job.complete();
  await long.upkeep.idle();
  const bytes = proxy.traffic.toServer - before;
  await long.close();
  await looker.flushall();
  return bytes / tokens;
}

it('a token of a long answer costs as many bytes as one of a short answer, snapshots included', async () => {
  for (const kind of ['text', undefined] as const) {
    const [short, long] = [await bytesPerToken(20_000, kind), await bytesPerToken(160_000, kind)];
    console.log(`${kind}: ${short.toFixed(1)} bytes a token of 20,000, ${long.toFixed(1)} of 160,000`);
    expect(Math.max(short, long) / Math.min(short, long)).toBeLessThan(1.2);
  }
});
