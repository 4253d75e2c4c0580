/**
 * A stream followed by the client from a real server: each event once and in order, whatever becomes of the connection.
 */
import { createStreamServices } from 'generation-jobs';
import { createStreamClient, followStream } from 'generation-jobs/client';
import { describe, expect, it, onTestFinished } from 'vitest';
import { pick, seededRandom } from '../contract/seeded.js';
import { serve, startJob, until } from '../http/serving.js';
import { startTcpProxy } from '../support/tcp-proxy.js';
import { ANN, changed, fetchAfter, followed, sequencesOf } from './tools.js';

const seed = Number(process.env.TEST_SEED ?? Math.floor(Math.random() * 2 ** 32));
console.log(`following: TEST_SEED=${seed}`);
const random = seededRandom(seed);

/** Connections come back at once, and a silent one is noticed soon. */
const QUICK = { routes: { retryMs: 10, heartbeatMs: 20 } } as const;

const word = (text: string) => ({ event: 'text', data: { text } });

describe('following to the end', () => {
  it('a loop gets every event with its cursor, and is over when the answer is', async () => {
    const { manager, url } = await serve();
    const job = await startJob(manager, 's-1');
    await job.emit(word('a'));
    const read: string[] = [];
    const following = followStream(`${url}/stream/s-1`, { headers: ANN });
    for await (const { event, cursor } of following) {
      read.push(`${event} ${cursor}`);
      if (event === 'text') await job.complete({ text: 'a' });
    }
    const { generation } = job;
    expect(read).toEqual([`created ${generation}-1`, `text ${generation}-2`, `completed ${generation}-3`]);
    expect(following.current).toMatchObject({
      generation,
      status: 'completed',
      end: { final: { text: 'a' } },
    });
    expect(await following.done).toEqual({ name: 'ended' });
  });

  it('tells its states: connecting, live, ended', async () => {
    const { manager, url } = await serve();
    const job = await startJob(manager, 's-1');
    const { events, names, following } = followed(`${url}/stream/s-1`);
    await until('the first event', () => events.length === 1);
    expect(names()).toEqual(['connecting', 'live']);
    await job.complete();
    await following.done;
    expect(names()).toEqual(['connecting', 'live', 'ended']);
  });

  it('with the cursor of the end there is nothing more: it has ended, without an event', async () => {
    const { manager, url } = await serve();
    const job = await startJob(manager, 's-1');
    await job.complete();
    const { events, following } = followed(`${url}/stream/s-1`, { cursor: `${job.generation}-2` });
    expect(await following.done).toEqual({ name: 'ended' });
    expect(events).toEqual([]);
  });

  it('stays for the settlement when told to, and for the next answers when it follows the stream', async () => {
    let save = () => {};
    const saved = new Promise<void>((resolve) => {
      save = resolve;
    });
    const { manager, url } = await serve({ manager: { hooks: { settle: () => saved } } });
    const job = await startJob(manager, 's-1');
    const one = followed(`${url}/stream/s-1`, { settled: true });
    const all = followed(`${url}/stream/s-1`, { follow: 'stream' });
    await job.complete();
    await until('the end', () => one.events.some(({ event }) => event === 'completed'));
    expect(one.following.state.name).toBe('live');
    save();
    expect(await one.following.done).toEqual({ name: 'ended' });
    expect(one.events.at(-1)).toMatchObject({ event: 'settled', data: { state: 'settled' } });
    const next = await startJob(manager, 's-1');
    await next.complete();
    await until('both answers', () => all.events.filter(({ event }) => event === 'completed').length === 2);
    expect(sequencesOf(all.events)).toEqual([1, 2, 1, 2]);
    expect(all.following.current).toMatchObject({ generation: next.generation, status: 'completed' });
  });
});

