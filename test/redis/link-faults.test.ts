/**
 * What happens between a replica and Redis: replies that get lost, scripts that are forgotten, subscriber links that are
 * killed or carry nothing any more.
 */
import { setTimeout as pause } from 'node:timers/promises';
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import { RedisProxy } from '../support/redis-proxy.js';
import { RedisServer } from '../support/redis-server.js';
import {
  BUSY_MS,
  countOf,
  NOTHING_LAPSES,
  namesOf,
  type Replica,
  type ReplicaConfig,
  Stage,
  TIMES,
} from './replicas.js';

let server: RedisServer;
let proxy: RedisProxy;
let stage: Stage;
beforeAll(async () => {
  server = await RedisServer.start();
});
afterAll(() => server.stop());
beforeEach(async () => {
  stage = new Stage(server.port);
  proxy = await RedisProxy.start(server.port);
});
afterEach(async () => {
  await stage.close();
  await proxy.close();
});

/** A host's client that sends again what was under way when its connection broke, and one that does not. */
const CLIENTS: [string, ReplicaConfig][] = [
  ['a client that resends by itself', {}],
  ['a client that leaves it to us', { client: { autoResendUnfulfilledCommands: false } }],
];

/** The read of what an attempt goes on from. */
const readsState = (request: string) => request.includes('\r\nsnapshot\r\n');
const carries = (event: string) => (request: string) => request.includes(`\n${event}\t`);

