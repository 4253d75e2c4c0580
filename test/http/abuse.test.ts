import { setFlagsFromString } from 'node:v8';
import { runInNewContext } from 'node:vm';
import { gzipSync } from 'node:zlib';
import { createStreamServices } from 'generation-jobs';
import { SERVER_OPTIONS } from 'generation-jobs/express';
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
  streamRequest,
  until,
  watchedStore,
} from './serving.js';

const KIB = 1024;
const MIB = 1024 * KIB;

setFlagsFromString('--expose-gc');
const collectGarbage = runInNewContext('gc') as () => void;

function heldBytes(): number {
  collectGarbage();
  const { heapUsed, arrayBuffers } = process.memoryUsage();
  return heapUsed + arrayBuffers;
}

describe.each(ADAPTERS)('hostile requests to the %s adapter', (adapter) => {
  it('with odd stream ids get 400 and never reach the store (A4)', async () => {
    const services = createStreamServices();
    const { store, calls } = watchedStore(services.jobStore);
    const { manager, port, url } = await serve({ adapter, services: { ...services, jobStore: store } });
    await manager.start();
    calls.length = 0;
    const ids = [
      '{}',
      '{a}',
      'a:b',
      '*',
      'a/b',
      'a\rb',
      'a\nb',
      'a\0b',
      'é',
      'а', // Cyrillic
      'ａ', // full width
      'a b',
      '%',
      '%zz',
      '__proto__/x',
      'x'.repeat(129),
      'x'.repeat(10 * KIB),
    ];
    for (const id of ids) {
      for (const route of ['stream', 'status']) {
        const answer = await send(port, 'GET', `${route}/${encodeURIComponent(id)}`);
        expect([id, answer.status, codeOf(answer)]).toEqual([id, 400, 'invalid_stream_id']);
      }
      const aborted = await postJson(`${url}/abort`, { streamId: id });
      expect([id, aborted.status, codeOf(aborted)]).toEqual([id, 400, 'invalid_stream_id']);
    }
    for (const raw of ['%', '%ff', '%zz', 'a%00']) {
      expect(codeOf(await send(port, 'GET', `stream/${raw}`))).toBe('invalid_stream_id');
    }
    expect(calls).toEqual([]);
  });

  it('with odd cursors get 400, or a gap; never another job’s events, never a replay by accident (A5)', async () => {
    const { manager, url } = await serve({ adapter });
    const job = await startJob(manager, 'chat-1');
    void job.emit({ event: 'text', data: 'mine' });
    await job.flush();
    const { generation } = job;
    const malformed = [
      '',
      'garbage',
      '-1',
      '1',
      '1-',
      '-1-2',
      '1--2',
      '01-2',
      '1-2-3',
      '1e3-1',
      ' 1-1',
      '1-1,',
    ];
    malformed.push(
      `${generation}-18446744073709551616`,
      '18446744073709551616-1',
      'tail',
      '1-1\u00a0',
      '9'.repeat(5000),
    );
    for (const cursor of malformed) {
      const byHeader = await send(new URL(url).port as never, 'GET', 'stream/chat-1', {
        'last-event-id': Buffer.from(cursor).toString('latin1'),
      });
      // HTTP takes spaces around a header's value away; those inside the query are part of it.
      const trimmed = cursor === cursor.trim();
      if (trimmed)
        expect([cursor, byHeader.status, codeOf(byHeader)]).toEqual([cursor, 400, 'invalid_cursor']);
      if (cursor === 'tail') continue;
      const byQuery = await getJson(`${url}/stream/chat-1?after=${encodeURIComponent(cursor)}`);
      expect([cursor, byQuery.status, codeOf(byQuery)]).toEqual([cursor, 400, 'invalid_cursor']);
    }
    for (const ahead of [
      `${generation}-3`,
      `${generation + 1000}-1`,
      `${generation}-${Number.MAX_SAFE_INTEGER}`,
    ]) {
      const reader = await follow(`${url}/stream/chat-1`, { 'last-event-id': ahead });
      await until('sync', () => reader.events.length >= 2);
      expect(reader.events.map(({ event }) => event)).toEqual(['gap', 'sync']);
      expect(reader.events[0]?.id).toBeUndefined();
      reader.leave();
    }
    const gone = await follow(`${url}/stream/chat-1`, { 'last-event-id': '5-1' });
    await until('sync', () => gone.events.length >= 1);
    expect(gone.events[0]).toMatchObject({ event: 'sync', id: `${generation}-2` });
    await startJob(manager, 'secret', { userId: 'bob' });
    const foreign = await getJson(`${url}/stream/secret`, { 'last-event-id': `${generation}-1` });
    expect(foreign.status).toBe(404);
  });

  it('with keys that mean something to JavaScript are refused or inert (A8)', async () => {
    const { manager, url } = await serve({ adapter });
    const job = await startJob(manager, 'chat-1');
    for (const body of [
      '{"streamId":"chat-1","__proto__":{"polluted":true}}',
      '{"streamId":"chat-1","constructor":{"prototype":{"polluted":true}}}',
      '{"__proto__":{"streamId":"chat-1"}}',
      '{"streamId":"chat-1","generation":{"__proto__":1}}',
      '["chat-1"]',
      'null',
      '"chat-1"',
      '',
      '{"streamId":"chat-1"',
      '{"streamId":7}',
      '{"streamId":"chat-1","generation":1.5}',
      '{"streamId":"chat-1","generation":-1}',
      '{"streamId":"chat-1","generation":1e999}',
    ]) {
      const answer = await postJson(`${url}/abort`, body);
      expect([body, answer.status, codeOf(answer)]).toEqual([body, 400, 'invalid_body']);
    }
    expect({}).not.toHaveProperty('polluted');
    expect(job.isOver).toBe(false);
    const twice = await postJson(`${url}/abort`, '{"streamId":"none","streamId":"chat-1"}');
    expect(twice.status).toBe(200);
  });

  it('with huge, deep or compressed bodies are refused at little cost, and other streams go on (A9)', async () => {
    const { manager, url, port } = await serve({ adapter });
    const job = await startJob(manager, 'chat-1');
    const reader = await follow(`${url}/stream/chat-1`);
    const post = (body: string | Uint8Array<ArrayBuffer>, headers: Record<string, string> = {}) =>
      fetch(`${url}/abort`, {
        method: 'POST',
        body,
        headers: { 'x-session': 'ann', 'content-type': 'application/json', ...headers },
      });
    const refusal = async (answer: Response) => [answer.status, codeOf({ body: await answer.json() })];
    const tenMegabytes = Buffer.alloc(10 * MIB);
    const before = heldBytes();
    for (let i = 0; i < 5; i++) {
      const json = { 'content-type': 'application/json', 'content-length': String(10 * MIB) };
      const answer = await send(port, 'POST', 'abort', json, tenMegabytes);
      expect([answer.status, codeOf(answer)]).toEqual([413, 'body_too_large']);
    }
    await until('memory to be flat', () => heldBytes() - before < 5 * MIB);
    const unannounced = await fetch(`${url}/abort`, {
      method: 'POST',
      body: new ReadableStream({
        start: (controller) => {
          for (let i = 0; i < 10; i++) controller.enqueue(new Uint8Array(MIB));
          controller.close();
        },
      }),
      duplex: 'half',
      headers: { 'x-session': 'ann', 'content-type': 'application/json' },
    } as RequestInit);
    expect(await refusal(unannounced)).toEqual([413, 'body_too_large']);
    const deep = `{"streamId":${'['.repeat(5000)}${']'.repeat(5000)}}`;
    expect(await refusal(await post(deep))).toEqual([400, 'json_too_deep']);
    const keys = Array.from({ length: 1_000_000 }, (_, index) => `"k${index}":1`).join(',');
    expect(await refusal(await post(`{${keys}}`))).toEqual([413, 'body_too_large']);
    expect(await refusal(await post(`{${keys.slice(0, 255 * KIB).replace(/,[^,]*$/, '')}}`))).toEqual([
      400,
      'invalid_body',
    ]);
    const bomb = new Uint8Array(gzipSync(Buffer.alloc(100 * MIB, ' ')));
    expect(await refusal(await post(bomb, { 'content-encoding': 'gzip' }))).toEqual([
      415,
      'unsupported_media_type',
    ]);
    for (const type of ['text/plain', 'application/x-www-form-urlencoded', 'application/jsonx', '']) {
      expect(await refusal(await post('{"streamId":"chat-1"}', { 'content-type': type }))).toEqual([
        415,
        'unsupported_media_type',
      ]);
    }

    expect(reader.isOver()).toBe(false);
    await job.complete();
    await reader.over;
    expect(reader.events.at(-1)?.event).toBe('completed');
  });

  it('that break off in the middle of a body leave nothing behind', async () => {
    const { manager, port, host } = await serve({ adapter });
    const job = await startJob(manager, 'chat-1');
    const socket = await rawRequest(
      port,
      `POST /api/chat/abort HTTP/1.1\r\nhost: ${host}\r\nx-session: ann\r\ncontent-type: application/json\r\n` +
        'content-length: 100\r\n\r\n{"streamId":',
    );
    socket.destroy();
    await job.complete();
    expect((await manager.getJob('chat-1'))?.status).toBe('completed');
  });

  it('for a stream that is over its limit end with a named terminal (A13)', async () => {
    const { manager, url } = await serve({
      adapter,
      manager: { options: { limits: { generationBytes: 512 * KIB, unsnapshottedBytes: 512 * KIB } } },
    });
    const job = await startJob(manager, 'chat-1');
    const reader = await follow(`${url}/stream/chat-1`);
    expect(() => job.emit({ event: 'text', data: 'x'.repeat(100 * MIB) })).toThrow('exceeds');
    await expect(async () => {
      for (;;) await job.emit({ event: 'text', data: 'x'.repeat(64 * KIB) });
    }).rejects.toThrow();
    await reader.over;
    const last = reader.events.at(-1);
    expect(last?.event).toBe('failed');
    expect(JSON.parse(last?.data ?? '')).toMatchObject({ code: 'limit_exceeded' });
  });
});

