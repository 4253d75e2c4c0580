import { createStreamServices, GenerationJobError, GenerationJobManager } from 'generation-jobs';
import { createStreamRouter } from 'generation-jobs/express';
import { createStreamHandler } from 'generation-jobs/web';
import { describe, expect, it } from 'vitest';
import {
  ADAPTERS,
  codeOf,
  follow,
  getJson,
  postJson,
  rawRequest,
  send,
  serve,
  startJob,
  until,
  watchedStore,
} from './serving.js';

describe.each(ADAPTERS)('access behind the %s adapter', (adapter) => {
  it('is refused to another user and to nobody exactly as if there were no such stream (A1)', async () => {
    const { manager, url } = await serve({ adapter });
    const job = await startJob(manager, 'chat-1');
    const unknown = (await getJson(`${url}/status/unknown`)).body;
    for (const session of ['bob', 'acme/ann', undefined]) {
      const headers: Record<string, string> = {
        'x-user-id': 'ann',
        'x-forwarded-user': 'ann',
        cookie: 'user=ann',
      };
      if (session !== undefined) headers['x-session'] = session;
      const ask = async (path: string, init: RequestInit = {}) => {
        const response = await fetch(`${url}/${path}`, {
          ...init,
          headers: { ...headers, 'content-type': 'application/json' },
        });
        return [response.status, await response.json()];
      };
      for (const path of ['stream/chat-1', 'stream/chat-1?userId=ann&user=ann', 'status/chat-1']) {
        expect(await ask(path)).toEqual([404, unknown]);
        expect(await ask(path, { headers })).toEqual([404, unknown]);
      }
      const body = JSON.stringify({ streamId: 'chat-1', generation: job.generation });
      expect(await ask('abort', { method: 'POST', body })).toEqual([404, unknown]);
    }
    expect(job.isOver).toBe(false);
    await job.complete();
  });

  it('says "nothing is running" alike of nothing, of another’s stream and to nobody, without an error (A1, 6.1)', async () => {
    const { manager, url, port } = await serve({ adapter });
    const job = await startJob(manager, 'mine');
    await startJob(manager, 'theirs', { userId: 'bob' });
    const nothing = (streamId: string) => ({ active: false, streamId, generation: null });
    for (const [streamId, headers] of [
      ['none', {}],
      ['theirs', {}],
      ['mine', { 'x-session': 'bob' }],
      ['mine', { 'x-session': 'acme/ann' }],
    ] as const) {
      const answer = await getJson(`${url}/status/${streamId}?missing=ok`, headers);
      expect([answer.status, answer.body]).toEqual([200, nothing(streamId)]);
      expect(answer.headers.get('cache-control')).toBe('private, no-store');
      const strict = await getJson(`${url}/status/${streamId}?missing=error`, headers);
      expect([strict.status, codeOf(strict)]).toEqual([404, 'stream_not_found']);
    }
    const nobody = await fetch(`${url}/status/mine?missing=ok`);
    expect([nobody.status, await nobody.json()]).toEqual([200, nothing('mine')]);
    expect((await send(port, 'HEAD', 'status/none?missing=ok')).status).toBe(200);
    const own = await getJson(`${url}/status/mine?missing=ok`);
    expect(own.body).toMatchObject({ active: true, generation: job.generation });
    await job.complete();
    expect((await getJson(`${url}/status/mine?missing=ok`)).body).toMatchObject({
      active: false,
      status: 'completed',
    });
    for (const [path, code] of [
      ['status/none?missing=yes', 'invalid_argument'],
      ['status/no%20id?missing=ok', 'invalid_stream_id'],
    ])
      expect(codeOf(await getJson(`${url}/${path}`))).toBe(code);
  });

  it('costs as many looks at the store for a foreign id as for an unknown one (A1)', async () => {
    const services = createStreamServices();
    const { store, calls } = watchedStore(services.jobStore);
    const { manager, url } = await serve({ adapter, services: { ...services, jobStore: store } });
    await startJob(manager, 'foreign', { userId: 'bob' });
    for (const [route, query, status] of [
      ['stream', '', 404],
      ['status', '', 404],
      ['status', '?missing=ok', 200],
    ] as const) {
      const costs = [];
      for (const streamId of ['foreign', 'unknown']) {
        calls.length = 0;
        expect((await getJson(`${url}/${route}/${streamId}${query}`)).status).toBe(status);
        costs.push(calls.filter((name) => name.startsWith('read')));
      }
      expect(costs[0]).toEqual(costs[1]);
    }
  });

  it('goes by the authenticated tenant only, whatever header, query or body say (A2)', async () => {
    const { manager, url } = await serve({ adapter });
    const ours = await startJob(manager, 'chat-1', { tenantId: 'acme' });
    const theirs = await startJob(manager, 'chat-1', { tenantId: 'evil' });
    const headers = { 'x-session': 'acme/ann', 'x-tenant-id': 'evil' };
    const { body } = await getJson(`${url}/status/chat-1?tenantId=evil&tenant=evil`, headers);
    expect(body).toMatchObject({ generation: ours.generation });
    const named = await postJson(`${url}/abort`, { streamId: 'chat-1', tenantId: 'evil' }, headers);
    expect([named.status, codeOf(named)]).toEqual([400, 'invalid_body']);
    expect((await postJson(`${url}/abort`, { streamId: 'chat-1' }, headers)).status).toBe(200);
    expect([ours.isOver, theirs.isOver]).toEqual([true, false]);
  });

  it('ends an open stream at the next re-check after it was revoked, and not before (A3)', async () => {
    let revoked = false;
    let asked = 0;
    const { manager, url } = await serve({
      adapter,
      routes: { recheckMs: 40 },
      authorize: async () => {
        asked++;
        return revoked ? null : { userId: 'ann' };
      },
    });
    await startJob(manager, 'chat-1');
    const reader = await follow(`${url}/stream/chat-1`);
    await until('some re-checks', () => asked > 4);
    expect(reader.isOver()).toBe(false);
    revoked = true;
    await reader.over;
    expect((await getJson(`${url}/stream/chat-1`)).status).toBe(404);
    await until('no follower', () => manager.followerCount('chat-1') === 0);
  });

  it('is refused when authorize does not answer in hookMs, at once and at a re-check; a late answer is not heard', async () => {
    const waiting: ((answer: { userId: string } | null, error?: Error) => void)[] = [];
    const failed: string[] = [];
    let hangs = false;
    const { manager, url } = await serve({
      adapter,
      routes: { recheckMs: 40 },
      manager: { options: { hookMs: 60 }, observer: { hookFailed: (hook) => failed.push(hook) } },
      authorize: () =>
        hangs
          ? new Promise((resolve, reject) => {
              waiting.push((answer, error) =>
                error ? reject(error) : resolve(answer as { userId: string }),
              );
            })
          : { userId: 'ann' },
    });
    const job = await startJob(manager, 'chat-1');
    const reader = await follow(`${url}/stream/chat-1`);
    hangs = true;
    await reader.over;
    for (const route of ['stream', 'status']) {
      const answer = await getJson(`${url}/${route}/chat-1`);
      expect([answer.status, codeOf(answer)]).toEqual([404, 'stream_not_found']);
    }
    const stop = await postJson(`${url}/abort`, { streamId: 'chat-1' });
    expect([stop.status, codeOf(stop)]).toEqual([404, 'stream_not_found']);
    for (const answer of waiting.slice(1)) answer({ userId: 'ann' });
    waiting[0]?.(null, new Error('too late'));
    expect(failed).toEqual(waiting.map(() => 'authorize'));
    expect(job.isOver).toBe(false);
    await job.complete();
  });

  it('ends an open stream when the same request now means another user (A3)', async () => {
    let userId = 'ann';
    const { manager, url } = await serve({
      adapter,
      routes: { recheckMs: 40 },
      authorize: () => ({ userId }),
    });
    await startJob(manager, 'chat-1');
    const reader = await follow(`${url}/stream/chat-1`);
    userId = 'bob';
    await reader.over;
  });

  it('is refused to pages of other origins, for what changes something and for what is read (A18)', async () => {
    const { manager, port, host } = await serve({
      adapter,
      routes: { allowedOrigins: ['https://app.example.com'] },
    });
    await startJob(manager, 'chat-1');
    const abort = (headers: Record<string, string>) =>
      send(port, 'POST', 'abort', { 'content-type': 'application/json', ...headers }, '{"streamId":"none"}');
    const open = (headers: Record<string, string>) => send(port, 'GET', 'stream/chat-1', headers);
    const refused: Record<string, string>[] = [
      { origin: 'https://evil.example' },
      { origin: 'null' },
      { origin: '' },
      { origin: 'not an origin' },
      { origin: `http://${host}.evil.example` },
      { origin: `http://${host}@evil.example` },
      { origin: 'http://127.0.0.1' },
      { origin: `https://${'a'.repeat(1000)}.example` },
      { 'sec-fetch-site': 'cross-site' },
    ];
    for (const headers of refused) {
      for (const answer of [await abort(headers), await open(headers)]) {
        expect([headers, answer.status, codeOf(answer)]).toEqual([headers, 403, 'origin_refused']);
      }
    }
    const passed: Record<string, string>[] = [
      {},
      { origin: `http://${host}` },
      { origin: `https://${host}` }, // TLS ends at a proxy
      { origin: 'https://app.example.com', 'sec-fetch-site': 'cross-site' },
      { origin: `http://${host}`, 'sec-fetch-site': 'same-origin' },
      { 'sec-fetch-site': 'none' },
    ];
    for (const headers of passed) {
      expect([headers, (await abort(headers)).status]).toEqual([headers, 404]);
      expect([headers, (await open(headers)).status]).toEqual([headers, 200]);
    }
    const standardPort = { origin: 'https://chat.example.com', host: 'chat.example.com:443' };
    expect((await open(standardPort)).status).toBe(200);
  });

  it('is given to apps and extensions whose origins are listed, and to no others', async () => {
    const listed = ['capacitor://localhost', 'tauri://localhost', 'chrome-extension://ABCdefghijklmnop'];
    const { manager, port } = await serve({ adapter, routes: { allowedOrigins: listed } });
    await startJob(manager, 'chat-1');
    const status = async (origin: string, host?: string) =>
      (await send(port, 'GET', 'stream/chat-1', { origin, ...(host !== undefined && { host }) })).status;
    for (const origin of [...listed, 'chrome-extension://abcdefghijklmnop', 'CAPACITOR://localhost']) {
      expect([origin, await status(origin)]).toEqual([origin, 200]);
    }
    for (const origin of [
      ...[
        'capacitor://evil',
        'ionic://localhost',
        'tauri://localhost:8080',
        'tauri://x@localhost',
        'tauri://',
      ],
      ...['capacitor://localhost/path', 'file://', 'blob:capacitor://localhost', 'data:,', 'null'],
    ]) {
      expect([origin, await status(origin)]).toEqual([origin, 403]);
    }
    expect(await status('ionic://chat.example.com', 'chat.example.com'), 'a scheme of somebody’s own').toBe(
      403,
    );
  });

  it('sends the headers a listed page on another port needs with cors: true, its preflight included', async () => {
    const page = 'http://localhost:5173';
    const { manager, port } = await serve({ adapter, routes: { allowedOrigins: [page], cors: true } });
    await startJob(manager, 'chat-1');
    const readable = {
      'access-control-allow-origin': page,
      'access-control-allow-credentials': 'true',
      'access-control-expose-headers': 'Link',
      vary: 'Origin',
    };
    const json = { 'content-type': 'application/json' };
    const answers = [
      await send(port, 'GET', 'stream/chat-1', { origin: page }),
      await send(port, 'GET', 'stream/none', { origin: page }),
      await send(port, 'GET', 'active', { origin: page }),
      await send(port, 'POST', 'abort', { ...json, origin: page }, '{"streamId":"chat-1"}'),
    ];
    expect(answers.map(({ status }) => status)).toEqual([200, 404, 200, 200]);
    for (const { headers } of answers) expect(headers).toMatchObject(readable);
    const preflight = (origin: string) =>
      send(port, 'OPTIONS', 'abort', {
        origin,
        'access-control-request-method': 'POST',
        'access-control-request-headers': 'authorization, content-type',
      });
    expect(await preflight(page)).toMatchObject({
      status: 204,
      headers: {
        ...readable,
        'access-control-allow-methods': 'POST, OPTIONS',
        'access-control-allow-headers': 'authorization, content-type',
        'access-control-max-age': '7200',
      },
    });
    for (const { headers } of [
      await preflight('https://evil.example'),
      await send(port, 'GET', 'active', { origin: 'https://evil.example' }),
      await send(port, 'GET', 'active'),
    ]) {
      expect(headers.vary).toBe('Origin');
      expect(Object.keys(headers).filter((name) => name.startsWith('access-control'))).toEqual([]);
    }
  });

  it('logs once what was seen and expected when Stop is refused for a missing Host', async () => {
    const warnings: object[] = [];
    const ignore = () => {};
    const logger = {
      debug: ignore,
      info: ignore,
      error: ignore,
      warn: (fields: object) => warnings.push(fields),
    };
    const { manager, port } = await serve({ adapter, manager: { logger }, routes: { allowedOrigins: [] } });
    await startJob(manager, 'chat-1');
    const stop = async () => {
      const body = '{"streamId":"chat-1"}';
      const socket = await rawRequest(
        port,
        `POST /api/chat/abort HTTP/1.0\r\nx-session: ann\r\norigin: https://chat.example.com\r\n` +
          `content-type: application/json\r\ncontent-length: ${body.length}\r\n\r\n${body}`,
      );
      let text = '';
      socket.on('data', (chunk) => {
        text += chunk;
      });
      socket.resume();
      await until('the answer', () => socket.destroyed);
      return text;
    };
    for (let tries = 0; tries < 3; tries++) expect(await stop()).toContain('origin_refused');
    const { reason, seen } = warnings[0] as { reason: string; seen: { origin: string } };
    expect(warnings).toHaveLength(1);
    expect(seen.origin).toBe('https://chat.example.com');
    if (adapter !== 'web') expect([reason, seen]).toEqual(['no_host', { origin: seen.origin, host: null }]);
    expect(warnings[0]).toMatchObject({ expected: { origins: [], host: 'that of the page’s origin' } });
  });

  it('never lets an answer be stored or shared (A22)', async () => {
    const { manager, port } = await serve({ adapter });
    const job = await startJob(manager, 'chat-1');
    const answers = [
      await send(port, 'GET', 'stream/chat-1'),
      await send(port, 'GET', 'stream/none'),
      await send(port, 'GET', 'stream/chat-1?after=x'),
      await send(port, 'GET', 'status/chat-1'),
      await send(port, 'GET', 'active'),
      await send(port, 'PUT', 'active'),
      await send(port, 'OPTIONS', 'active'),
      await send(port, 'POST', 'abort', { 'content-type': 'application/json' }, '{"streamId":"chat-1"}'),
      await send(port, 'GET', `stream/chat-1?after=${job.generation}-2`),
    ];
    expect(answers.map(({ status }) => status)).toEqual([200, 404, 400, 200, 200, 405, 204, 200, 204]);
    for (const { headers } of answers) {
      expect(headers['cache-control']).toContain('private');
      expect(headers['cache-control']).toContain('no-store');
      expect(headers).not.toHaveProperty('etag');
      expect(headers).not.toHaveProperty('access-control-allow-origin');
    }
  });
});

