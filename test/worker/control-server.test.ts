import { mkdir, mkdtemp, readdir, readFile, rm, stat, writeFile } from 'node:fs/promises';
import { request, Server } from 'node:http';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { FakeClock } from 'generation-jobs/testing';
import {
  type ControlServer,
  type ControlServerOptions,
  type DeadHook,
  startControlServer,
} from 'generation-jobs/worker';
import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';

let folder: string;
let portFile: string;
let log: { level: string; readonly levels: string[] };
let dead: DeadHook[];
let errors: unknown[];
const servers: ControlServer[] = [];

async function start(more: Partial<ControlServerOptions> = {}): Promise<ControlServer> {
  const server = await startControlServer({
    ...{ portFile, log, status: () => ({ waiting: 3 }) },
    onHookFatal: (report) => void dead.push(report),
    onError: (error) => void errors.push(error),
    ...more,
  });
  servers.push(server);
  return server;
}

interface Asked {
  readonly method?: string;
  readonly body?: string;
  readonly headers?: Readonly<Record<string, string>>;
}

/** By hand: `fetch` sets headers of its own. */
function ask({ port }: ControlServer, path: string, { method = 'GET', body, headers = {} }: Asked = {}) {
  return new Promise<{ status: number; body: unknown }>((resolve, reject) => {
    const type = body === undefined ? {} : { 'content-type': 'application/json' };
    const asked = request(
      { port, host: '127.0.0.1', path, method, headers: { ...type, ...headers } },
      (response) => {
        let text = '';
        response.on('data', (piece) => {
          text += piece;
        });
        response.on('end', () => resolve({ status: response.statusCode ?? 0, body: JSON.parse(text) }));
      },
    );
    asked.on('error', reject);
    asked.end(body);
  });
}

const post = (server: ControlServer, path: string, value: unknown, headers = {}) =>
  ask(server, path, { method: 'POST', body: JSON.stringify(value), headers });

beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), 'control-'));
  portFile = join(folder, 'run', 'port');
  log = { level: 'info', levels: ['debug', 'info', 'warn'] };
  dead = [];
  errors = [];
});
afterEach(async () => {
  for (const server of servers.splice(0)) await server.close();
  await rm(folder, { recursive: true });
});

