/**
 * Chats of the AI SDK on two replicas, which are processes, over one Redis: what one began the other resumes, stops, decides and,
 * when the first is killed, goes on with.
 */
import { type ChildProcess, fork } from 'node:child_process';
import { once } from 'node:events';
import { fileURLToPath } from 'node:url';
import * as ai from 'ai';
import { afterAll, afterEach, beforeAll, expect, it } from 'vitest';
import { openPage } from '../ai-sdk/chat-page.js';
import { RedisServer } from '../support/redis-server.js';
import { NOTHING_LAPSES, REDIS_OPTIONS, TIMES, until } from './replicas.js';

const PROGRAM = fileURLToPath(new URL('chat-replica.mjs', import.meta.url));

let server: RedisServer;
let replicas: ChildProcess[] = [];
let stages = 0;
beforeAll(async () => {
  server = await RedisServer.start();
});
afterAll(() => server.stop());
afterEach(async () => {
  for (const replica of replicas) replica.kill('SIGKILL');
  await Promise.all(replicas.map((one) => one.exitCode ?? one.signalCode ?? once(one, 'exit')));
  replicas = [];
});

interface Stage {
  readonly recovers?: boolean;
  readonly dies?: boolean;
  readonly times?: object;
}

interface Replica {
  readonly process: ChildProcess;
  readonly api: string;
}

async function replica(config: object, ...more: string[]): Promise<Replica> {
  const child = fork(PROGRAM, [JSON.stringify({ port: server.port, ...config }), ...more]);
  replicas.push(child);
  const died = once(child, 'exit').then(([code]) => {
    throw new Error(`A replica has ended with ${code}.`);
  });
  died.catch(() => {}); // told while it is waited for; later it is the test that kills it
  const [{ port }] = (await Promise.race([once(child, 'message'), died])) as [{ port: number }];
  return { process: child, api: `http://127.0.0.1:${port}/api/chat` };
}

/** For tests that kill a replica: its lease lapses soon, and not by itself on a busy machine. */
const LAPSES = {
  options: { ...TIMES, leaseMs: 3_000, renewMs: 700 },
  redisOptions: { ...REDIS_OPTIONS, timeoutMs: 1_400 },
};

/** Two replicas of one service; with `recovers`, each goes on with what the other has left. */
async function two({ recovers = true, dies = false, times = {} }: Stage = {}) {
  const config = { ...NOTHING_LAPSES, ...times, keyPrefix: `chats-${++stages}:`, recovers };
  const one = await replica(config, ...(dies ? ['dies'] : []));
  return { one, other: await replica(config), keyPrefix: config.keyPrefix };
}

const kill = async ({ process: child }: Replica) => {
  child.kill('SIGKILL');
  await once(child, 'exit');
};

/** Resumes as a page does whose link has broken: again and again, until it is told what there is now. */
async function resumedWhen(tab: ReturnType<typeof openPage>, text: string): Promise<void> {
  let isBegun = false;
  while (!isBegun) {
    await tab.resumeStream();
    isBegun = tab.text.startsWith(text);
  }
}

it('an answer begun on one replica is resumed on the other, and stopped there', async () => {
  const { one, other } = await two();
  const page = openPage({ ai, api: one.api });
  const sent = page.sendMessage({ text: 'Tell me' });
  await until(() => page.text === 'Half of it, ', 'the first words');
  const tab = openPage({ ai, api: other.api, messages: page.messages.slice(0, 1) });
  const resumed = tab.resumeStream();
  await until(() => tab.text === page.text, 'the same words');
  expect(tab.lastMessage?.id).toBe(page.lastMessage?.id);
  const stopped = await fetch(`${other.api}/chat-1/stop`, {
    method: 'POST',
    headers: { 'x-session': 'ann', 'content-type': 'application/json' },
    body: JSON.stringify({ messageId: tab.lastMessage?.id }),
  });
  expect(stopped.status).toBe(200);
  await Promise.all([sent, resumed]);
  expect([page.status, page.text, tab.status, tab.text]).toEqual(['ready', page.text, 'ready', page.text]);
});

