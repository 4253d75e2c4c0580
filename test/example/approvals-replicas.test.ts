/**
 * Approvals of the example on several replicas and one Redis: who asked may be gone when somebody decides, and who
 * decided may be gone before the answer goes on. Nothing is asked twice, and no event is lost or repeated.
 */
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { fileURLToPath } from 'node:url';
import type { PublicAction } from 'generation-jobs';
import { afterAll, beforeAll, describe, expect, it, vi } from 'vitest';
import {
  ChatClient,
  providerEvents,
  recordedEvents,
  recordedText,
  type Said,
  type WireEvent,
} from '../support/chat-client.js';
import { type ChatProcess, type ChatReplica, startChat } from '../support/chat-process.js';
import { RedisServer } from '../support/redis-server.js';
import { gauge, producingReplica } from '../support/replicas-of.js';

const RECORDING = 'openai-responses.mcp-approval.1';
const NEXT = 'openai-responses.mcp-approval.2';
const DECIDE_AND_DIE = fileURLToPath(new URL('decide-and-die.mjs', import.meta.url));
const FAST = 1_000_000;
const LEASE_MS = 1000;
const WAIT = { interval: 20, timeout: 30_000 };

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

/** The same person everywhere. */
function newUser(): { readonly name: string; at(where: { readonly url: string }): ChatClient } {
  const name = `user-${++users}`;
  return { name, at: ({ url }) => new ChatClient(url, name) };
}

function saying({ requests: [request] }: PublicAction, decision: 'approve' | 'reject' = 'approve'): Said {
  return { decisions: [{ id: request?.id ?? '', decision }] };
}

/** Both recordings whole and in order, the question between them, asked once and answered once. */
function expectApproved(events: readonly WireEvent[], decidedBy: string): void {
  expect(events.map(({ id }) => id.split('-')[1])).toEqual(events.map((_, index) => String(index + 1)));
  expect(providerEvents(events)).toEqual([...recordedEvents(RECORDING), ...recordedEvents(NEXT)]);
  const names = events.map(({ event }) => event).filter((name) => name !== 'provider');
  expect(names.filter((name) => name !== 'recovered')).toEqual([
    'created',
    'requires_action',
    'resumed',
    'completed',
  ]);
  expect(events.find(({ event }) => event === 'resumed')?.data.by).toBe(decidedBy);
  expect(events.at(-1)?.data.final.text).toBe(recordedText(NEXT));
}

function countOf(events: readonly WireEvent[], name: string): number {
  return events.filter(({ event }) => event === name).length;
}

