/**
 * Processes that want the same thing at once.
 */
import { performance } from 'node:perf_hooks';
import { setTimeout as pause } from 'node:timers/promises';
import type { Redis } from 'ioredis';
import { afterAll, afterEach, beforeAll, beforeEach, expect, it } from 'vitest';
import { pick, seededRandom } from '../contract/seeded.js';
import { RedisServer } from '../support/redis-server.js';
import { BUSY_MS, codeOf, countOf, NOTHING_LAPSES, namesOf, Stage, TIMES } from './replicas.js';

const ROUNDS = 100;

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

const rounds = (name: string, count = ROUNDS) =>
  Array.from({ length: count }, (_, index) => `${name}${index}`);

it('F6 two replicas start the same stream at once, 100 times: one producer each, the other attaches', async () => {
  const [one, two] = await stage.two(NOTHING_LAPSES);
  for (const streamId of rounds('s')) {
    const input = { streamId, onConflict: 'join', produce: { total: 2, everyMs: 0, end: 'hang' } } as const;
    const answers = await Promise.all([one.create(input), two.create(input)]);
    expect(answers.map(({ started }) => started).toSorted(), streamId).toEqual([false, true]);
    expect(answers[0]?.generation).toBe(answers[1]?.generation);
  }
  const followers = await Promise.all(rounds('s').map((streamId) => two.follow(streamId)));
  await stage.until(() => followers.every((one) => countOf(one) === 2), 'all are written');
  await Promise.all(rounds('s').map((streamId) => two.abort(streamId)));
  await stage.until(
    () => [...followers, ...stage.producers].every((one) => ('isOver' in one ? one.isOver : one.isComplete)),
    'all end',
  );
  expect(stage.producers).toHaveLength(ROUNDS);
  for (const follower of followers) expect(namesOf(follower)).toEqual(['created', 'text', 'text', 'aborted']);
  stage.check();
});

it('F6 L3 and with `replace`, 100 times: two generations, of which the first ends replaced', async () => {
  const [one, two] = await stage.two(NOTHING_LAPSES);
  for (const streamId of rounds('s')) {
    const input = { streamId, produce: { total: 1, everyMs: 0, end: 'hang' } } as const;
    const answers = await Promise.all([one.create(input), two.create(input)]);
    expect(answers.map(({ started }) => started)).toEqual([true, true]);
    const [older, newer] = answers.map(({ generation }) => generation).toSorted((a, b) => a - b);
    expect(older).not.toBe(newer);
    expect(await one.job(streamId, { generation: older })).toMatchObject({
      status: 'aborted',
      error: { code: 'replaced' },
    });
    expect(await two.job(streamId)).toMatchObject({ generation: newer, status: 'running' });
    await two.abort(streamId);
  }
  await stage.until(() => stage.producers.every((one) => one.isComplete), 'all producers know');
  const reasons = stage.producers.map(({ reason }) => reason).toSorted();
  expect(reasons.filter((reason) => reason === 'replaced')).toHaveLength(ROUNDS);
});

it('L5 the same idempotency key on two replicas at once, 50 times: one run, both get its generation', async () => {
  const [one, two] = await stage.two(NOTHING_LAPSES);
  for (const idempotencyKey of rounds('k', 50)) {
    const produce = { total: 1, everyMs: 0 };
    const answers = await Promise.all([
      one.create({ streamId: idempotencyKey, idempotencyKey, produce }),
      two.create({ streamId: idempotencyKey, idempotencyKey, produce }),
    ]);
    expect(answers.map(({ started }) => started).toSorted(), idempotencyKey).toEqual([false, true]);
    expect(answers[0]?.generation).toBe(answers[1]?.generation);
  }
});

