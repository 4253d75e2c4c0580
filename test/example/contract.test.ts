/**
 * The example's fixed contract over plain HTTP, on the built server as a process of its own.
 */
import { readdirSync } from 'node:fs';
import { basename } from 'node:path';
import { afterAll, beforeAll, describe, expect, it, vi } from 'vitest';
import {
  ChatClient,
  providerEvents,
  recordedEvents,
  recordedText,
  type WireEvent,
} from '../support/chat-client.js';
import { type ChatProcess, freePort, RECORDINGS_FOLDER, startChat } from '../support/chat-process.js';

const FAST = 1_000_000;
/** Saving follows the end of an answer. */
const WAIT = { interval: 20, timeout: 30_000 };
const SLOW = 20;
const recordings = readdirSync(RECORDINGS_FOLDER)
  .filter((file) => file.endsWith('.jsonl'))
  .map((file) => basename(file, '.jsonl'));

/** They stop to ask: approvals.test.ts. */
const asking = ['openai-responses.mcp-approval.1', 'openai-responses.mcp-approval.3'];
const plain = recordings.filter((name) => !asking.includes(name));

let chat: ChatProcess;
let users = 0;

beforeAll(async () => {
  chat = await startChat();
});

afterAll(async () => {
  expect(await chat.stop()).toBe(0);
  expect(chat.output()).toBe(`chat: http://localhost:${chat.port}\n`);
});

/** Somebody who has done nothing yet. */
function newUser(tenantId?: string): ChatClient {
  return new ChatClient(chat.url, `user-${++users}`, tenantId);
}

async function refusal(response: Response): Promise<[status: number, code: string]> {
  const { error } = (await response.json()) as { error: { code: string; message: string } };
  expect(error.message).toMatch(/\w/);
  return [response.status, error.code];
}

describe('an answer', () => {
  it.each(plain)('of %s carries every recorded event once, whole and in order', async (recording) => {
    const user = newUser();
    const started = await user.start({ text: 'Tell me', recording, tokensPerSecond: FAST });
    expect(started).toEqual({
      streamId: expect.any(String),
      conversationId: started.streamId,
      generation: expect.any(Number),
      status: 'started',
    });
    const events = await user.follow(started.streamId);
    expect(events.map(({ id }) => id)).toEqual(
      events.map((_, index) => `${started.generation}-${index + 1}`),
    );
    expect(events[0]).toMatchObject({ event: 'created', data: { created: { text: 'Tell me' } } });
    expect(providerEvents(events)).toEqual(recordedEvents(recording));
    expect(events.at(-1)).toMatchObject({
      event: 'completed',
      data: { final: { text: recordedText(recording) } },
    });
    const status = await user.json(`/status/${started.streamId}`);
    expect(status).toMatchObject({
      active: false,
      status: 'completed',
      // Before the end, so that who goes on from there still gets it.
      cursor: events.at(-2)?.id,
      content: { prompt: 'Tell me', text: recordedText(recording) },
    });
  });

  it('is paced, and meanwhile listed as active', async () => {
    const user = newUser();
    const { streamId, generation } = await user.start({ recording: 'google.search', tokensPerSecond: SLOW });
    expect(await user.json('/active')).toEqual([
      { streamId, conversationId: streamId, generation, status: 'running' },
    ]);
    const begunAt = performance.now();
    const events = await user.follow(streamId);
    const least = ((recordedEvents('google.search').length - 1) * 1000) / SLOW;
    expect(performance.now() - begunAt).toBeGreaterThan(least * 0.8);
    expect(providerEvents(events)).toHaveLength(recordedEvents('google.search').length);
    expect(await user.json('/active')).toEqual([]);
  });

  it('goes on without its reader, who comes back with Last-Event-ID for exactly the rest', async () => {
    const user = newUser();
    const { streamId } = await user.start({
      recording: 'openai-responses.reasoning-tool',
      tokensPerSecond: 200,
    });
    const all: WireEvent[] = [];
    for (const stopAt of ['-7', '-8', '-40', '-90']) {
      const after = all.at(-1)?.id;
      all.push(
        ...(await user.follow(streamId, {
          ...(after && { after }),
          enough: ({ id }) => id.endsWith(stopAt),
        })),
      );
    }
    all.push(...(await user.follow(streamId, { after: all.at(-1)?.id ?? '' })));
    expect(all.map(({ id }) => id.split('-')[1])).toEqual(all.map((_, index) => String(index + 1)));
    expect(providerEvents(all)).toEqual(recordedEvents('openai-responses.reasoning-tool'));
    const returning = await user.get(`/stream/${streamId}`, {
      headers: { 'last-event-id': all.at(-1)?.id ?? '' },
    });
    expect(returning.status).toBe(204);
  });

  it('plays a plain answer when no recording is named', async () => {
    const user = newUser();
    const { streamId } = await user.start({ tokensPerSecond: FAST });
    expect(providerEvents(await user.follow(streamId))).toEqual(recordedEvents('openai-chat.text'));
  });

  it('is kept in its conversation, for its owner only', async () => {
    const user = newUser();
    const first = await user.start({ text: 'One', recording: 'google.search', tokensPerSecond: FAST });
    await user.follow(first.streamId);
    const { conversationId } = first;
    await user.start({ text: 'Two', conversationId, tokensPerSecond: FAST });
    await vi.waitFor(async () => {
      expect(await user.json(`/conversations/${conversationId}`)).toMatchObject({
        title: 'One',
        turns: [
          { prompt: 'One', text: recordedText('google.search'), status: 'completed' },
          { prompt: 'Two', text: recordedText('openai-chat.text'), status: 'completed' },
        ],
      });
    }, WAIT);
    expect(await user.json('/conversations')).toMatchObject({ conversations: [{ id: conversationId }] });
    const other = newUser();
    expect((await other.get(`/conversations/${conversationId}`)).status).toBe(404);
    expect(await other.json('/conversations')).toEqual({ conversations: [] });
  });
});

