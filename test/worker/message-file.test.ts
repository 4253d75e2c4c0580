import {
  appendFileSync,
  existsSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  rmSync,
  statSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { basename, dirname, join } from 'node:path';
import { createStreamServices, GenerationJobManager, type Hooks } from 'generation-jobs';
import { messageContent } from 'generation-jobs/content';
import { createMessageFile, type MessageFileOptions } from 'generation-jobs/worker';
import { afterEach, describe, expect, it, vi } from 'vitest';
import type { ErrorReport } from '../../src/stream/model/error-report.js';

const folders: string[] = [];
const managers: GenerationJobManager[] = [];
afterEach(async () => {
  await Promise.all(managers.splice(0).map((manager) => manager.close()));
  for (const folder of folders.splice(0)) rmSync(folder, { recursive: true });
});

function stage(options: Partial<MessageFileOptions> = {}, own: Hooks = {}) {
  const folder = mkdtempSync(join(tmpdir(), 'messages-'));
  folders.push(folder);
  const file = createMessageFile({ folder, ...options });
  const errors: ErrorReport[] = [];
  const manager = new GenerationJobManager({
    ...createStreamServices(),
    contentModels: [messageContent()],
    options: { progressMs: 100, settleBackoffMs: 100 },
    hooks: { ...file.saving(own), onError: (report) => void errors.push(report) },
  });
  managers.push(manager);
  let streams = 0;
  const start = async (question: unknown = 'Why?', more: object = {}) => {
    const streamId = `s-${++streams}`;
    const given = {
      streamId,
      userId: 'ada',
      conversationId: 'c',
      contentModel: 'message',
      created: question,
    };
    const { job } = await manager.createJob({ ...given, ...more });
    if (job === undefined) throw new Error('The stream was taken.');
    return job;
  };
  const read = () => file.read({ conversationId: 'c' });
  const path = () => {
    const [tenant = ''] = readdirSync(folder);
    const name = readdirSync(join(folder, tenant)).find((one) => one.endsWith('.jsonl')) ?? '';
    return join(folder, tenant, name);
  };
  return { folder, file, manager, start, read, path, errors };
}

const until = <Value>(look: () => Value | Promise<Value>) => vi.waitUntil(look, { timeout: 60_000 });

it('writes what grows, marked so, and the whole message at its end', async () => {
  const { start, read, manager, file } = stage({ writeMs: 100 });
  const job = await start();
  await job.emit({ event: 'status', data: { id: 's', text: 'preparing' } });
  await job.emit({ event: 'text', data: { text: 'Be' } });
  await job.flush();
  const growing = await until(async () => (await read()).messages[1]);
  expect(growing).toMatchObject({ role: 'assistant', _streaming: true });
  expect(await file.list()).toMatchObject([{ isStreaming: true, messages: 2 }]);
  await job.emit({ event: 'text', data: { text: 'cause.' } });
  await job.complete();
  expect(await manager.settled(job.streamId, { timeoutMs: 60_000 })).toBe('settled');
  const { messages, damaged } = await read();
  expect(damaged).toBe(0);
  expect(messages).toMatchObject([
    {
      id: `s-1/${job.generation}/user`,
      role: 'user',
      content: 'Why?',
      parts: [{ type: 'text', text: 'Why?' }],
    },
    {
      ...{ id: `s-1/${job.generation}`, role: 'assistant', content: 'Because.', end: 'completed' },
      parts: [
        { type: 'status', state: 'done' },
        { type: 'text', text: 'Because.' },
      ],
    },
  ]);
});

it('writes no more than once in its time, and once at the end', async () => {
  const heard: string[] = [];
  const own: Hooks = { onProgress: () => void heard.push(readFileSync(path(), 'utf8')) };
  const { start, path, manager, read } = stage({ writeMs: 600_000 }, own);
  const job = await start();
  for (let at = 0; heard.length < 5; at++) {
    await job.emit({ event: 'text', data: { text: `${at} ` } });
    await job.flush();
    const before = heard.length;
    await until(() => heard.length > before);
  }
  expect(new Set(heard).size).toBe(1);
  await job.emit({ event: 'text', data: { text: 'the end' } });
  await job.complete();
  await manager.settled(job.streamId, { timeoutMs: 60_000 });
  expect((await read()).messages[1]?.content).toContain('the end');
});

it('writes a pause at once, with what is asked, however recent the last write is', async () => {
  const { start, read } = stage({ writeMs: 600_000 });
  const job = await start();
  await job.emit({ event: 'text', data: { text: 'May I?' } });
  await job.flush();
  await until(async () => (await read()).messages.length === 2);
  await job.emit({ event: 'tool', data: { id: 't', name: 'run' } });
  await job.pause({ type: 'tool_approval', requests: [{ id: 't', name: 'run', arguments: {} }] });
  const isAsked = async () => (await read()).messages[1]?.parts.some((part) => 'approval' in part);
  await until(isAsked);
});

it('writes user messages once, by their ids, and answers of several streams into one conversation', async () => {
  const { start, read, manager } = stage();
  for (const question of [
    { id: 'm-1', text: 'One?' },
    { id: 'm-1', text: 'One?' },
    { id: 'm-2', content: 'Two?' },
  ]) {
    const job = await start(question);
    await job.emit({ event: 'text', data: { text: 'Yes.' } });
    await job.complete();
    await manager.settled(job.streamId, { timeoutMs: 60_000 });
  }
  const { messages } = await read();
  expect(messages.filter(({ role }) => role === 'user').map(({ id, content }) => [id, content])).toEqual([
    ['m-1', 'One?'],
    ['m-2', 'Two?'],
  ]);
  expect(messages.filter(({ role }) => role === 'assistant')).toHaveLength(3);
});

it('keeps an empty answer out, and takes out one that has grown to nothing', async () => {
  const { start, read, manager } = stage();
  const job = await start();
  await job.emit({ event: 'status', data: { id: 's', text: 'preparing' } });
  await job.flush();
  await until(async () => (await read()).messages.length === 2);
  await manager.abortJob(job.streamId);
  await manager.settled(job.streamId, { timeoutMs: 60_000 });
  expect((await read()).messages).toMatchObject([{ role: 'user' }]);
});

it('says how an answer has ended, and nothing of it is under way then', async () => {
  const { start, read, manager } = stage();
  const job = await start();
  await job.emit({ event: 'text', data: { text: 'Half' } });
  await job.emit({ event: 'status', data: { id: 's', text: 'compacting' } });
  await job.fail({ code: 'agent_lost', message: 'Gone.' });
  await manager.settled(job.streamId, { timeoutMs: 60_000 });
  expect((await read()).messages[1]).toMatchObject({ end: 'agent_lost', parts: [{}, { state: 'done' }] });
  expect((await read()).messages[1]).not.toHaveProperty('_streaming');
});

describe('damage', () => {
  it('leaves lines that are none where they are, and fields of others as they are', async () => {
    const { start, read, path, manager } = stage();
    const first = await start();
    await first.emit({ event: 'text', data: { text: 'One.' } });
    await first.complete();
    await manager.settled(first.streamId, { timeoutMs: 60_000 });
    const rated = JSON.parse(readFileSync(path(), 'utf8').split('\n')[0] ?? '');
    const [, answer] = readFileSync(path(), 'utf8').split('\n');
    writeFileSync(path(), `${JSON.stringify({ ...rated, rating: 5 })}\n{"half\n${answer}\n`);
    appendFileSync(path(), '[1]\n{"id":7}');
    const second = await start();
    await second.complete();
    await manager.settled(second.streamId, { timeoutMs: 60_000 });
    const { messages, damaged } = await read();
    expect(damaged).toBe(3);
    expect(messages).toMatchObject([{ rating: 5 }, { content: 'One.' }, { role: 'user' }]);
    expect(readFileSync(path(), 'utf8')).toContain('\n{"half\n');
  });

  it('makes an index again that is damaged or lost', async () => {
    const { start, file, folder, path, manager } = stage();
    const job = await start('A question\nof two lines', { metadata: { title: 'A title' } });
    await job.emit({ event: 'text', data: { text: 'Yes.' } });
    await job.complete();
    await manager.settled(job.streamId, { timeoutMs: 60_000 });
    const listed = await until(async () => (await file.list())[0]);
    expect(listed).toMatchObject({
      conversationId: 'c',
      userId: 'ada',
      title: 'A title',
      messages: 2,
      isStreaming: false,
    });
    writeFileSync(join(path(), '..', 'index.json'), '{"conv');
    expect(await file.list()).toMatchObject([{ conversationId: 'c', title: 'A question', messages: 2 }]);
    expect(readdirSync(folder)).toEqual(['no-tenant']);
  });

  it('makes an index again whose entries are none, without what can’t be read', async () => {
    const { start, file, path, manager } = stage({ fileBytes: 64 * 1024 });
    const job = await start('A question');
    await job.complete();
    await manager.settled(job.streamId, { timeoutMs: 60_000 });
    const folder = dirname(path());
    mkdirSync(join(folder, 'no-file.jsonl'));
    writeFileSync(join(folder, 'large.jsonl'), 'x'.repeat(70_000));
    for (const damaged of ['{"conversations":{"x":null}}', '{"conversations":[{}]}', '[]', '']) {
      writeFileSync(join(folder, 'index.json'), damaged);
      expect(await file.list()).toMatchObject([{ title: 'A question', messages: 1 }]);
    }
    const second = await start('Another');
    await second.complete();
    await manager.settled(second.streamId, { timeoutMs: 60_000 });
    expect(await file.list()).toMatchObject([{ title: 'A question', messages: 2 }]);
  });

  it('lists the newest, so that the list has an end', async () => {
    const { start, file, path, manager } = stage();
    const complete = async (more: object) => {
      const job = await start('Why?', more);
      await job.complete();
      await manager.settled(job.streamId, { timeoutMs: 60_000 });
    };
    await complete({});
    const index = join(dirname(path()), 'index.json');
    const [entry] = await file.list();
    const older = Array.from({ length: 10_000 }, (_, at) => ({ ...entry, file: `${at}`, updatedAt: at }));
    writeFileSync(
      index,
      JSON.stringify({ conversations: Object.fromEntries(older.map((one) => [one.file, one])) }),
    );
    await complete({ conversationId: 'newest' });
    const listed = await file.list();
    expect(listed).toHaveLength(10_000);
    expect(listed[0]).toMatchObject({ conversationId: 'newest' });
    expect(listed.at(-1)).toMatchObject({ file: '1' });
  });

  it('writes nothing through a link that somebody has put in its way', async () => {
    const { start, file, path, manager, read } = stage();
    const first = await start();
    await first.complete();
    await manager.settled(first.streamId, { timeoutMs: 60_000 });
    const turns = join(dirname(path()), 'turns', basename(path()));
    const victim = join(dirname(path()), 'victim');
    writeFileSync(victim, 'as it was');
    const next = Math.max(...readdirSync(turns).map(Number)) + 1;
    symlinkSync(victim, join(turns, `${next}.part`));
    const second = await start('Again?');
    await second.complete();
    await manager.settled(second.streamId, { timeoutMs: 60_000 });
    expect(readFileSync(victim, 'utf8')).toBe('as it was');
    expect((await read()).messages).toHaveLength(2);
    expect(await file.list()).toMatchObject([{ messages: 2 }]);
  });

  it('a file beyond its bound is not written, and the settlement is tried again', async () => {
    const { start, path, manager, errors, read } = stage({ fileBytes: 64 * 1024 });
    const first = await start();
    await first.complete();
    await manager.settled(first.streamId, { timeoutMs: 60_000 });
    const before = readFileSync(path(), 'utf8');
    const second = await start();
    await second.emit({ event: 'text', data: { text: 'x'.repeat(70_000) } });
    await second.complete();
    await until(() => errors.some(({ where }) => where === 'settle'));
    expect(errors.find(({ where }) => where === 'settle')?.error).toMatchObject({ code: 'limit_exceeded' });
    expect(readFileSync(path(), 'utf8').startsWith(before)).toBe(true);
    expect((await read()).messages.some(({ content }) => content.length > 1_000)).toBe(false);
  });
});

it('a progress that comes late changes nothing of a final message', async () => {
  const { start, read, file, manager } = stage();
  const job = await start();
  await job.emit({ event: 'text', data: { text: 'All.' } });
  await job.complete();
  await manager.settled(job.streamId, { timeoutMs: 60_000 });
  const record = await manager.getJob(job.streamId);
  const content = { parts: [{ type: 'text', text: 'Old' }] };
  const late = { record, content, sequence: 2, signal: new AbortController().signal };
  await file.saving().onProgress?.(late as never);
  expect((await read()).messages[1]).toMatchObject({ content: 'All.', end: 'completed' });
});

it('a progress that comes late brings back no answer that has ended as none', async () => {
  const { start, read, file, manager } = stage({}, {});
  const saving = file.saving();
  const job = await start(null);
  await job.emit({ event: 'status', data: { id: 's', text: 'preparing' } });
  await job.flush();
  await until(async () => (await read()).messages.length === 1);
  expect(await file.list()).toMatchObject([{ messages: 1, isStreaming: true }]);
  await manager.abortJob(job.streamId);
  await manager.settled(job.streamId, { timeoutMs: 60_000 });
  const record = await manager.getJob(job.streamId);
  const content = { parts: [{ type: 'status', id: 's', text: 'preparing', state: 'active' }] };
  const late = { record, content, sequence: 2, signal: new AbortController().signal };
  await saving.onProgress?.(late as never);
  expect((await read()).messages).toEqual([]);
  expect(await file.list()).toEqual([]);
});

it('calls that were at work when their generation broke off have failed; those that a client runs have not', async () => {
  const { start, read, manager } = stage();
  const emit = async (job: Awaited<ReturnType<typeof start>>) => {
    await job.emit({ event: 'tool', data: { id: 't', name: 'run', input: {} } });
    await job.emit({ event: 'tool', data: { id: 'u', name: 'look', input: {}, parent: 't' } });
  };
  const [broken, whole] = [await start('One?'), await start('Two?')];
  await emit(broken);
  await broken.fail({ code: 'agent_killed', message: 'Gone.' });
  await manager.settled(broken.streamId, { timeoutMs: 60_000 });
  await emit(whole);
  await whole.complete();
  await manager.settled(whole.streamId, { timeoutMs: 60_000 });
  const answers = (await read()).messages.filter(({ role }) => role === 'assistant');
  const cut = { state: 'failed', error: 'It did not come to an end.' };
  expect(answers[0]?.parts).toMatchObject([{ id: 't', ...cut, parts: [{ id: 'u', ...cut }] }]);
  expect(answers[1]?.parts).toMatchObject([{ id: 't', state: 'running', parts: [{ state: 'running' }] }]);
});

it('what is written is for its owner alone', async () => {
  const { start, manager, path } = stage();
  const job = await start();
  await job.complete();
  await manager.settled(job.streamId, { timeoutMs: 60_000 });
  const folder = dirname(path());
  const modeOf = (...names: string[]) => (statSync(join(folder, ...names)).mode & 0o777).toString(8);
  expect([modeOf(), modeOf(basename(path())), modeOf('index.json')]).toEqual(['700', '600', '600']);
  const turns = ['turns', basename(path())];
  const files = readdirSync(join(folder, ...turns));
  expect(files).toHaveLength(1);
  expect([modeOf(...turns), modeOf(...turns, files[0] ?? '')]).toEqual(['700', '600']);
});

it('removes a conversation that has become too large to be read; of one that is not there it makes no folder', async () => {
  const { start, file, manager, path, folder } = stage({ fileBytes: 64 * 1024 });
  const job = await start();
  await job.complete();
  await manager.settled(job.streamId, { timeoutMs: 60_000 });
  appendFileSync(path(), 'x'.repeat(70_000));
  await expect(file.read({ conversationId: 'c' })).rejects.toMatchObject({ code: 'limit_exceeded' });
  expect(await file.remove({ conversationId: 'c' })).toBe(true);
  expect(await file.list()).toEqual([]);
  expect(await file.remove({ conversationId: 'c', tenantId: 'none' })).toBe(false);
  expect(existsSync(folder) && readdirSync(folder)).toEqual(['no-tenant']);
});

it('the host’s own hooks are called as well, after the write', async () => {
  const settled: string[] = [];
  const own: Hooks = { settle: ({ settlementId }) => void settled.push(settlementId) };
  const { start, manager } = stage({}, own);
  const job = await start();
  await job.complete();
  await manager.settled(job.streamId, { timeoutMs: 60_000 });
  expect(settled).toHaveLength(1);
});

it('ids of any kind have a file of their own, in a folder of their tenant', async () => {
  const { start, file, manager } = stage();
  const ids = ['../../etc/passwd', 'A', 'a', 'ä'.repeat(200), 'c/d', '.'];
  for (const conversationId of ids) {
    const job = await start(`of ${conversationId}`, { conversationId, tenantId: 'acme' });
    await job.complete();
    await manager.settled(job.streamId, { tenantId: 'acme', timeoutMs: 60_000 });
  }
  for (const conversationId of ids) {
    const { messages } = await file.read({ conversationId, tenantId: 'acme' });
    expect(messages).toMatchObject([{ content: `of ${conversationId}` }]);
  }
  expect(await file.list({ tenantId: 'acme' })).toHaveLength(ids.length);
  expect(await file.list()).toEqual([]);
  expect(await file.remove({ conversationId: 'A', tenantId: 'acme' })).toBe(true);
  expect(await file.remove({ conversationId: 'A', tenantId: 'acme' })).toBe(false);
  expect((await file.read({ conversationId: 'A', tenantId: 'acme' })).messages).toEqual([]);
  expect(await file.list({ tenantId: 'acme' })).toHaveLength(ids.length - 1);
});