describe('a connection that is lost', () => {
  it('each event comes once and in order over as many cuts as there are', async () => {
    const served = await serve(QUICK);
    const job = await startJob(served.manager, 's-1');
    const { events, following, states } = followed(`${served.url}/stream/s-1`);
    for (let sent = 0; sent < 300; sent++) {
      await job.emit(word(`${sent} `));
      if (pick(random, 10) > 0) continue;
      // In the middle of whatever it is: of a response, of a pause, of a request.
      if (pick(random, 2) === 0) await until('all there is', () => events.length === sent + 2);
      served.cut();
    }
    await until('all there is', () => events.length === 301);
    served.cut();
    await job.complete();
    expect(await following.done).toEqual({ name: 'ended' });
    expect(sequencesOf(events)).toEqual(Array.from({ length: 302 }, (_, at) => at + 1));
    const pauses = states.flatMap((state) => (state.name === 'waiting' ? [state] : []));
    expect(pauses.length).toBeGreaterThan(0);
    for (const { inMs, error } of pauses) {
      expect(inMs).toBeLessThanOrEqual(20);
      expect(error?.code ?? 'no_answer').toBe('no_answer');
    }
  });

  it('one that looks alive and says nothing is noticed by its silence', async () => {
    const { manager, port } = await serve(QUICK);
    const proxy = await startTcpProxy(port);
    onTestFinished(() => proxy.close());
    const job = await startJob(manager, 's-1');
    const url = `http://127.0.0.1:${proxy.port}/api/chat/stream/s-1`;
    const { events, following, states } = followed(url, { stallMs: 400 });
    await until('the first event', () => events.length === 1);
    proxy.freeze();
    await job.emit(word('unheard'));
    await until('the event by another connection', () => events.length === 2);
    expect(states).toContainEqual(
      expect.objectContaining({ name: 'waiting', error: expect.objectContaining({ code: 'stalled' }) }),
    );
    await job.complete();
    await following.done;
    expect(sequencesOf(events)).toEqual([1, 2, 3]);
  });

  it('heartbeats keep a connection that has nothing to tell', async () => {
    const { manager, url } = await serve(QUICK);
    const job = await startJob(manager, 's-1');
    let beats = 0;
    const { fetch } = fetchAfter(
      changed((text) => {
        beats += text.includes('event: heartbeat') ? 1 : 0;
        return text;
      }),
    );
    const { events, names } = followed(`${url}/stream/s-1`, { stallMs: 2_000, fetch });
    await until('heartbeats for longer than the longest silence', () => beats > 120);
    expect(events.map(({ event }) => event)).toEqual(['created']);
    expect(names()).toEqual(['connecting', 'live']);
    await job.complete();
  });

  it('a replica that drains is left after the time it names, and another one goes on from the cursor', async () => {
    const services = createStreamServices();
    const [one, other] = [await serve({ ...QUICK, services }), await serve({ ...QUICK, services })];
    const job = await startJob(other.manager, 's-1');
    let port = one.port;
    const asked: string[] = [];
    const { events, following, states } = followed(`${one.url}/stream/s-1`, {
      longestPauseMs: 5_000,
      fetch: (address, init) => {
        asked.push(String(address));
        return fetch(String(address).replace(`:${one.port}/`, `:${port}/`), init);
      },
    });
    await until('the first event', () => events.length === 1);
    void one.manager.drain();
    await until('the drain', () => states.some(({ name }) => name === 'waiting'));
    const [pause] = states.flatMap((state) => (state.name === 'waiting' ? [state] : []));
    // 100 to 1,000 ms by the protocol, and up to half as long again by chance.
    expect(pause?.inMs).toBeGreaterThanOrEqual(100);
    expect(pause?.inMs).toBeLessThanOrEqual(1_500);
    expect(pause?.error).toBeUndefined();
    port = other.port;
    await job.complete();
    await following.done;
    expect(sequencesOf(events)).toEqual([1, 2]);
    expect(asked.at(-1)).toContain(`after=${job.generation}-1`);
  });

  it('what comes twice is dropped, and what is missing has everything come anew', async () => {
    const { manager, url } = await serve(QUICK);
    const job = await startJob(manager, 's-1');
    const { generation } = job;
    const again = fetchAfter(
      (address, init) => fetch(address, init),
      // A proxy that answers from the beginning whatever it is asked.
      (address, init) =>
        fetch(String(address).replace(`after=${generation}-2`, `after=${generation}-0`), init),
    );
    const twice = followed(`${url}/stream/s-1`, { fetch: again.fetch });
    let isLost = false;
    const lossy = fetchAfter(
      changed((text) => {
        const rest = text.replace(/id: \d+-2\n(.+\n){2}\n/, '');
        isLost ||= rest !== text;
        return rest;
      }),
    );
    const less = followed(`${url}/stream/s-1`, { fetch: lossy.fetch });
    await until('both', () => twice.events.length === 1 && less.events.length === 1);
    await job.emit(word('a'));
    await until('one', () => twice.events.length === 2 && isLost);
    twice.following.reconnect();
    await job.emit(word('b'));
    await until('the other', () => less.events.some(({ event }) => event === 'sync'));
    await job.complete();
    await Promise.all([twice.following.done, less.following.done]);
    expect(again.asked.length).toBeGreaterThan(1);
    expect(sequencesOf(twice.events)).toEqual([1, 2, 3, 4]);
    expect(less.events.map(({ event }) => event).slice(0, 2)).toEqual(['created', 'sync']);
    expect(less.events.at(-1)?.event).toBe('completed');
    expect(less.states).toContainEqual(
      expect.objectContaining({ error: expect.objectContaining({ code: 'out_of_order' }) }),
    );
  });

  it('a cursor ahead of the log is answered by a gap and a sync, and one that is none is thrown away', async () => {
    const { manager, url } = await serve(QUICK);
    const job = await startJob(manager, 's-1');
    const ahead = followed(`${url}/stream/s-1`, { cursor: `${job.generation}-77` });
    await until('the sync', () => ahead.events.length === 2);
    expect(ahead.events).toMatchObject([
      { event: 'gap', data: { requested: `${job.generation}-77` } },
      { event: 'sync', cursor: `${job.generation}-1` },
    ]);
    // By its form it is a cursor; the server refuses what no number can be.
    const none = followed(`${url}/stream/s-1`, { cursor: '9999999999999999-1' });
    await until('the sync', () => none.events.length === 1);
    expect(none.events[0]).toMatchObject({ event: 'sync', cursor: `${job.generation}-1` });
    await job.complete();
    await Promise.all([ahead.following.done, none.following.done]);
    expect(sequencesOf(ahead.events)).toEqual([77, 1, 2]);
  });
});