describe('a conversation', () => {
  it('is renamed and deleted by its owner only, and what is being written then stops', async () => {
    const user = newUser();
    const { conversationId } = await user.start({ text: 'One', tokensPerSecond: SLOW });
    const path = `/conversations/${conversationId}`;
    const send = (method: string, by: ChatClient, title?: unknown) =>
      by.get(path, {
        method,
        ...(title !== undefined && {
          body: JSON.stringify({ title }),
          headers: { 'content-type': 'application/json' },
        }),
      });
    for (const [method, title] of [['PATCH', 'Mine'], ['DELETE']] as const)
      expect(await refusal(await send(method, newUser(), title))).toEqual([404, 'not_found']);
    const renamed = await send('PATCH', user, '  A better title ');
    expect([renamed.status, await renamed.json()]).toEqual([
      200,
      { id: conversationId, title: 'A better title' },
    ]);
    expect(await user.json(path)).toMatchObject({ title: 'A better title' });
    for (const title of ['', '   ', 'x'.repeat(81), 7])
      expect(await refusal(await send('PATCH', user, title))).toEqual([400, 'invalid_body']);

    const following = await user.attach(conversationId);
    expect((await send('DELETE', user)).status).toBe(204);
    expect((await following.events).at(-1)?.event).toBe('gone');
    expect(await user.json('/active')).toEqual([]);
    expect(await user.json('/conversations')).toEqual({ conversations: [] });
    expect(await refusal(await user.get(path))).toEqual([404, 'not_found']);
    expect(await refusal(await send('DELETE', user))).toEqual([404, 'not_found']);
  });

  it('is not renamed or deleted by another site’s page', async () => {
    const user = newUser();
    const { conversationId } = await user.start({ tokensPerSecond: FAST });
    for (const method of ['PATCH', 'DELETE']) {
      const headers = { origin: 'https://elsewhere.example', 'content-type': 'application/json' };
      const body = method === 'PATCH' ? { body: '{"title":"x"}' } : {};
      const response = await user.get(`/conversations/${conversationId}`, { method, headers, ...body });
      expect(await refusal(response)).toEqual([403, 'origin_refused']);
    }
  });
});

describe('starting again', () => {
  it('with the same idempotency key finds the first run, active or ended', async () => {
    const user = newUser();
    const request = { idempotencyKey: 'once', recording: 'google.search', tokensPerSecond: FAST };
    const tries = await Promise.all([1, 2, 3, 4, 5].map(() => user.start(request)));
    expect(tries.map(({ status }) => status).sort()).toEqual([
      'joined',
      'joined',
      'joined',
      'joined',
      'started',
    ]);
    expect(new Set(tries.map(({ streamId, generation }) => `${streamId} ${generation}`)).size).toBe(1);
    const [{ streamId, generation } = tries[0] as never] = tries;
    await user.follow(streamId);
    expect(await user.start(request)).toEqual({
      streamId,
      conversationId: streamId,
      generation,
      status: 'joined',
    });
    const someoneElse = await newUser().start(request);
    expect(someoneElse.status).toBe('started');
    expect(someoneElse.streamId).not.toBe(streamId);
  });

  it('joins an active answer when asked to', async () => {
    const user = newUser();
    const { conversationId, generation } = await user.start({ tokensPerSecond: SLOW });
    expect(await user.start({ conversationId, onConflict: 'join' })).toEqual({
      streamId: conversationId,
      conversationId,
      generation,
      status: 'joined',
    });
  });

  it('is refused while an answer is active when asked to', async () => {
    const user = newUser();
    const { conversationId } = await user.start({ tokensPerSecond: SLOW });
    const response = await user.post('', { text: 'Again', conversationId, onConflict: 'reject' });
    expect(await refusal(response)).toEqual([409, 'conflict']);
  });

  it('otherwise replaces the active answer, whose followers get its end', async () => {
    const user = newUser();
    const first = await user.start({ tokensPerSecond: SLOW });
    const following = await user.attach(first.streamId);
    const second = await user.start({ conversationId: first.conversationId, tokensPerSecond: FAST });
    expect(second).toMatchObject({ streamId: first.streamId, status: 'started' });
    expect(second.generation).toBeGreaterThan(first.generation);
    const events = await following.events;
    expect(events.at(-1)).toMatchObject({
      event: 'aborted',
      data: { code: 'replaced', final: { text: expect.any(String) } },
    });
    expect(events.every(({ id }) => id.startsWith(`${first.generation}-`))).toBe(true);
    expect(providerEvents(await user.follow(first.streamId))).toEqual(recordedEvents('openai-chat.text'));
  });
});

