/**
 * A user's feed: what became of all their streams, told once each, newest states only, to everybody who follows it, whoever
 * committed and whoever died.
 */
import type {
  FeedEvent,
  FeedStream,
  FeedSubscription,
  GenerationJobOptions,
  SubscribeUserInput,
} from 'generation-jobs';
import {
  type FeedEntry,
  type FeedPage,
  type Frame,
  feedKey,
  type JobStore,
  streamKey,
  userKey,
} from 'generation-jobs/ports';
import { DEAF, lossyTransport, wrapStore } from 'generation-jobs/testing';
import { text } from './follower.js';
import { type Contract, expectCode, type Harness, type Replica, TIMES, thrownCode } from './harness.js';
import { expect } from './tools.js';

const USER = userKey('u');
const BOUNDS = { entries: 10, keptMs: 600_000 };
const FED = { options: { feed: true } } as const;

function entry(
  streamId: string,
  generation: number,
  count: number,
  over: Partial<FeedEntry> = {},
): FeedEntry {
  const state = JSON.stringify({ status: 'running', at: 1, of: `${streamId} ${generation} ${count}` });
  return { streamId, generation, count, kind: 'active', state, ...over };
}

async function readAll(h: Harness, after = 0) {
  const page = await h.store.feeds.read(USER, { after, limit: 100, bounds: BOUNDS });
  return { ...page, names: page.entries.map(({ streamId }) => streamId) };
}

/** Appends, and says how many entries that changed. */
async function append(h: Harness, one: FeedEntry, bounds = BOUNDS): Promise<number> {
  return (await h.store.feeds.append(USER, one, bounds)).changed;
}