it('a question asked on one replica is decided on the other, once', async () => {
  const { one, other, keyPrefix } = await two();
  const page = openPage({ ai, api: one.api });
  await page.sendMessage({ text: 'Mail bob' });
  const tab = openPage({ ai, api: other.api, messages: page.messages.slice(0, 1) });
  await tab.resumeStream();
  const decide = (from: typeof page) =>
    from.addToolApprovalResponse({ id: from.calls[0]?.approval?.id ?? '', approved: true });
  await Promise.all([decide(page), decide(tab)]);
  for (const { process: child } of [one, other]) child.send('open');
  await until(
    () => [page, tab].every(({ text, status }) => text === 'It is sent.' && status === 'ready'),
    'both tell',
  );
  expect([page.calls, tab.calls]).toMatchObject([[{ output: 'sent' }], [{ output: 'sent' }]]);
  const redis = server.connect();
  expect(await redis.llen(`${keyPrefix}sent`)).toBe(1);
  redis.disconnect();
});

it('an answer whose replica is killed is begun anew by the other, in the same message', async () => {
  const { one, other } = await two({ times: LAPSES });
  const page = openPage({ ai, api: one.api });
  const sent = page.sendMessage({ text: 'Tell me' });
  await until(() => page.text === 'Half of it, ', 'the first words');
  const tab = openPage({ ai, api: other.api, messages: page.messages.slice(0, 1) });
  const resumed = tab.resumeStream();
  await until(() => tab.text === page.text, 'the same words');
  await kill(one);
  // What was said can't be taken back in a live chat: its response breaks off, and its next resume has the new attempt.
  await Promise.all([sent, resumed]);
  expect([page.status, tab.status]).toEqual(['error', 'error']);
  const { id } = page.lastMessage ?? {};
  const again = resumedWhen(tab, 'Begun ');
  await until(() => tab.text === 'Begun ', 'it is begun anew');
  other.process.send('open');
  await again;
  expect([tab.status, tab.text, tab.lastMessage?.id]).toEqual(['ready', 'Begun anew.', id]);
  expect(tab.messages).toHaveLength(2);
});

it('an answer that is lost for good ends with an error, for who follows it and for who comes later', async () => {
  const { one, other } = await two({ recovers: false, times: LAPSES });
  const page = openPage({ ai, api: one.api });
  const sent = page.sendMessage({ text: 'Tell me' });
  await until(() => page.text === 'Half of it, ', 'the first words');
  const tab = openPage({ ai, api: other.api, messages: page.messages.slice(0, 1) });
  const resumed = tab.resumeStream();
  await until(() => tab.text === page.text, 'the same words');
  await kill(one);
  await Promise.all([sent, resumed]);
  expect([tab.status, tab.text]).toEqual(['error', 'Half of it, ']);
  expect(tab.error).not.toBeInstanceOf(TypeError);
});

it('a replica that dies behind a decision asks nobody again: the other goes on with what was decided', async () => {
  const { one, other, keyPrefix } = await two({ dies: true, times: LAPSES });
  const page = openPage({ ai, api: one.api });
  await page.sendMessage({ text: 'Mail bob' });
  await page.addToolApprovalResponse({ id: page.calls[0]?.approval?.id ?? '', approved: true });
  await until(() => page.status === 'error', 'the response broke off');
  const tab = openPage({ ai, api: other.api, messages: page.messages.slice(0, 1) });
  const resumed = resumedWhen(tab, 'It is ');
  await until(() => tab.text === 'It is ', 'it is gone on with');
  other.process.send('open');
  await resumed;
  expect([tab.status, tab.text]).toEqual(['ready', 'It is sent.']);
  expect(tab.calls).toMatchObject([{ state: 'output-available', output: 'sent' }]);
  const redis = server.connect();
  expect(new Set(await redis.lrange(`${keyPrefix}sent`, 0, -1)).size, 'both replicas used the tool').toBe(2);
  redis.disconnect();
});