it('F34 an end races two aborts, 100 times: one legal history', async () => {
  const random = seededRandom(34);
  const [one, two, three] = await stage.three(NOTHING_LAPSES);
  await Promise.all(
    rounds('s').map(async (streamId) => {
      await one.create({ streamId, produce: { total: 5, everyMs: 3 } });
      const follower = await two.follow(streamId);
      const aborts = await Promise.all(
        [two, three].map(async (replica) => {
          await pause(pick(random, 60)); // anywhere around the end
          return replica.abort(streamId);
        }),
      );
      await stage.until(() => follower.isOver, 'it ends');
      const won = aborts.filter(({ aborted }) => aborted).length;
      expect(won, streamId).toBe(namesOf(follower).at(-1) === 'aborted' ? 1 : 0);
    }),
  );
  await stage.until(() => stage.producers.every((one) => one.isComplete), 'all producers know');
  stage.check();
  for (const producer of stage.producers) {
    expect(producer.reason).toBe(producer.ended ? 'completed' : 'aborted');
  }
});

it('F34 L51 updates race a deletion, 100 times: a deleted job never reappears', async () => {
  const random = seededRandom(51);
  const [one, two] = await stage.two(NOTHING_LAPSES);
  await Promise.all(
    rounds('s').map(async (streamId) => {
      await one.create({ streamId, idempotencyKey: streamId, produce: { everyMs: 2 } });
      const follower = await two.follow(streamId);
      const update = async (title: number) => {
        await pause(pick(random, 20));
        return codeOf(one.call('update', { streamId, metadata: { title } }));
      };
      const remove = async () => {
        await pause(pick(random, 20));
        return two.call<boolean>('delete', { streamId });
      };
      const [, , removed] = await Promise.all([update(1), update(2), remove()]);
      expect(removed).toBe(true);
      await stage.until(() => follower.isOver || follower.error !== undefined, 'the follower is told');
      expect([namesOf(follower).at(-1), follower.error]).toSatisfy(
        ([name, error]) => name === 'gone' || error === 'stream_not_found',
      );
    }),
  );
  await stage.until(() => stage.producers.every((one) => one.isComplete), 'all producers know');
  for (const { reason } of stage.producers) expect(reason).toBe('gone');
  for (const streamId of rounds('s')) expect(await two.job(streamId)).toBeNull();
  expect(await redis.keys(`${stage.keyPrefix}{/s*`)).toEqual([]);
});

/** Stops the producers of thirty streams until a lease ends so soon, and counts those that were lost and those that held theirs. */
async function reaped(early: number): Promise<{ lost: number; held: number }> {
  const own = new Stage(server.port);
  try {
    const [sleeper, reaper] = await own.two();
    const streams = rounds('s', 30);
    await Promise.all(streams.map((streamId) => sleeper.create({ streamId, produce: { everyMs: 20 } })));
    const followers = await Promise.all(streams.map((streamId) => reaper.follow(streamId)));
    // On a busy machine a lease may be over before its producer has written: that one is among the lost.
    const isFollowed = (one: (typeof followers)[number]) => countOf(one) > 2 || one.isOver;
    await own.until(() => followers.every(isFollowed), 'all are followed');
    sleeper.signal('SIGSTOP');
    const due = async () => Number(await redis.hget(`${own.keyPrefix}{/s0}:job`, 'leaseUntil')) - Date.now();
    await own.until(async () => (await due()) < early, 'the lease ends', TIMES.leaseMs + BUSY_MS);
    sleeper.signal('SIGCONT');
    // Whoever was renewed is asked to stop; who was lost has been told.
    await pause(2 * TIMES.leaseMs);
    await Promise.all(
      streams.map(async (streamId, index) => {
        // On a busy machine an answer may stay away: then it is asked again, as the error says.
        await own.until(async () => (await codeOf(reaper.abort(streamId))) === 'ok', 'it is stopped');
        await own.until(() => followers[index]?.isOver, 'it ends');
      }),
    );
    await own.until(() => own.producers.every((one) => one.isComplete), 'all producers know');
    own.check();
    const counts = { lost: 0, held: 0 };
    for (const follower of followers) {
      const { reason } = own.producer(follower.streamId);
      if (namesOf(follower).at(-1) === 'failed') {
        counts.lost++;
        expect(reason).toBe('lease_lost');
      } else {
        counts.held++;
        // On a busy machine it may have given its lease up by its own clock, and nobody have said so before the stop.
        expect(reason).toBeOneOf(['aborted', 'lease_lost']);
      }
    }
    return counts;
  } finally {
    await own.close();
  }
}