describe('stopping', () => {
  it('ends the answer with what there is of it', async () => {
    const user = newUser();
    const { streamId, generation } = await user.start({ tokensPerSecond: 100 });
    const following = await user.attach(streamId);
    await user.follow(streamId, { enough: ({ id }) => id.endsWith('-20') });
    const response = await user.post('/abort', { streamId, generation });
    expect(response.status).toBe(200);
    expect(await response.json()).toMatchObject({ aborted: true, generation });
    const events = await following.events;
    const produced = providerEvents(events);
    expect(produced).toEqual(recordedEvents('openai-chat.text').slice(0, produced.length));
    expect(produced.length).toBeLessThan(recordedEvents('openai-chat.text').length);
    const end = events.at(-1);
    expect(end).toMatchObject({ event: 'aborted', data: { code: 'aborted' } });
    expect(recordedText('openai-chat.text').startsWith(end?.data.final.text)).toBe(true);
    expect(await refusal(await user.post('/abort', { streamId, generation }))).toEqual([
      409,
      'generation_ended',
    ]);
  });
});

describe('a request is refused', () => {
  it.each([
    ['without a text', {}, 400, 'invalid_body'],
    ['with a blank text', { text: ' \n' }, 400, 'invalid_body'],
    ['with a field nobody knows', { text: 'Hi', tenantId: 'other' }, 400, 'invalid_body'],
    ['with a speed that isn’t a number', { text: 'Hi', tokensPerSecond: '9' }, 400, 'invalid_body'],
    ['with a speed of nothing', { text: 'Hi', tokensPerSecond: 0 }, 400, 'invalid_body'],
    ['with an unknown way to handle conflicts', { text: 'Hi', onConflict: 'merge' }, 400, 'invalid_body'],
    ['that isn’t JSON', '{"text":', 400, 'invalid_body'],
    ['with an odd conversation id', { text: 'Hi', conversationId: 'a/../b' }, 400, 'invalid_stream_id'],
    ['with an unknown recording', { text: 'Hi', recording: 'nobody' }, 400, 'unknown_recording'],
    ['with a recording outside the folder', { text: 'Hi', recording: '../README' }, 400, 'unknown_recording'],
    ['with a body over the limit', { text: 'a'.repeat(300_000) }, 413, 'body_too_large'],
  ])('%s', async (_, body, status, code) => {
    expect(await refusal(await newUser().post('', body))).toEqual([status, code]);
  });

  it('naming the recordings there are when the one asked for isn’t', async () => {
    const response = await newUser().post('', { text: 'Hi', recording: 'nobody' });
    const { error } = (await response.json()) as { error: { message: string } };
    for (const name of recordings) expect(error.message).toContain(name);
  });

  it('of another content type, or from another site’s page', async () => {
    const user = newUser();
    const form = await user.post('', { text: 'Hi' }, { 'content-type': 'text/plain' });
    expect(await refusal(form)).toEqual([415, 'unsupported_media_type']);
    const foreign = await user.post('', { text: 'Hi' }, { origin: 'https://elsewhere.example' });
    expect(await refusal(foreign)).toEqual([403, 'origin_refused']);
    expect((await user.post('', { text: 'Hi' }, { origin: chat.url })).status).toBe(200);
  });

  it('by nobody', async () => {
    const nobody = new ChatClient(chat.url, '');
    expect(await refusal(await nobody.post('', { text: 'Hi' }))).toEqual([401, 'unauthorized']);
    expect(await refusal(await nobody.get('/status/some-stream'))).toEqual([404, 'stream_not_found']);
  });

  it('about somebody else’s stream as about none at all', async () => {
    const { streamId, generation } = await newUser().start({ tokensPerSecond: SLOW });
    const other = newUser();
    for (const id of [streamId, 'nothing-here']) {
      expect(await refusal(await other.get(`/stream/${id}`))).toEqual([404, 'stream_not_found']);
      expect(await refusal(await other.get(`/status/${id}`))).toEqual([404, 'stream_not_found']);
      expect(await refusal(await other.post('/abort', { streamId: id, generation }))).toEqual([
        404,
        'stream_not_found',
      ]);
    }
    const taken = await other.post('', { text: 'Mine', conversationId: streamId });
    expect(await refusal(taken)).toEqual([409, 'stream_taken']);
  });

  it('never because of another tenant’s stream of the same name', async () => {
    const conversationId = 'shared-name';
    const here = await newUser('tenant-a').start({
      conversationId,
      recording: 'google.search',
      tokensPerSecond: FAST,
    });
    const there = newUser('tenant-b');
    expect((await there.get(`/status/${conversationId}`)).status).toBe(404);
    expect(await there.start({ conversationId, tokensPerSecond: FAST })).toMatchObject({
      streamId: here.streamId,
      status: 'started',
    });
  });
});

