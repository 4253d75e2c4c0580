/**
 * Redis' clock jumps while replicas work on it: a failover to a machine whose clock is wrong, or somebody who sets it. The
 * server is a real one whose wall time is moved; test/unit/clock-jumps.test.ts has the times to the millisecond.
 */
import { setTimeout as pause } from 'node:timers/promises';
import { describe, expect, it } from 'vitest';
import { RedisServer } from '../support/redis-server.js';
import { countOf, namesOf, type Replica, type ReplicaConfig, Stage, until } from './replicas.js';

const HOUR_SECONDS = 3_600;
const LEASE_MS = 2_400;
/** Long enough for a busy machine: an answer that takes half a lease is none. */
const TIMES = {
  options: { leaseMs: LEASE_MS, renewMs: 600 },
  redisOptions: { timeoutMs: 1_100 },
} as const satisfies ReplicaConfig;
const QUESTION = {
  actionId: 'a',
  type: 'ask_user_question',
  questions: [{ id: 'q', question: 'Well?', allowText: true }],
  expiresInMs: (HOUR_SECONDS * 1000) / 2,
};
const ANSWER = { actionId: 'a', answers: [{ id: 'q', text: 'yes' }], by: 'u' };

/** The groups of tests mostly wait: beside each other, and each its own tests in turn. */
const BESIDE = { concurrent: true };

/** A Redis of a test's own, whose clock is right, and the stage for replicas on it. */
async function ground(onTestFinished: (end: () => Promise<void>) => void) {
  const server = await RedisServer.startWithClock();
  const stage = new Stage(server.port);
  onTestFinished(async () => {
    await stage.close();
    await server.stop();
  });
  return { server, stage };
}

const statusOf = async (replica: Replica, streamId: string) => (await replica.job(streamId))?.status;

async function emitsOn(replica: Replica, streamId: string): Promise<void> {
  const follower = await replica.follow(streamId, { after: 'tail' });
  await until(() => countOf(follower) > 5, `${streamId} goes on`);
}

/** One that lives, one whose process is killed. */
async function livingAndDead(living: Replica, doomed: Replica): Promise<void> {
  await living.create({ streamId: 'living' });
  await doomed.create({ streamId: 'dead' });
  await emitsOn(living, 'dead');
}

describe('A Redis whose clock jumps an hour ahead', BESIDE, () => {
  it.sequential('ends no living producer, and the dead are found', async ({ onTestFinished }) => {
    const { server, stage } = await ground(onTestFinished);
    const [one, two, doomed] = await stage.three(TIMES);
    await livingAndDead(one, doomed);
    await pause(LEASE_MS); // every replica believes the clock
    await server.setClock(HOUR_SECONDS);
    await doomed.kill();
    await stage.until(async () => (await statusOf(two, 'dead')) === 'failed', 'the dead one is found');
    await pause(2 * LEASE_MS);
    await emitsOn(two, 'living');
    expect(stage.producer('living').attempt).toBe(1);
    expect((await two.counts())['clockJumped:ahead']).toBe(1);
  });

  it.sequential('takes no question and no kept answer when it comes back, and lets new jobs begin at once', async ({
    onTestFinished,
  }) => {
    const { server, stage } = await ground(onTestFinished);
    const [one, two] = await stage.two({ ...TIMES, options: { ...TIMES.options, sweepMs: 900 } });
    await one.create({ streamId: 'kept', produce: { total: 1 } });
    await one.create({ streamId: 'asks' });
    await one.call('pause', { streamId: 'asks', action: QUESTION });
    await stage.until(async () => (await statusOf(two, 'kept')) === 'completed', 'the answer is kept');
    await pause(2 * LEASE_MS);
    await server.setClock(HOUR_SECONDS);
    await one.create({ streamId: 'new', produce: { total: 1 } });
    const refused = await two.call('resolve', { streamId: 'asks', ...ANSWER }).catch((error) => error.code);
    await server.setClock(0);
    expect(refused).toBe('unavailable');
    await pause(3 * LEASE_MS);
    expect(await statusOf(two, 'kept')).toBe('completed');
    await two.call('resolve', { streamId: 'asks', ...ANSWER, produce: { total: 1 } });
    await stage.until(async () => (await statusOf(one, 'asks')) === 'completed', 'it goes on');
  });

  it.sequential('has nobody judged by a replica that starts just then', async ({ onTestFinished }) => {
    const { server, stage } = await ground(onTestFinished);
    // Longer than a replica takes to start: it finds the lease lapsed, and the producer has not renewed yet.
    const renewMs = 6_000;
    const options = { leaseMs: 30_000, renewMs };
    const one = await stage.replica({ ...TIMES, options });
    await one.create({ streamId: 'living' });
    await emitsOn(one, 'living');
    await server.setClock(HOUR_SECONDS);
    const two = await stage.replica({ ...TIMES, options });
    await pause(renewMs + LEASE_MS);
    await emitsOn(two, 'living');
    expect(stage.producer('living').attempt).toBe(1);
  });
});

describe('A Redis whose clock jumps an hour back', BESIDE, () => {
  it.sequential('ends no living producer, and one whose record stands still is lost', async ({
    onTestFinished,
  }) => {
    const { server, stage } = await ground(onTestFinished);
    const [one, two, doomed] = await stage.three(TIMES);
    await livingAndDead(one, doomed);
    await pause(LEASE_MS);
    await doomed.kill();
    await server.setClock(-HOUR_SECONDS);
    const follower = await two.follow('dead');
    await stage.until(() => follower.isOver, 'the dead one is found');
    expect(namesOf(follower).at(-1)).toBe('failed');
    await pause(2 * LEASE_MS);
    await emitsOn(two, 'living');
    expect(stage.producer('living').attempt).toBe(1);
    expect((await two.counts())['clockJumped:back']).toBe(1);
  });

  it.sequential('has what stood still taken over where the host can go on with it', async ({
    onTestFinished,
  }) => {
    const { server, stage } = await ground(onTestFinished);
    const [one, doomed] = await stage.two({ ...TIMES, recover: { total: 5 } });
    await doomed.create({ streamId: 's' });
    await emitsOn(one, 's');
    await pause(LEASE_MS);
    await doomed.kill();
    await server.setClock(-HOUR_SECONDS);
    await stage.until(async () => (await statusOf(one, 's')) === 'completed', 'it is taken over');
    expect(await one.job('s')).toMatchObject({ attempt: 2, recoveries: 1 });
  });
});

describe('A worker whose date is set an hour back', BESIDE, () => {
  it.sequential('has its creates accepted, and its jobs run', async ({ onTestFinished }) => {
    const { stage } = await ground(onTestFinished);
    const one = await stage.replica(TIMES);
    await one.create({ streamId: 'before', produce: { total: 1 } });
    await one.call('setDate', { byMs: -HOUR_SECONDS * 1000 });
    await one.create({ streamId: 'after', produce: { total: 20 } });
    await stage.until(async () => (await statusOf(one, 'after')) === 'completed', 'it runs');
  });
});
