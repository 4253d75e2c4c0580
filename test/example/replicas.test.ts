/**
 * The example on several replicas, over plain HTTP: processes on a private Redis behind the example's own front. What is
 * begun on one can be followed, stopped and looked up on any other, and goes on when its own is gone.
 */
import { mkdtemp, readdir, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it, vi } from 'vitest';
import { pick, seededRandom } from '../contract/seeded.js';
import {
  ChatClient,
  providerEvents,
  recordedEvents,
  recordedText,
  type WireEvent,
} from '../support/chat-client.js';
import { type ChatProcess, type ChatReplica, freePort, startChat } from '../support/chat-process.js';
import { RedisServer } from '../support/redis-server.js';
import { gauge, isSilent, producingReplica } from '../support/replicas-of.js';

const RECORDING = 'openai-responses.reasoning-tool';
const EVENTS = recordedEvents(RECORDING);
const FAST = 1_000_000;
const LEASE_MS = 1000;
/** A condition that doesn't hold by then won't. */
const WAIT = { interval: 20, timeout: 30_000 };

const seed = Number(process.env.TEST_SEED ?? Math.floor(Math.random() * 2 ** 32));
console.log(`the example on replicas: TEST_SEED=${seed}`);
const random = seededRandom(seed);

let redis: RedisServer;
let redisUrl: string;
let users = 0;

beforeAll(async () => {
  redis = await RedisServer.start();
  redisUrl = `redis://127.0.0.1:${redis.port}`;
});

afterAll(async () => {
  await redis.stop();
});

/** The same person everywhere, who has done nothing yet. */
function newUser(): (at: { readonly url: string }) => ChatClient {
  const name = `user-${++users}`;
  return ({ url }) => new ChatClient(url, name);
}

function expectEveryEventOnce(events: readonly WireEvent[], recording = RECORDING): void {
  expect(events.map(({ id }) => id.split('-')[1])).toEqual(events.map((_, index) => String(index + 1)));
  expect(providerEvents(events)).toEqual(recordedEvents(recording));
  expect(events.at(-1)).toMatchObject({
    event: 'completed',
    data: { final: { text: recordedText(recording) } },
  });
}

/** Follows to the end as the page would: after every cut it comes back with the last cursor. */
async function followThroughCuts(
  user: ChatClient,
  path: string,
  onEvent: (event: WireEvent) => void = () => {},
): Promise<{ events: WireEvent[]; cuts: number }> {
  const events: WireEvent[] = [];
  const enough = (event: WireEvent) => {
    events.push(event);
    onEvent(event);
    return false;
  };
  for (let cuts = 0; cuts < 100; cuts++) {
    const after = events.at(-1)?.id;
    await user.follow(path, { enough, ...(after !== undefined && { after }) }).catch(() => {});
    if (/^(completed|failed|aborted)$/.test(events.at(-1)?.event ?? '')) return { events, cuts };
  }
  throw new Error(`cut again and again; the last event was ${JSON.stringify(events.at(-1))}`);
}