describe('the control server of a worker', () => {
  it('says the level and those there are, and sets one of them', async () => {
    const server = await start();
    const levels = ['debug', 'info', 'warn'];
    expect(await ask(server, '/log-level')).toEqual({ status: 200, body: { level: 'info', levels } });
    const set = await post(server, '/log-level', { level: 'warn' });
    expect(set).toEqual({ status: 200, body: { level: 'warn', levels } });
    expect(log.level).toBe('warn');
    expect(await post(server, '/log-level', { level: 'wran' })).toMatchObject({
      status: 400,
      body: { error: { code: 'invalid_argument', message: expect.stringContaining('"warn"'), levels } },
    });
    expect(log.level).toBe('warn');
  });

  it('gives the status, and a hook’s death to the host, dated', async () => {
    const server = await start({ clock: new FakeClock() });
    expect(await ask(server, '/status')).toEqual({ status: 200, body: { waiting: 3 } });
    expect(await post(server, '/hook-fatal', { hook: 'finish', exitCode: 7, odd: [1] })).toMatchObject({
      status: 200,
    });
    await post(server, '/hook-fatal', { hook: 'finish', at: 5 });
    expect(dead).toEqual([
      { hook: 'finish', exitCode: 7, odd: [1], at: Date.UTC(2030, 0, 1) },
      { hook: 'finish', at: 5 },
    ]);
  });

  it('writes its port into a file for this user alone, as a whole, and takes it away', async () => {
    const server = await start();
    expect(await readFile(portFile, 'utf8')).toBe(`${server.port}\n`);
    expect((await stat(portFile)).mode & 0o777).toBe(0o600);
    expect(await readdir(join(folder, 'run'))).toEqual(['port']);
    await server.close();
    expect(await readdir(join(folder, 'run'))).toEqual([]);
    await server.close();
  });

  it('replaces the file of one that died, and leaves that of one that came after it', async () => {
    const first = await start();
    await writeFile(portFile, '1\n', { mode: 0o644 });
    const second = await start();
    expect(await readFile(portFile, 'utf8')).toBe(`${second.port}\n`);
    expect((await stat(portFile)).mode & 0o777).toBe(0o600);
    await first.close();
    expect(await readFile(portFile, 'utf8')).toBe(`${second.port}\n`);
  });

  it.each([
    ['a name that leads to loopback', { host: 'attacker.example' }],
    ['that name with the port', { host: 'attacker.example:PORT' }],
    ['another port', { host: '127.0.0.1:1' }],
    ['a page', { origin: 'https://attacker.example' }],
    ['a page of this machine', { origin: 'http://127.0.0.1:PORT' }],
    ['a page without an origin', { origin: 'null' }],
    ['an image in a page', { 'sec-fetch-site': 'cross-site' }],
  ])('refuses %s', async (_, given) => {
    const server = await start();
    const put = ([name, value]: [string, string]) => [name, value.replace('PORT', String(server.port))];
    const headers = Object.fromEntries(Object.entries(given).map(put));
    const refused = { status: 403, body: { error: { code: 'origin_refused' } } };
    expect(await ask(server, '/status', { headers })).toMatchObject(refused);
    expect(await post(server, '/log-level', { level: 'warn' }, headers)).toMatchObject(refused);
    expect(await post(server, '/hook-fatal', { hook: 'h' }, headers)).toMatchObject(refused);
    expect(log.level).toBe('info');
    expect(dead).toEqual([]);
  });

  it('answers by either name of loopback', async () => {
    const server = await start();
    for (const host of [`localhost:${server.port}`, `127.0.0.1:${server.port}`, `LOCALHOST:${server.port}`])
      expect((await ask(server, '/status', { headers: { host } })).status).toBe(200);
  });

  it('refuses what a form of a page could send, what is no JSON, too large, too deep, or of another shape', async () => {
    const server = await start();
    const type = 'text/plain';
    const codes = [
      await post(server, '/log-level', { level: 'warn' }, { 'content-type': type }),
      await ask(server, '/log-level', { method: 'POST', body: '{' }),
      await post(server, '/log-level', { level: 'x'.repeat(70_000) }),
      await ask(server, '/log-level', { method: 'POST', body: `${'['.repeat(40)}${']'.repeat(40)}` }),
      await post(server, '/log-level', { level: 'warn', more: 1 }),
      await post(server, '/hook-fatal', { hook: '' }),
    ].map(({ body }) => (body as { error: { code: string } }).error.code);
    expect(codes).toEqual([
      ...[
        'unsupported_media_type',
        'invalid_body',
        'body_too_large',
        'json_too_deep',
        'invalid_body',
        'invalid_body',
      ],
    ]);
    expect((await ask(server, '/log-level', { method: 'PUT' })).status).toBe(405);
    expect(await ask(server, '/odd')).toMatchObject({ status: 404, body: { paths: expect.any(Array) } });
  });

  it('answers in two seconds also for a host that hangs, and tells what fails', async () => {
    const clock = new FakeClock();
    const hanging = await start({ clock, status: () => new Promise(() => {}) });
    const asked = ask(hanging, '/status');
    await expect.poll(() => clock.pendingTimers).toBe(1);
    await clock.advance(2_000);
    expect(await asked).toMatchObject({ status: 503, body: { error: { code: 'hook_timed_out' } } });
    const failing = await start({
      onHookFatal: () => {
        throw new Error('the disk is full: secret');
      },
    });
    const failed = await post(failing, '/hook-fatal', { hook: 'h' });
    expect(failed).toMatchObject({ status: 500, body: { error: { code: 'internal' } } });
    expect(JSON.stringify(failed)).not.toContain('secret');
    expect(errors).toMatchObject([{ code: 'hook_timed_out' }, { message: 'the disk is full: secret' }]);
  });

  it('takes no harm from a status that JSON can’t carry', async () => {
    const server = await start({ status: () => ({ size: 1n }) });
    expect(await ask(server, '/status')).toMatchObject({
      status: 500,
      body: { error: { code: 'internal' } },
    });
    expect(errors).toHaveLength(1);
    expect((await ask(server, '/log-level')).status).toBe(200);
  });

  it('tells of a failure of its server’s own, such as too many open files, and takes no harm', async () => {
    const listen = vi.spyOn(Server.prototype, 'listen');
    const server = await start();
    const [made] = listen.mock.contexts as [Server];
    listen.mockRestore();
    made.emit('error', Object.assign(new Error('too many open files'), { code: 'EMFILE' }));
    expect(errors).toMatchObject([{ code: 'EMFILE' }]);
    expect((await ask(server, '/status')).status).toBe(200);
  });

  it('is closed, and leaves what somebody has put in the place of its file', async () => {
    const server = await start();
    await rm(portFile);
    await mkdir(portFile); // as somebody who has put something else there
    await server.close();
    await expect(ask(server, '/status')).rejects.toThrow('ECONNREFUSED');
  });

  it('says by name that it can’t start: the port is taken, or its file can’t be written', async () => {
    const { port } = await start();
    await expect(start({ port })).rejects.toMatchObject({
      ...{ code: 'control_unavailable', cause: { code: 'EADDRINUSE' } },
    });
    await writeFile(join(folder, 'file'), '');
    await expect(start({ portFile: join(folder, 'file', 'port') })).rejects.toMatchObject({
      code: 'control_unavailable',
    });
  });
});