export const feedStoreContracts: readonly Contract[] = [
  {
    id: 'L121',
    title:
      'an entry is kept if it is newer, whatever comes in between; each stream has one, and numbers only grow',
    async run(h) {
      const before = h.store.now();
      const versions: [number, number][] = [
        ...([
          [5, 1],
          [5, 1],
          [5, 3],
          [5, 2],
          [4, 9],
          [6, 1],
          [5, 4],
        ] as [number, number][]),
      ];
      const changed = [];
      for (const [generation, count] of versions)
        changed.push(await append(h, entry('s', generation, count)));
      expect(changed).toEqual([1, 0, 1, 0, 0, 1, 0]);
      await append(h, entry('t', 1, 1));
      const { entries, last, floor } = await readAll(h);
      expect(entries.map(({ streamId, generation, count }) => [streamId, generation, count])).toEqual([
        ['s', 6, 1],
        ['t', 1, 1],
      ]);
      const [s, t] = entries.map(({ number }) => number) as [number, number];
      expect(s).toBeGreaterThanOrEqual(before);
      expect(t).toBeGreaterThan(s);
      expect([last, floor < s], 'it goes on from its beginning').toEqual([t, true]);
      expect(entries[0]).toMatchObject({ kind: 'active', isSeen: false, stateNumber: s, titleNumber: 0 });
      expect(JSON.parse(entries[0]?.state ?? '')).toMatchObject({ of: 's 6 1' });
      expect((await readAll(h, s)).names).toEqual(['t']);
      expect((await readAll(h, t)).names).toEqual([]);
      const other = await h.store.feeds.read(userKey('u', 't'), { after: 0, limit: 9, bounds: BOUNDS });
      expect(other, 'another tenant’s user').toEqual({ entries: [], floor: 0, last: 0, goesOn: false });
    },
  },
  {
    id: 'L121',
    title: 'a title is newer by itself, carries over to the next generation, and goes with what is removed',
    async run(h) {
      const titled = (generation: number, count: number, revision: number) =>
        append(
          h,
          entry('s', generation, count, { title: { revision, text: `"${generation}.${revision}"` } }),
        );
      const look = async () => (await readAll(h)).entries[0];
      expect(await titled(5, 1, 2)).toBe(1);
      expect(await titled(5, 1, 1), 'an older one').toBe(0);
      const { stateNumber = 0 } = (await look()) ?? {};
      expect(await titled(5, 1, 3)).toBe(1);
      expect(await look()).toMatchObject({ title: '"5.3"', stateNumber });
      expect((await look())?.titleNumber).toBeGreaterThan(stateNumber);
      expect(await append(h, entry('s', 6, 1))).toBe(1);
      expect(await look(), 'it carries over').toMatchObject({ generation: 6, title: '"5.3"' });
      expect(await titled(6, 1, 1), 'of a newer generation').toBe(1);
      expect(await append(h, entry('s', 6, Number.MAX_SAFE_INTEGER, { kind: 'removed' }))).toBe(1);
      expect((await look())?.title).toBeUndefined();
      expect([await titled(6, 2, 9), await titled(6, 1, 9)], 'what comes late').toEqual([0, 0]);
      expect(await titled(7, 1, 1), 'a stream that is made again').toBe(1);
      expect(await look()).toMatchObject({ kind: 'active', title: '"7.1"' });
    },
  },
  {
    id: 'L121',
    title:
      'at most so many entries are kept for so long; a place that has missed what went lies before the floor',
    async run(h) {
      await h.store.feeds.read(USER, { after: 0, limit: 1, bounds: BOUNDS, begins: true });
      const begun = await readAll(h);
      expect([begun.floor, begun.last]).toEqual([begun.last, begun.floor]);
      for (let at = 0; at < 13; at++) await append(h, entry(`s${at}`, 1, 1));
      const { names, floor, entries } = await readAll(h);
      expect(names).toEqual(Array.from({ length: 10 }, (_, at) => `s${at + 3}`));
      expect(floor, 'three have gone').toBeLessThan(entries[0]?.number ?? 0);
      expect(floor).toBeGreaterThan(begun.floor);
      const page = await h.store.feeds.read(USER, { after: floor, limit: 4, bounds: BOUNDS });
      expect([page.entries.length, page.goesOn]).toEqual([4, true]);
      await h.advance(30);
      // Of what has grown old some goes with each append.
      for (let at = 0; at < 3; at++) await append(h, entry('new', 1, 1 + at), { ...BOUNDS, keptMs: 15 });
      const late = await h.store.feeds.read(USER, { after: 0, limit: 99, bounds: BOUNDS });
      expect(late.entries.map(({ streamId }) => streamId)).toEqual(['new']);
      expect(late.floor).toBeGreaterThan(floor);
    },
  },
  {
    id: 'L121',
    title: 'a place before an entry that is too old to be told has missed it, also while it is kept',
    async run(h) {
      await append(h, entry('old', 1, 1));
      const { last } = await readAll(h);
      await h.advance(30);
      const read = (after: number) =>
        h.store.feeds.read(USER, { after, limit: 9, bounds: { ...BOUNDS, keptMs: 15 } });
      expect(await read(last - 1)).toMatchObject({ entries: [], floor: last, last });
      expect((await read(last)).floor).toBeLessThanOrEqual(last);
    },
  },
  {
    id: 'L121',
    title:
      'a title alone changes no state, whatever generation it is of, and one of an older generation no newer title',
    async run(h) {
      const alone = (generation: number, revision: number) => {
        const title = { revision, text: `"${generation}.${revision}"` };
        return append(h, entry('s', generation, 0, { kind: 'ended', title, ifKnown: true }));
      };
      expect(await alone(6, 1), 'of a stream that it does not know').toBe(0);
      await append(h, entry('s', 5, 2));
      const [before] = (await readAll(h)).entries;
      expect([await alone(6, 3), await alone(6, 3), await alone(4, 9), await alone(6, 2)]).toEqual([
        1, 0, 0, 0,
      ]);
      const [after] = (await readAll(h)).entries;
      const { state, stateNumber } = before ?? {};
      expect(after).toMatchObject({
        generation: 5,
        count: 2,
        kind: 'active',
        state,
        stateNumber,
        title: '"6.3"',
      });
    },
  },
  {
    id: 'L123',
    title:
      'what has ended is marked as seen once, by stream, generation or place, and is unseen with its next end',
    async run(h) {
      const { feeds } = h.store;
      for (const [name, kind] of [
        ['a', 'ended'],
        ['b', 'active'],
        ['c', 'ended'],
        ['d', 'ended'],
      ] as const)
        await append(h, entry(name, 5, 2, { kind }));
      const seen = async (which: Parameters<typeof feeds.markSeen>[1]) =>
        (await feeds.markSeen(USER, which)).changed;
      const stateNumber = async (name: string) =>
        (await readAll(h)).entries.find(({ streamId }) => streamId === name)?.stateNumber ?? 0;
      expect(await seen({ streamId: 'a', generation: 4 }), 'another generation').toBe(0);
      expect(await seen({ streamId: 'b' }), 'what has not ended').toBe(0);
      expect(await seen({ streamId: 'none' })).toBe(0);
      const place = (await readAll(h)).last;
      expect([await seen({ streamId: 'a' }), await seen({ streamId: 'a' })]).toEqual([1, 0]);
      const { entries, last } = await readAll(h, place);
      expect(entries).toMatchObject([{ streamId: 'a', isSeen: true, number: last }]);
      expect(entries[0]?.stateNumber).toBeLessThanOrEqual(place);
      expect(await seen({ upTo: await stateNumber('c') })).toBe(1);
      expect(await seen({ upTo: last + 1 }), 'the rest').toBe(1);
      expect(await append(h, entry('a', 5, 2, { kind: 'ended' })), 'a repeat').toBe(0);
      await append(h, entry('a', 6, 2, { kind: 'ended' }));
      expect(
        (await readAll(h)).entries.filter(({ isSeen }) => !isSeen).map(({ streamId }) => streamId),
      ).toEqual(['b', 'a']);
    },
  },
  {
    id: 'L168',
    title:
      'how many runs wait is newer by itself, with or without a generation; what was removed comes back with a run, and with nothing else',
    async run(h) {
      const queued = (streamId: string, revision: number, queue: string, over: Partial<FeedEntry> = {}) =>
        append(h, {
          ...entry(streamId, 0, 0),
          state: '{"status":"queued","at":1}',
          queue: { revision, text: queue },
          ...over,
        });
      const look = async () => (await readAll(h)).entries.find(({ streamId }) => streamId === 'q');
      const now = h.store.now();
      expect(await queued('none', now, '', { ifKnown: true }), 'of a stream that it does not know').toBe(0);
      expect(await queued('q', now, '1')).toBe(1);
      expect(await look()).toMatchObject({ generation: 0, count: 0, kind: 'active', queue: '1' });
      const changed = [];
      for (const [revision, queue] of [
        [now, '2'],
        [now - 1, '2'],
        [now + 1, '2'],
      ] as const)
        changed.push(await queued('q', revision, queue));
      expect(changed).toEqual([0, 0, 1]);
      const { number = 0, queueNumber, stateNumber, titleNumber } = (await look()) ?? {};
      expect([queueNumber, titleNumber, (stateNumber ?? 0) < number]).toEqual([number, 0, true]);
      expect(await append(h, entry('q', 5, 1, { title: { revision: 1, text: '"T"' } }))).toBe(1);
      expect(await look(), 'it stays with the next state').toMatchObject({
        generation: 5,
        queue: '2',
        queueNumber,
      });
      expect(await queued('q', now + 2, '')).toBe(1);
      expect(await look()).toMatchObject({ generation: 5, count: 1, title: '"T"', queue: undefined });
      expect(await queued('q', now + 3, '3')).toBe(1);
      const removed = { kind: 'removed' } as const;
      expect(await append(h, entry('q', 5, Number.MAX_SAFE_INTEGER, removed))).toBe(1);
      expect([await queued('q', now + 3, '3'), await queued('q', now + 60_000, '')], 'late').toEqual([0, 0]);
      expect((await look())?.queue).toBeUndefined();
      expect(await queued('q', h.store.now() + 60_000, '1'), 'after it').toBe(1);
      expect(await look()).toMatchObject({ kind: 'active', queue: '1', state: '{"status":"queued","at":1}' });
      expect(await append(h, entry('q', 5, 9)), 'of what was removed').toBe(0);
      expect(await append(h, entry('q', 6, 1))).toBe(1);
      await h.store.feeds.clear(USER);
      expect(await queued('q', h.store.now() - 1_000, '1'), 'under way when all was cleared').toBe(0);
      expect(await queued('q', h.store.now() + 60_000, '1')).toBe(1);
    },
  },
  {
    id: 'L124',
    title:
      'what is cleared is gone for every place, and what was under way then is not kept; what comes after is',
    async run(h) {
      const { feeds } = h.store;
      expect((await feeds.clear(USER)).changed, 'nothing to clear').toBe(0);
      const now = h.store.now() - 1_000;
      await append(h, entry('s', now, 1));
      await append(h, entry('t', now, 1, { title: { revision: 1, text: '"T"' } }));
      const place = (await readAll(h)).last;
      expect((await feeds.clear(USER)).changed).toBe(1);
      const cleared = await readAll(h);
      expect(cleared.entries).toEqual([]);
      expect(cleared.floor, 'every place has missed it').toBeGreaterThan(place);
      expect(await append(h, entry('s', now, 2)), 'late').toBe(0);
      expect(await append(h, entry('s', h.store.now() + 60_000, 1)), 'begun since').toBe(1);
      const unknown = {
        ...entry('none', 0, Number.MAX_SAFE_INTEGER),
        kind: 'removed',
        ifKnown: true,
      } as const;
      expect(await append(h, unknown), 'of a stream that it does not know').toBe(0);
      const [{ generation = 0 } = {}] = (await readAll(h)).entries;
      const known = { ...unknown, streamId: 's' };
      expect(await append(h, { ...known, upTo: generation - 1 }), 'of one that has begun since').toBe(0);
      expect(await append(h, { ...known, upTo: generation })).toBe(1);
      expect((await readAll(h)).entries).toMatchObject([{ streamId: 's', kind: 'removed' }]);
    },
  },
  {
    id: 'L125',
    title:
      'a change is announced under the user’s own key with its newest number; what changes nothing is not',
    async run(h) {
      const frames: Frame[] = [];
      const { eventTransport } = h.backend.connect();
      await eventTransport.start();
      const key = feedKey(USER);
      const stop = await eventTransport.subscribe(key, {
        onFrame: (frame) => void frames.push(frame),
        onGone() {},
        onReset() {},
      });
      const made = async (reply: Promise<{ frames: readonly Frame[] }>) => {
        for (const frame of (await reply).frames) eventTransport.publish(frame);
      };
      const { feeds } = h.store;
      await made(feeds.append(USER, entry('s', 5, 1, { kind: 'ended' }), BOUNDS));
      await made(feeds.append(USER, entry('s', 5, 1), BOUNDS));
      await made(feeds.markSeen(USER, { streamId: 's' }));
      await made(feeds.clear(USER));
      await h.until(() => frames.length >= 3, 'it is announced');
      const { last } = await readAll(h);
      expect(frames).toHaveLength(3);
      expect(frames.at(-1)).toMatchObject({ generation: last, revision: last, events: [] });
      expect(frames.every((frame) => frame.key.id === key.id)).toBe(true);
      await stop();
      await eventTransport.close();
    },
  },
];

