/**
 * Transcripts over HTTP: a worker's calls through the snapshot route to a store, on Node's server and on the Web's types; and
 * the host's own route.
 */
import { randomBytes } from 'node:crypto';
import { once } from 'node:events';
import { mkdtemp, readdir, readFile, rm, writeFile } from 'node:fs/promises';
import { createServer, type Server } from 'node:http';
import { type AddressInfo, connect } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { type GenerationJobError, isGenerationJobError } from 'generation-jobs';
import { FakeClock } from 'generation-jobs/testing';
import {
  clearTranscripts,
  createMemoryTranscripts,
  createTranscriptHandler,
  createTranscriptRouter,
  hydrateTranscript,
  type RemoteTranscriptsOptions,
  type RunTranscripts,
  remoteTranscripts,
  saveTranscript,
  type TranscriptStore,
  transcriptsOf,
} from 'generation-jobs/transcripts';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import {
  sendSnapshot,
  snapshotRequestFrom,
  snapshotRequestOf,
  snapshotResponse,
} from '../../src/transcripts/http/adapters.js';
import {
  answerSnapshot,
  namedStore,
  type SnapshotAccess,
  type SnapshotRequest,
} from '../../src/transcripts/http/snapshot-route.js';
import { gated, pieces } from './contract.js';

const OF = { agentId: 'a', conversationId: 'c' };
const RUN = { ...OF, runId: 'r-1\u2028/é', startedAt: 7 };
const { signal } = new AbortController();
const LIMITS = { maxBytes: 8_000_000 };

let folder: string;
let file: string;
let store: TranscriptStore;
let access: SnapshotAccess;
let server: Server | undefined;
/** The tokens a gateway has been shown. */
let tokens: (string | undefined)[];
let refused: ReadonlySet<string>;

beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), 'transcripts-http-'));
  file = join(folder, 'session.jsonl');
  store = createMemoryTranscripts();
  access = { transcripts: transcriptsOf(store, RUN), isCompleted: async () => true };
  tokens = [];
  refused = new Set();
});
afterEach(async () => {
  server?.closeAllConnections();
  server?.close();
  server = undefined;
  await rm(folder, { recursive: true });
});

function check(authorization: string | undefined | null): void {
  tokens.push(authorization ?? undefined);
  if (refused.has(authorization ?? '')) throw Object.assign(new Error('no'), { status: 401 });
}

function errorOf(error: unknown) {
  const { code, status = 500 } = error as Partial<GenerationJobError>;
  return {
    status,
    body: JSON.stringify({ error: { code: isGenerationJobError(error) ? code : 'token_expired' } }),
  };
}