describe('three replicas behind one front', () => {
  let chat: ChatProcess;
  let one: ChatReplica;
  let two: ChatReplica;
  let three: ChatReplica;

  beforeAll(async () => {
    const env = { REDIS_URL: redisUrl, LEASE_MS: String(LEASE_MS) };
    chat = await startChat({ args: ['--replicas', '3'], env });
    [one, two, three] = chat.replicas as [ChatReplica, ChatReplica, ChatReplica];
  });

  afterAll(async () => {
    expect(await chat.stop()).toBe(0);
    for (const { url } of chat.replicas) expect(await isSilent(Number(new URL(url).port))).toBe(true);
  });

  it('get the requests in turn, and every answer says whose it is', async () => {
    const answers = await Promise.all(Array.from({ length: 9 }, () => fetch(`${chat.url}/healthz`)));
    for (const answer of answers) {
      const replica = answer.headers.get('x-replica');
      expect(await answer.json()).toEqual({ ok: true, replica, store: 'redis' });
      expect(answer.headers.get('x-replicas')).toBe('1,2,3');
    }
    const names = answers.map((answer) => answer.headers.get('x-replica')).sort();
    expect(names).toEqual(['1', '1', '1', '2', '2', '2', '3', '3', '3']);
  });

  it('can be asked for by name, and a name that isn’t there is ignored', async () => {
    for (const name of ['3', '1', '3', '2']) {
      const byHeader = await fetch(`${chat.url}/healthz`, { headers: { 'x-replica': name } });
      const byQuery = await fetch(`${chat.url}/healthz?x-replica=${name}`);
      expect(byHeader.headers.get('x-replica')).toBe(name);
      expect(byQuery.headers.get('x-replica')).toBe(name);
    }
    expect((await fetch(`${chat.url}/healthz?x-replica=4`)).status).toBe(200);
  });

  it('pass on an answer of one to followers of all, every event once and in order', async () => {
    const user = newUser();
    const { streamId } = await user(one).start({ recording: RECORDING, tokensPerSecond: 200 });
    const all = await Promise.all([one, two, three, chat].map((at) => user(at).follow(streamId)));
    for (const events of all) expectEveryEventOnce(events);
    expect(new Set(all.map((events) => JSON.stringify(events))).size).toBe(1);
  });

  it('serve a reader who changes replicas in mid-answer', async () => {
    const user = newUser();
    const { streamId } = await user(one).start({ recording: RECORDING, tokensPerSecond: 100 });
    const events: WireEvent[] = [];
    const stops = Array.from({ length: 6 }, () => 2 + pick(random, EVENTS.length - 5)).sort((a, b) => a - b);
    for (const [index, stop] of [...new Set(stops), Infinity].entries()) {
      const after = events.at(-1)?.id;
      events.push(
        ...(await user(chat).follow(`${streamId}?x-replica=${1 + (index % 3)}`, {
          ...(after !== undefined && { after }),
          enough: ({ id }) => Number(id.split('-')[1]) >= stop,
        })),
      );
    }
    expectEveryEventOnce(events);
  });

  it('stop an answer that another one makes', async () => {
    const user = newUser();
    const { streamId, generation } = await user(one).start({ recording: RECORDING, tokensPerSecond: 50 });
    const following = await user(three).attach(streamId);
    await user(two).follow(streamId, { enough: ({ id }) => id.endsWith('-10') });
    const stopped = await user(two).post('/abort', { streamId, generation });
    expect(await stopped.json()).toMatchObject({ aborted: true });
    const events = await following.events;
    expect(events.at(-1)).toMatchObject({ event: 'aborted', data: { code: 'aborted' } });
    const produced = providerEvents(events);
    expect(produced).toEqual(EVENTS.slice(0, produced.length));
    await vi.waitFor(async () => expect(await gauge(one, 'jobs_in_flight')).toBe(0), WAIT);
  });

  it('start one answer for one idempotency key, wherever it is sent', async () => {
    const user = newUser();
    const request = { recording: RECORDING, tokensPerSecond: FAST, idempotencyKey: 'once' };
    const tries = await Promise.all([one, two, three, chat, chat].map((at) => user(at).start(request)));
    expect(new Set(tries.map(({ streamId, generation }) => `${streamId} ${generation}`)).size).toBe(1);
    expect(tries.filter(({ status }) => status === 'started')).toHaveLength(1);
  });

  it('show the same history, to its owner only', async () => {
    const user = newUser();
    const { conversationId } = await user(one).start({
      text: 'One',
      recording: RECORDING,
      tokensPerSecond: FAST,
    });
    await user(one).follow(conversationId);
    const second = await user(two).start({ text: 'Two', conversationId, tokensPerSecond: 50 });
    const active = { conversations: [{ id: conversationId, title: 'One', isActive: true }] };
    expect(await user(three).json('/conversations')).toMatchObject(active);
    await user(three).post('/abort', { streamId: conversationId, generation: second.generation });
    await vi.waitFor(async () => {
      expect(await user(three).json(`/conversations/${conversationId}`)).toMatchObject({
        title: 'One',
        turns: [
          { prompt: 'One', text: recordedText(RECORDING), status: 'completed' },
          { prompt: 'Two', generation: second.generation, status: 'aborted', code: 'aborted' },
        ],
      });
    }, WAIT);
    const [first, ...others] = await Promise.all(
      [one, two, three].map((at) => user(at).json(`/conversations/${conversationId}`)),
    );
    for (const other of others) expect(other).toEqual(first);
    expect((await newUser()(two).get(`/conversations/${conversationId}`)).status).toBe(404);
  });

  it('rename and delete a conversation that another one serves', async () => {
    const user = newUser();
    const { conversationId } = await user(one).start({
      text: 'One',
      recording: RECORDING,
      tokensPerSecond: 20,
    });
    const path = `/conversations/${conversationId}`;
    const headers = { 'content-type': 'application/json' };
    const renamed = await user(two).get(path, { method: 'PATCH', headers, body: '{"title":"Renamed"}' });
    expect(renamed.status).toBe(200);
    expect(await user(three).json('/conversations')).toMatchObject({ conversations: [{ title: 'Renamed' }] });
    const following = await user(one).attach(conversationId);
    expect((await user(three).get(path, { method: 'DELETE' })).status).toBe(204);
    expect((await following.events).at(-1)?.event).toBe('gone');
    expect((await user(one).get(path)).status).toBe(404);
    expect(await user(two).json('/conversations')).toEqual({ conversations: [] });
    await vi.waitFor(async () => expect(await gauge(one, 'jobs_in_flight')).toBe(0), WAIT);
    expect((await user(one).get(path)).status).toBe(404);
  });

  it('notice through the front that a reader has left', async () => {
    const user = newUser();
    const { streamId } = await user(one).start({ recording: RECORDING, tokensPerSecond: 20 });
    await user(chat).follow(`${streamId}?x-replica=2`, { enough: ({ id }) => id.endsWith('-3') });
    await vi.waitFor(async () => expect(await gauge(two, 'subscriptions')).toBe(0), WAIT);
  });

  it('refuse through the front what they refuse themselves', async () => {
    const user = newUser()(chat);
    const statuses = [
      (await user.post('', { text: 'a'.repeat(300_000) })).status,
      (await user.post('', { text: 'Hi' }, { origin: 'https://elsewhere.example' })).status,
      (await user.post('', { text: 'Hi', tokensPerSecond: FAST }, { origin: chat.url })).status,
      (await user.get('/stream/nothing-here')).status,
    ];
    expect(statuses).toEqual([413, 403, 200, 404]);
  });

  it('go on with an answer whose replica is told to stop', async () => {
    const env = { REDIS_URL: redisUrl, LEASE_MS: String(LEASE_MS), REPLICA: 'leaving' };
    const leaving = await startChat({ env });
    const health = await fetch(`${leaving.url}/healthz`);
    expect(await health.json()).toEqual({ ok: true, replica: 'leaving', store: 'redis' });
    const user = newUser();
    // Longer than the replica lets answers go on after the signal.
    const { streamId } = await user(leaving).start({ recording: RECORDING, tokensPerSecond: 12 });
    const following = followThroughCuts(user(two), streamId);
    await user(leaving).follow(streamId, { enough: ({ id }) => id.endsWith('-5') });
    expect(await leaving.stop()).toBe(0);
    const { events, cuts } = await following;
    expect(cuts).toBe(0);
    expectEveryEventOnce(events);
    expect(events.filter(({ event }) => event === 'recovered')).toHaveLength(1);
  });

  it('say that Redis is away while it is, and that it is back', async () => {
    const expectHealth = async (status: number, answer: object) => {
      const responses = await Promise.all([one, two, three, chat].map(({ url }) => fetch(`${url}/healthz`)));
      for (const response of responses)
        expect([response.status, await response.json()]).toMatchObject([status, answer]);
    };
    redis.signal('SIGSTOP');
    try {
      await expectHealth(503, { ok: false, store: 'redis', reason: 'redis_unavailable' });
      expect((await newUser()(chat).get('/conversations')).status).toBe(503);
    } finally {
      redis.signal('SIGCONT');
    }
    await vi.waitFor(() => expectHealth(200, { ok: true }), WAIT);
  });

  // The last of these tests: afterwards there are two.
  it('go on with an answer whose replica was killed, and the front no longer asks it for anything', async () => {
    const user = newUser();
    const { streamId } = await user(chat).start({ recording: RECORDING, tokensPerSecond: 40 });
    const producer = await producingReplica(chat);
    const moment = 5 + pick(random, 40);
    let killedAt = 0;
    let recoveredAt = 0;
    const { events, cuts } = await followThroughCuts(
      user(chat),
      `${streamId}?x-replica=${producer.name}`,
      ({ id, event }) => {
        if (event === 'recovered') recoveredAt = performance.now();
        if (killedAt > 0 || !id.endsWith(`-${moment}`)) return;
        process.kill(producer.pid, 'SIGKILL');
        killedAt = performance.now();
      },
    );
    expect(cuts).toBeGreaterThanOrEqual(1);
    expectEveryEventOnce(events);
    expect(events.filter(({ event }) => event === 'recovered')).toMatchObject([{ data: { restart: false } }]);
    // Lease and a second, and what two busy cores may add to it.
    expect(recoveredAt - killedAt).toBeLessThan(LEASE_MS + 1000 + 3000);

    const left = chat.replicas.map(({ name }) => name).filter((name) => name !== producer.name);
    const answers = await Promise.all(
      Array.from({ length: 8 }, () => fetch(`${chat.url}/healthz?x-replica=${producer.name}`)),
    );
    expect(answers.map(({ status }) => status)).toEqual(answers.map(() => 200));
    for (const { headers } of answers) expect(headers.get('x-replicas')).toBe(left.join(','));
    expect([...new Set(answers.map(({ headers }) => headers.get('x-replica')))].sort()).toEqual(left);
    await user(chat).start({ tokensPerSecond: FAST });
    expect(chat.output()).toContain(`chat: replica ${producer.name} has ended (SIGKILL)`);
  });
});

