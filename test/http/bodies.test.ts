/**
 * What middleware before the routes, and clients, do to a request's body and to its response: the routes take the body
 * that is there, wait a bounded time for one that is not, and throw at nobody.
 */
import { once } from 'node:events';
import { IncomingMessage } from 'node:http';
import { Socket } from 'node:net';
import { setTimeout as pause } from 'node:timers/promises';
import type { Express, Request, Response } from 'express';
import { describe, expect, it } from 'vitest';
import { readBody } from '../../src/http/node-body.js';
import { APPROVE, ask } from './asking.js';
import {
  ADAPTERS,
  codeOf,
  EXPRESS_ADAPTERS,
  EXPRESSES,
  follow,
  postJson,
  rawRequest,
  type Served,
  serve,
  startJob,
  until,
} from './serving.js';

type Middleware = (request: Request & { rawBody?: unknown }, response: Response, next: () => void) => unknown;

/** Stops a job, and decides on another, as a client does. */
async function stopAndDecide(served: Served): Promise<unknown[]> {
  const { manager, url } = served;
  await startJob(manager, 'chat-1');
  const { approval } = await ask(served, {}, { streamId: 'chat-2' });
  const stopped = await postJson(`${url}/abort`, { streamId: 'chat-1' });
  const decided = await postJson(`${url}/resume`, {
    ...approval,
    decisions: [{ ...APPROVE, reason: 'für 😀' }],
  });
  const [resolution] = await manager.approvals.history('chat-2', { userId: 'ann' });
  return [stopped.status, decided.status, resolution?.decisions[0]?.reason];
}

describe.each(ADAPTERS)('a body, by %s', (adapter) => {
  it('is refused when it is larger than bodyBytes of the routes', async () => {
    const { manager, url } = await serve({ adapter, routes: { bodyBytes: 64 } });
    await startJob(manager, 'chat-1');
    const large = await postJson(`${url}/abort`, { streamId: 'chat-1', reason: 'x'.repeat(64) });
    expect([large.status, codeOf(large)]).toEqual([413, 'body_too_large']);
    expect((await postJson(`${url}/abort`, { streamId: 'chat-1' })).status).toBe(200);
  });
});

const ALL_DONE = [200, 202, 'für 😀'];

async function bytesOf(request: Request): Promise<Buffer> {
  const chunks: Buffer[] = [];
  for await (const chunk of request) chunks.push(chunk as Buffer);
  return Buffer.concat(chunks);
}

describe.each(EXPRESS_ADAPTERS)('a body that middleware of %s has had in hand', (adapter) => {
  const express = EXPRESSES[adapter];
  const behind = (...middleware: Middleware[]) =>
    serve({
      adapter,
      routes: { onResume: () => 'done' },
      before: (app: Express) => {
        for (const one of middleware) app.use(one as never);
      },
    });

  it.each<[string, Middleware]>([
    ['express.json()', express.json()],
    ['express.text() for JSON', express.text({ type: 'application/json' })],
    ['express.raw() for JSON', express.raw({ type: 'application/json' })],
    ['express.urlencoded(), which is not for it', express.urlencoded({ extended: false })],
  ])('is taken from %s', async (_, middleware) => {
    expect(await stopAndDecide(await behind(middleware))).toEqual(ALL_DONE);
  });

  it.each(['utf8', 'latin1', 'base64', 'hex'] as const)(
    'is read though setEncoding("%s") was called on the request',
    async (encoding) => {
      const served = await behind((request, _response, next) => {
        request.setEncoding(encoding);
        next();
      });
      expect(await stopAndDecide(served)).toEqual(ALL_DONE);
    },
  );

  it('is read from a request that was paused', async () => {
    const served = await behind((request, _response, next) => {
      request.pause();
      next();
    });
    expect(await stopAndDecide(served)).toEqual(ALL_DONE);
  });

  it.each(['body', 'rawBody'] as const)('is taken from request.%s, where it was read into', async (name) => {
    for (const make of [(bytes: Buffer) => bytes, (bytes: Buffer) => bytes.toString()]) {
      const served = await behind(async (request, _response, next) => {
        request[name] = make(await bytesOf(request));
        next();
      });
      expect(await stopAndDecide(served)).toEqual(ALL_DONE);
    }
  });

  it('is held to its bounds wherever it is taken from', async () => {
    const served = await behind(express.text({ type: 'application/json', limit: '1mb' }));
    const unannounced = new Blob([JSON.stringify({ streamId: 'x'.repeat(300_000) })]).stream();
    const tooLarge = await fetch(`${served.url}/abort`, {
      ...{ method: 'POST', body: unannounced, duplex: 'half' },
      headers: { 'x-session': 'ann', 'content-type': 'application/json' },
    } as RequestInit);
    expect([tooLarge.status, codeOf({ body: await tooLarge.json() })]).toEqual([413, 'body_too_large']);
    const deep = await postJson(`${served.url}/abort`, `{"streamId":${'['.repeat(500)}${']'.repeat(500)}}`);
    expect(codeOf(deep)).toBe('json_too_deep');
  });

  it('and has left nowhere is refused by name, at once', async () => {
    const served = await behind(async (request, _response, next) => {
      await bytesOf(request);
      next();
    });
    const job = await startJob(served.manager, 'chat-1');
    for (const path of ['abort', 'resume']) {
      const answer = await postJson(`${served.url}/${path}`, { streamId: 'chat-1' });
      expect([answer.status, codeOf(answer)]).toEqual([500, 'body_consumed']);
    }
    expect(job.isOver).toBe(false);
  });

  it('and reads while access is asked for is refused by name, at once', async () => {
    const served = await serve({
      adapter,
      authorize: async () => {
        await pause(50);
        return { userId: 'ann' };
      },
      before: (app: Express) =>
        app.use((request, _response, next) => {
          request.on('data', () => {});
          next();
        }),
    });
    await startJob(served.manager, 'chat-1');
    const answer = await postJson(`${served.url}/abort`, { streamId: 'chat-1' });
    expect([answer.status, codeOf(answer)]).toEqual([500, 'body_consumed']);
  });

  it('and holds back is waited for no longer than bodyMs', async () => {
    const served = await serve({
      adapter,
      routes: { bodyMs: 50 },
      // A listener for `readable` takes the request out of everybody else's flow.
      before: (app: Express) =>
        app.use((request, _response, next) => {
          request.on('readable', () => {});
          next();
        }),
    });
    await startJob(served.manager, 'chat-1');
    const answer = await postJson(`${served.url}/abort`, { streamId: 'chat-1' });
    expect([answer.status, codeOf(answer)]).toEqual([408, 'body_timeout']);
  });
});