// --- through managers

interface FeedWatch {
  readonly events: FeedEvent[];
  readonly names: readonly string[];
  readonly subscription: FeedSubscription;
  readonly error: unknown;
  /** Where each stream stands, as a page would know it. */
  readonly streams: ReadonlyMap<string, FeedStream>;
}

/** Follows as a page does. */
function watchFeed(replica: Replica, input: Partial<SubscribeUserInput> = {}): FeedWatch {
  const events: FeedEvent[] = [];
  const streams = new Map<string, FeedStream>();
  const subscription = replica.manager.subscribeUser({ userId: 'u', ...input });
  let error: unknown;
  void (async () => {
    for await (const event of subscription) {
      events.push(event);
      if (event.event === 'sync') {
        streams.clear();
        for (const stream of event.data.streams) streams.set(stream.streamId, stream);
      } else if (event.event === 'removed') streams.delete(event.data.streamId);
      else streams.set(event.data.streamId, event.data);
    }
  })().catch((thrown: unknown) => {
    error = thrown;
  });
  return {
    events,
    streams,
    subscription,
    get names() {
      return events.map(({ event }) => event);
    },
    get error() {
      return error;
    },
  };
}

const titleNote = (title: string | null) => ({
  notes: [{ key: 'title', event: 'title', data: title === null ? null : { title } }],
});