describe('nothing to follow', () => {
  it('a stream that is not there is gone, with code, status and remedy; a loop over it throws that', async () => {
    const { url } = await serve();
    const { following, events } = followed(`${url}/stream/nothing`);
    const last = await following.done;
    expect(last).toMatchObject({ name: 'gone', error: { code: 'stream_not_found', status: 404 } });
    expect(last.name === 'gone' && last.error.remedy).toMatch(/Start a job on the stream first/);
    expect(events).toEqual([]);
    const loop = followStream(`${url}/stream/nothing`, { headers: ANN });
    await expect(loop[Symbol.asyncIterator]().next()).rejects.toMatchObject({ code: 'stream_not_found' });
  });

  it('one that is deleted while it is followed is gone, by its event', async () => {
    const { manager, url } = await serve();
    await startJob(manager, 's-1');
    const { following, events } = followed(`${url}/stream/s-1`);
    await until('the first event', () => events.length === 1);
    await manager.deleteStream('s-1');
    expect(await following.done).toMatchObject({ name: 'gone', error: { code: 'stream_not_found' } });
    expect(events.at(-1)?.event).toBe('gone');
  });

  it('a page that answers in place of the routes is asked a few times, and given up by name', async () => {
    const { url } = await serve({
      before: (app) => app.use((_request, response) => response.type('html').send('<!doctype html>')),
    });
    const { following, states } = followed(`${url}/stream/s-1`);
    expect(await following.done).toMatchObject({ name: 'gone', error: { code: 'bad_answer' } });
    expect(states.filter(({ name }) => name === 'waiting')).toHaveLength(4);
  });

  it('a server that is busy is come back to, after the time it asks for', async () => {
    const { manager, url } = await serve();
    const job = await startJob(manager, 's-1');
    await job.complete();
    const busy = () => new Response('{}', { status: 503, headers: { 'retry-after': '0.2' } });
    const { fetch } = fetchAfter(busy, busy);
    const { following, states, events } = followed(`${url}/stream/s-1`, { fetch });
    expect(await following.done).toEqual({ name: 'ended' });
    expect(sequencesOf(events)).toEqual([1, 2]);
    const pauses = states.flatMap((state) => (state.name === 'waiting' ? [state] : []));
    expect(pauses).toMatchObject([
      { failures: 1, inMs: 200, error: { status: 503 } },
      { failures: 2, inMs: 200, error: { status: 503 } },
    ]);
  });
});