describe('a body that never ends', () => {
  it('from somebody who does not listen to the refusal is cut off (A9)', async () => {
    const { port, host } = await serve();
    const endless = await rawRequest(
      port,
      `POST /api/chat/abort HTTP/1.1\r\nhost: ${host}\r\nx-session: ann\r\ncontent-type: application/json\r\n` +
        'transfer-encoding: chunked\r\n\r\n',
    );
    endless.resume();
    const chunk = Buffer.concat([Buffer.from('10000\r\n'), Buffer.alloc(64 * KIB, ' '), Buffer.from('\r\n')]);
    const pour = () => {
      while (!endless.destroyed && endless.write(chunk));
    };
    endless.on('drain', pour);
    pour();
    await until('the connection to be cut', () => endless.destroyed);
  });
});

describe('readers that never read', () => {
  it('are each dropped at their budget, and cost the producer and other readers nothing (A10)', async () => {
    const detached: string[] = [];
    const { manager, url, port, host, sockets } = await serve({
      manager: { observer: { detached: (result) => detached.push(result) } },
      routes: { stallMs: 400 },
    });
    const job = await startJob(manager, 'chat-1');
    const reader = await follow(`${url}/stream/chat-1`);
    const idle = await Promise.all(
      Array.from({ length: 50 }, () => rawRequest(port, streamRequest('chat-1', host))),
    );
    await until('51 followers', () => manager.followerCount('chat-1') === 51);
    let events = 0;
    let mostHeld = 0;
    const data = 'x'.repeat(128 * KIB);
    while (detached.length < 50) {
      await job.emit({ event: 'text', data });
      events++;
      const read = () => reader.events.length > events;
      await until('the reader that reads', read);
      mostHeld = Math.max(mostHeld, ...sockets.map((socket) => socket.writableLength));
      if (events > 100) await until('the rest to be dropped', () => detached.length === 50);
    }
    expect(detached).toEqual(Array(50).fill('detached'));
    expect(manager.followerCount('chat-1')).toBe(1);
    expect(mostHeld).toBeLessThan(MIB);
    await until(
      'their connections to be cut',
      () => sockets.filter((socket) => !socket.destroyed).length === 1,
    );
    await job.complete();
    await reader.over;
    expect(reader.events).toHaveLength(events + 2);
    for (const socket of idle) socket.destroy();
  });
});