it('L134 a deploy restarts the replicas in turn, and who watches an answer being written does not notice', async () => {
  const chat = await startChat({ args: ['--replicas', '2'], env: { REDIS_URL: redisUrl } });
  const [first] = chat.replicas as [ChatReplica];
  const supervisor = Number(/kill -USR2 (\d+)$/m.exec(chat.output())?.[1]);
  const user = newUser();
  const { streamId } = await user(first).start({ recording: RECORDING, tokensPerSecond: 15 });
  const following = followThroughCuts(user(chat), streamId);
  await user(first).follow(streamId, { enough: ({ id }) => id.endsWith('-5') });
  process.kill(supervisor, 'SIGUSR2');
  const statuses = new Set<number>();
  const areBack = () => chat.output().match(/^chat: replica \d is back: /gm)?.length === 2;
  await vi.waitUntil(async () => {
    statuses.add((await fetch(`${chat.url}/api/chat/recordings`)).status);
    return areBack();
  }, WAIT);
  expect([...statuses], 'new requests find somebody all the while').toEqual([200]);
  const { events } = await following;
  expectEveryEventOnce(events);
  const recovered = events.filter(({ event }) => event === 'recovered');
  expect(recovered.length).toBeGreaterThanOrEqual(1);
  for (const { data } of recovered) expect(data).toMatchObject({ restart: false });
  expect(await chat.stop()).toBe(0);
});

