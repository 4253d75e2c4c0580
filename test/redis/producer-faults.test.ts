/**
 * Producers that die, freeze, stall or are told to leave, seen by followers in other processes.
 */
import { performance } from 'node:perf_hooks';
import { describe, expect, it } from 'vitest';
import { RedisProxy } from '../support/redis-proxy.js';
import type { RedisServer } from '../support/redis-server.js';
import {
  BUSY_MS,
  codeOf,
  countOf,
  type Follower,
  NOTHING_LAPSES,
  namesOf,
  type Stage,
  TIMES,
} from './replicas.js';
import { stageForEach } from './stages.js';

const WITHIN = TIMES.leaseMs + BUSY_MS;

let server: RedisServer;
let stage: Stage;
stageForEach((made, shared) => {
  stage = made;
  server = shared;
});

/** When the last event arrived. */
const endedAt = (follower: Follower) => follower.times.at(-1) ?? Number.POSITIVE_INFINITY;
const failure = (follower: Follower) =>
  (follower.received.at(-1)?.data as { code?: string } | undefined)?.code;

async function lostWithin(followers: readonly Follower[], since: number): Promise<void> {
  await stage.until(() => followers.every((one) => one.isOver), 'everybody is told');
  for (const follower of followers) {
    expect(namesOf(follower).at(-1)).toBe('failed');
    expect(failure(follower)).toBe('producer_lost');
    expect(endedAt(follower) - since, 'lease').toBeLessThan(WITHIN);
  }
  stage.check();
}

describe('A producer killed with SIGKILL', () => {
  it.each([
    ['before its first event', 0, {}],
    ['in mid-stream', 20, {}],
    ['at full speed', 2_000, { everyMs: 0, burst: 20 }],
  ] as const)('F1 %s is reported on three replicas within lease + 1 s', async (_, least, produce) => {
    const [one, two, three] = await stage.three();
    const victim = await stage.replica();
    const hangs = least === 0 ? { total: 0, end: 'hang' as const } : produce;
    await victim.create({ streamId: 's', produce: hangs });
    const followers = await Promise.all([one.follow('s'), two.follow('s'), three.follow('s')]);
    await stage.until(
      () => followers.every((one) => one.received.length > 0 && countOf(one) >= least),
      'everybody follows',
    );
    const since = performance.now();
    await victim.kill();
    await lostWithin(followers, since);
  });

  it('F2 between its last append and its end is lost, never a success', async () => {
    const [one, two, three] = await stage.three();
    const victim = await stage.replica();
    await victim.create({ streamId: 's', produce: { total: 30, everyMs: 1, end: 'hang' } });
    const followers = await Promise.all([one.follow('s'), two.follow('s'), three.follow('s')]);
    await stage.until(() => stage.producers[0]?.acknowledged === 30, 'all is acknowledged');
    const since = performance.now();
    await victim.kill();
    await lostWithin(followers, since);
    for (const follower of followers) expect(countOf(follower)).toBe(30);
  });

  it('F3 right after its end was committed and before anybody heard of it has ended well', async () => {
    // What the followers would hear live never arrives, and the producer dies before it has its answer.
    const links = await RedisProxy.start(server.port);
    const answers = await RedisProxy.start(server.port);
    try {
      const patient = { port: links.port, redisOptions: { pingMs: 60_000 } };
      const [one, two, three] = await stage.three(patient);
      const victim = await stage.replica({ port: answers.port });
      const ends = answers.loseReplies((request) => request.includes('\ncompleted\t'));
      await victim.create({ streamId: 's', produce: { total: 40, everyMs: 5 } });
      const followers = await Promise.all([one.follow('s'), two.follow('s'), three.follow('s')]);
      await stage.until(() => followers.every((one) => countOf(one) > 0), 'everybody follows');
      links.freeze('links');
      await stage.until(() => ends.lost === 1, 'the end is committed');
      const since = performance.now();
      await victim.kill();
      await stage.until(() => followers.every((one) => one.isOver), 'everybody is told');
      for (const follower of followers) {
        expect(namesOf(follower).at(-1)).toBe('completed');
        expect(endedAt(follower) - since, 'poll interval').toBeLessThan(TIMES.logPollMs + BUSY_MS);
      }
      stage.check();
    } finally {
      await links.close();
      await answers.close();
    }
  });

  it('F1 is taken over by another replica, which goes on in the same log', async () => {
    const work = { total: 40, everyMs: 5 };
    const [one, two, three] = await stage.three({ recover: work });
    const victim = await stage.replica();
    const { generation } = await victim.create({ streamId: 's' });
    const followers = await Promise.all([one.follow('s'), two.follow('s'), three.follow('s')]);
    await stage.until(() => followers.every((one) => countOf(one) >= 10), 'everybody follows');
    const since = performance.now();
    await victim.kill();
    await stage.until(() => followers.every((one) => one.isOver), 'everybody is told');
    stage.check();
    const [first] = followers;
    const recovered = first?.received.findIndex((event) => event.event === 'recovered') ?? -1;
    expect(first?.received[recovered]?.data).toMatchObject({ restart: false, attempt: 2 });
    expect((first?.times[recovered] ?? 0) - since, 'lease').toBeLessThan(WITHIN);
    expect(namesOf(first as Follower).at(-1)).toBe('completed');
    await stage.until(() => stage.producer('s', 2).isComplete, 'its producer knows');
    expect(stage.producer('s', 2).acknowledged).toBe(40);
    expect(await one.job('s')).toMatchObject({ generation, attempt: 2, recoveries: 1, status: 'completed' });
  });

  it('F1 once too often is lost for good', async () => {
    const [one, two, three] = await stage.three({ recover: { everyMs: 5 } });
    const victim = await stage.replica();
    await victim.create({ streamId: 's' });
    const follower = await one.follow('s');
    await stage.until(() => countOf(follower) > 5, 'it is followed');
    await victim.kill();
    await stage.until(() => stage.producers.some(({ attempt }) => attempt === 2), 'it is taken over');
    const second = stage.producer('s', 2).replica;
    await stage.until(() => stage.producer('s', 2).acknowledged > 5, 'it goes on');
    const witness = second === two ? three : two;
    const since = performance.now();
    await second.kill();
    if (second === one) await witness.follow('s', {}, follower);
    await lostWithin([follower], since);
    expect(await witness.job('s')).toMatchObject({ attempt: 2, recoveries: 1, status: 'failed' });
  });
});

