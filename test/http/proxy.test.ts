/**
 * What nginx in front goes by, checked without nginx, so that no test installs one: with `x-accel-buffering: no` it
 * does not buffer, with a response that is not `text/html` and forbids transformation its gzip leaves it alone, its
 * `proxy_read_timeout` (60 s) is fed by the heartbeat, and it speaks HTTP/1.0 to us unless told otherwise.
 */
import { describe, expect, it } from 'vitest';
import { ADAPTERS, follow, rawRequest, send, serve, startJob, until } from './serving.js';

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