/** The store of a process whose appends to the feed are answered, and lost as long as is said. */
const losing = (isLost: (entry: FeedEntry) => boolean) => (store: JobStore) =>
  wrapStore(store, async ({ method, args }, perform) =>
    method === 'feeds.append' && isLost(args[1] as FeedEntry) ? { changed: 1, frames: [] } : perform(),
  );

/** The store of a process that dies between a commit and its feed's entry. */
const tellingNothing = (store: JobStore) =>
  wrapStore(store, ({ method }, perform) => (method === 'feeds.append' ? new Promise(() => {}) : perform()));

async function ended(h: Harness, replica: Replica, streamId: string): Promise<void> {
  await h.soon((await h.start(replica, { streamId })).complete());
}

export const feedContracts: readonly Contract[] = [
  {
    id: 'L122',
    title:
      'a follower on another replica gets a sync of nothing, then each state of each stream, with the public action and no secret',
    async run(h) {
      const [one, two] = await h.two(FED);
      const feed = watchFeed(two);
      await h.until(() => feed.names.length === 1, 'it begins');
      expect(feed.events[0]).toMatchObject({ event: 'sync', data: { streams: [] } });
      const job = await h.start(one, { conversationId: 'c' });
      await h.until(() => feed.names.length === 2, 'started');
      void job.emit(text('a'));
      const requests = [{ id: 'r', name: 'send', arguments: { to: 'bob' } }];
      const { actionId } = await h.soon(
        job.pause({ type: 'tool_approval', requests, resumeContext: { secret: 1 }, fingerprint: 'f' }),
      );
      await h.until(() => feed.names.length === 3, 'waiting');
      const decisions = [{ id: 'r', decision: 'approve' as const }];
      const decided = await h.soon(
        two.manager.approvals.resolve('s', { actionId, decisions, by: 'ann', fingerprint: 'f' }),
      );
      await h.until(() => feed.names.length === 4, 'decided');
      await h.soon(decided.job.fail({ code: 'no_model', message: 'secret', retryable: false }));
      await h.until(() => feed.names.length === 5, 'ended');
      await ended(h, one, 'other');
      await h.until(
        () => feed.names.length >= 6 && feed.streams.get('other')?.status === 'completed',
        'more',
      );
      expect(feed.names.slice(0, 5)).toEqual(['sync', 'started', 'waiting', 'decided', 'ended']);
      const base = { streamId: 's', generation: job.generation, conversationId: 'c', seen: false };
      expect(feed.events.slice(1, 5).map(({ data }) => data)).toMatchObject([
        { ...base, status: 'running' },
        { ...base, status: 'requires_action', action: { actionId, type: 'tool_approval', requests } },
        { ...base, status: 'running', decided: { actionId, by: 'ann' } },
        { ...base, status: 'failed', code: 'no_model' },
      ]);
      expect(JSON.stringify(feed.events)).not.toMatch('secret');
      expect(feed.events[3]?.data).not.toHaveProperty('action');
      const cursors = feed.events.map(({ cursor }) => Number(cursor.replace(/^0-/, '')));
      expect(cursors, 'one order').toEqual([...cursors].sort((a, b) => a - b));
      feed.subscription.close();
    },
  },
  {
    id: 'L122',
    title:
      'who comes later gets a sync of what is active, waiting and unseen; with a cursor the newest state of what has changed since',
    async run(h) {
      const [one, two] = await h.two(FED);
      const waiting = await h.start(one, { streamId: 'waits' });
      await h.soon(waiting.pause({ type: 'checkpoint' }));
      await h.start(one, { streamId: 'runs' });
      await ended(h, one, 'unseen');
      await ended(h, one, 'seen');
      await h.start(one, { streamId: 'foreign', userId: 'v' });
      await one.manager.upkeep.idle();
      expect(await two.manager.markSeen({ userId: 'u', streamId: 'seen' })).toBe(1);
      expect(await two.manager.markSeen({ userId: 'v', streamId: 'unseen' })).toBe(0);
      const feed = watchFeed(two);
      await h.until(() => feed.names.length === 1, 'it begins');
      const states = [...feed.streams.values()].map(({ streamId, status }) => `${streamId} ${status}`);
      expect(states.sort()).toEqual(['runs running', 'unseen completed', 'waits requires_action']);
      const place = feed.events[0]?.cursor;
      feed.subscription.close();
      await h.soon(two.manager.abortJob('waits', { userId: 'u' }));
      await two.manager.upkeep.idle();
      await h.start(one, { streamId: 'waits' });
      await h.start(one, { streamId: 'more' });
      await one.manager.upkeep.idle();
      const later = watchFeed(two, { after: place });
      await h.until(() => later.streams.has('more'), 'it goes on');
      expect(later.names, 'what was skipped is implied').toEqual(['started', 'started']);
      expect(later.streams.get('waits')).toMatchObject({ status: 'running', generation: expect.any(Number) });
      later.subscription.close();
    },
  },
  {
    id: 'L123',
    title:
      'a note under the key of titles renames, the title stays with the next generation, and what is seen is told to all',
    async run(h) {
      const [one, two] = await h.two(FED);
      const feeds = [watchFeed(one), watchFeed(two)] as const;
      const all = async (name: string) => {
        for (const feed of feeds) await h.until(() => feed.names.at(-1) === name, `${name} is told`);
      };
      // Who is still reading where it begins when the job starts gets it with the sync.
      await all('sync');
      const job = await h.start(one);
      await all('started');
      await one.manager.annotate('s', { notes: [{ key: 'other', event: 'o', data: 1 }] });
      await two.manager.annotate('s', titleNote('A story'));
      await all('renamed');
      expect(feeds[0].streams.get('s')).toMatchObject({ status: 'running', title: { title: 'A story' } });
      await h.soon(job.complete());
      await all('ended');
      expect(await two.manager.markSeen({ userId: 'u', streamId: 's', generation: job.generation })).toBe(1);
      await all('seen');
      expect(feeds[0].streams.get('s')).toMatchObject({ seen: true, title: { title: 'A story' } });
      await h.start(one);
      await all('started');
      expect(feeds[1].streams.get('s')).toMatchObject({ seen: false, title: { title: 'A story' } });
      await one.manager.annotate('s', titleNote('x'.repeat(2_000)));
      await one.manager.annotate('s', titleNote(null));
      await all('renamed');
      expect(feeds[1].streams.get('s')).not.toHaveProperty('title');
      for (const { names, subscription } of feeds) {
        expect(names).toEqual(['sync', 'started', 'renamed', 'ended', 'seen', 'started', 'renamed']);
        subscription.close();
      }
      expect(await one.manager.markSeen({ userId: 'u', upTo: feeds[0].events.at(-1)?.cursor })).toBe(0);
    },
  },
  {
    id: 'L168',
    title:
      'how many runs wait is told with the stream, on which something runs or nothing has begun, and a sync says what the queue says',
    async run(h) {
      const queues = {
        hooks: { startQueued: () => undefined },
        options: { feed: true, limits: { activeJobsPerUser: 1 } },
      };
      const [one, two] = await h.two(queues);
      const feed = watchFeed(two);
      await h.until(() => feed.names.length === 1, 'it begins');
      const job = await h.start(one);
      const enqueue = async (streamId: string) => {
        const made = await one.manager.createJob({
          ...{ streamId, userId: 'u', conversationId: `c-${streamId}` },
          onConflict: 'enqueue',
        });
        if (made.queued === undefined) throw new Error('It does not wait.');
        return made.queued.queueId;
      };
      const [first, , alone] = [await enqueue('s'), await enqueue('s'), await enqueue('t')];
      const stands = (streamId: string) => feed.streams.get(streamId);
      await h.until(() => stands('s')?.queued === 2 && stands('t')?.queued === 1, 'they are told');
      expect(feed.names.slice(0, 3)).toEqual(['sync', 'started', 'queued']);
      expect(stands('s')).toMatchObject({ status: 'running', generation: job.generation });
      expect(stands('t')).toMatchObject({
        ...{ status: 'queued', generation: 0, seen: false, at: expect.any(Number) },
        conversationId: 'c-t',
      });
      await h.soon(one.manager.queue.cancel('s', { queueId: first }));
      await h.until(() => stands('s')?.queued === 1, 'one is left');
      await one.manager.upkeep.idle();
      const later = watchFeed(two);
      await h.until(() => later.names.length === 1, 'it begins');
      const states = [...later.streams.values()].map(
        ({ streamId, status, queued }) => `${streamId} ${status} ${queued}`,
      );
      expect(states.sort()).toEqual(['s running 1', 't queued 1']);
      await h.soon(one.manager.queue.cancel('t', { queueId: alone }));
      await h.until(() => !feed.streams.has('t'), 'nothing is left of it');
      expect(feed.names.at(-1)).toBe('removed');
      await h.soon(job.complete());
      await h.until(
        () => stands('s')?.status === 'completed' && stands('s')?.queued === undefined,
        'the last has run',
      );
      expect(stands('s')?.generation).toBeGreaterThan(job.generation);
      for (const { subscription } of [feed, later]) subscription.close();
    },
  },
  {
    id: 'L168',
    title: 'a queue whose change was never told is put right by the next sync',
    async run(h) {
      const queues = { hooks: { startQueued: () => undefined }, ...FED };
      const one = await h.replica(queues);
      await h.start(one);
      const made = await one.manager.createJob({ streamId: 's', userId: 'u', onConflict: 'enqueue' });
      await one.manager.upkeep.idle();
      // Whoever takes it away dies before the feed is told.
      const doomed = await h.replica({ ...queues, wrapStore: tellingNothing });
      void doomed.manager.queue.cancel('s', { queueId: made.queued?.queueId ?? '' });
      await h.until(async () => (await h.store.queues.read(streamKey('s'))).runs.length === 0, 'it is gone');
      await doomed.crash();
      const known = await h.store.feeds.read(USER, { after: 0, limit: 9, bounds: BOUNDS });
      expect(known.entries).toMatchObject([{ queue: '1' }]);
      const feed = watchFeed(one);
      await h.until(() => feed.names.length > 0, 'it begins');
      const [sync] = feed.events;
      expect(sync).toMatchObject({
        event: 'sync',
        data: { streams: [{ streamId: 's', status: 'running' }] },
      });
      expect(JSON.stringify(sync)).not.toMatch('queued');
      await one.manager.upkeep.idle();
      const right = await h.store.feeds.read(USER, { after: 0, limit: 9, bounds: BOUNDS });
      expect(right.entries[0]?.queue).toBeUndefined();
      feed.subscription.close();
    },
  },
  {
    id: 'L124',
    title:
      'a stream that is deleted goes from the feed, also when nothing of it is kept any more; with a user all goes, and readers are told',
    timesLapse: true,
    async run(h) {
      const options = { feed: true, retentionMs: 300 };
      const [one, two] = await h.two({ options });
      const feed = watchFeed(two);
      for (const streamId of ['a', 'b', 'c']) await ended(h, one, streamId);
      await h.start(one, { streamId: 'd' });
      await h.until(() => feed.streams.size === 4, 'all are told');
      await h.until(async () => (await one.manager.getJob('a')) === null, 'it is kept no longer');
      expect(feed.streams.get('a'), 'its end is').toMatchObject({ status: 'completed' });
      await one.manager.deleteStream('a', { userId: 'u' });
      await one.manager.deleteStream('d');
      await h.until(() => feed.streams.size === 2, 'both are removed');
      expect(feed.names.filter((name) => name === 'removed')).toHaveLength(2);
      await one.manager.deleteUser({ userId: 'u' });
      await h.until(() => feed.names.at(-1) === 'sync', 'all is gone');
      expect([...feed.streams]).toEqual([]);
      await h.start(one, { streamId: 'new' });
      await h.until(() => feed.streams.size === 1, 'it goes on');
      const page = await h.store.feeds.read(USER, { after: 0, limit: 9, bounds: BOUNDS });
      expect(page.entries.map(({ streamId }) => streamId)).toEqual(['new']);
      feed.subscription.close();
    },
  },
  {
    id: 'L125',
    title:
      'what no announcement brings is found by the poll; a place that can’t be served is answered with a sync',
    timesLapse: true,
    async run(h) {
      const one = await h.replica(FED);
      const deaf = await h.replica({
        ...FED,
        wrapTransport: (transport, clock) => lossyTransport(transport, clock, DEAF),
      });
      const feed = watchFeed(deaf);
      await h.until(() => feed.names.length === 1, 'it begins');
      await h.start(one);
      await h.until(() => feed.names.includes('started'), 'the poll finds it', TIMES.logPollMs * 3);
      const last = Number(feed.events.at(-1)?.cursor.slice(2));
      for (const after of ['0-1', `0-${last + 1_000_000}`]) {
        const lost = watchFeed(one, { after });
        await h.until(() => lost.names.length === 1, 'it is answered');
        expect(lost.names, after).toEqual(['sync']);
        expect(lost.streams.size).toBe(1);
        lost.subscription.close();
      }
      for (const after of ['1-5', 'x', '0-', '']) {
        expect(
          thrownCode(() => watchFeed(one, { after })),
          after,
        ).toBe('invalid_cursor');
      }
      feed.subscription.close();
    },
  },
  {
    id: 'L125',
    title:
      'a thousand followers of one user in a process cost one listening, one sync and one read for a change',
    async run(h) {
      const one = await h.replica(FED);
      const two = await h.replica({ options: { feed: true, logPollMs: 60_000 } });
      const first = watchFeed(two);
      await h.until(() => first.names.length === 1, 'it begins');
      const listening = two.transport.places;
      const reads = () => (two.calls['feeds.read'] ?? 0) + (two.calls.listByUser ?? 0);
      const before = reads();
      const followers = Array.from({ length: 1_000 }, () => watchFeed(two));
      await h.until(() => followers.every(({ names }) => names.length === 1), 'all have begun');
      expect([two.transport.places, reads() - before], 'one entry page, one of the index').toEqual([
        listening,
        2,
      ]);
      await h.start(one);
      await h.until(() => followers.every(({ names }) => names.length === 2), 'all are told');
      expect(reads() - before).toBe(3);
      for (const { subscription } of [first, ...followers]) subscription.close();
      await h.until(() => two.transport.places < listening, 'nobody listens');
    },
  },
  {
    id: 'F55',
    title:
      'a pause and an end whose process died before it told the feed are told within a lease, with hooks and without any',
    timesLapse: true,
    async run(h) {
      for (const hooks of [{}, { settle() {}, onPaused() {} }]) {
        const streams = [`pause${Object.keys(hooks).length}`, `end${Object.keys(hooks).length}`] as const;
        const doomed = await h.replica({
          ...FED,
          hooks,
          wrapStore: tellingNothing,
        });
        const two = await h.replica({ ...FED, hooks });
        const [pausing, ending] = [
          await h.start(doomed, { streamId: streams[0] }),
          await h.start(doomed, { streamId: streams[1] }),
        ];
        await h.soon(pausing.pause({ type: 'checkpoint', expiresInMs: 60_000 }));
        // Its settlement waits for the feed, so that it is still to come when the process dies.
        void ending.complete();
        await h.until(async () => (await two.manager.getJob(streams[1]))?.status === 'completed', 'it ends');
        const feed = watchFeed(two, { after: undefined });
        await h.until(() => feed.names.length >= 1, 'it begins with the truth');
        expect([...feed.streams.keys()]).toEqual(expect.arrayContaining(streams));
        await doomed.crash();
        const known = async () =>
          (await h.store.feeds.read(USER, { after: 0, limit: 99, bounds: BOUNDS })).entries.map(
            ({ streamId, kind }) => `${streamId} ${kind}`,
          );
        await h.until(
          async () => {
            const all = await known();
            return all.includes(`${streams[0]} active`) && all.includes(`${streams[1]} ended`);
          },
          'it is told',
          TIMES.leaseMs * 3,
        );
        feed.subscription.close();
      }
    },
  },
  {
    id: 'F55',
    title:
      'the visit alone tells what a dead process owed the feed: nobody follows, and no hook makes a notice',
    timesLapse: true,
    async run(h) {
      const doomed = await h.replica({
        ...FED,
        wrapStore: tellingNothing,
      });
      const two = await h.replica(FED);
      const job = await h.start(doomed);
      await h.soon(job.pause({ type: 'checkpoint', expiresInMs: 600_000 }));
      await doomed.crash();
      const kinds = async () =>
        (await h.store.feeds.read(USER, { after: 0, limit: 9, bounds: BOUNDS })).entries.map(({ state }) =>
          String((JSON.parse(state) as { status: string }).status),
        );
      await h.until(async () => (await kinds()).includes('requires_action'), 'told', TIMES.leaseMs * 3);
      const { calls } = two;
      const told = calls['feeds.append'] ?? 0;
      await h.advance(TIMES.leaseMs * 2);
      expect(calls['feeds.append'], 'once').toBe(told);
    },
  },
  {
    id: 'L126',
    title:
      'without the option nothing of a feed is called, and who asks for one is told so; a draining replica ends its followers',
    async run(h) {
      const off = await h.replica();
      await ended(h, off, 'a');
      await off.manager.deleteUser({ userId: 'u' });
      expect(Object.keys(off.calls).filter((name) => name.startsWith('feeds.'))).toEqual([]);
      expect(thrownCode(() => watchFeed(off))).toBe('invalid_argument');
      await expectCode(off.manager.markSeen({ userId: 'u', streamId: 'a' }), 'invalid_argument');
      const on = await h.replica(FED);
      for (const given of [{}, { streamId: 'a', upTo: '0-1' }, { upTo: '0-1', generation: 1 }])
        await expectCode(on.manager.markSeen({ userId: 'u', ...given }), 'invalid_argument');
      await expectCode(on.manager.markSeen({ userId: 'u', upTo: '1-1' }), 'invalid_cursor');
      await expectCode(on.manager.markSeen({ userId: 'u', streamId: 'a b' }), 'invalid_stream_id');
      expect(thrownCode(() => watchFeed(on, { userId: '' }))).toBe('invalid_argument');
      const left = new AbortController();
      const [feed, leaving] = [watchFeed(on), watchFeed(on, { signal: left.signal })];
      await h.until(() => feed.names.length + leaving.names.length === 2, 'both begin');
      left.abort();
      expect(leaving.subscription.closedBy).toBe('left');
      const draining = on.manager.drain({ graceMs: 0 });
      expect(feed.subscription.closedBy).toBe('draining');
      expect(thrownCode(() => watchFeed(on))).toBe('draining');
      await h.soon(draining);
    },
  },
  {
    id: 'L122',
    title: 'an end that the feed has let go of comes back with no sync, and costs no other stream its mark',
    async run(h) {
      const input = { options: { feed: true, limits: { feedEntries: 3 } } };
      const [one, two] = await h.two(input);
      const streamIds = ['a', 'b', 'c', 'd'];
      for (const streamId of streamIds) {
        await ended(h, one, streamId);
        await one.manager.upkeep.idle();
      }
      const marked: number[] = [];
      for (const streamId of streamIds) marked.push(await two.manager.markSeen({ userId: 'u', streamId }));
      expect(marked).toEqual([0, 1, 1, 1]);
      for (const replica of [one, two, await h.replica(input)]) {
        const feed = watchFeed(replica);
        await h.until(() => feed.names.length === 1, 'it begins');
        await replica.manager.upkeep.idle();
        expect([...feed.streams]).toEqual([]);
        feed.subscription.close();
      }
      const { names, entries } = await readAll(h);
      expect([names, entries.every(({ isSeen }) => isSeen)]).toEqual([['b', 'c', 'd'], true]);
    },
  },
  {
    id: 'F55',
    title: 'what the store has lost of a feed is put right by a sync, also of the process that told it',
    async run(h) {
      let isLost = true;
      const one = await h.replica({ ...FED, wrapStore: losing(() => isLost) });
      await ended(h, one, 'a');
      await h.start(one, { streamId: 'b' });
      await one.manager.upkeep.idle();
      isLost = false;
      expect((await readAll(h)).names).toEqual([]);
      const feed = watchFeed(one);
      await h.until(() => feed.streams.size === 2, 'it begins with the truth');
      await h.until(async () => (await readAll(h)).names.length === 2, 'the feed is told');
      expect(await one.manager.markSeen({ userId: 'u', streamId: 'a' })).toBe(1);
      feed.subscription.close();
    },
  },
  {
    id: 'L124',
    title: 'a stream that is found to be gone, and begins again before that is told, stays',
    async run(h) {
      let release = () => {};
      const held = new Promise<void>((resolve) => {
        release = resolve;
      });
      let removals = 0;
      const one = await h.replica({
        ...FED,
        wrapStore: (store) =>
          wrapStore(store, async ({ method, args }, perform) => {
            if (method === 'feeds.append' && (args[1] as FeedEntry).kind === 'removed') {
              removals++;
              await held;
            }
            return perform();
          }),
      });
      await append(h, entry('s', 5, 1));
      const feed = watchFeed(one);
      await h.until(() => removals === 1, 'it is found to be gone');
      const job = await h.start(one);
      await h.until(() => feed.names.includes('started'), 'it has begun again');
      release();
      await one.manager.upkeep.idle();
      expect((await readAll(h)).entries).toMatchObject([{ generation: job.generation, kind: 'active' }]);
      await h.soon(job.complete());
      await h.until(() => feed.names.at(-1) === 'ended', 'its end is told');
      feed.subscription.close();
    },
  },
  {
    id: 'L123',
    title:
      'a title is told of a generation that was replaced meanwhile, and by a sync where its process died before',
    async run(h) {
      const doomed = await h.replica({ ...FED, wrapStore: losing(({ title }) => title !== undefined) });
      const two = await h.replica(FED);
      await ended(h, doomed, 'named');
      await doomed.manager.annotate('named', titleNote('A name'));
      await doomed.manager.upkeep.idle();
      await doomed.crash();
      const feed = watchFeed(two);
      await h.until(() => feed.names.length >= 1, 'it begins');
      expect(feed.streams.get('named')).toMatchObject({ status: 'completed', title: { title: 'A name' } });
      await h.until(async () => (await readAll(h)).entries[0]?.title !== undefined, 'the feed is told');
      const first = await h.start(two);
      const second = await h.start(two, { onConflict: 'replace' });
      await h.until(() => feed.streams.get('s')?.generation === second.generation, 'it was replaced');
      await two.manager.annotate('s', { ...titleNote('Late'), generation: first.generation });
      await h.until(() => feed.streams.get('s')?.title !== undefined, 'it is told');
      const { generation } = second;
      expect(feed.streams.get('s')).toMatchObject({
        generation,
        status: 'running',
        title: { title: 'Late' },
      });
      expect(feed.names.at(-1)).toBe('renamed');
      feed.subscription.close();
    },
  },
  {
    id: 'L122',
    title: 'a job that fails with the code of a replaced one has ended in the feed',
    async run(h) {
      const one = await h.replica(FED);
      const feed = watchFeed(one);
      await h.until(() => feed.names.length === 1, 'it begins');
      const job = await h.start(one);
      await h.soon(job.fail({ code: 'replaced', message: 'By a better one.', retryable: false }));
      await h.until(() => feed.names.includes('ended'), 'its end is told');
      expect(feed.streams.get('s')).toMatchObject({ status: 'failed', code: 'replaced' });
      feed.subscription.close();
    },
  },
  {
    id: 'L125',
    title: 'the place before the first event begins with a sync, also where there is no feed yet',
    async run(h) {
      const [off, on] = [await h.replica(), await h.replica(FED)];
      await h.start(off);
      const feed = watchFeed(on, { after: '0-0' });
      await h.until(() => feed.names.length >= 1, 'it begins');
      expect([feed.names[0], [...feed.streams.keys()]]).toEqual(['sync', ['s']]);
      feed.subscription.close();
    },
  },
  {
    id: 'L125',
    title: 'a page of which nothing can be read is passed over, and what comes behind it is told',
    async run(h) {
      let isUnreadable = false;
      const one = await h.replica({
        ...FED,
        wrapStore: (store) =>
          wrapStore(store, async ({ method }, perform) => {
            if (method !== 'feeds.read' || !isUnreadable) return perform();
            const page = (await perform()) as FeedPage;
            return { ...page, entries: [], goesOn: page.entries.length > 0 };
          }),
      });
      const feed = watchFeed(one);
      await h.until(() => feed.names.length === 1, 'it begins');
      isUnreadable = true;
      const before = one.calls['feeds.read'] ?? 0;
      await h.start(one, { streamId: 'a' });
      await h.until(() => (one.calls['feeds.read'] ?? 0) > before, 'it is looked at');
      isUnreadable = false;
      await h.start(one, { streamId: 'b' });
      await h.until(() => feed.streams.has('b'), 'what comes then is told');
      expect(feed.streams.has('a')).toBe(false);
      feed.subscription.close();
    },
  },
  {
    id: 'L122',
    title: 'states that race over three replicas leave every feed with what the records say',
    async run(h) {
      const options: GenerationJobOptions = { feed: true };
      const replicas = await h.three({ ...h.delayed, options });
      const [one] = replicas;
      const feeds = replicas.map((replica) => watchFeed(replica));
      const streamIds = Array.from({ length: 8 }, (_, at) => `r${at}`);
      const act = async (streamId: string) => {
        for (let step = 0; step < 4; step++) {
          const replica = replicas[Math.floor(h.random() * 3)] ?? one;
          const created = await replica.manager.createJob({ streamId, userId: 'u', onConflict: 'replace' });
          const chance = h.random();
          if (chance < 0.3) await created.job?.complete().catch(() => undefined);
          else if (chance < 0.6) await created.job?.pause({ type: 'checkpoint' }).catch(() => undefined);
          else if (chance < 0.8) await one.manager.abortJob(streamId).catch(() => undefined);
        }
      };
      await h.soon(Promise.all(streamIds.map(act)), 'all steps', 30_000);
      const truth = new Map<string, string>();
      for (const streamId of streamIds) {
        const record = await one.manager.getJob(streamId);
        truth.set(streamId, `${record?.generation} ${record?.status}`);
      }
      const shown = ({ streams }: FeedWatch) =>
        streamIds.map((id) => `${streams.get(id)?.generation} ${streams.get(id)?.status}`);
      for (const feed of feeds) {
        await h.until(() => String(shown(feed)) === String([...truth.values()]), 'the feed says so', 10_000);
        feed.subscription.close();
      }
    },
  },
];
