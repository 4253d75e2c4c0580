import { createStreamServices } from 'generation-jobs';
import { describe, expect, it } from 'vitest';
import { wrapStore } from '../../src/testing/wrapped-store.js';
import { ADAPTERS, codeOf, follow, getJson, postJson, serve, startJob, until } from './serving.js';

describe.each(ADAPTERS)('the routes behind the %s adapter', (adapter) => {
  it('stream a job from its first event to its end, and then end the response', async () => {
    const { manager, url } = await serve({ adapter });
    const job = await startJob(manager, 'chat-1');
    const reader = await follow(`${url}/stream/chat-1`);
    void job.emit({ event: 'text', data: { text: 'Hello' } });
    await job.complete({ final: true });
    expect(await reader.over).toBeUndefined();
    expect(reader.events.map(({ id, event }) => `${id} ${event}`)).toEqual([
      `${job.generation}-1 created`,
      `${job.generation}-2 text`,
      `${job.generation}-3 completed`,
    ]);
    expect(JSON.parse(reader.events[1]?.data ?? '')).toEqual({ text: 'Hello' });
    expect(reader.retries).toHaveLength(1);
  });

  it('continue after Last-Event-ID, which wins over ?after=', async () => {
    const { manager, url } = await serve({ adapter });
    const job = await startJob(manager, 'chat-1');
    for (const text of ['a', 'b', 'c']) void job.emit({ event: 'text', data: { text } });
    await job.complete();
    const byQuery = await follow(`${url}/stream/chat-1?after=${job.generation}-2`);
    const byHeader = await follow(`${url}/stream/chat-1?after=${job.generation}-1`, {
      'last-event-id': `${job.generation}-3`,
    });
    await Promise.all([byQuery.over, byHeader.over]);
    expect(byQuery.events.map(({ id }) => id)).toEqual([3, 4, 5].map((n) => `${job.generation}-${n}`));
    expect(byHeader.events.map(({ id }) => id)).toEqual([4, 5].map((n) => `${job.generation}-${n}`));
  });

  it('take ?lastEventId= and ?last_event_id= for ?after=, which wins over them, as the header does over all', async () => {
    const { manager, url } = await serve({ adapter });
    const job = await startJob(manager, 'chat-1');
    for (const text of ['a', 'b', 'c']) void job.emit({ event: 'text', data: { text } });
    await job.complete();
    const at = (sequence: number) => `${job.generation}-${sequence}`;
    const first = async (query: string, headers: Record<string, string> = {}) => {
      const reader = await follow(`${url}/stream/chat-1?${query}`, headers);
      await reader.over;
      return reader.events[0]?.id;
    };
    expect(await first(`lastEventId=${at(2)}`)).toBe(at(3));
    expect(await first(`last_event_id=${at(2)}`)).toBe(at(3));
    expect(await first(`lastEventId=${at(1)}&after=${at(2)}`)).toBe(at(3));
    expect(await first(`last_event_id=${at(3)}&lastEventId=${at(2)}`)).toBe(at(3));
    const all = `after=${at(1)}&lastEventId=${at(1)}&last_event_id=${at(1)}`;
    expect(await first(all, { 'last-event-id': at(3) })).toBe(at(4));
    for (const name of ['lastEventId', 'last_event_id']) {
      const malformed = await getJson(`${url}/stream/chat-1?${name}=x`);
      expect([malformed.status, codeOf(malformed)]).toEqual([400, 'invalid_cursor']);
    }
  });

  it('send heartbeats as an event without an id on request, so that a page can tell quiet from dead', async () => {
    const { manager, url } = await serve({ adapter, routes: { heartbeatMs: 20 } });
    const job = await startJob(manager, 'chat-1');
    const asked = await follow(`${url}/stream/chat-1?heartbeat=event`);
    const comments = await follow(`${url}/stream/chat-1?heartbeat=comment`);
    await until('heartbeats', () => asked.events.length > 3 && comments.comments.length > 3);
    expect(asked.events.slice(1, 3)).toEqual([
      { id: undefined, event: 'heartbeat', data: '{}' },
      { id: undefined, event: 'heartbeat', data: '{}' },
    ]);
    expect(asked.comments).toEqual([]);
    expect(comments.events.map(({ event }) => event)).toEqual(['created']);
    expect(() => job.emit({ event: 'heartbeat', data: 1 })).toThrow('reserved');
    await job.complete();
  });

  it('deliver a host’s event of an older release that has a name which is reserved by now, as it is', async () => {
    const { jobStore, ...rest } = createStreamServices();
    const store = wrapStore(jobStore, ({ method, args }, perform) => {
      const [request] = args as [{ events?: { event: string }[] }];
      if (method === 'commit') for (const event of request.events ?? []) rename(event);
      return perform();
    });
    const rename = (event: { event: string }) => {
      if (event.event === 'was/heartbeat') event.event = 'heartbeat';
    };
    const { manager, url } = await serve({ adapter, services: { ...rest, jobStore: store } });
    const job = await startJob(manager, 'chat-1');
    await job.emit({ event: 'was/heartbeat', data: { beat: 1 } });
    await job.complete();
    const reader = await follow(`${url}/stream/chat-1?heartbeat=event`);
    await reader.over;
    expect(reader.events[1]).toEqual({ id: `${job.generation}-2`, event: 'heartbeat', data: '{"beat":1}' });
  });

  it('answer 204 to the cursor of an ended generation’s end, so that a browser stops reconnecting', async () => {
    const { manager, url } = await serve({ adapter });
    const first = await startJob(manager, 'chat-1');
    await first.complete();
    const status = async (cursor: string, query = '') => {
      const answer = await getJson(`${url}/stream/chat-1${query}`, { 'last-event-id': cursor });
      return answer.status;
    };
    expect(await status(`${first.generation}-2`)).toBe(204);
    const second = await startJob(manager, 'chat-1');
    expect(await status(`${first.generation}-2`)).toBe(204);
    await second.complete();
    expect(await status(`${second.generation}-2`)).toBe(204);
  });

  it('go on into the next generation with ?follow=stream', async () => {
    const { manager, url } = await serve({ adapter });
    const first = await startJob(manager, 'chat-1');
    await first.complete();
    const reader = await follow(`${url}/stream/chat-1?follow=stream&after=${first.generation}-2`);
    expect(reader.response.status).toBe(200);
    const second = await startJob(manager, 'chat-1');
    await until('the second generation’s end', async () => {
      if (!second.isOver) await second.complete();
      return reader.events.some(({ event }) => event === 'completed');
    });
    expect(reader.events.map(({ id }) => id)).toEqual([1, 2].map((n) => `${second.generation}-${n}`));
    expect(reader.isOver()).toBe(false);
  });

  it('begin with sync when asked to resume', async () => {
    const { manager, url } = await serve({ adapter });
    const job = await startJob(manager, 'chat-1');
    await job.emit({ event: 'text', data: 'x' });
    await job.flush();
    const reader = await follow(`${url}/stream/chat-1?resume=true`);
    await until('sync', () => reader.events.length > 0);
    expect(reader.events[0]).toMatchObject({ id: `${job.generation}-2`, event: 'sync' });
    await job.complete();
    await reader.over;
    expect(reader.events.map(({ event }) => event)).toEqual(['sync', 'completed']);
  });

  it('give new events only after=tail, and a place to come back to before the first of them', async () => {
    const { manager, url } = await serve({ adapter });
    const job = await startJob(manager, 'chat-1');
    const response = await fetch(`${url}/stream/chat-1?after=tail`, { headers: { 'x-session': 'ann' } });
    await job.complete();
    const text = await response.text();
    expect(text).toMatch(
      new RegExp(`^retry: [0-9]+\n\nid: ${job.generation}-1\n\nid: ${job.generation}-2\n`),
    );
  });

  it('tell the state of a stream', async () => {
    const { manager, url } = await serve({ adapter });
    const job = await startJob(manager, 'chat-1');
    expect(await getJson(`${url}/status/chat-1`)).toMatchObject({
      status: 200,
      body: {
        active: true,
        status: 'running',
        generation: job.generation,
        cursor: `${job.generation}-1`,
        content: null,
        pendingAction: null,
        createdAt: expect.any(Number),
      },
    });
    await job.complete({ text: 'done' });
    expect((await getJson(`${url}/status/chat-1`)).body).toMatchObject({
      active: false,
      status: 'completed',
    });
  });

  it('list the caller’s active jobs', async () => {
    const { manager, url } = await serve({ adapter });
    const job = await startJob(manager, 'chat-1');
    await startJob(manager, 'chat-2', { userId: 'bob' });
    await (await startJob(manager, 'chat-3')).complete();
    const { body } = await getJson(`${url}/active`);
    expect(body).toEqual([
      { streamId: 'chat-1', conversationId: null, generation: job.generation, status: 'running' },
    ]);
  });

  it('list active jobs page by page: an array, and a Link to the next page, which the last has not', async () => {
    const { manager, url } = await serve({ adapter });
    const names = ['a', 'b', 'c', 'd', 'e'];
    for (const name of names) await startJob(manager, name);
    await (await startJob(manager, 'ended')).complete();
    const seen: string[] = [];
    const sizes: number[] = [];
    for (let next: string | undefined = `${url}/active?limit=2`; next !== undefined; ) {
      const { body, headers } = await getJson(next);
      const page = body as { streamId: string }[];
      seen.push(...page.map(({ streamId }) => streamId));
      sizes.push(page.length);
      const [, target] = /^<([^>]*)>; rel="next"$/.exec(headers.get('link') ?? '') ?? [];
      next = target === undefined ? undefined : new URL(target, next).href;
    }
    expect(seen.toSorted()).toEqual(names);
    expect(Math.max(...sizes)).toBe(2);
    const all = await getJson(`${url}/active`);
    expect([(all.body as unknown[]).length, all.headers.get('link')]).toEqual([5, null]);
    for (const query of ['limit=0', 'limit=1001', 'limit=x', 'limit=', 'limit=1.5', 'limit=10000']) {
      const refused = await getJson(`${url}/active?${query}`);
      expect([query, refused.status, codeOf(refused)]).toEqual([query, 400, 'invalid_argument']);
    }
    const odd = await getJson(`${url}/active?cursor=${encodeURIComponent('no cursor\0{}')}`);
    expect(odd.status).toBeLessThan(500);
  });

  it('stop a job, and answer 409 when the named generation is over already', async () => {
    const { manager, url } = await serve({ adapter });
    const job = await startJob(manager, 'chat-1');
    const reader = await follow(`${url}/stream/chat-1`);
    const stopped = await postJson(`${url}/abort`, { streamId: 'chat-1', generation: job.generation });
    expect(stopped).toMatchObject({
      status: 200,
      body: { aborted: true, early: true, isEmpty: true, status: 'aborted', generation: job.generation },
    });
    await reader.over;
    expect(reader.events.at(-1)?.event).toBe('aborted');
    const again = await postJson(`${url}/abort`, { streamId: 'chat-1', generation: job.generation });
    expect([again.status, codeOf(again)]).toEqual([409, 'generation_ended']);
    const next = await startJob(manager, 'chat-1');
    const replaced = await postJson(`${url}/abort`, { streamId: 'chat-1', generation: job.generation });
    const forgotten = await postJson(`${url}/abort`, { streamId: 'chat-1', generation: 1 });
    expect([replaced.status, forgotten.status]).toEqual([409, 409]);
    expect(next.isOver).toBe(false);
    await next.complete();
    expect(await postJson(`${url}/abort`, { streamId: 'chat-1' })).toMatchObject({
      status: 200,
      body: { aborted: false, status: 'completed' },
    });
  });

  it('answer 404 for a stream and a generation that do not exist, the same body for both', async () => {
    const { manager, url } = await serve({ adapter });
    await startJob(manager, 'chat-1');
    const answers = [
      await getJson(`${url}/stream/nothing`),
      await getJson(`${url}/status/nothing`),
      await getJson(`${url}/stream/chat-1?generation=1`),
      await postJson(`${url}/abort`, { streamId: 'nothing' }),
    ];
    for (const { status, body } of answers) {
      expect([status, body]).toEqual([404, answers[0]?.body]);
      expect(codeOf({ body })).toBe('stream_not_found');
    }
  });

  it('answer HEAD without a body and without following, OPTIONS with what is allowed, and 405 to the rest', async () => {
    const { manager, url } = await serve({ adapter });
    await startJob(manager, 'chat-1');
    const ask = (method: string, path: string) =>
      fetch(`${url}/${path}`, { method, headers: { 'x-session': 'ann' } });
    const head = await ask('HEAD', 'stream/chat-1');
    expect([head.status, await head.text()]).toEqual([200, '']);
    expect((await ask('HEAD', 'stream/nothing')).status).toBe(404);
    expect((await ask('HEAD', 'status/chat-1')).status).toBe(200);
    expect((await manager.stats()).process.followers).toBe(0);
    const options = await ask('OPTIONS', 'abort');
    expect([options.status, options.headers.get('allow')]).toEqual([204, 'POST, OPTIONS']);
    for (const [method, path] of [
      ['POST', 'stream/chat-1'],
      ['DELETE', 'status/chat-1'],
      ['PUT', 'active'],
      ['GET', 'abort'],
    ] as const) {
      const refused = await ask(method, path);
      expect([refused.status, codeOf({ body: await refused.json() })]).toEqual([405, 'method_not_allowed']);
      expect(refused.headers.get('allow')).toContain('OPTIONS');
    }
  });

  it('refuse query values they do not know, and ignore parameters they do not know', async () => {
    const { manager, url } = await serve({ adapter });
    await (await startJob(manager, 'chat-1')).complete();
    for (const query of [
      'resume=yes',
      'follow=forever',
      'heartbeat=loud',
      'generation=x',
      'generation=0',
      'generation=-1',
    ]) {
      const answer = await getJson(`${url}/stream/chat-1?${query}`);
      expect([query, answer.status, codeOf(answer)]).toEqual([query, 400, 'invalid_argument']);
    }
    const reader = await follow(`${url}/stream/chat-1?token=x&_=1`);
    expect(reader.response.status).toBe(200);
    const stopped = await postJson(`${url}/abort?newer=yes`, { streamId: 'chat-1' });
    expect(stopped.status).toBe(200);
  });
});

describe('the Express router', () => {
  it('leaves paths that are not its own to what is mounted beside it', async () => {
    const { url } = await serve({
      before: (app) => {
        app.post('/api/chat', (_request, response) => void response.json({ mine: true }));
      },
    });
    expect((await postJson(url, {})).body).toEqual({ mine: true });
    expect((await fetch(`${url}/recordings`)).status).toBe(404);
    expect((await fetch(`${url}/stream/a/b`)).headers.get('content-type')).toContain('text/html');
  });

  it('takes a body that express.json() has parsed', async () => {
    const { default: express } = await import('express');
    const { manager, url } = await serve({ before: (app) => void app.use(express.json()) });
    await startJob(manager, 'chat-1');
    expect((await postJson(`${url}/abort`, { streamId: 'chat-1' })).body).toMatchObject({ aborted: true });
  });
});
