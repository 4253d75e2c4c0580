import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import type { EventSourceMessage } from 'eventsource-parser';
import { EventSourceParserStream } from 'eventsource-parser/stream';
import { afterEach, expect, it } from 'vitest';
import { codeBlocks, ROOT, read } from './markdown.js';

const READY_MS = 15_000;
const LONGEST_START = 25;

const cleanups: (() => Promise<void> | void)[] = [];

afterEach(async () => {
  for (const cleanup of cleanups.splice(0).reverse()) await cleanup();
});

const programs = codeBlocks(read('README.md'), 'js').filter((code) => code.includes('listen('));

it('the README’s program starts as it stands, streams its answer, and lets it be resumed', async () => {
  const [program] = programs;
  expect(program?.split('\n').filter((line) => line !== '').length).toBeLessThanOrEqual(LONGEST_START);
  const url = `http://localhost:${await run(program ?? '')}/api/chat`;

  const { streamId } = (await (await fetch(url, { method: 'POST' })).json()) as { streamId: string };
  const events = await follow(`${url}/stream/${streamId}`);
  expect(events.map(({ event }) => event)).toEqual(['created', 'text', 'text', 'text', 'text', 'completed']);
  expect(textOf(events)).toBe('Once upon a time.');

  const [, , second] = events;
  const rest = await follow(`${url}/stream/${streamId}`, { 'last-event-id': second?.id ?? '' });
  expect(rest).toEqual(events.slice(3));
  const [sync] = await follow(`${url}/stream/${streamId}?resume=true`);
  expect(JSON.parse(sync?.data ?? '')).toMatchObject({ content: { text: 'Once upon a time.' } });
  const atEnd = await fetch(`${url}/stream/${streamId}`, {
    headers: { 'last-event-id': events.at(-1)?.id ?? '' },
  });
  expect(atEnd.status).toBe(204);
});

it.each([
  ['approve', { decision: 'approve' }, 'Sent to bob.'],
  ['edit', { decision: 'edit', arguments: { to: 'eve' } }, 'Sent to eve.'],
  ['reject', { decision: 'reject', reason: 'too early' }, 'Not sent.'],
])(
  'the README’s program that asks starts as it stands, and goes on after a decision: %s',
  async (_, decision, said) => {
    const [, program] = programs;
    const url = `http://localhost:${await run(program ?? '')}/api/chat`;
    const post = async (path: string, body?: object) => {
      const headers = { 'content-type': 'application/json' };
      const response = await fetch(`${url}${path}`, { method: 'POST', headers, body: JSON.stringify(body) });
      const answer = (await response.json()) as { streamId: string; error: { code: string } };
      return { status: response.status, body: answer };
    };
    const { streamId } = (await post('')).body;
    const events: EventSourceMessage[] = [];
    for await (const event of await opened(`${url}/stream/${streamId}`)) {
      events.push(event);
      if (event.event !== 'requires_action') continue;
      const { actionId, payloadDigest } = JSON.parse(event.data).action;
      const decisions = [{ id: 'call-1', ...decision }];
      const tooLong = [{ id: 'call-1', decision: 'reject', reason: 'x'.repeat(501) }];
      const refused = await post('/resume', { streamId, actionId, payloadDigest, decisions: tooLong });
      expect([refused.status, refused.body.error.code]).toEqual([403, 'action_refused']);
      expect((await post('/resume', { streamId, actionId, payloadDigest, decisions })).status).toBe(202);
    }
    expect(events.map(({ event }) => event)).toEqual([
      ...['created', 'text', 'requires_action', 'resumed', 'text', 'completed'],
    ]);
    expect(textOf(events)).toBe(`I would write to Bob. ${said}`);
    expect(JSON.stringify(events)).not.toContain('build the run again');
  },
);

it.each(codeBlocks(read('README.md'), 'js'))('a program in the README is one: %#', async (code) => {
  const folder = temporaryFolder();
  writeFileSync(join(folder, 'block.mjs'), code);
  const check = spawn(process.execPath, ['--check', join(folder, 'block.mjs')], { stdio: 'ignore' });
  expect(await once(check, 'exit')).toEqual([0, null]);
});

/** Below the package, so that the program finds it, and what it depends on, by name. */
function temporaryFolder(): string {
  const parent = join(ROOT, '.cache');
  mkdirSync(parent, { recursive: true });
  const folder = mkdtempSync(join(parent, 'readme-'));
  cleanups.push(() => rmSync(folder, { recursive: true, force: true }));
  return folder;
}

/** Runs the program as a process of its own; resolves with the port it prints. */
async function run(program: string): Promise<number> {
  const file = join(temporaryFolder(), 'start.mjs');
  writeFileSync(file, program);
  const child = spawn(process.execPath, [file], { env: { ...process.env, PORT: '0' } });
  cleanups.push(() => end(child));
  let output = '';
  return new Promise((resolve, reject) => {
    const fail = () => reject(new Error(`the program is not ready; it printed:\n${output}`));
    const late = setTimeout(fail, READY_MS);
    const hear = (chunk: Buffer) => {
      output += chunk;
      if (!/^\d+\n/.test(output)) return;
      clearTimeout(late);
      resolve(Number.parseInt(output, 10));
    };
    child.stdout.on('data', hear);
    child.stderr.on('data', hear);
    child.once('exit', () => {
      clearTimeout(late);
      fail();
    });
  });
}

async function end(child: ChildProcess): Promise<void> {
  if (child.exitCode !== null || child.signalCode !== null) return;
  const exited = once(child, 'exit');
  child.kill('SIGKILL');
  await exited;
}

async function opened(url: string, headers: Record<string, string> = {}) {
  const response = await fetch(url, { headers });
  expect(response.status).toBe(200);
  const text = response.body?.pipeThrough(new TextDecoderStream());
  return text?.pipeThrough(new EventSourceParserStream()) ?? [];
}

async function follow(url: string, headers: Record<string, string> = {}) {
  const events: EventSourceMessage[] = [];
  for await (const event of await opened(url, headers)) events.push(event);
  return events;
}

function textOf(events: readonly { event?: string | undefined; data: string }[]): string {
  return events
    .filter(({ event }) => event === 'text')
    .map(({ data }) => JSON.parse(data).text)
    .join('');
}
