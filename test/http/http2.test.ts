/**
 * What a client over HTTP/2 can tell by the end of a body, with the routes as the listener of Node's own server: a whole
 * body ends its stream, and one that broke off has its stream reset with an error.
 */
import { type ClientHttp2Stream, connect, constants, createServer } from 'node:http2';
import type { AddressInfo } from 'node:net';
import { createStreamServices, GenerationJobManager } from 'generation-jobs';
import { createStreamRouter } from 'generation-jobs/express';
import { expect, it, onTestFinished } from 'vitest';
import { startJob, until } from './serving.js';

const { NGHTTP2_INTERNAL_ERROR, NGHTTP2_NO_ERROR } = constants;

async function serveHttp2() {
  const manager = new GenerationJobManager(createStreamServices());
  const router = createStreamRouter(manager, { authorize: () => ({ userId: 'ann' }), stallMs: 100 });
  // The compatible API of Node's HTTP/2 is what Express's types call a request and a response.
  const server = createServer((request, response) => {
    const next = () => response.writeHead(404).end();
    router(request as never, response as never, next);
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  const client = connect(`http://127.0.0.1:${(server.address() as AddressInfo).port}`);
  onTestFinished(async () => {
    client.destroy();
    await manager.close();
    await new Promise((resolve) => server.close(resolve));
  });
  return { manager, client };
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
