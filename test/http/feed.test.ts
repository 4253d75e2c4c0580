/** A person's feed over HTTP: theirs alone, by one cursor, over every loss of the connection. */
import { createStreamServices } from 'generation-jobs';
import { describe, expect, it } from 'vitest';
import {
  ADAPTERS,
  codeOf,
  follow,
  getJson,
  postJson,
  type Reader,
  send,
  serve,
  startJob,
  until,
} from './serving.js';

const FED = { options: { feed: true } };
const told = ({ events }: Reader) =>
  events.map(({ event, data }) => {
    const { streamId, status, streams } = JSON.parse(data);
    const ids = streams?.map((stream: { streamId: string }) => stream.streamId).join();
    return `${event} ${streamId ?? ids}${status ? ` ${status}` : ''}`;
  });
const lastId = ({ events }: Reader) => events.at(-1)?.id ?? '';

describe.each(ADAPTERS)('the feed behind the %s adapter', (adapter) => {
  it('L126 tells a person all their streams on one connection, goes on from a cursor, and shows nobody another’s', async () => {
    const { manager, url } = await serve({ adapter, manager: FED });
    const job = await startJob(manager, 'chat-1');
    await startJob(manager, 'theirs', { userId: 'bob' });
    const feed = await follow(`${url}/feed?userId=bob`);
    expect(feed.response.status).toBe(200);
    expect(feed.response.headers.get('content-type')).toBe('text/event-stream; charset=utf-8');
    expect(feed.response.headers.get('cache-control')).toContain('no-store');
    await until('it has begun', () => feed.events.length === 1);
    await job.pause({ type: 'tool_approval', requests: [{ id: 'r', name: 'send' }], resumeContext: 's-1' });
    const other = await startJob(manager, 'chat-2');
    await until('both are told', () => feed.events.length === 3);
    expect(told(feed)).toEqual(['sync chat-1', 'waiting chat-1 requires_action', 'started chat-2 running']);
    expect(feed.events.every(({ id }) => /^0-\d{10,16}$/.test(id ?? ''))).toBe(true);
    expect(JSON.parse(feed.events[1]?.data ?? '')).toMatchObject({
      action: { requests: [{ name: 'send' }] },
    });
    expect(JSON.stringify(feed.events)).not.toMatch(/s-1|theirs/);
    feed.leave();
    await other.complete();
    for (const [path, headers] of [
      ['feed', { 'last-event-id': lastId(feed) }],
      [`feed?after=${lastId(feed)}`, {}],
    ] as const) {
      const back = await follow(`${url}/${path}`, headers);
      await until('it goes on', () => back.events.length === 1);
      expect(told(back)).toEqual(['ended chat-2 completed']);
      back.leave();
    }
    const bob = await follow(`${url}/feed`, { 'x-session': 'bob', 'last-event-id': lastId(feed) });
    const acme = await follow(`${url}/feed`, { 'x-session': 'acme/ann' });
    await until('they begin', () => acme.events.length === 1);
    expect(told(acme)).toEqual(['sync ']);
    expect(told(bob).join()).not.toMatch(/chat-/);
  });

  it('L126 marks an end as seen for its own user alone, by stream or place, and tells every tab', async () => {
    const { manager, url } = await serve({ adapter, manager: FED });
    const tabs = [await follow(`${url}/feed`), await follow(`${url}/feed`)] as const;
    for (const name of ['a', 'b', 'c']) await (await startJob(manager, name)).complete();
    for (const tab of tabs) await until('all are told', () => told(tab).includes('ended c completed'));
    const seen = async (body: object, session = 'ann') =>
      (await postJson(`${url}/seen`, body, { 'x-session': session })).body;
    expect(await seen({ streamId: 'a' }, 'bob')).toEqual({ seen: 0 });
    expect(await seen({ streamId: 'a' })).toEqual({ seen: 1 });
    expect(await seen({ streamId: 'a' })).toEqual({ seen: 0 });
    expect(await seen({ upTo: lastId(tabs[0]) })).toEqual({ seen: 2 });
    for (const tab of tabs) {
      await until('it is told', () => told(tab).filter((text) => text.startsWith('seen')).length === 3);
      expect(told(tab).slice(-3)).toEqual(['seen a completed', 'seen b completed', 'seen c completed']);
    }
    const fresh = await follow(`${url}/feed`);
    await until('it begins', () => fresh.events.length === 1);
    expect(told(fresh)).toEqual(['sync ']);
  });

  it('L126 refuses nobody, foreign pages, cursors of streams and bodies of another shape', async () => {
    const { manager, url, port } = await serve({ adapter, manager: FED });
    await startJob(manager, 'a');
    const unknown = { error: expect.objectContaining({ code: 'stream_not_found' }) };
    for (const path of ['feed', 'seen']) {
      const method = path === 'feed' ? 'GET' : 'POST';
      const asked = await fetch(`${url}/${path}`, { method });
      expect([asked.status, await asked.json()]).toEqual([404, unknown]);
      const foreign = await send(port, method, path, { origin: 'https://evil.example' });
      expect([foreign.status, codeOf(foreign)]).toEqual([403, 'origin_refused']);
      const other = await send(port, 'DELETE', path);
      expect([other.status, codeOf(other)]).toEqual([405, 'method_not_allowed']);
      expect((await send(port, 'OPTIONS', path)).headers.allow).toContain(method);
    }
    for (const after of ['x', '1-2', '0-', '0-9007199254740992', 'tail'])
      expect(codeOf(await getJson(`${url}/feed?after=${after}`)), after).toBe('invalid_cursor');
    expect(codeOf(await getJson(`${url}/feed?heartbeat=x`))).toBe('invalid_argument');
    const post = async (body: unknown) => codeOf(await postJson(`${url}/seen`, body));
    for (const body of [
      {},
      [],
      { streamId: 'a', upTo: '0-1' },
      { streamId: 1 },
      { streamId: 'a', generation: 0 },
    ])
      expect(await post(body), JSON.stringify(body)).toBe('invalid_body');
    expect(await post({ streamId: 'a b' })).toBe('invalid_stream_id');
    expect(await post({ upTo: '1-2' })).toBe('invalid_cursor');
    const head = await fetch(`${url}/feed`, { method: 'HEAD', headers: { 'x-session': 'ann' } });
    expect([head.status, head.headers.get('content-type')]).toEqual([
      200,
      'text/event-stream; charset=utf-8',
    ]);
  });

  it('L126 has heartbeats, ends when access is no longer given, and sends its readers elsewhere when it drains', async () => {
    const services = createStreamServices();
    let isAllowed = true;
    const routes = { heartbeatMs: 40, recheckMs: 60 };
    const authorize = () => (isAllowed ? { userId: 'ann' } : null);
    const here = await serve({ adapter, services, manager: FED, routes, authorize });
    const there = await serve({ adapter, services, manager: FED });
    const [one, two] = [await follow(`${here.url}/feed`), await follow(`${here.url}/feed?heartbeat=event`)];
    await until('hearts beat', () => one.comments.length > 1);
    await until('one by an event', () => two.events.some(({ event }) => event === 'heartbeat'));
    isAllowed = false;
    expect([await one.over, await two.over], 'whole').toEqual([undefined, undefined]);
    isAllowed = true;
    const three = await follow(`${here.url}/feed`);
    await until('it begins', () => three.events.length > 0);
    const draining = here.manager.drain({ graceMs: 0 });
    expect(await three.over).toBeUndefined();
    expect(three.comments).toContain('draining');
    const turned = await follow(`${here.url}/feed`);
    expect(await turned.over).toBeUndefined();
    expect([turned.events, turned.comments]).toEqual([[], ['draining']]);
    await (await startJob(there.manager, 'chat-1')).complete();
    const again = await follow(`${there.url}/feed`, { 'last-event-id': lastId(three) });
    await until('it goes on there', () => again.events.length === 1);
    expect(told(again)).toEqual(['ended chat-1 completed']);
    await draining;
  });

  it('L126 has no such routes without the option', async () => {
    const { url } = await serve({ adapter });
    const headers = { 'x-session': 'ann' };
    expect((await fetch(`${url}/feed`, { headers })).status).toBe(404);
    expect((await fetch(`${url}/seen`, { method: 'POST', headers })).status).toBe(404);
  });
});