describe('A producer that does not run', () => {
  it('F4 for three leases (SIGSTOP) finds itself fenced, and nothing of it appears after its end', async () => {
    const [one, two, three] = await stage.three();
    const sleeper = await stage.replica();
    await sleeper.create({ streamId: 's', produce: { everyMs: 1 } });
    const followers = await Promise.all([one.follow('s'), two.follow('s'), three.follow('s')]);
    await stage.until(() => followers.every((one) => countOf(one) >= 20), 'everybody follows');
    const since = performance.now();
    sleeper.signal('SIGSTOP');
    await lostWithin(followers, since);
    const left = 3 * TIMES.leaseMs - (performance.now() - since);
    await new Promise((resolve) => setTimeout(resolve, left)); // the three leases of the scenario
    sleeper.signal('SIGCONT');
    await stage.until(() => stage.producer('s').isComplete, 'the producer knows');
    expect(stage.producer('s').reason).toBe('lease_lost');
    const late = await one.follow('s');
    await stage.until(() => late.isOver, 'a late follower is told');
    expect(late.received).toEqual(followers[0]?.received);
    stage.check();
  });

  it('F4 while another takes over can’t write into the log it lost', async () => {
    const [one, two] = await stage.two({ recover: { total: 200, everyMs: 10 } });
    const sleeper = await stage.replica();
    await sleeper.create({ streamId: 's', produce: { everyMs: 1 } });
    const followers = await Promise.all([one.follow('s'), two.follow('s')]);
    await stage.until(() => followers.every((one) => countOf(one) >= 20), 'everybody follows');
    sleeper.signal('SIGSTOP');
    await stage.until(() => stage.producers.some(({ attempt }) => attempt === 2), 'it is taken over');
    sleeper.signal('SIGCONT');
    await stage.until(() => stage.producer('s', 1).isComplete, 'the producer knows');
    expect(['fenced', 'lease_lost']).toContain(stage.producer('s', 1).reason);
    await stage.until(() => followers.every((one) => one.isOver), 'everybody is told');
    for (const follower of followers) expect(namesOf(follower).at(-1)).toBe('completed');
    stage.check();
  });

  it('F5 for two leases (a blocked event loop) loses its lease, is told, and counts it', async () => {
    const [one, two] = await stage.two();
    const blocked = await stage.replica();
    await blocked.create({ streamId: 's', produce: { everyMs: 1 } });
    const followers = await Promise.all([one.follow('s'), two.follow('s')]);
    await stage.until(() => followers.every((one) => countOf(one) >= 20), 'everybody follows');
    const since = performance.now();
    await blocked.call('block', { ms: 2 * TIMES.leaseMs });
    await lostWithin(followers, since);
    await stage.until(() => stage.producer('s').isComplete, 'the producer knows');
    expect(stage.producer('s').reason).toBe('lease_lost');
    expect((await blocked.counts()).leaseLost ?? 0).toBe(1);
  });
});