describe.each(CLIENTS)('Lost replies with %s', (_, client) => {
  let lossy: Replica;
  let other: Replica;
  beforeEach(async () => {
    [lossy, other] = await Promise.all([
      stage.replica({ options: NOTHING_LAPSES.options, ...client, port: proxy.port }),
      stage.replica(NOTHING_LAPSES),
    ]);
  });

  it('F8 of appends: each event is stored once, and the producer is told success', async () => {
    await lossy.create({ streamId: 's', produce: { total: 1_000, everyMs: 8, burst: 2 } });
    const follower = await other.follow('s');
    for (let round = 1; round <= 5; round++) {
      const seen = countOf(follower);
      const reply = proxy.loseReplies((request) => /\n1 \d+ 1 \d+ \d+\n/.test(request));
      await stage.until(() => reply.lost === 1, 'a reply is lost');
      await stage.until(() => countOf(follower) > seen + 10, 'it goes on');
    }
    await stage.until(() => follower.isOver && stage.producer('s').isComplete, 'it ends');
    expect(stage.producer('s')).toMatchObject({ acknowledged: 1_000, ended: true, reason: 'completed' });
    const late = await other.follow('s');
    await stage.until(() => late.isOver, 'the log is read');
    expect(countOf(late)).toBe(1_000);
    expect(namesOf(late).at(-1)).toBe('completed');
    stage.check();
  });

  it('F8 L7 of a create: one generation, whose caller is told that it is theirs', async () => {
    const reply = proxy.loseReplies(carries('created'));
    const answer = await lossy.create({ streamId: 's', produce: { total: 5, everyMs: 1 } });
    expect(reply.lost).toBe(1);
    expect(answer.started).toBe(true);
    // And with a generation to replace, whose end is told once.
    await other.create({ streamId: 't' });
    const replaced = await other.follow('t');
    await stage.until(() => countOf(replaced) > 3, 'it is followed');
    const second = proxy.loseReplies(carries('created'));
    const replacing = await lossy.create({ streamId: 't', produce: { total: 5, everyMs: 1 } });
    expect(second.lost).toBe(1);
    expect(replacing.started).toBe(true);
    const followers = [await other.follow('s'), await other.follow('t'), replaced];
    await stage.until(() => followers.every((one) => one.isOver), 'all have ended');
    expect(followers.map((one) => namesOf(one).at(-1))).toEqual(['completed', 'completed', 'aborted']);
    expect(followers.map((one) => namesOf(one).filter((name) => name === 'created').length)).toEqual([
      1, 1, 1,
    ]);
    expect(replaced.received.at(-1)?.data).toMatchObject({ code: 'replaced' });
    await stage.until(() => stage.producer('t').isComplete, 'its producer knows');
    stage.check();
  });

  it.each([
    ['completed', { end: 'complete' }],
    ['failed', { end: 'fail' }],
  ] as const)(
    'F8 of an end (%s): it is stored once, and the producer is told success',
    async (event, work) => {
      const reply = proxy.loseReplies(carries(event));
      await lossy.create({ streamId: 's', produce: { total: 20, everyMs: 1, ...work } });
      const follower = await other.follow('s');
      await stage.until(() => follower.isOver && stage.producer('s').isComplete, 'it ends');
      expect(reply.lost).toBe(1);
      expect(stage.producer('s')).toMatchObject({ acknowledged: 20, ended: true, reason: event });
      expect(namesOf(follower).filter((name) => name === event)).toHaveLength(1);
      stage.check();
    },
  );

  it('F8 L38 of a pause and its resolution: asked once, decided once, and the winner is the winner', async () => {
    await lossy.create({ streamId: 's', produce: { total: 10, everyMs: 1, end: 'hang' } });
    const follower = await other.follow('s');
    await stage.until(() => countOf(follower) === 10, 'it is followed');
    const paused = proxy.loseReplies(carries('requires_action'));
    const action = { type: 'tool_approval', requests: [{ id: 'r', name: 't' }] };
    const { actionId } = await lossy.call<{ actionId: string }>('pause', { streamId: 's', action });
    expect(paused.lost).toBe(1);
    const resolved = proxy.loseReplies(carries('resumed'));
    const read = proxy.loseReplies(readsState);
    const decisions = [{ id: 'r', decision: 'approve' }];
    const won = await lossy.call('resolve', {
      streamId: 's',
      actionId,
      decisions,
      by: 'me',
      produce: { total: 10, everyMs: 1 },
    });
    expect([resolved.lost, read.lost]).toEqual([1, 1]);
    expect(won).toEqual({ attempt: 2 });
    await stage.until(() => follower.isOver, 'it ends');
    const lifecycle = namesOf(follower).filter((name) => name !== 'text');
    expect(lifecycle).toEqual(['created', 'requires_action', 'resumed', 'completed']);
    expect(countOf(follower)).toBe(20);
    stage.check();
  });

  it('F8 of a change of the record and of an abort: made once', async () => {
    await lossy.create({ streamId: 's', produce: { everyMs: 2 } });
    const follower = await other.follow('s');
    await stage.until(() => countOf(follower) > 5, 'it is followed');
    const patched = proxy.loseReplies((request) => request.includes('m:title'));
    await lossy.call('update', { streamId: 's', metadata: { title: 'a' } });
    expect(patched.lost).toBe(1);
    expect((await other.job('s'))?.metadata).toEqual({ title: 'a' });
    const aborted = proxy.loseReplies(carries('aborted'));
    expect(await lossy.abort('s')).toMatchObject({ aborted: true, record: { status: 'aborted' } });
    expect(aborted.lost).toBe(1);
    await stage.until(() => follower.isOver, 'it ends');
    expect(namesOf(follower).filter((name) => name === 'aborted')).toHaveLength(1);
    stage.check();
  });

  it('F8 of a take-over: one new attempt, made by who asked for it', async () => {
    const recovering = await stage.replica({
      ...client,
      port: proxy.port,
      recover: { total: 10, everyMs: 1 },
    });
    const victim = await stage.replica();
    await lossy.call('drain', { graceMs: 0 }); // the sweep is the other's
    await victim.create({ streamId: 's' });
    const follower = await recovering.follow('s');
    await stage.until(() => countOf(follower) > 5, 'it is followed');
    // Only those who can recover look; without a hook the others would report it lost.
    await Promise.all([other.kill(), lossy.kill()]);
    const reply = proxy.loseReplies(carries('recovered'));
    const read = proxy.loseReplies(readsState);
    await victim.kill();
    await stage.until(() => follower.isOver, 'it ends');
    expect([reply.lost, read.lost]).toEqual([1, 1]);
    expect(namesOf(follower).filter((name) => name === 'recovered')).toHaveLength(1);
    expect(namesOf(follower).at(-1)).toBe('completed');
    await stage.until(() => stage.producer('s', 2).isComplete, 'its producer knows');
    expect(stage.producer('s', 2).acknowledged).toBe(10);
    stage.check();
  });
});