describe('three replicas', () => {
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
  });

  it('ask on one, are answered on another, and all followers hear it', async () => {
    const user = newUser();
    const { streamId } = await user.at(one).start({ recording: RECORDING, tokensPerSecond: FAST });
    const following = [one, two, three].map((at) => user.at(at).follow(streamId));
    const { action } = await user.at(three).untilAsked(streamId);
    expect((await user.at(two).decide(streamId, action, saying(action))).status).toBe(202);
    for (const events of await Promise.all(following)) expectApproved(events, user.name);
  });

  it('ask five times in one answer, each decided on the next replica (L44)', async () => {
    const user = newUser();
    const { streamId } = await user.at(one).start({ recording: 'demo.guess', tokensPerSecond: FAST });
    const following = user.at(three).follow(streamId);
    const asked: PublicAction[] = [];
    // 22 - 1 is 10101 in binary: more than 16, not than 24, more than 20, not than 22, more than 21.
    for (const [index, selected] of ['yes', 'no', 'yes', 'no', 'yes'].entries()) {
      const at = [two, three, one][index % 3] as ChatReplica;
      const action = await vi.waitFor(async () => {
        const { pendingAction } = await user
          .at(at)
          .json<{ pendingAction: PublicAction | null }>(`/status/${streamId}`);
        if (pendingAction === null || pendingAction.actionId === asked.at(-1)?.actionId)
          throw new Error('not asked yet');
        return pendingAction;
      }, WAIT);
      const [before] = asked.slice(-1);
      if (before) {
        const late = await user
          .at(at)
          .decide(streamId, before, { answers: [{ id: 'more', selected: ['no'] }] });
        expect([late.status, await late.json()]).toMatchObject([409, { error: { code: 'action_stale' } }]);
      }
      asked.push(action);
      const said = { answers: [{ id: 'more', selected: [selected] }] };
      expect((await user.at(at).decide(streamId, action, said)).status).toBe(202);
    }
    const events = await following;
    expect(new Set(asked.map(({ actionId }) => actionId)).size).toBe(5);
    const ids = events
      .filter(({ event }) => event === 'requires_action')
      .map(({ data }) => data.action.actionId);
    expect(ids).toEqual(asked.map(({ actionId }) => actionId));
    expect(countOf(events, 'resumed')).toBe(5);
    expect(events.at(-1)?.data.final.text).toContain('It is **22**');
    expect(events.map(({ id }) => id.split('-')[1])).toEqual(events.map((_, index) => String(index + 1)));
  });

  it('take one of two decisions made at once, and tell the other what it was (F31)', async () => {
    const user = newUser();
    const { streamId } = await user.at(one).start({ recording: RECORDING, tokensPerSecond: FAST });
    const { action } = await user.at(one).untilAsked(streamId);
    const answers = await Promise.all([
      user.at(two).decide(streamId, action, saying(action, 'approve')),
      user.at(three).decide(streamId, action, saying(action, 'reject')),
    ]);
    expect(answers.map(({ status }) => status).sort()).toEqual([202, 409]);
    const late = (await answers.find(({ status }) => status === 409)?.json()) as {
      error: { code: string; outcome: object };
    };
    const events = await user.at(one).follow(streamId);
    const { decisions } = events.find(({ event }) => event === 'resumed')?.data ?? {};
    expect(late.error).toMatchObject({ code: 'action_decided', outcome: { by: user.name, decisions } });
    expect(countOf(events, 'resumed')).toBe(1);
  });

  it('go on from a decision whose replica died right after it, and ask nobody again (F33)', async () => {
    const user = newUser();
    const { streamId } = await user.at(one).start({ recording: RECORDING, tokensPerSecond: FAST });
    const { action } = await user.at(one).untilAsked(streamId);
    const input = { actionId: action.actionId, by: 'a colleague', ...saying(action) };
    const dying = spawn(process.execPath, [DECIDE_AND_DIE, redisUrl, streamId, JSON.stringify(input)]);
    const [, signal] = await once(dying, 'exit');
    expect(signal).toBe('SIGKILL');
    const events = await user.at(two).follow(streamId);
    expectApproved(events, 'a colleague');
    const names = events.map(({ event }) => event);
    expect(names[names.indexOf('resumed') + 1]).toBe('recovered');
    expect(countOf(events, 'recovered')).toBe(1);
  });

  // The rest kill replicas: the last ones.
  it('go on as the dead one would have: before it could ask, and in the middle of what it was allowed', async () => {
    const user = newUser();
    const { streamId } = await user.at(chat).start({ recording: RECORDING, tokensPerSecond: 4 });
    const dying = await producingReplica(chat);
    const [other] = chat.replicas.filter(({ name }) => name !== dying.name) as [ChatReplica];
    await user.at(other).follow(streamId, { enough: ({ id }) => id.endsWith('-4') });
    process.kill(dying.pid, 'SIGKILL');
    const { events, action } = await user.at(other).untilAsked(streamId);
    expect(countOf(events, 'recovered')).toBe(1);
    expect(providerEvents(events)).toEqual(recordedEvents(RECORDING));
    expect((await user.at(chat).decide(streamId, action, saying(action))).status).toBe(202);
    const both = [...recordedEvents(RECORDING), ...recordedEvents(NEXT)];
    const until = async (count: number) => {
      let seen = 0;
      return user
        .at(chat)
        .follow(streamId, { enough: ({ event }) => event === 'provider' && ++seen === count });
    };
    await until(recordedEvents(RECORDING).length + 3);
    process.kill((await producingReplica(chat)).pid, 'SIGKILL');
    await vi.waitFor(async () => {
      // The front cuts what was open through the dead one: a follower comes back.
      const events = await until(recordedEvents(RECORDING).length + 6);
      expect(providerEvents(events)).toEqual(both.slice(0, recordedEvents(RECORDING).length + 6));
      expect(countOf(events, 'recovered')).toBe(2);
    }, WAIT);
    // At 4 events a second the rest would take half a minute.
    await user.at(chat).post('/abort', { streamId });
  });
});

it('an approval outlives the process that asked, and can still expire (F30)', async () => {
  const env = { REDIS_URL: redisUrl, LEASE_MS: String(LEASE_MS) };
  const hasty = await startChat({ env: { ...env, APPROVAL_MS: '2500' } });
  const first = await startChat({ env });
  const user = newUser();
  const kept = await user.at(first).start({ recording: RECORDING, tokensPerSecond: FAST });
  const { action } = await user.at(first).untilAsked(kept.streamId);
  const doomed = await user.at(hasty).start({ recording: RECORDING, tokensPerSecond: FAST });
  await user.at(hasty).untilAsked(doomed.streamId);
  await Promise.all([hasty.kill(), first.kill()]);

  const next = await startChat({ env });
  const following = user.at(next).follow(doomed.streamId);
  expect(await user.at(next).json(`/status/${kept.streamId}`)).toMatchObject({ pendingAction: action });
  // The other one may have expired by now.
  expect(await user.at(next).json('/active')).toContainEqual(
    expect.objectContaining({ streamId: kept.streamId }),
  );
  expect((await user.at(next).decide(kept.streamId, action, saying(action))).status).toBe(202);
  expectApproved(await user.at(next).follow(kept.streamId), user.name);
  expect((await following).at(-1)).toMatchObject({ event: 'aborted', data: { code: 'expired' } });
  await vi.waitFor(async () => expect(await gauge(next, 'jobs_in_flight')).toBe(0), WAIT);
  expect(await next.stop()).toBe(0);
});