it('F34 the reaper races 90 renewals: what was renewed goes on, what was not is lost, once', async () => {
  const counts = await Promise.all([60, 20, -20].map(reaped));
  expect(counts.reduce((sum, { lost, held }) => sum + lost + held, 0)).toBe(90);
});

it('L9 100 creates at once on three replicas keep to the user’s limit, and a killed one frees its slots', async () => {
  const LIMIT = 7;
  const leaseMs = 2 * TIMES.leaseMs;
  const limited = {
    options: { leaseMs, createTimeoutMs: 10_000, limits: { activeJobsPerUser: LIMIT } },
    redisOptions: { timeoutMs: leaseMs / 2 - 50 }, // a hundred at once may wait long for their answers
  };
  const [one, two, three] = await stage.three(limited);
  const replicas = [one, two, three];
  const outcomes = await Promise.all(
    rounds('s').map((streamId, index) => {
      const replica = replicas[index % 3] ?? one;
      return codeOf(replica.create({ streamId, produce: { total: 1, end: 'hang' } }));
    }),
  );
  expect(outcomes.filter((outcome) => outcome === 'ok')).toHaveLength(LIMIT);
  expect(outcomes.filter((outcome) => outcome === 'user_limit_exceeded')).toHaveLength(ROUNDS - LIMIT);
  // Held for as long as they run, and freed with the process that held them: by their leases, and far sooner than by anything else.
  await pause(1.5 * leaseMs);
  expect(await codeOf(one.create({ streamId: 'more' }))).toBe('user_limit_exceeded');
  const victim = stage.producers[0]?.replica;
  const survivor = replicas.find((replica) => replica !== victim) ?? one;
  const freed = stage.producers.filter(({ replica }) => replica === victim).length;
  const since = performance.now();
  await victim?.kill();
  for (let index = 0; index < freed; index++) {
    const create = { streamId: `next${index}`, produce: { total: 1, end: 'hang' } } as const;
    await stage.until(async () => (await codeOf(survivor.create(create))) === 'ok', 'a slot is free');
  }
  expect(performance.now() - since).toBeLessThan(leaseMs + BUSY_MS);
  expect(await codeOf(survivor.create({ streamId: 'more' }))).toBe('user_limit_exceeded');
});

it('L20 P1 a replica that never saw the job resumes it at every place, and has its content', async () => {
  const [one, two] = await stage.two(NOTHING_LAPSES);
  const { generation } = await one.create({
    streamId: 's',
    contentModel: 'text',
    metadata: { title: 'a' },
    produce: { total: 60, everyMs: 2, end: 'hang' },
  });
  const whole = await two.follow('s');
  await stage.until(() => countOf(whole) === 60, 'all is written');
  const three = await stage.replica(NOTHING_LAPSES);
  const state = await three.state('s');
  expect(state).toMatchObject({ generation, status: 'running', metadata: { title: 'a' } });
  const text = whole.received.map((event) => (event.data as { text?: string }).text ?? '').join('');
  expect(state?.content).toEqual({ text });
  const resumed = await Promise.all(
    Array.from({ length: 61 }, (_, sequence) =>
      three.follow('s', { after: `${generation}-${sequence + 1}` }),
    ),
  );
  const beyond = await three.follow('s', { after: `${generation}-99` });
  await one.abort('s');
  await stage.until(() => [...resumed, whole, beyond].every((one) => one.isOver), 'all end');
  for (const [index, follower] of resumed.entries()) {
    expect(follower.received, `after ${follower.after}`).toEqual(whole.received.slice(index + 1));
  }
  expect(namesOf(beyond)).toEqual(['gap', 'sync', 'aborted']);
  stage.followers.splice(stage.followers.indexOf(beyond), 1);
  await stage.until(() => stage.producer('s').isComplete, 'the producer knows');
  stage.check();
});