describe('A wall clock an hour off', () => {
  it.each([
    ['ahead', 3_600_000],
    ['behind', -3_600_000],
  ])('F25 %s has no effect on leases, ends and take-overs', async (_, clockSkewMs) => {
    const skewed = await stage.replica({ clockSkewMs, recover: { total: 20, everyMs: 2 } });
    const right = await stage.replica({ recover: { total: 20, everyMs: 2 } });
    // It neither loses its own jobs nor takes those of others.
    await skewed.create({ streamId: 'own', produce: { total: 250, everyMs: 10 } });
    await right.create({ streamId: 'other', produce: { total: 250, everyMs: 10 } });
    const followers = [await right.follow('own'), await skewed.follow('other')];
    await stage.until(() => followers.every((one) => one.isOver), 'both have ended');
    for (const follower of followers) expect(namesOf(follower).at(-1)).toBe('completed');
    expect(stage.producers.map(({ attempt }) => attempt)).toEqual([1, 1]);
    const [own, other] = await Promise.all([right.job('own'), right.job('other')]);
    for (const record of [own, other]) {
      expect(Math.abs((record?.createdAt ?? 0) - Date.now())).toBeLessThan(60_000);
      expect(Math.abs((record?.generation ?? 0) - Date.now())).toBeLessThan(60_000);
    }
    // A dead one's is taken over in time by whoever looks, skewed or not.
    const victim = await stage.replica({ clockSkewMs: -clockSkewMs });
    await victim.create({ streamId: 'dead' });
    const witness = await skewed.follow('dead');
    await stage.until(() => countOf(witness) > 5, 'it is followed');
    const since = performance.now();
    await victim.kill();
    await stage.until(() => witness.isOver, 'it is taken over and ended');
    const recovered = witness.received.findIndex((event) => event.event === 'recovered');
    expect((witness.times[recovered] ?? 0) - since).toBeLessThan(WITHIN);
    stage.check();
  });
});

describe('A replica that leaves', () => {
  it('F26 on SIGTERM hands over its jobs and readers without a loss, and exits by itself', async () => {
    const STREAMS = 100;
    const [one, two] = await stage.two({ ...NOTHING_LAPSES, recover: { total: 10, everyMs: 5 } });
    const leaver = await stage.replica({
      ...NOTHING_LAPSES,
      graceMs: 300,
      recover: { total: 10, everyMs: 5 },
    });
    const streams = Array.from({ length: STREAMS }, (_, index) => `s${index}`);
    // Five producers are the leaver's own, the others live elsewhere.
    await Promise.all(
      streams.map((streamId, index) =>
        (index < 5 ? leaver : one).create({ streamId, produce: { total: 100, everyMs: 40 } }),
      ),
    );
    const readers = await Promise.all(streams.map((streamId) => leaver.follow(streamId)));
    await stage.until(() => readers.every((reader) => countOf(reader) > 2), 'all are read');
    leaver.signal('SIGTERM');
    await stage.until(() => readers.every((reader) => reader.closedBy === 'draining'), 'readers are told');
    // What comes too late is refused, and harms nobody.
    const late = [
      leaver.create({ streamId: 'new' }),
      leaver.call('follow', { streamId: 's0', follower: readers.length }),
    ];
    for (const code of await Promise.all(late.map(codeOf))) expect(code).toMatch(/^(draining|closed|dead)$/);
    for (const reader of readers) await two.follow(reader.streamId, {}, reader);
    expect(await leaver.exited).toEqual({ code: 0, signal: null });
    await stage.until(() => readers.every((reader) => reader.isOver), 'all are read to their end');
    for (const [index, reader] of readers.entries()) {
      expect(namesOf(reader).at(-1)).toBe('completed');
      expect(namesOf(reader).includes('recovered')).toBe(index < 5);
    }
    stage.check();
  });

  it('F26 without a recover hook ends its jobs as interrupted', async () => {
    const one = await stage.replica(NOTHING_LAPSES);
    const leaver = await stage.replica({ ...NOTHING_LAPSES, graceMs: 100 });
    await leaver.create({ streamId: 's' });
    const reader = await one.follow('s');
    await stage.until(() => countOf(reader) > 2, 'it is read');
    leaver.signal('SIGTERM');
    expect(await leaver.exited).toEqual({ code: 0, signal: null });
    await stage.until(() => reader.isOver, 'its reader is told');
    expect(failure(reader)).toBe('interrupted');
    stage.check();
  });

  it('F27 without a word: its readers go on elsewhere, and nothing of it is left', async () => {
    const redis = server.connect();
    try {
      const [one, two] = await stage.two(NOTHING_LAPSES);
      const host = await stage.replica(NOTHING_LAPSES);
      const streams = Array.from({ length: 10 }, (_, index) => `s${index}`);
      await Promise.all(streams.map((streamId) => one.create({ streamId, produce: { everyMs: 5 } })));
      const channels = async () => {
        const found = (await redis.call('PUBSUB', 'CHANNELS', `${stage.keyPrefix}*log`)) as string[];
        return found.length;
      };
      const readers = await Promise.all(streams.map((streamId) => host.follow(streamId)));
      await stage.until(() => readers.every((reader) => countOf(reader) > 5), 'all are read');
      expect(await channels()).toBe(10);
      await host.kill();
      await stage.until(async () => (await channels()) === 0, 'its subscriptions are gone');
      const seen = readers.map(countOf);
      for (const reader of readers) await two.follow(reader.streamId, {}, reader);
      const goOn = () => readers.every((reader, index) => countOf(reader) > (seen[index] ?? 0) + 20);
      await stage.until(goOn, 'all go on');
      for (const streamId of streams) await two.abort(streamId);
      await stage.until(() => readers.every((reader) => reader.isOver), 'all are read to their end');
      await stage.until(async () => (await channels()) === 0, 'nobody is subscribed');
      stage.check();
    } finally {
      redis.disconnect();
    }
  });
});