async function serve(): Promise<string> {
  server = createServer(async (request, response) => {
    try {
      check(request.headers.authorization);
      const reply = await answerSnapshot(snapshotRequestOf(request, response), access, LIMITS);
      await sendSnapshot(reply, request, response);
    } catch (error) {
      if (response.headersSent) return;
      const { status, body } = errorOf(error);
      request.resume();
      response.writeHead(status).end(body);
    }
  });
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  return `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
}

async function onNode(more: Partial<RemoteTranscriptsOptions> = {}): Promise<RunTranscripts> {
  return remoteTranscripts({ url: `${await serve()}/`, token: 'secret', ...more });
}

async function onTheWeb(more: Partial<RemoteTranscriptsOptions> = {}): Promise<RunTranscripts> {
  const answer: typeof fetch = async (url, init) => {
    const request = new Request(url, init);
    try {
      check(request.headers.get('authorization'));
      return snapshotResponse(await answerSnapshot(snapshotRequestFrom(request), access, LIMITS));
    } catch (error) {
      const { status, body } = errorOf(error);
      return new Response(body, { status });
    }
  };
  return remoteTranscripts({ url: 'https://chat.example/worker', token: 'secret', fetch: answer, ...more });
}

describe.each([
  ['Node', onNode],
  ['the Web', onTheWeb],
])('a worker’s transcripts through a gateway on %s', (_, connectTo) => {
  const save = (transcripts: RunTranscripts, more: object = {}) =>
    saveTranscript(transcripts, { file, outcome: 'completed', ...more });

  it('come back byte for byte, with the run and its times', async () => {
    const transcripts = await connectTo();
    const bytes = randomBytes(3_000_000);
    await writeFile(file, bytes);
    expect(await hydrateTranscript(transcripts, { file })).toEqual({ result: 'none', clears: 0 });
    expect(await save(transcripts)).toEqual({ result: 'saved' });
    expect(await save(transcripts)).toEqual({ result: 'already_saved' });
    expect(await hydrateTranscript(transcripts, { file: join(folder, 'copy') })).toEqual({
      ...{ result: 'hydrated', clears: 0, runId: RUN.runId, size: 3_000_000 },
    });
    expect(bytes.equals(await readFile(join(folder, 'copy')))).toBe(true);
    expect((await transcripts.latest(signal)).latest).toMatchObject({ startedAt: 7 });
    expect(new Set(tokens)).toEqual(new Set(['Bearer secret']));
  });

  it('are read as often as one likes', async () => {
    await store.save(RUN, pieces('text'), { signal });
    const { latest } = await (await connectTo()).latest(signal);
    for (let reading = 0; reading < 2; reading++) {
      const read: Uint8Array[] = [];
      for await (const piece of latest?.read() ?? []) read.push(piece);
      expect(Buffer.concat(read).toString()).toBe('text');
    }
  });

  it('are not taken of a run that has not completed, whatever the worker says', async () => {
    access = { ...access, isCompleted: async () => false };
    await writeFile(file, 'half an answer');
    expect(await save(await connectTo())).toMatchObject({
      ...{ result: 'failed', error: { code: 'transcript_not_completed' } },
    });
    expect((await store.latest(OF, signal)).latest).toBeNull();
  });

  it('are bounded by the gateway too, and none is saved in part', async () => {
    await writeFile(file, Buffer.alloc(8_000_001));
    const transcripts = await connectTo();
    const tooLarge = { result: 'failed', error: { code: 'transcript_too_large' } };
    expect(await save(transcripts)).toMatchObject(tooLarge);
    expect((await store.latest(OF, signal)).latest).toBeNull();
    await writeFile(file, Buffer.alloc(8_000_000));
    expect(await save(transcripts)).toEqual({ result: 'saved' });
  });

  it('are cleared, also while a save is under way, and a run of before saves nothing', async () => {
    const transcripts = await connectTo();
    const { clears } = await hydrateTranscript(transcripts, { file });
    let hasBegun = false;
    const there = transcriptsOf(store, RUN);
    const begin: RunTranscripts['save'] = (...given) => {
      const saving = there.save(...given);
      hasBegun = true;
      return saving;
    };
    access = { ...access, transcripts: { ...there, save: begin } };
    const late = gated('a', 'b');
    const saving = transcripts.save({ size: 2, read: () => late.bytes }, { signal });
    await expect.poll(() => hasBegun).toBe(true);
    expect(await clearTranscripts(transcripts)).toEqual({ clears: 1 });
    late.goOn();
    expect(await saving).toBe('cleared');
    await writeFile(file, 'of before');
    expect(await save(transcripts, { clears })).toEqual({ result: 'cleared' });
    expect(await store.latest(OF, signal)).toEqual({ clears: 1, latest: null });
  });

  it('ask for another token when theirs is refused, once', async () => {
    refused = new Set(['Bearer t-old']);
    const asked: boolean[] = [];
    const token = ({ isRefused }: { isRefused: boolean }) => {
      asked.push(isRefused);
      return isRefused ? 't-new' : 't-old';
    };
    await writeFile(file, 'text');
    expect(await save(await connectTo({ token }))).toEqual({ result: 'saved' });
    expect(asked).toEqual([false, true]);
    refused = new Set(['Bearer t-old', 'Bearer t-new']);
    const refusals = await hydrateTranscript(await connectTo({ token }), { file }).catch((error) => error);
    expect(refusals).toMatchObject({ code: 'token_expired', message: expect.stringContaining('401') });
    expect(refusals.message).not.toMatch(/t-old|t-new/);
    expect(tokens.slice(2)).toEqual(['Bearer t-old', 'Bearer t-new']);
  });

  it('are none where the token names no store: each run begins fresh and saves nothing', async () => {
    access = { ...access, transcripts: null };
    await writeFile(file, 'mine');
    const transcripts = await connectTo();
    expect(await hydrateTranscript(transcripts, { file })).toEqual({ result: 'none', clears: 0 });
    expect(await save(transcripts)).toEqual({ result: 'nothing' });
    expect(await clearTranscripts(transcripts)).toEqual({ clears: 0 });
    expect(await readFile(file, 'utf8')).toBe('mine');
  });

  it('that break off half way leave the file as it was', async () => {
    const about = { runId: 'r', startedAt: 1, savedAt: 2, size: 100_000, sha256: '0'.repeat(64) };
    async function* broken() {
      yield Buffer.alloc(50_000);
      throw new Error('the database has gone');
    }
    const latest = async () => ({ clears: 0, latest: { ...about, read: broken } });
    access = { ...access, transcripts: { ...transcriptsOf(store, RUN), latest } };
    await writeFile(file, 'mine');
    await expect(hydrateTranscript(await connectTo(), { file })).rejects.toMatchObject({
      code: 'unavailable',
    });
    expect(await readFile(file, 'utf8')).toBe('mine');
    expect(await readdir(folder)).toEqual(['session.jsonl']);
  });
});

describe('the snapshot route', () => {
  it('passes bytes on while more are to come, and saves nothing of a body that breaks off', async () => {
    const port = Number(new URL(await serve()).port);
    const failed: unknown[] = [];
    let seen = 0;
    const { save } = transcriptsOf(store, RUN);
    access = {
      ...access,
      transcripts: {
        ...transcriptsOf(store, RUN),
        save: async ({ size, read }, options) => {
          async function* watched() {
            for await (const piece of read()) {
              seen += piece.length;
              yield piece;
            }
          }
          try {
            return await save({ size, read: watched }, options);
          } catch (error) {
            failed.push(error);
            throw error;
          }
        },
      },
    };
    const socket = connect(port, '127.0.0.1');
    socket.write('POST /transcript/snapshot HTTP/1.1\r\nHost: x\r\nContent-Length: 10\r\n\r\nfirst');
    await expect.poll(() => seen).toBe(5);
    socket.destroy();
    await expect.poll(() => failed).toHaveLength(1);
    expect((await store.latest(OF, signal)).latest).toBeNull();
  });

  it.each(['Node', 'the Web'])(
    'gives up on %s after 30 s on a reader that takes nothing, and keeps no timer',
    async (of) => {
      const clock = new FakeClock();
      let isClosed = false;
      async function* endless() {
        try {
          for (;;) yield Buffer.alloc(1_000_000);
        } finally {
          isClosed = true;
        }
      }
      const latest = {
        runId: 'r',
        startedAt: 1,
        savedAt: 2,
        size: 64_000_000,
        sha256: '0'.repeat(64),
        read: endless,
      };
      const transcripts = { ...transcriptsOf(store, RUN), latest: async () => ({ clears: 0, latest }) };
      const answer = (request: SnapshotRequest) =>
        answerSnapshot(request, { transcripts, isCompleted: async () => true }, { clock });
      let outcome: Promise<unknown>;
      if (of === 'Node') {
        let begun = () => {};
        const hasBegun = new Promise<void>((resolve) => {
          begun = resolve;
        });
        let sent: Promise<unknown> = Promise.resolve();
        const node = createServer(async (request, response) => {
          const reply = await answer(snapshotRequestOf(request, response));
          sent = sendSnapshot(reply, request, response).catch((error: unknown) => error);
          begun();
        });
        server = node.listen(0, '127.0.0.1');
        await once(node, 'listening');
        const socket = connect((node.address() as AddressInfo).port, '127.0.0.1');
        socket.on('error', () => {}).pause();
        socket.write('GET / HTTP/1.1\r\nhost: x\r\n\r\n');
        await hasBegun;
        outcome = sent;
      } else {
        const response = snapshotResponse(await answer(snapshotRequestFrom(new Request('http://gateway/'))));
        const reader = response.body?.getReader();
        await reader?.read();
        outcome = Promise.resolve(reader?.closed).catch((error: unknown) => error);
      }
      await clock.advance(30_000);
      expect(await outcome).toBeInstanceOf(Error);
      await expect.poll(() => isClosed).toBe(true);
      expect(clock.pendingTimers).toBe(0);
    },
  );

  it('refuses what says beforehand that it is too large, without reading it', async () => {
    const url = await serve();
    const port = Number(new URL(url).port);
    const socket = connect(port, '127.0.0.1');
    socket.write('POST /transcript/snapshot HTTP/1.1\r\nHost: x\r\nContent-Length: 8000001\r\n\r\n');
    const [answer] = (await once(socket, 'data')) as [Buffer];
    expect(answer.toString()).toMatch(/^HTTP\/1.1 413[\s\S]*transcript_too_large/);
    socket.destroy();
  });

  it('refuses other methods, and counts that are none', async () => {
    const url = await serve();
    expect((await fetch(url, { method: 'PUT' })).status).toBe(405);
    const headers = { 'transcript-clears': '-1' };
    expect((await fetch(url, { method: 'POST', headers, body: 'x' })).status).toBe(400);
    expect((await fetch(url, { method: 'HEAD' })).status).toBe(204);
  });

  it('has the stores that tokens name, and no other', () => {
    expect(namedStore({ main: store }, 'main')).toBe(store);
    expect(namedStore({ main: store }, undefined)).toBeNull();
    for (const name of ['other', 'constructor', '__proto__'])
      expect(() => namedStore({ main: store }, name)).toThrow(
        expect.objectContaining({ code: 'transcripts_not_kept' }),
      );
  });
});

describe('a worker whose gateway', () => {
  it.each([
    ['is a page of something else', '<html>'.repeat(50_000), 200],
    ['is broken', 'Bad gateway', 502],
    ['answers other JSON', '{"ok":true}', 200],
  ])('%s is told that it is away', async (_, text, status) => {
    const transcripts = remoteTranscripts({
      ...{ url: 'https://chat.example', token: 't' },
      fetch: async () => new Response(text, { status }),
    });
    await expect(hydrateTranscript(transcripts, { file })).rejects.toMatchObject({ code: 'unavailable' });
    await expect(clearTranscripts(transcripts)).rejects.toMatchObject({ code: 'unavailable' });
    await writeFile(file, 'text');
    const saved = await saveTranscript(transcripts, { file, outcome: 'completed' });
    expect(saved).toMatchObject({ result: 'failed', error: { code: 'unavailable' } });
  });

  it('refuses connections is told that it is away, with what was said', async () => {
    const url = await serve();
    server?.close();
    const transcripts = remoteTranscripts({ url, token: 't' });
    await expect(hydrateTranscript(transcripts, { file })).rejects.toMatchObject({
      ...{ code: 'unavailable', cause: { cause: { code: 'ECONNREFUSED' } } },
    });
  });
});

describe('the host’s route for a transcript while its worker is away', () => {
  const line = (n: number, text = `text ${n}`) =>
    `${JSON.stringify({ role: 'user', content: text, id: `m-${n}`, odd: n })}\n`;
  const authorize = () => OF;
  const asked = async (search = '', given: object = { authorize }, method = 'GET') => {
    const handler = createTranscriptHandler(store, given as { authorize: typeof authorize });
    const response = await handler(new Request(`https://chat.example/t${search}`, { method }));
    const text = await response.text();
    return { status: response.status, body: text === '' ? null : JSON.parse(text) };
  };

  it('gives the last messages, counts, and damaged lines, through Node and the Web', async () => {
    const bytes = Buffer.from(`${[1, 2, 3].map((n) => line(n)).join('')}{"role"`);
    await store.save(RUN, pieces(bytes), { signal });
    const { status, body } = await asked('?last=2');
    expect(status).toBe(200);
    expect(body).toMatchObject({
      ...{ runId: RUN.runId, startedAt: 7, counts: { messages: 3, damaged: 1 } },
      damaged: [{ line: 4, size: 7, reason: 'cut_off' }],
    });
    expect(body.messages).toEqual([
      { line: 2, role: 'user', content: 'text 2', id: 'm-2' },
      { line: 3, role: 'user', content: 'text 3', id: 'm-3' },
    ]);
    server = createServer(createTranscriptRouter(store, { authorize }));
    server.listen(0, '127.0.0.1');
    await once(server, 'listening');
    const url = `http://127.0.0.1:${(server.address() as AddressInfo).port}/t?last=2`;
    expect(await (await fetch(url)).json()).toEqual(body);
    expect((await fetch(url, { method: 'POST' })).status).toBe(405);
  });

  it('leaves out first messages that would make the answer larger than 4 MiB', async () => {
    const long = 'x'.repeat(1_500_000);
    await store.save(RUN, pieces(...[1, 2, 3].map((n) => Buffer.from(line(n, long)))), { signal });
    const { body } = await asked();
    expect(body.messages.map(({ id }: { id: string }) => id)).toEqual(['m-2', 'm-3']);
    expect(body.counts.messages).toBe(3);
  });

  it('answers alike whoever may not read it and whoever has none, and refuses other questions', async () => {
    const missing = await asked();
    expect(missing).toMatchObject({ status: 404, body: { error: { code: 'transcript_not_found' } } });
    await store.save(RUN, pieces(line(1)), { signal });
    expect(await asked('', { authorize: () => null })).toEqual(missing);
    for (const search of ['?last=0', '?last=1001', '?last=x', '?last=', '?last=1e1'])
      expect((await asked(search)).status).toBe(400);
    expect((await asked('', { authorize }, 'DELETE')).status).toBe(405);
    expect(await asked('', { authorize }, 'HEAD')).toEqual({ status: 200, body: null });
  });
});
