/**
 * The example with its answers made in a worker, a process of its own behind the gateway. Whichever side dies in
 * mid-answer, followers end with the exact text or a named failure.
 */
import { afterAll, beforeAll, describe, expect, it, onTestFinished, vi } from 'vitest';
import {
  ChatClient,
  providerEvents,
  recordedEvents,
  recordedText,
  type WireEvent,
} from '../support/chat-client.js';
import { type ChatProcess, startChat, workerOf } from '../support/chat-process.js';
import { RedisServer } from '../support/redis-server.js';

const RECORDING = 'openai-chat.text';
const TEXT = recordedText(RECORDING);
const FAST = 1_000_000;
/** A death that is noticed within a test is not noticed by this. */
const LONG_LEASE = { WORKER_LEASE_MS: '3600000' };

let users = 0;
const newUser = (chat: { readonly url: string }) => new ChatClient(chat.url, `user-${++users}`);
const sequenceOf = (id: string) => Number(id.split('-')[1]);
const ended = ({ event }: WireEvent) => /^(completed|failed|aborted)$/.test(event);
const textIn = (events: readonly WireEvent[]) =>
  events.at(-1)?.event === 'completed' ? events.at(-1)?.data.final.text : undefined;

/** Begins an answer, and gives the rest of it once so many of its events are there. */
async function halfWay(user: ChatClient, tokensPerSecond = 100) {
  const { streamId } = await user.start({ recording: RECORDING, tokensPerSecond });
  const begun = await user.follow(streamId, { enough: ({ id }) => sequenceOf(id) === 30 });
  return { streamId, begun };
}

/** Follows to the end, through whatever breaks the connection. */
async function toTheEnd(user: ChatClient, streamId: string, begun: readonly WireEvent[]) {
  const events = [...begun];
  const enough = (event: WireEvent) => {
    events.push(event);
    return ended(event);
  };
  await vi.waitUntil(
    async () => {
      await user.follow(streamId, { after: events.at(-1)?.id ?? '', enough }).catch(() => {});
      return events.some(ended);
    },
    { interval: 20, timeout: 120_000 },
  );
  return events;
}

function expectWhole(events: readonly WireEvent[]): void {
  expect(providerEvents(events)).toEqual(recordedEvents(RECORDING));
  expect(events.map(({ id }) => sequenceOf(id))).toEqual(events.map((_, at) => at + 1));
  expect(textIn(events)).toBe(TEXT);
}

describe('one server and its worker', () => {
  let chat: ChatProcess;
  beforeAll(async () => {
    chat = await startChat({ args: ['--worker'], env: LONG_LEASE });
  });
  afterAll(async () => {
    expect(await chat.stop()).toBe(0);
  });

  it('an answer comes whole, by way of the gateway', async () => {
    const user = newUser(chat);
    const { streamId } = await user.start({ recording: RECORDING, tokensPerSecond: FAST });
    expectWhole(await user.follow(streamId));
    expect(chat.output()).toMatch(/process \d+, its outbox in (node:sqlite|libsql)$/m);
  });

  it('a question of the worker’s pauses the job, and the decision goes on with it', async () => {
    const user = newUser(chat);
    const recording = 'openai-responses.mcp-approval.3';
    const { streamId } = await user.start({ recording, tokensPerSecond: FAST });
    const { events, action } = await user.untilAsked(streamId);
    const [request] = action.requests;
    const said = { decisions: [{ id: request?.id ?? '', decision: 'approve' as const }] };
    expect((await user.decide(streamId, action, said)).ok).toBe(true);
    const all = await toTheEnd(user, streamId, events);
    expect(textIn(all)).toBe(recordedText(recording) + recordedText('openai-responses.mcp-approval.4'));
  });

  it('a stop reaches the worker, and the next question is answered', async () => {
    const user = newUser(chat);
    const { streamId, begun } = await halfWay(user);
    expect((await user.post('/abort', { streamId })).status).toBe(200);
    expect((await toTheEnd(user, streamId, begun)).at(-1)?.event).toBe('aborted');
    const next = await user.start({ conversationId: streamId, recording: RECORDING, tokensPerSecond: FAST });
    expect(next.streamId).toBe(streamId);
    expect(textIn(await user.follow(streamId))).toBe(TEXT);
  });

  it('a worker killed in mid-answer is followed by another, which goes on where the log ends', async () => {
    const user = newUser(chat);
    const { streamId, begun } = await halfWay(user);
    const killed = await workerOf(chat);
    process.kill(killed, 'SIGKILL');
    const events = await toTheEnd(user, streamId, begun);
    expectWhole(events.filter(({ event }) => event !== 'recovered').map(renumbered));
    expect(events.filter(({ event }) => event === 'recovered')).toHaveLength(1);
    expect(await workerOf(chat)).not.toBe(killed);
    expect(chat.output()).toContain('chat: worker of replica 1: it has ended (SIGKILL)');
  });
});

const renumbered = (event: WireEvent, at: number): WireEvent => ({ ...event, id: `1-${at + 1}` });

it('a worker killed in mid-answer, where nobody goes on: the answer fails by name at once, and the next is made', async () => {
  const chat = await startChat({ args: ['--worker'], env: { ...LONG_LEASE, RECOVER: '0' } });
  onTestFinished(() => chat.kill());
  const user = newUser(chat);
  const { streamId, begun } = await halfWay(user);
  process.kill(await workerOf(chat), 'SIGKILL');
  const events = await toTheEnd(user, streamId, begun);
  expect(events.at(-1)).toMatchObject({ event: 'failed', data: { code: 'producer_lost' } });
  const said = providerEvents(events);
  expect(said).toEqual(recordedEvents(RECORDING).slice(0, said.length));
  const next = await user.start({ conversationId: streamId, recording: RECORDING, tokensPerSecond: FAST });
  expect(textIn(await user.follow(next.streamId))).toBe(TEXT);
});

describe('replicas and their workers', () => {
  let redis: RedisServer;
  let chat: ChatProcess;
  beforeAll(async () => {
    redis = await RedisServer.start();
    const env = { ...LONG_LEASE, REDIS_URL: `redis://127.0.0.1:${redis.port}` };
    chat = await startChat({ args: ['--replicas', '2', '--worker'], env });
  });
  afterAll(async () => {
    expect(await chat.stop()).toBe(0);
    await redis.stop();
  });

  it('Redis away in mid-answer, for less than the lease: the answer comes whole', async () => {
    const user = newUser(chat);
    const { streamId, begun } = await halfWay(user);
    redis.signal('SIGSTOP');
    const rest = toTheEnd(user, streamId, begun);
    // Long enough for the gateway to have nothing to say: the health of a replica is asked of Redis too.
    await vi.waitUntil(async () => (await fetch(`${chat.url}/healthz`)).status === 503, {
      interval: 20,
      timeout: 60_000,
    });
    redis.signal('SIGCONT');
    expectWhole(await rest);
  });

  it('the server that has spawned the worker killed in mid-answer: the worker goes on by way of the other one', async () => {
    const [one, two] = chat.replicas;
    const user = newUser(one as { url: string });
    const { streamId, begun } = await halfWay(user);
    process.kill(one?.pid ?? 0, 'SIGKILL');
    const other = new ChatClient(two?.url ?? '', `user-${users}`);
    expectWhole(await toTheEnd(other, streamId, begun));
  });
});

it('an agent in the server and a worker don’t go together, and the command says so', async () => {
  await expect(startChat({ args: ['--agent', '--worker'] })).rejects.toThrow(
    /--agent answers in the server itself/,
  );
});
