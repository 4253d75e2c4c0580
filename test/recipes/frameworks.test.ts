/**
 * The recipes that need frameworks, as they stand in docs/recipes.md, against the built package as it would be installed.
 */
import { spawn, spawnSync } from 'node:child_process';
import { once } from 'node:events';
import { cpSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { beforeAll, expect, it } from 'vitest';
import { blockMarked, blocks } from '../docs/programs.js';
import { freePort } from '../support/chat-process.js';
import { followed, opened, post, textOf } from '../support/following.js';
import { compile, programFolder, ROOT, startProgram, writeFiles } from '../support/programs.js';

const HERE = import.meta.dirname;
const MODULES = join(HERE, 'node_modules');
const STORY = 'Once upon a time there was an answer. ';
const model = blockMarked('file', 'model.ts').code;

beforeAll(() => {
  for (const part of ['dist', 'package.json'])
    cpSync(join(ROOT, part), join(MODULES, 'generation-jobs', part), { recursive: true });
});

it.each(['hono', 'fastify'])('the recipe for %s starts, streams, resumes and stops answers', async (name) => {
  const folder = programFolder(HERE);
  writeFiles(folder, { 'model.ts': model, 'server.ts': blockMarked('run', name).code });
  compile(folder);
  const { url } = await startProgram(join(folder, 'server.js'));
  await expectWholeService(`${url}/api/chat`);
});

it('the recipe for Next builds and serves, with one manager for all of its routes', async () => {
  const folder = programFolder(HERE);
  writeFiles(folder, { 'lib/model.ts': model, ...nextFiles() });
  const next = [join(MODULES, 'next', 'dist', 'bin', 'next')];
  const env = { ...process.env, NEXT_TELEMETRY_DISABLED: '1', NODE_ENV: undefined };
  const build = spawnSync(process.execPath, [...next, 'build'], { cwd: folder, env, encoding: 'utf8' });
  expect([build.status, build.stdout + build.stderr]).toEqual([0, expect.any(String)]);
  const port = await freePort();
  const server = await startProgram(next[0] ?? '', {}, ['start', '-p', `${port}`, '-H', 'localhost'], folder);
  await expectWholeService(`${server.url}/api/chat`);
  const messages = [{ id: 'user-1', role: 'user', parts: [{ type: 'text', text: 'A story' }] }];
  const told = await fetch(`${server.url}/api/ai`, {
    method: 'POST',
    headers: { 'content-type': 'application/json' },
    body: JSON.stringify({ id: 'chat-1', messages }),
  });
  const deltas = [...(await told.text()).matchAll(/"delta":"([^"]*)"/g)].map(([, delta]) => delta);
  expect(deltas.join('')).toBe(STORY);
  await server.end('SIGTERM');
});

it('the manager of the recipe for Next outlives a hot reload, and the answer that it is making', async () => {
  const folder = programFolder(HERE);
  const slow = model.replace('await pause(100', 'await pause(1_500');
  writeFiles(folder, { 'lib/model.ts': slow, ...nextFiles() });
  const port = await freePort();
  const dev = ['dev', '-p', `${port}`, '-H', 'localhost'];
  const file = join(MODULES, 'next', 'dist', 'bin', 'next');
  const server = await startProgram(file, { NEXT_TELEMETRY_DISABLED: '1' }, dev, folder);
  const api = `${server.url}/api/chat`;
  const { streamId } = (await post(api)).body;
  for (const changed of ['lib/jobs.ts', 'app/api/chat/[[...path]]/route.ts']) {
    const before = readFileSync(join(folder, changed), 'utf8');
    writeFileSync(join(folder, changed), `${before}\nexport const changed = '${changed}';\n`);
  }
  const events = await followed(`${api}/stream/${streamId}`);
  expect(events[0]?.event).toBe('created');
  expect(textOf(events)).toBe(STORY);
  expect(events.at(-1)?.event).toBe('completed');
  await server.end('SIGTERM');
});

it('the recipe’s test passes in Jest as well', async () => {
  const folder = programFolder(HERE);
  const story = blockMarked('vitest', 'story.test.ts').code.replace(/^import .* from 'vitest';\n/m, '');
  const globals =
    'declare const it: (title: string, test: () => unknown) => void;\ndeclare const expect: any;\n';
  writeFiles(folder, { 'model.ts': model, 'globals.d.ts': globals, 'story.test.ts': story });
  compile(folder);
  writeFiles(folder, { 'package.json': '{ "type": "module" }' });
  const jest = ['--experimental-vm-modules', join(MODULES, 'jest', 'bin', 'jest.js'), '--rootDir', folder];
  const child = spawn(process.execPath, [...jest, '--testMatch', '**/*.test.js', '--no-haste'], {
    cwd: folder,
  });
  let said = '';
  child.stderr.on('data', (chunk) => {
    said += chunk;
  });
  const [code] = await once(child, 'close');
  expect(said).toContain('1 passed');
  expect(code).toBe(0);
});

/** An answer followed to its end, found again, gone on with at a cursor, and another one stopped. */
async function expectWholeService(api: string): Promise<void> {
  const { streamId } = (await post(api)).body;
  const events = await followed(`${api}/stream/${streamId}`);
  expect(textOf(events)).toBe(STORY);
  expect(events.at(-1)?.event).toBe('completed');
  const rest = await followed(`${api}/stream/${streamId}`, { 'last-event-id': events[2]?.id ?? '' });
  expect(rest).toEqual(events.slice(3));
  expect(textOf(await followed(`${api}/stream/${streamId}?resume=true`))).toBe(STORY);
  expect((await fetch(`${api}/status/nothing-of-this-name`)).status).toBe(404);

  const second = (await post(api)).body.streamId;
  const stopped: string[] = [];
  for await (const { event = '' } of await opened(`${api}/stream/${second}`)) {
    stopped.push(event);
    if (stopped.length === 3) expect((await post(`${api}/abort`, { streamId: second })).status).toBe(200);
  }
  expect(stopped.at(-1)).toBe('aborted');
}

function nextFiles(): Record<string, string> {
  return Object.fromEntries(blocks.flatMap(({ marks, code }) => (marks.next ? [[marks.next, code]] : [])));
}