describe('the router’s options', () => {
  const manager = () => new GenerationJobManager(createStreamServices());
  const codeThrownBy = (make: () => unknown) => {
    try {
      make();
    } catch (error) {
      return error instanceof GenerationJobError ? [error.code, error.message] : error;
    }
    return undefined;
  };

  it('must say who may read: there is no default', () => {
    for (const create of [createStreamRouter, createStreamHandler]) {
      for (const options of [undefined, {}, { authorize: true }]) {
        const thrown = codeThrownBy(() => create(manager(), options as never));
        expect(thrown).toEqual(['invalid_options', expect.stringContaining('authorize')]);
      }
    }
  });

  it('are refused by name when they are unknown, out of bounds or malformed', () => {
    const authorize = () => null;
    for (const [name, value] of [
      ['heartBeatMs', 1000],
      ['heartbeatMs', 0],
      ['stallMs', 1.5],
      ['readerBytes', 100],
      ['allowedOrigins', ['chat.example.com']],
      ['allowedOrigins', ['https://example.com/path']],
      ['allowedOrigins', ['null']],
    ] as const) {
      const thrown = codeThrownBy(() => createStreamRouter(manager(), { authorize, [name]: value }));
      expect([name, thrown]).toEqual([name, ['invalid_options', expect.stringContaining(name)]]);
    }
  });
});
