/**
 * What a client over HTTP/1.1 can tell by the end of a body: with a last chunk it is whole, without one the connection
 * broke. Asked of the real clients, through a proxy that goes away in an orderly way: its FIN is what an unframed body ends
 * with as well.
 */
import { once } from 'node:events';
import { get, type IncomingMessage, type ServerResponse } from 'node:http';
import { afterEach, describe, expect, it } from 'vitest';
import { startTcpProxy, type TcpProxy } from '../support/tcp-proxy.js';
import {
  EXPRESS_ADAPTERS,
  follow,
  rawRequest,
  type Served,
  type ServeInput,
  serve,
  startJob,
  streamRequest,
  until,
} from './serving.js';

const KIB = 1024;
const proxies: TcpProxy[] = [];

afterEach(async () => {
  for (const proxy of proxies.splice(0)) await proxy.close();
});

async function throughProxy(input: ServeInput): Promise<Served & { proxy: TcpProxy; proxied: string }> {
  const served = await serve(input);
  const proxy = await startTcpProxy(served.port);
  proxies.push(proxy);
  return { ...served, proxy, proxied: served.url.replace(`:${served.port}`, `:${proxy.port}`) };
}

/** Follows with Node's own client; `complete` says whether it took the body for a whole one. */
async function getStream(
  url: string,
): Promise<{ text: () => string; isOver: () => boolean; isWhole: () => boolean }> {
  let text = '';
  let isOver = false;
  const response = await new Promise<IncomingMessage>((resolve, reject) => {
    get(url, { headers: { 'x-session': 'ann' } }, resolve).on('error', reject);
  });
  response.on('data', (chunk) => {
    text += chunk;
  });
  response.on('error', () => {}); // a body that broke off: `complete` says so
  response.on('close', () => {
    isOver = true;
  });
  return { text: () => text, isOver: () => isOver, isWhole: () => response.complete };
}

/** Reads the raw bytes of a stream. */
async function rawStream({ port, host }: Served, version = '1.1') {
  const socket = await rawRequest(port, streamRequest('chat-1', host).replace('HTTP/1.1', `HTTP/${version}`));
  const seen = { text: '', socket };
  socket.on('data', (chunk) => {
    seen.text += chunk;
  });
  socket.resume();
  return seen;
}