it('a front whose replica dies loses no request that can be repeated', async () => {
  const chat = await startChat({ args: ['--replicas', '2'], env: { REDIS_URL: redisUrl } });
  const [dying, staying] = chat.replicas as [ChatReplica, ChatReplica];
  const ask = async () => (await fetch(`${chat.url}/api/chat/recordings`)).headers.get('x-replica');
  const asking = Array.from({ length: 20 }, ask);
  process.kill(dying.pid, 'SIGKILL');
  asking.push(...Array.from({ length: 20 }, ask));
  for (const replica of await Promise.all(asking)) expect(replica).toMatch(/^[12]$/);
  await vi.waitFor(() => expect(chat.output()).toContain('replica 1 has ended'), WAIT);
  expect(await ask()).toBe(staying.name);
  process.kill(staying.pid, 'SIGKILL');
  await vi.waitFor(() => expect(isSilent(chat.port)).resolves.toBe(true), WAIT);
  expect(await chat.stop()).toBe(1);
  expect(chat.output()).toContain('chat: no replica is left');
});

describe('a Redis of the command’s own', () => {
  /** Where a private Redis puts its files. */
  let folder: string;

  beforeAll(async () => {
    folder = await mkdtemp(join(tmpdir(), 'chat-test-'));
  });

  afterAll(async () => {
    await rm(folder, { recursive: true });
  });

  async function expectNothingLeft({ output, port, replicas }: ChatProcess): Promise<void> {
    const redisPort = Number(/^chat: redis:\/\/127\.0\.0\.1:(\d+)/m.exec(output())?.[1]);
    const ports = [port, redisPort, ...replicas.map(({ url }) => Number(new URL(url).port))];
    await vi.waitFor(async () => {
      expect(await Promise.all(ports.map(isSilent))).toEqual(ports.map(() => true));
      expect((await readdir(folder)).filter((name) => name.startsWith('chat-redis-'))).toEqual([]);
    }, WAIT);
  }

  it('serves replicas on the ports above the front’s, and ends with them', async () => {
    const port = await firstOfFreePorts(3);
    const env = { PORT: String(port), TMPDIR: folder };
    const chat = await startChat({ viaNpm: true, args: ['--replicas', '2'], env });
    expect(chat.port).toBe(port);
    expect(chat.replicas).toMatchObject([
      { name: '1', url: `http://127.0.0.1:${port + 1}` },
      { name: '2', url: `http://127.0.0.1:${port + 2}` },
    ]);
    const user = newUser();
    const [one, two] = chat.replicas as [ChatReplica, ChatReplica];
    const { streamId } = await user(one).start({ recording: RECORDING, tokensPerSecond: FAST });
    expectEveryEventOnce(await user(two).follow(streamId));
    await chat.stop();
    await expectNothingLeft(chat);
  });

  it('and the replicas end with a command that was killed', async () => {
    const chat = await startChat({ args: ['--replicas', '2'], env: { TMPDIR: folder } });
    await newUser()(chat).start({ tokensPerSecond: 10 });
    await chat.kill();
    await expectNothingLeft(chat);
  });

  it('is asked for in one line where there is none', async () => {
    const env = { PATH: folder, REDIS_SERVER_PATH: '' };
    await expect(startChat({ args: ['--replicas', '2'], env })).rejects.toThrow(
      /exited with 1; it printed:\nchat: .*install redis-server.*REDIS_SERVER_PATH or REDIS_URL\n$/,
    );
  });
});