it('F9 SCRIPT FLUSH under load is seen by nobody, and costs one reload a script', async () => {
  const redis = server.connect();
  try {
    const [one, two] = await stage.two(NOTHING_LAPSES);
    const streams = Array.from({ length: 5 }, (_, index) => `s${index}`);
    await Promise.all(
      streams.map((streamId) => one.create({ streamId, produce: { total: 600, everyMs: 3 } })),
    );
    const followers = await Promise.all(streams.map((streamId) => two.follow(streamId)));
    await stage.until(() => followers.every((follower) => countOf(follower) > 20), 'all are followed');
    await redis.config('RESETSTAT');
    let flushes = 0;
    while (followers.some((follower) => countOf(follower) < 400)) {
      await redis.script('FLUSH');
      flushes++;
      await pause(50); // so often, under load
    }
    const stats = await redis.info('commandstats');
    const reloads = Number(/cmdstat_eval:calls=(\d+)/.exec(stats)?.[1] ?? 0);
    await stage.until(() => followers.every((follower) => follower.isOver), 'all end');
    for (const follower of followers) expect(namesOf(follower).at(-1)).toBe('completed');
    stage.check();
    expect(flushes).toBeGreaterThan(5);
    // Of each script, no more calls than are under way at once find it gone: an append and a renewal a stream, and
    // the two replicas' looks at the eight shards of the due index.
    expect(reloads).toBeLessThanOrEqual(flushes * (2 * streams.length + 2 * 8));
    const counts = await one.counts();
    expect([counts.leaseLost, counts.fenced]).toEqual([undefined, undefined]);
  } finally {
    redis.disconnect();
  }
});

it('F10 CLIENT KILL TYPE pubsub every 200 ms loses nothing, and delays by at most the poll interval', async () => {
  const redis = server.connect();
  let over = false;
  const killing = (async () => {
    for (; !over; await pause(200)) await redis.call('CLIENT', 'KILL', 'TYPE', 'pubsub');
  })();
  try {
    const [one, two, three] = await stage.three({ options: NOTHING_LAPSES.options });
    const streams = ['a', 'b', 'c'];
    await Promise.all(
      streams.map((streamId) => one.create({ streamId, produce: { total: 500, everyMs: 8 } })),
    );
    const followers = await Promise.all(
      streams.flatMap((streamId) => [one, two, three].map((replica) => replica.follow(streamId))),
    );
    await stage.until(() => followers.every((follower) => follower.isOver), 'all end');
    for (const follower of followers) {
      expect(countOf(follower)).toBe(500);
      const waits = follower.times.map((time, index) => time - (follower.times[index - 1] ?? time));
      expect(Math.max(...waits), 'the longest silence').toBeLessThan(TIMES.logPollMs + BUSY_MS);
    }
    stage.check();
    // An abort whose signal may be lost on the way still holds, and stops the producer within one renewal.
    await one.create({ streamId: 's', produce: { total: 0, end: 'hang' } });
    await two.abort('s');
    await stage.until(() => stage.producer('s').isComplete, 'the producer knows', TIMES.renewMs + BUSY_MS);
    expect(stage.producer('s').reason).toBe('aborted');
  } finally {
    over = true;
    await killing;
    redis.disconnect();
  }
});

it('F11 P6 a half-open subscriber link is clean through polling', async () => {
  // It never notices: nothing tells this replica that its link carries nothing any more.
  const [one, two] = await Promise.all([
    stage.replica(NOTHING_LAPSES),
    stage.replica({
      options: NOTHING_LAPSES.options,
      port: proxy.port,
      redisOptions: { pingMs: 60_000 },
    }),
  ]);
  await one.create({ streamId: 's', produce: { total: 300, everyMs: 10 } });
  const follower = await two.follow('s');
  await stage.until(() => countOf(follower) > 5, 'it is followed');
  proxy.freeze('links');
  await stage.until(() => follower.isOver, 'it ends');
  expect(countOf(follower)).toBe(300);
  stage.check();
  const { 'repaired:poll': polls = 0 } = await two.counts();
  expect(polls).toBeGreaterThan(3);
  expect(proxy.links).toBe(1);
});