describe('a token that expires', () => {
  /** A host whose sign-in answers 401 to what is old, and whose tokens count. */
  async function withTokens() {
    let valid = 1;
    const served = await serve({
      ...QUICK,
      before: (app) =>
        app.use((request, response, next) =>
          request.get('authorization') === `Bearer ${valid}` ? next() : response.status(401).json({}),
        ),
      authorize: () => ({ userId: 'ann' }),
    });
    return {
      ...served,
      expire: () => {
        valid++;
      },
      get valid() {
        return valid;
      },
    };
  }

  it('is asked for anew at each try, and once more when it was refused', async () => {
    const host = await withTokens();
    const job = await startJob(host.manager, 's-1');
    let token = host.valid;
    const refusals: (number | undefined)[] = [];
    const { events, following, names } = followed(`${host.url}/stream/s-1`, {
      headers: async ({ refused }) => {
        refusals.push(refused);
        if (refused === 401) token = host.valid;
        return { authorization: `Bearer ${token}` };
      },
    });
    await until('the first event', () => events.length === 1);
    host.expire();
    host.cut();
    await job.emit(word('a'));
    await until('the next event', () => events.length === 2);
    host.expire();
    host.cut();
    await job.complete();
    await following.done;
    expect(sequencesOf(events)).toEqual([1, 2, 3]);
    // A try with the old token, and one with a fresh one, each time.
    expect(refusals.filter((refused) => refused === 401)).toHaveLength(2);
    expect(names()).not.toContain('gone');
  });

  it('one that stays refused is given up by name, after a few tries', async () => {
    const host = await withTokens();
    await startJob(host.manager, 's-1');
    let asked = 0;
    const { following } = followed(`${host.url}/stream/s-1`, {
      headers: () => {
        asked++;
        return { authorization: 'Bearer old' };
      },
    });
    expect(await following.done).toMatchObject({
      name: 'gone',
      error: { code: 'unauthorized', status: 401, remedy: expect.stringContaining('Sign in') },
    });
    expect(asked).toBe(4);
    const { asked: once, fetch } = fetchAfter();
    const fixed = followed(`${host.url}/stream/s-1`, { headers: { authorization: 'Bearer old' }, fetch });
    expect(await fixed.following.done).toMatchObject({ name: 'gone', error: { code: 'unauthorized' } });
    expect(once).toHaveLength(1);
  });

  it('a sign-in that fails, or does not answer, is a lost connection', async () => {
    const host = await withTokens();
    const job = await startJob(host.manager, 's-1');
    await job.complete();
    let asked = 0;
    const { events, following, states } = followed(`${host.url}/stream/s-1`, {
      stallMs: 200,
      headers: async () => {
        asked++;
        if (asked === 1) throw new Error('The sign-in is away.');
        if (asked === 2) return new Promise(() => {});
        return { authorization: 'Bearer 1' };
      },
    });
    await following.done;
    expect(sequencesOf(events)).toEqual([1, 2]);
    const codes = states.flatMap((state) => (state.name === 'waiting' ? [state.error?.code] : []));
    expect(codes).toEqual(['no_answer', 'stalled']);
  });
});

