/**
 * What a client over HTTP/2 can tell by the end of a body, with the routes as the listener of Node's own server: a whole
 * body ends its stream, and one that broke off has its stream reset with an error.
 */
import {
  type ClientHttp2Session,
  type ClientHttp2Stream,
  connect,
  constants,
  createServer,
  type Http2ServerRequest,
  type Http2ServerResponse,
} from 'node:http2';
import type { AddressInfo } from 'node:net';
import { text } from 'node:stream/consumers';
import { createStreamServices, GenerationJobManager } from 'generation-jobs';
import { createStreamRouter } from 'generation-jobs/express';
import { createStreamHandler } from 'generation-jobs/web';
import { describe, expect, it, onTestFinished } from 'vitest';
import { startJob, until } from './serving.js';

const { NGHTTP2_INTERNAL_ERROR, NGHTTP2_NO_ERROR } = constants;

/** A listener of Node's compatible API, which is what Express's types call a request and a response. */
type Listener = (request: Http2ServerRequest, response: Http2ServerResponse) => unknown;

const ADAPTERS = {
  express: (manager) => {
    const router = createStreamRouter(manager, { authorize, stallMs: 100 });
    return (request, response) => {
      router(request as never, response as never, () => response.writeHead(404).end());
    };
  },
  /** What frameworks with Web requests do on Node: a URL of what the client addressed, and no pseudo-headers. */
  web: (manager) => {
    const handler = createStreamHandler(manager, { authorize });
    return async (incoming, outgoing) => {
      const { ':authority': authority, ...fields } = incoming.headers;
      const headers = Object.entries(fields).filter(([name]) => !name.startsWith(':'));
      const hasBody = incoming.method !== 'GET';
      const request = new Request(`http://${authority ?? fields.host}${incoming.url}`, {
        method: incoming.method,
        headers: headers.map(([name, value]) => [name, String(value)]),
        ...(hasBody && { body: await text(incoming) }),
      });
      const response = await handler(request);
      outgoing.writeHead(response.status, Object.fromEntries(response.headers));
      outgoing.end(await response.text());
    };
  },
} satisfies Record<string, (manager: GenerationJobManager) => Listener>;

function authorize() {
  return { userId: 'ann' };
}

async function serveHttp2(adapter: keyof typeof ADAPTERS = 'express') {
  const manager = new GenerationJobManager(createStreamServices());
  const server = createServer(ADAPTERS[adapter](manager));
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  const host = `127.0.0.1:${(server.address() as AddressInfo).port}`;
  const client = connect(`http://${host}`);
  onTestFinished(async () => {
    client.destroy();
    await manager.close();
    await new Promise((resolve) => server.close(resolve));
  });
  return { manager, client, host };
}

/** How the stream is over: with which code, and whether as an end or as an error. */
function watch(stream: ClientHttp2Stream) {
  const seen = { text: '', isOver: false, failed: false, stream };
  stream.setEncoding('utf8');
  stream.on('error', () => {
    seen.failed = true;
  });
  stream.on('close', () => {
    seen.isOver = true;
  });
  return seen;
}

it('ends the body of a finished stream over HTTP/2', async () => {
  const { manager, client } = await serveHttp2();
  const job = await startJob(manager, 'chat-1');
  const reader = watch(client.request({ ':path': '/stream/chat-1' }));
  reader.stream.on('data', (text) => {
    reader.text += text;
  });
  await until('the first event', () => reader.text.includes('event: created'));
  await job.complete();
  await until('its end', () => reader.isOver);
  expect([reader.failed, reader.stream.rstCode]).toEqual([false, NGHTTP2_NO_ERROR]);
  expect(reader.text).toContain('event: completed');
});

it('breaks the body off for a reader that stalls over HTTP/2', async () => {
  const { manager, client } = await serveHttp2();
  const job = await startJob(manager, 'chat-1');
  const stalled = watch(client.request({ ':path': '/stream/chat-1' }));
  await until('the reader', () => manager.followerCount('chat-1') === 1);
  for (let sent = 0; sent < 100; sent++) await job.emit({ event: 'text', data: '😀'.repeat(60 * 1024) });
  await until('the reader to be detached', () => manager.followerCount('chat-1') === 0);
  stalled.stream.resume();
  await until('its end', () => stalled.isOver);
  expect([stalled.failed, stalled.stream.rstCode]).toEqual([true, NGHTTP2_INTERNAL_ERROR]);
});

/** Posts as a page of an origin does: with `:authority`, and `host` only when it is given. */
async function abort(client: ClientHttp2Session, headers: Record<string, string>) {
  const stream = client.request({
    ...{ ':method': 'POST', ':path': '/abort', 'content-type': 'application/json' },
    ...headers,
  });
  const answered = new Promise<number>((resolve, reject) => {
    stream.on('response', (head) => resolve(Number(head[':status'])));
    stream.on('error', reject);
  });
  stream.end(JSON.stringify({ streamId: 'chat-1' }));
  const status = await answered;
  return { status, body: await text(stream) };
}

describe.each(['express', 'web'] as const)('Stop over HTTP/2 without a proxy, %s', (adapter) => {
  it('is let in from the page’s own origin, which the client addresses as :authority', async () => {
    const { manager, client, host } = await serveHttp2(adapter);
    await startJob(manager, 'chat-1');
    const answer = await abort(client, { origin: `http://${host}` });
    expect([answer.status, JSON.parse(answer.body)]).toMatchObject([200, { aborted: true }]);
  });

  it('is refused from another origin, whatever the client addresses', async () => {
    const { manager, client, host } = await serveHttp2(adapter);
    const job = await startJob(manager, 'chat-1');
    for (const headers of [
      { origin: 'http://evil.example' },
      { origin: `http://${host}`, ':authority': 'other.example' },
      { origin: `http://evil.example`, 'x-forwarded-host': 'evil.example' },
    ]) {
      expect(await abort(client, headers)).toMatchObject({ status: 403 });
    }
    expect(job.isOver).toBe(false);
  });
});