it('F11 a half-open subscriber link is replaced within its ping budget, also when new ones are dead at first', async () => {
  const budget = { pingMs: 150, pingTimeoutMs: 250 };
  const [one, two] = await Promise.all([
    stage.replica(NOTHING_LAPSES),
    stage.replica({
      port: proxy.port,
      options: { ...NOTHING_LAPSES.options, logPollMs: 60_000 },
      redisOptions: budget,
    }),
  ]);
  await one.create({ streamId: 's', produce: { total: 2_000, everyMs: 5, end: 'hang' } });
  const follower = await two.follow('s');
  await stage.until(() => countOf(follower) > 5, 'it is followed');
  for (const lasting of [false, true]) {
    const accepted = proxy.accepted;
    const restore = lasting ? proxy.swallow('links') : () => {};
    proxy.freeze('links');
    const seen = countOf(follower);
    await stage.until(() => proxy.accepted > accepted, 'the link is replaced', budget.pingMs + BUSY_MS);
    if (lasting) {
      await stage.until(() => proxy.accepted > accepted + 1, 'the dead new one too');
      restore();
      proxy.cut('links');
    }
    // No poll helps here: what was missed is read because the link is new.
    await stage.until(() => countOf(follower) > seen + 50, 'it goes on');
  }
  await one.abort('s');
  await stage.until(() => follower.isOver, 'it ends');
  stage.check();
});

it.each(CLIENTS)(
  'F11 P6 who begins to follow while no new subscriber link carries anything is served through polling, with %s',
  async (_, client) => {
    const [one, two] = await Promise.all([
      stage.replica(NOTHING_LAPSES),
      stage.replica({ options: NOTHING_LAPSES.options, ...client, port: proxy.port }),
    ]);
    proxy.swallow('links');
    proxy.cut('links');
    await one.create({ streamId: 's', produce: { total: 50, everyMs: 10 } });
    const followers = [await two.follow('s'), await two.follow('s')];
    await stage.until(() => followers.every(({ isOver }) => isOver), 'it ends', TIMES.logPollMs + BUSY_MS);
    for (const follower of followers) expect(countOf(follower)).toBe(50);
    stage.check();
  },
);

it('F8 F11 a half-open command link is a matter of the client’s own time-out: with one, it costs only time', async () => {
  const client = { socketTimeout: 400 };
  const [one, two] = await Promise.all([
    stage.replica({ port: proxy.port, client, options: { leaseMs: 5_000, renewMs: 500 } }),
    stage.replica({ options: { leaseMs: 5_000, renewMs: 500 } }),
  ]);
  await one.create({ streamId: 's', produce: { total: 300, everyMs: 4 } });
  const follower = await two.follow('s');
  await stage.until(() => countOf(follower) > 5, 'it is followed');
  proxy.freeze('commands');
  await stage.until(() => follower.isOver, 'it ends');
  expect(countOf(follower)).toBe(300);
  expect(namesOf(follower).at(-1)).toBe('completed');
  await stage.until(() => stage.producer('s').isComplete, 'the producer knows');
  stage.check();
});

it('L33 an abort whose signal is lost reaches a silent producer within one renewal', async () => {
  const [one, two] = await Promise.all([
    stage.replica({ port: proxy.port, redisOptions: { pingMs: 60_000 } }),
    stage.replica(),
  ]);
  await one.create({ streamId: 's', produce: { total: 3, everyMs: 1, end: 'hang' } });
  await stage.until(() => stage.producers[0]?.acknowledged === 3, 'it is silent');
  proxy.freeze('links');
  expect(await two.abort('s')).toMatchObject({ aborted: true, record: { status: 'aborted' } });
  await stage.until(() => stage.producer('s').isComplete, 'the producer knows', TIMES.renewMs + BUSY_MS);
  expect(stage.producer('s').reason).toBe('aborted');
});

it('F8 F11 delays of 60 ms each way change nothing but the time it takes', async () => {
  const [one, two] = await stage.two({ ...NOTHING_LAPSES, port: proxy.port });
  proxy.delayMs = 60;
  await one.create({ streamId: 's', produce: { total: 300, everyMs: 2 } });
  const follower = await two.follow('s');
  await stage.until(() => follower.isOver, 'it ends');
  expect(countOf(follower)).toBe(300);
  expect(namesOf(follower).at(-1)).toBe('completed');
  proxy.delayMs = 0;
  await stage.until(() => stage.producer('s').isComplete, 'the producer knows');
  stage.check();
});