describe('senders that take for ever', () => {
  it('are closed by the header and request timeouts of SERVER_OPTIONS; open streams are not (A11)', async () => {
    expect(SERVER_OPTIONS.headersTimeout).toBeLessThanOrEqual(10_000);
    const { manager, url, port, host } = await serve({
      server: {
        ...SERVER_OPTIONS,
        headersTimeout: 150,
        requestTimeout: 300,
        connectionsCheckingInterval: 20,
      },
      routes: { heartbeatMs: 50 },
    });
    const job = await startJob(manager, 'chat-1');
    const reader = await follow(`${url}/stream/chat-1`);
    const slow = await rawRequest(port, 'GET /api/chat/active HTTP/1.1\r\n');
    const slowBody = await rawRequest(
      port,
      `POST /api/chat/abort HTTP/1.1\r\nhost: ${host}\r\nx-session: ann\r\ncontent-type: application/json\r\n` +
        'content-length: 100000\r\n\r\n',
    );
    const drip = setInterval(() => {
      slow.write('x');
      slowBody.write(' ');
    }, 10);
    slow.resume();
    slowBody.resume();
    const closed = until('both to be closed', () => slow.destroyed && slowBody.destroyed);
    await closed.finally(() => clearInterval(drip));
    const { length } = reader.comments;
    await until('the open stream to go on', () => reader.comments.length > length + 5);
    await job.complete();
    await reader.over;
    expect(reader.events.map(({ event }) => event)).toEqual(['created', 'completed']);
  });
});
