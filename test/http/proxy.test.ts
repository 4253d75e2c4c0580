/**
 * What nginx in front goes by, checked without nginx, so that no test installs one: with `x-accel-buffering: no` it
 * does not buffer, with a response that is not `text/html` and forbids transformation its gzip leaves it alone, its
 * `proxy_read_timeout` (60 s) is fed by the heartbeat, and it speaks HTTP/1.0 to us unless told otherwise.
 */
import { describe, expect, it } from 'vitest';
import { ADAPTERS, follow, rawRequest, send, serve, startJob, streamRequest, until } from './serving.js';

describe.each(ADAPTERS)('behind a proxy, the %s adapter', (adapter) => {
  it('says that a stream must not be buffered, compressed or kept (F28)', async () => {
    const { manager, port } = await serve({ adapter });
    await startJob(manager, 'chat-1');
    const { headers } = await send(port, 'GET', 'stream/chat-1', { 'accept-encoding': 'gzip, br' });
    expect(headers).toMatchObject({
      'content-type': 'text/event-stream; charset=utf-8',
      'cache-control': expect.stringContaining('no-cache, no-transform'),
      'x-accel-buffering': 'no',
    });
    expect(headers).not.toHaveProperty('content-encoding');
    expect(headers).not.toHaveProperty('content-length');
  });

  it('sends the first byte before there is an event, and keeps an idle stream up (F28)', async () => {
    const { manager, url } = await serve({ adapter, routes: { heartbeatMs: 20 } });
    await startJob(manager, 'chat-1');
    const { generation } = (await manager.getJob('chat-1')) ?? {};
    const reader = await follow(`${url}/stream/chat-1?after=${generation}-1`);
    await until('the first bytes', () => reader.retries.length === 1);
    await until('heartbeats', () => reader.comments.length > 10);
    expect(new Set(reader.comments)).toEqual(new Set(['heartbeat']));
    expect(reader.events).toEqual([]);
  });
});

describe('a stream through HTTP/1.0', () => {
  it('ends with its connection, as it does for everybody (F28)', async () => {
    const { manager, port } = await serve();
    const job = await startJob(manager, 'chat-1');
    const socket = await rawRequest(port, 'GET /api/chat/stream/chat-1 HTTP/1.0\r\nx-session: ann\r\n\r\n');
    let text = '';
    socket.on('data', (chunk) => {
      text += chunk;
    });
    socket.resume();
    await until('the first event', () => text.includes('event: created'));
    await job.complete();
    await until('the connection’s end', () => socket.destroyed);
    expect(text).toContain('event: completed');
    expect(text).not.toMatch(/transfer-encoding/i);
  });
});

describe('a stream on a connection that is not its own alone', () => {
  it('waits for the answer before it, when a client sends several requests at once', async () => {
    const { manager, port, host } = await serve();
    const job = await startJob(manager, 'chat-1');
    const status = `GET /api/chat/status/chat-1 HTTP/1.1\r\nhost: ${host}\r\nx-session: ann\r\n\r\n`;
    const socket = await rawRequest(port, status + streamRequest('chat-1', host));
    let text = '';
    socket.on('data', (chunk) => {
      text += chunk;
    });
    socket.resume();
    await until('the first event', () => text.includes('event: created'));
    await job.emit({ event: 'text', data: 'x' });
    await job.complete();
    await until('the connection’s end', () => socket.destroyed);
    const places = [
      '"active":true',
      'text/event-stream',
      'event: created',
      'event: text',
      'event: completed',
    ];
    const found = places.map((part) => text.indexOf(part));
    expect(found).not.toContain(-1);
    expect(found).toEqual(found.toSorted((a, b) => a - b));
  });

  it.each(['each response', 'all responses'])(
    'goes through the write the host has given %s',
    async (which) => {
      const written: string[] = [];
      const { manager, url } = await serve({
        before: (app) => {
          const wrap = (response: typeof app.response) => {
            const { write } = response;
            response.write = function (this: unknown, chunk: unknown) {
              written.push(String(chunk));
              return (write as (chunk: unknown) => boolean).call(this, chunk);
            } as typeof response.write;
          };
          if (which === 'all responses') wrap(app.response);
          app.use((_request, response, next) => {
            if (which === 'each response') wrap(response);
            next();
          });
        },
      });
      const job = await startJob(manager, 'chat-1');
      const reader = await follow(`${url}/stream/chat-1`);
      await job.complete();
      await reader.over;
      expect(reader.events.map(({ event }) => event)).toEqual(['created', 'completed']);
      expect(written.join('')).toContain('event: completed');
    },
  );

  it('writes nothing into an answer that the host has begun in our place', async () => {
    const { manager, url } = await serve({
      before: (app) =>
        app.use((_request, response, next) => {
          response.writeHead(200, { 'content-type': 'text/plain' });
          response.write('mine');
          setTimeout(() => response.end(' alone'), 100);
          next();
        }),
    });
    await startJob(manager, 'chat-1');
    const answer = await fetch(`${url}/stream/chat-1`, { headers: { 'x-session': 'ann' } });
    expect(await answer.text()).toBe('mine alone');
    expect(manager.followerCount('chat-1')).toBe(0);
  });
});