describe.each(EXPRESS_ADAPTERS)('the body of a stream behind %s, over HTTP/1.1,', (adapter) => {
  it('tells fetch and Node’s client a broken link from an end', async () => {
    const { manager, proxy, proxied } = await throughProxy({ adapter });
    const job = await startJob(manager, 'chat-1');
    const broken = await follow(`${proxied}/stream/chat-1`);
    const brokenToo = await getStream(`${proxied}/stream/chat-1`);
    await job.emit({ event: 'text', data: 'für 😀' });
    await until('the event', () => broken.events.length === 2 && brokenToo.text().includes('😀'));
    proxy.hangUp();
    expect(await broken.over).toBeInstanceOf(Error);
    await until('Node’s client to learn of it', brokenToo.isOver);
    expect(brokenToo.isWhole()).toBe(false);

    const whole = await follow(`${proxied}/stream/chat-1`);
    const wholeToo = await getStream(`${proxied}/stream/chat-1`);
    await job.complete();
    expect(await whole.over).toBeUndefined();
    expect(whole.events.map(({ event }) => event)).toEqual(['created', 'text', 'completed']);
    await until('the other’s end', wholeToo.isOver);
    expect(wholeToo.isWhole()).toBe(true);
  });

  it('is framed as one chunk a batch, and its connection closes with it', async () => {
    const served = await serve({ adapter });
    const job = await startJob(served.manager, 'chat-1');
    const stream = await rawStream(served);
    await until('the first event', () => stream.text.includes('event: created'));
    await job.emit({ event: 'text', data: 'für 😀' });
    await until('the event', () => stream.text.includes('event: text'));
    await job.complete();
    await until('the connection’s end', () => stream.socket.destroyed);
    expect(stream.text).toMatch(/^transfer-encoding: chunked\r$/im);
    expect(stream.text).toMatch(/^connection: keep-alive\r\nkeep-alive: timeout=0\r$/im);
    const event = `id: ${job.generation}-2\nevent: text\ndata: "für 😀"\n\n`;
    expect(stream.text).toContain(`\r\n${Buffer.byteLength(event).toString(16)}\r\n${event}\r\n`);
    expect(stream.text.endsWith('\r\n0\r\n\r\n')).toBe(true);
    const closing = streamRequest('chat-1', served.host).replace(/\r\n$/, 'connection: close\r\n\r\n');
    const asked = await rawRequest(served.port, closing);
    const [head] = await once(asked.resume(), 'data');
    expect(String(head)).toMatch(/^connection: close\r$/im);
  });

  it('is as it was before with framing: close, and over HTTP/1.0', async () => {
    const { manager, proxy, proxied, ...served } = await throughProxy({
      adapter,
      routes: { framing: 'close' },
    });
    const job = await startJob(manager, 'chat-1');
    const old = await rawStream({ manager, ...served });
    const reader = await follow(`${proxied}/stream/chat-1`);
    await until('the first event', () => reader.events.length === 1);
    proxy.hangUp();
    expect(await reader.over, 'taken for an end').toBeUndefined();
    const chunking = await serve({ adapter });
    const other = await startJob(chunking.manager, 'chat-1');
    const older = await rawStream(chunking, '1.0');
    await until('both', () => [old, older].every(({ text }) => text.includes('event: created')));
    await Promise.all([job.complete(), other.complete()]);
    await until('their ends', () => old.socket.destroyed && older.socket.destroyed);
    for (const { text } of [old, older]) {
      expect(text).toMatch(/^connection: close\r$/im);
      expect(text).not.toMatch(/transfer-encoding/i);
      expect(text).toMatch(/\n\nid: \d+-2\nevent: completed\ndata: .*\n\n$/);
    }
  });

  it('has a last chunk after gone, a drain and lost access', async () => {
    let isAllowed = true;
    const { manager, url } = await serve({
      adapter,
      routes: { recheckMs: 20 },
      authorize: () => (isAllowed ? { userId: 'ann' } : null),
    });
    await startJob(manager, 'gone');
    const gone = await follow(`${url}/stream/gone`);
    await manager.deleteStream('gone');
    expect(await gone.over).toBeUndefined();
    expect(gone.events.at(-1)?.event).toBe('gone');

    await startJob(manager, 'chat-1');
    const refused = await follow(`${url}/stream/chat-1`);
    isAllowed = false;
    expect(await refused.over).toBeUndefined();
    isAllowed = true;
    const drained = await follow(`${url}/stream/chat-1`);
    await manager.drain({ graceMs: 0 });
    expect(await drained.over).toBeUndefined();
    const come = await follow(`${url}/stream/chat-1`);
    expect([await come.over, come.comments]).toEqual([undefined, ['draining']]);
  });

  it('is broken off for a reader that stalls, and inside an event', async () => {
    const served = await serve({ adapter, routes: { stallMs: 100 } });
    const { manager } = served;
    const job = await startJob(manager, 'chat-1');
    const stalled = await rawRequest(served.port, streamRequest('chat-1', served.host));
    await until('the reader', () => manager.followerCount('chat-1') === 1);
    const data = '😀'.repeat(60 * KIB);
    for (let sent = 0; sent < 100; sent++) await job.emit({ event: 'text', data });
    await until('the reader to be detached', () => manager.followerCount('chat-1') === 0);
    const read: Buffer[] = [];
    stalled.on('data', (chunk: Buffer) => read.push(chunk));
    stalled.resume();
    await until('the connection’s end', () => stalled.destroyed);
    expect(Buffer.concat(read).subarray(-7).toString()).not.toBe('\r\n0\r\n\r\n');
  });

  it('is framed by Node where the host has its own write, or another answer comes first', async () => {
    const written: unknown[] = [];
    const { manager, url, port, host } = await serve({
      adapter,
      before: (app) =>
        app.use((request, response, next) => {
          const { write } = response;
          if (request.get('x-wrap') !== undefined) {
            response.write = function (this: unknown, chunk: unknown) {
              written.push(chunk);
              return (write as (chunk: unknown) => boolean).call(this, chunk);
            } as typeof response.write;
          }
          next();
        }),
    });
    const job = await startJob(manager, 'chat-1');
    const wrapped = await follow(`${url}/stream/chat-1`, { 'x-wrap': 'yes' });
    const status = `GET /api/chat/status/chat-1 HTTP/1.1\r\nhost: ${host}\r\nx-session: ann\r\n\r\n`;
    const second = await rawRequest(port, status + streamRequest('chat-1', host));
    let text = '';
    second.on('data', (chunk) => {
      text += chunk;
    });
    second.resume();
    await until('the second answer', () => text.includes('event: created'));
    await job.emit({ event: 'text', data: 'für 😀' });
    await job.complete();
    expect(await wrapped.over).toBeUndefined();
    expect(wrapped.events.map(({ event }) => event)).toEqual(['created', 'text', 'completed']);
    expect(String(written.at(-1))).toMatch(/^id: .*\n\n$/s);
    await until('its end', () => second.destroyed);
    expect(text.endsWith('\r\n0\r\n\r\n')).toBe(true);
  });

  it('ends whole where the host’s sessions put off the end, and its connection closes with it', async () => {
    const served = await serve({
      adapter,
      before: (app) =>
        app.use((_request, response, next) => {
          endLater(response);
          next();
        }),
    });
    const job = await startJob(served.manager, 'chat-1');
    const reader = await follow(`${served.url}/stream/chat-1`);
    const stream = await rawStream(served);
    await until(
      'the first event',
      () => reader.events.length === 1 && stream.text.includes('event: created'),
    );
    await job.complete();
    expect(await reader.over).toBeUndefined();
    expect(reader.events.map(({ event }) => event)).toEqual(['created', 'completed']);
    await until('the connection’s end', () => stream.socket.destroyed);
    expect(stream.text.endsWith('\r\n0\r\n\r\n')).toBe(true);
  });
});

/** As middleware for sessions does: what `end` is given is written at once, and the end itself comes when it has saved. */
function endLater(response: ServerResponse): void {
  const write = response.write.bind(response) as (chunk: unknown, encoding?: unknown) => boolean;
  const end = response.end.bind(response);
  response.end = ((chunk?: unknown, encoding?: unknown) => {
    setTimeout(end, 20);
    if (chunk !== undefined && chunk !== null) write(chunk, encoding);
    return response;
  }) as typeof response.end;
}