describe('leaving', () => {
  it('a loop that is left, a signal and a close leave the stream; a close before the first try asks for nothing', async () => {
    const { manager, url } = await serve();
    await startJob(manager, 's-1');
    const followers = async () => (await manager.stats()).process.followers;
    for await (const { event } of followStream(`${url}/stream/s-1`, { headers: ANN })) if (event) break;
    const leaving = new AbortController();
    const { events, following, names } = followed(`${url}/stream/s-1`, { signal: leaving.signal });
    await until('the first event', () => events.length === 1);
    leaving.abort();
    expect(await following.done).toEqual({ name: 'closed' });
    following.wake();
    following.reconnect();
    following.close();
    expect(names()).toEqual(['connecting', 'live', 'closed']);
    const { fetch, asked } = fetchAfter();
    for (const options of [{ signal: leaving.signal }, {}]) {
      const never = followed(`${url}/stream/s-1`, { fetch, ...options });
      never.following.close();
      expect(await never.following.done).toEqual({ name: 'closed' });
    }
    await until('nobody is left', async () => (await followers()) === 0);
    expect(asked).toEqual([]);
  });

  it('a listener that throws is told to the page as an event listener’s error, and stops nothing', async () => {
    const { manager, url } = await serve();
    const job = await startJob(manager, 's-1');
    await job.emit(word('a'));
    await job.complete();
    const reported: unknown[] = [];
    Object.assign(globalThis, { reportError: (error: unknown) => reported.push(error) });
    onTestFinished(() => {
      Reflect.deleteProperty(globalThis, 'reportError');
    });
    const wrong = new Error('the page’s own');
    let heard = 0;
    const { following } = followed(`${url}/stream/s-1`, {
      contentModel: {
        initial: () => 0,
        fold: () => {
          throw wrong;
        },
      },
      onEvent: ({ event }) => {
        heard++;
        if (event === 'sync') throw wrong;
        return Promise.reject(wrong);
      },
      onState: () => {
        throw wrong;
      },
    });
    expect(await following.done).toEqual({ name: 'ended' });
    expect(heard).toBe(2);
    expect(new Set(reported)).toEqual(new Set([wrong]));
  });

  it('a loop that is slow holds the connection up, and loses nothing', async () => {
    const { manager, url } = await serve();
    const job = await startJob(manager, 's-1');
    for (let sent = 0; sent < 2_000; sent++) await job.emit(word(String(sent)));
    await job.complete();
    const read: number[] = [];
    for await (const event of followStream(`${url}/stream/s-1`, { headers: ANN })) {
      read.push(...sequencesOf([event]));
      if (read.length % 500 === 0) await new Promise((resolve) => setTimeout(resolve, 5));
    }
    expect(read).toEqual(Array.from({ length: 2_002 }, (_, at) => at + 1));
  });
});

it('options are refused by name, with the nearest that is known', () => {
  const given = (options: object) => () => followStream('/api/chat/stream/s-1', options);
  expect(given({ curser: '1-1' })).toThrow('options: "curser" is not known, did you mean "cursor"?');
  expect(given({ cursor: 'tail' })).toThrow('options.cursor: must be as received');
  expect(given({ stallMs: 1.5 })).toThrow('options.stallMs: must be 50 to 3600000');
  expect(given({ follow: 'Stream' })).toThrow('options.follow: must be generation or stream');
  expect(() => createStreamClient({ url: '' })).toThrow('options.url: must be string');
});