it('a body whose connection has gone before anybody asked for it is not waited for', async () => {
  const request = new IncomingMessage(new Socket());
  request.destroy();
  await once(request, 'close');
  const read = readBody(request, 100, new AbortController().signal);
  await expect(read).rejects.toMatchObject({ code: 'invalid_body' });
});

describe.each(ADAPTERS)('a body on its way to the %s adapter', (adapter) => {
  it('is waited for no longer than bodyMs', async () => {
    const { manager, port, host } = await serve({ adapter, routes: { bodyMs: 50 } });
    await manager.start();
    const head = `POST /api/chat/abort HTTP/1.1\r\nhost: ${host}\r\nx-session: ann\r\n`;
    const socket = await rawRequest(
      port,
      `${head}content-type: application/json\r\ncontent-length: 50\r\n\r\n{"streamId":`,
    );
    let text = '';
    socket.on('data', (chunk) => {
      text += chunk;
    });
    socket.resume();
    await until('the answer', () => text.includes('"body_timeout"'));
    expect(text).toMatch(/^HTTP\/1\.1 408 /);
  });
});

describe.each(EXPRESS_ADAPTERS)('a response that middleware of %s has begun to describe', (adapter) => {
  it('has the length and the encoding of what is sent, not those that were set before', async () => {
    const { manager, url } = await serve({
      adapter,
      before: (app) =>
        app.use((_request, response, next) => {
          response.setHeader('content-length', 5);
          response.setHeader('content-encoding', 'gzip');
          next();
        }),
    });
    const job = await startJob(manager, 'chat-1');
    const reader = await follow(`${url}/stream/chat-1`);
    await job.emit({ event: 'text', data: 'more than five characters' });
    expect((await postJson(`${url}/abort`, { streamId: 'chat-1' })).body).toMatchObject({ aborted: true });
    expect(await reader.over).toBeUndefined();
    expect(reader.events.map(({ event }) => event)).toEqual(['created', 'text', 'aborted']);
    const head = await fetch(`${url}/stream/chat-1`, { method: 'HEAD', headers: { 'x-session': 'ann' } });
    expect([head.status, head.headers.get('content-length')]).toEqual([200, null]);
  });

  it('whose headers or writes throw fails that response alone, and leaves no follower', async () => {
    let isToThrow: 'setHeader' | 'write' | undefined;
    const failures: unknown[] = [];
    const { manager, url } = await serve({
      adapter,
      routes: { heartbeatMs: 20 },
      before: (app) =>
        app.use((_request, response, next) => {
          if (isToThrow !== undefined) {
            response[isToThrow] = () => {
              throw new Error('the host’s own');
            };
          }
          next();
        }),
      after: (app) =>
        app.use((error: unknown, _request: Request, response: Response, _next: () => void) => {
          failures.push(error);
          response.destroy();
        }),
    });
    const job = await startJob(manager, 'chat-1');
    const reader = await follow(`${url}/stream/chat-1`);
    for (const method of ['setHeader', 'write'] as const) {
      isToThrow = method;
      const failed = await follow(`${url}/stream/chat-1`).catch(() => undefined);
      await failed?.over;
    }
    isToThrow = undefined;
    expect(failures).toEqual([new Error('the host’s own')]);
    await until('one follower', () => manager.followerCount('chat-1') === 1);
    await job.complete();
    await reader.over;
    expect(reader.events.at(-1)?.event).toBe('completed');
  });
});

describe.each(EXPRESS_ADAPTERS)('a router of %s mounted below parameters', (adapter) => {
  it('gives authorize the parameters of its mount path, whenever it asks', async () => {
    const tenants: unknown[] = [];
    const { manager, port } = await serve({
      adapter,
      mount: '/tenants/:tenantId/streams',
      routes: { recheckMs: 20 },
      authorize: (_header, request) => {
        tenants.push(request?.params.tenantId);
        return { userId: 'ann', tenantId: String(request?.params.tenantId) };
      },
    });
    const job = await startJob(manager, 'chat-1', { tenantId: 'acme' });
    const reader = await follow(`http://127.0.0.1:${port}/tenants/acme/streams/stream/chat-1`);
    await until('a re-check', () => tenants.length > 2);
    await job.complete();
    await reader.over;
    expect(reader.events.map(({ event }) => event)).toEqual(['created', 'completed']);
    expect(new Set(tenants)).toEqual(new Set(['acme']));
  });
});
