/**
 * The example with an agent that is a command (`--cli`): the command itself where it is on the PATH, and otherwise a stand-in
 * that prints its lines; in the server, or beside a worker.
 */
import { chmod, mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, expect, it, onTestFinished } from 'vitest';
import type { ChatContent } from '../../examples/chat/page/content/chat-content.js';
import { answerFor, refused, wordsFor } from '../../examples/chat/standing-in/words.js';
import { ChatClient } from '../support/chat-client.js';
import { type ChatProcess, startChat, workerOf } from '../support/chat-process.js';

const PROMPT = 'What is -in the folder?';
const FAST = { text: PROMPT, tokensPerSecond: 1_000_000 };
/** A death that is noticed within a test is not noticed by this. */
const LONG_LEASE = { WORKER_LEASE_MS: '3600000' };

/** The PATH of the servers: nothing is on it but what a test puts there. */
let path: string;
beforeAll(async () => {
  path = await mkdtemp(join(tmpdir(), 'chat-path-'));
});
afterAll(() => rm(path, { recursive: true }));

async function startWith(...args: string[]): Promise<{ chat: ChatProcess; user: ChatClient }> {
  const chat = await startChat({
    args,
    env: { ...LONG_LEASE, PATH: path, RUN_TOKEN_SECRET: 'x'.repeat(32) },
  });
  onTestFinished(async () => {
    expect(await chat.stop()).toBe(0);
  });
  return { chat, user: new ChatClient(chat.url, 'ada') };
}

const contentOf = async (user: ChatClient, streamId: string) =>
  (await user.json<{ content: ChatContent }>(`/status/${streamId}`)).content;

/** The text of an answer that has completed, as a page that is opened later gets it. */
async function answered(user: ChatClient, streamId: string, after?: string): Promise<string> {
  const events = await user.follow(streamId, after === undefined ? {} : { after });
  expect(events.at(-1)?.event).toBe('completed');
  return (await contentOf(user, streamId)).text;
}

it.each(['codex', 'gemini-cli', 'opencode', 'pi'])(
  '%s is not there: a stand-in prints its lines, and says so in the console, on the page and in its answer',
  async (name) => {
    const { chat, user } = await startWith('--cli', name);
    expect(chat.output()).toMatch(
      /^chat: \w+ is not on the PATH: a stand-in of the example prints the lines of/m,
    );
    const { liveModel } = await user.json<{ liveModel: string }>('/recordings');
    expect(liveModel).toBe(`${name} (a stand-in)`);
    const { streamId } = await user.start(FAST);
    expect(await answered(user, streamId)).toBe(answerFor(name, PROMPT));
    const { text, tools, reasoning, status } = await contentOf(user, streamId);
    expect(text).toContain(`This is a stand-in for **${name}**`);
    expect(tools).toMatchObject([
      { detail: 'ls', isDone: true, at: wordsFor(name, PROMPT).before.join('').length },
    ]);
    expect(reasoning).toBe(['codex', 'pi'].includes(name) ? wordsFor(name, PROMPT).thought : '');
    expect(status ?? '').toBe('');
  },
);

it.each([
  { where: 'in the server', args: [] },
  { where: 'beside a worker', args: ['--worker'] },
])('claude-code $where asks before it calls a tool, and hears the decision', async ({ args }) => {
  const { user } = await startWith('--cli', 'claude-code', ...args);
  for (const decision of ['approve', 'reject'] as const) {
    const { streamId } = await user.start(FAST);
    const { events, action } = await user.untilAsked(streamId);
    const [request] = action.requests;
    expect(request).toMatchObject({ name: 'Bash', arguments: { command: 'ls' } });
    const reason = decision === 'reject' ? { reason: 'not here' } : {};
    const said = { decisions: [{ id: request?.id ?? '', decision, ...reason }] };
    expect((await user.decide(streamId, action, said)).ok).toBe(true);
    const { before, after } = wordsFor('claude-code', PROMPT);
    const whole = [...before, refused('not here'), ...after.slice(1)].join('');
    const asked = events.at(-1)?.id;
    expect(await answered(user, streamId, asked)).toBe(
      decision === 'approve' ? answerFor('claude-code', PROMPT) : whole,
    );
  }
});

it('a worker killed while its agent answers: the answer fails by name at once, and the next one is whole', async () => {
  const { chat, user } = await startWith('--cli', 'gemini-cli', '--worker');
  const { streamId } = await user.start({ text: PROMPT });
  await user.follow(streamId, { enough: ({ event }) => event === 'text' });
  process.kill(await workerOf(chat), 'SIGKILL');
  const events = await user.follow(streamId);
  expect(events.at(-1)).toMatchObject({ event: 'failed', data: { code: 'agent_lost' } });
  const next = await user.start({ ...FAST, conversationId: streamId });
  expect(await answered(user, next.streamId)).toBe(answerFor('gemini-cli', PROMPT));
});

it('a worker killed while its agent waits for a decision: the question is taken back, and the answer fails by name', async () => {
  const { chat, user } = await startWith('--cli', 'claude-code', '--worker');
  const { streamId } = await user.start(FAST);
  const { events } = await user.untilAsked(streamId);
  process.kill(await workerOf(chat), 'SIGKILL');
  const rest = await user.follow(streamId, { after: events.at(-1)?.id ?? '' });
  expect(rest.map(({ event }) => event)).toEqual(['resumed', 'failed']);
  expect(rest[0]?.data).toMatchObject({ by: 'agent' });
  expect(rest[1]?.data).toMatchObject({ code: 'agent_lost' });
});

it('a command that is there is run, with the message as one argument and without the server’s secrets', async () => {
  const program = `#!${process.execPath}
const item = { id: 'item_0', type: 'agent_message', text: JSON.stringify([process.argv.slice(2), process.env.RUN_TOKEN_SECRET ?? null]) };
for (const line of [{ type: 'item.completed', item }, { type: 'turn.completed', usage: {} }]) console.log(JSON.stringify(line));
`;
  await writeFile(join(path, 'codex'), program);
  await chmod(join(path, 'codex'), 0o755);
  onTestFinished(() => rm(join(path, 'codex')));
  const { chat, user } = await startWith('--cli', 'codex');
  expect(chat.output()).toContain(`chat: ${join(path, 'codex')} answers as codex`);
  const { streamId } = await user.start({ text: `--help ${PROMPT}` });
  const args = ['exec', '--json', '--skip-git-repo-check', '--', `--help ${PROMPT}`];
  expect(await answered(user, streamId)).toBe(JSON.stringify([args, null]));
});

it.each([
  ['codx', 'codex'],
  ['claude', 'claude-code'],
  ['gemini', 'gemini-cli'],
  ['', 'pi'],
])('%j is refused by name, with the nearest right one', async (given, nearest) => {
  const started = startChat({ args: [`--cli=${given}`] });
  await expect(started).rejects.toThrow(
    `--cli: there is no ${JSON.stringify(given)} here; did you mean ${nearest}?`,
  );
});