describe('the server', () => {
  it('tells its health, its metrics and its recordings', async () => {
    const health = await fetch(`${chat.url}/healthz`);
    const answer = { ok: true, replica: '1', store: 'memory' };
    expect([health.status, await health.json()]).toEqual([200, answer]);
    expect(health.headers.get('x-replica')).toBe('1');
    const metrics = await (await fetch(`${chat.url}/metrics`)).text();
    expect(metrics).toMatch(/^generation_jobs_jobs_created_total \d+$/m);
    expect(await newUser().json('/recordings')).toMatchObject({
      recordings,
      demos: ['demo.question', 'demo.batch', 'demo.guess'],
    });
  });

  it('serves the page under a policy that allows nothing from elsewhere', async () => {
    const page = await fetch(chat.url);
    expect(await page.text()).toContain('<script type="importmap">');
    expect(page.headers.get('content-security-policy')).toContain("default-src 'none'");
    expect(page.headers.get('x-content-type-options')).toBe('nosniff');
    for (const path of [
      '/style.css',
      '/cards.css',
      '/answers.css',
      '/frame.css',
      '/icon.svg',
      '/page/main.js',
      '/packages/marked.js',
      '/packages/dompurify.js',
      '/packages/highlightjs/es/core.min.js',
    ]) {
      expect([path, (await fetch(chat.url + path)).status]).toEqual([path, 200]);
    }
    for (const path of ['/page/', '/page/../start.js', '/package.json', '/page/%2e%2e/start.js']) {
      expect([path, (await fetch(chat.url + path)).status]).toEqual([path, 404]);
    }
  });

  it('answers on localhost, whichever address that is', async () => {
    for (const host of ['localhost', '127.0.0.1']) {
      expect((await fetch(`http://${host}:${chat.port}/healthz`)).status).toBe(200);
    }
  });

  it('starts several times at once on one checkout, each on its PORT', async () => {
    const ports = [await freePort(), await freePort(), await freePort()];
    const chats = await Promise.all(
      ports.map((port) => startChat({ viaNpm: true, env: { PORT: String(port) } })),
    );
    expect(chats.map(({ port }) => port)).toEqual(ports);
    for (const { url } of chats) expect((await fetch(`${url}/healthz`)).status).toBe(200);
    await Promise.all(chats.map((one) => one.stop()));
  });

  it('says what is wrong with its environment', async () => {
    await expect(startChat({ env: { PORT: 'http' } })).rejects.toThrow(/PORT/);
    await expect(startChat({ env: { PORT: String(chat.port) } })).rejects.toThrow(/EADDRINUSE/);
  });

  it('lets a short answer end when it is told to stop, and cuts a long one off in words', async () => {
    const stopping = await startChat();
    const user = new ChatClient(stopping.url, 'user');
    const short = await user.start({ recording: 'google.search', tokensPerSecond: 50 });
    const long = await user.start({ recording: 'openai-responses.long', tokensPerSecond: 1 });
    await user.follow(short.streamId, { enough: ({ id }) => id.endsWith('-2') });
    const ended = [await user.attach(short.streamId), await user.attach(long.streamId)];
    await user.follow(long.streamId, { enough: ({ id }) => id.endsWith('-2') });
    expect(await stopping.stop()).toBe(0);
    // Readers of a draining server are sent away with a clean prefix; there is nothing left that they could ask.
    for (const events of await Promise.all(ended.map((reader) => reader.events))) {
      expect(events.map(({ id }) => id.split('-')[1])).toEqual(events.map((_, index) => String(index + 1)));
    }
  });
});