describe('a Redis that can’t be reached', () => {
  it.each([[[]], [['--replicas', '3']]])('ends the command %j with a line that says so', async (args) => {
    const port = await freePort();
    const env = { REDIS_URL: `redis://chat:secret@127.0.0.1:${port}` };
    await expect(startChat({ args, env })).rejects.toThrow(
      new RegExp(
        `exited with 1; it printed:\nchat: can't reach Redis at redis://chat@127\\.0\\.0\\.1:${port}: .*ECONNREFUSED.*\n$`,
      ),
    );
  });

  it('is noticed too when it takes connections and says nothing', async () => {
    const silent = await RedisServer.start();
    silent.signal('SIGSTOP');
    try {
      const env = { REDIS_URL: `redis://127.0.0.1:${silent.port}` };
      await expect(startChat({ env })).rejects.toThrow(/can't reach Redis at .*: it does not answer\n$/);
    } finally {
      await silent.stop();
    }
  });
});

it('replicas are asked for by a number that makes sense', async () => {
  await expect(startChat({ args: ['--replicas', 'many'] })).rejects.toThrow(/--replicas takes a number/);
  await expect(startChat({ args: ['--replica', '3'] })).rejects.toThrow(/--replica/);
});

/** The first of so many free neighbours, below the ports that outgoing connections are given. */
async function firstOfFreePorts(count: number): Promise<number> {
  for (;;) {
    const first = 20_000 + Math.floor(Math.random() * 10_000);
    const ports = Array.from({ length: count }, (_, index) => first + index);
    if ((await Promise.all(ports.map(isSilent))).every(Boolean)) return first;
  }
}
