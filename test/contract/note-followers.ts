/**
 * Followers are told the newest of what changes of a record: the notes, and what is shown of the metadata. It has no place in
 * the log, an older state is not told after a newer one, and a lost announcement is made good.
 */
import type { JobRecord } from 'generation-jobs';
import { DEAF, lossyTransport } from 'generation-jobs/testing';
import { text } from './follower.js';
import { type Contract, type Harness, RENEWS_SELDOM, type Replica, TIMES } from './harness.js';
import { expect } from './tools.js';

const hooks = {
  publicMetadata: ({ metadata }: { metadata: Readonly<Record<string, unknown>> }) =>
    metadata.title === undefined ? {} : { title: String(metadata.title) },
};
const saved = (id: number | null) => ({ key: 'saved', event: 'saved', data: id });
const options = RENEWS_SELDOM;

/** A replica's reads for its followers, of logs and of records beside them; its upkeep, which may visit the stream too, reads neither so. */
const readsOf = ({ calls }: Replica) => calls.readLog ?? 0;

async function kept(h: Harness, replica: Replica): Promise<void> {
  await h.until(
    async () => (await replica.manager.getJob('s'))?.settlement.state === 'settled',
    'it is settled',
  );
}

export const noteFollowerContracts: readonly Contract[] = [
  {
    id: 'L88',
    title:
      'a follower on another replica is told a note under its event’s name and the public metadata with its revision, at its place in the log',
    async run(h) {
      const [one, two] = await h.two({ hooks, options });
      const job = await h.start(one);
      void job.emit(text('a'));
      await h.soon(job.flush());
      const follower = h.follow(two);
      await h.until(() => follower.events.length === 2, 'it is up to date');
      const metadata = { title: 'T', secret: 1 };
      await one.manager.annotate('s', {
        metadata,
        notes: [{ key: 'k', event: 'sources', data: [1] }, saved(7)],
      });
      await h.until(() => follower.events.length >= 5, 'the annotation is told');
      const cursor = `${job.generation}-2`;
      expect(follower.events.slice(2)).toEqual([
        { cursor, event: 'sources', data: [1] },
        { cursor, event: 'saved', data: 7 },
        { cursor, event: 'updated', data: { metadata: { title: 'T' }, revision: 1 } },
      ]);
      // What is not shown is not told, and a note that is taken away is null.
      await one.manager.annotate('s', { metadata: { secret: 2 }, notes: [saved(null)] });
      await h.until(() => follower.events.length >= 6, 'that it was taken away is told');
      void job.emit(text('b'));
      await h.soon(job.complete());
      await h.finished(follower);
      expect(follower.events.slice(5).map(({ event, data }) => [event, data])).toEqual([
        ['saved', null],
        ['text', { text: 'b' }],
        ['completed', { final: null }],
      ]);
      expect((await h.log()).map(({ event }) => event)).toEqual(['created', 'text', 'text', 'completed']);
    },
  },
  {
    id: 'L88',
    title:
      'who attaches with a cursor is first told what was annotated before, who begins with a sync has it in there',
    async run(h) {
      const [one, two] = await h.two({ hooks, options });
      const job = await h.start(one);
      void job.emit(text('a'));
      await h.soon(job.flush());
      await one.manager.annotate('s', {
        metadata: { title: 'T' },
        notes: [saved(1), { ...saved(2), key: 'gone' }],
      });
      await one.manager.annotate('s', { notes: [{ ...saved(null), key: 'gone' }] });
      const cursor = h.follow(two, { after: `${job.generation}-1` });
      const knowing = h.follow(two, { after: `${job.generation}-1`, notes: 2 });
      const synced = h.follow(two, { resume: true });
      for (const follower of [cursor, knowing, synced])
        await h.until(() => follower.events.length > 0, 'all are attached');
      await h.soon(job.complete());
      for (const follower of [cursor, knowing, synced]) await h.finished(follower);
      expect(cursor.names).toEqual(['saved', 'updated', 'text', 'completed']);
      expect(knowing.names).toEqual(['text', 'completed']);
      expect(synced.names).toEqual(['sync', 'completed']);
      expect(synced.events[0]?.data).toMatchObject({
        revision: 2,
        notes: [saved(1)],
        metadata: { title: 'T' },
      });
    },
  },
  {
    id: 'L88',
    title:
      'what is patched with the end is told before it; behind an end’s cursor there is only what is newer than is known',
    async run(h) {
      const [one, two] = await h.two({ hooks, options });
      const job = await h.start(one);
      const follower = h.follow(two);
      await h.until(() => follower.events.length === 1, 'it is attached');
      void job.update({ metadata: { title: 'last' } });
      await h.soon(job.complete());
      await h.finished(follower);
      expect(follower.names).toEqual(['created', 'updated', 'completed']);
      const after = `${job.generation}-2`;
      expect(await h.finished(h.follow(two, { after }))).toEqual([]);
      const { revision = 0 } = (await two.manager.getJob('s')) ?? {};
      expect(await h.finished(h.follow(two, { after, notes: revision }))).toEqual([]);
      await one.manager.annotate('s', { notes: [saved(1)] });
      expect(await h.finished(h.follow(two, { after }))).toEqual([]);
      const late = h.follow(two, { after, notes: revision });
      await h.finished(late);
      expect(late.names).toEqual(['saved', 'updated']);
      expect(await h.finished(h.follow(two, { after, notes: revision + 1 }))).toEqual([]);
    },
  },
  {
    id: 'L88',
    title: 'a lost announcement is made good by the poll, with the newest state and not each step',
    timesLapse: true,
    async run(h) {
      const one = await h.replica({ hooks });
      const deaf = await h.replica({
        hooks,
        wrapTransport: (transport, clock) => lossyTransport(transport, clock, DEAF),
      });
      const job = await h.start(one);
      const follower = h.follow(deaf);
      await h.until(() => follower.events.length === 1, 'it is attached');
      for (const id of [1, 2, 3])
        await one.manager.annotate('s', { metadata: { title: `${id}` }, notes: [saved(id)] });
      const newest = () =>
        (follower.events.at(-1)?.data as { revision?: number } | undefined)?.revision === 3;
      await h.until(newest, 'the poll finds the newest', TIMES.logPollMs * 3);
      const told = follower.events.slice(1).map(({ event, data }) => [event, data]);
      expect(told.at(-1)).toEqual(['updated', { metadata: { title: '3' }, revision: 3 }]);
      expect(told.at(-2)).toEqual(['saved', 3]);
      await h.soon(job.complete());
      await h.finished(follower);
    },
  },
  {
    id: 'L88',
    title: 'a change that shows nothing new, and is heard of while a sync is made, is nothing to tell',
    async run(h) {
      let letGo = () => {};
      let looks = 0;
      const publicMetadata = async (record: JobRecord) => {
        if (++looks === 1) await new Promise<void>((resolve) => (letGo = resolve));
        return hooks.publicMetadata(record);
      };
      const one = await h.replica({ hooks, options });
      const two = await h.replica({ hooks: { publicMetadata }, options });
      const job = await h.start(one, { metadata: { title: 'T' } });
      const follower = h.follow(two, { resume: true });
      await h.until(() => looks === 1, 'the sync is being made');
      await one.manager.annotate('s', { metadata: { secret: 1 } });
      await h.until(() => looks === 2, 'the change is looked at');
      await h.rest();
      letGo();
      await h.until(() => follower.events.length > 0, 'the sync is told');
      void job.emit(text('a'));
      await h.soon(job.complete());
      await h.finished(follower);
      expect(follower.names).toEqual(['sync', 'text', 'completed']);
    },
  },
  {
    id: 'L88',
    title:
      'a slow follower is told no state that was over before it read, though it knows the one that came after',
    async run(h) {
      let looks = 0;
      const publicMetadata = (record: JobRecord) => {
        looks++;
        return hooks.publicMetadata(record);
      };
      const one = await h.replica({ hooks, options });
      const two = await h.replica({ hooks: { publicMetadata }, options });
      const job = await h.start(one);
      const follower = two.manager.subscribe('s');
      const read = async () => (await h.soon(follower.next())).value;
      expect(await read()).toMatchObject({ event: 'created' });
      const titled = async (title: string) => {
        const before = looks;
        await one.manager.annotate('s', { metadata: { title } });
        await h.until(() => looks > before, 'it is looked at');
        await h.rest();
      };
      await titled('known');
      expect(await read()).toMatchObject({ event: 'updated', data: { metadata: { title: 'known' } } });
      await titled('brief');
      await titled('known');
      await h.soon(job.complete());
      expect(await read()).toMatchObject({ event: 'completed' });
      expect((await h.soon(follower.next())).done).toBe(true);
    },
  },
  {
    id: 'L88',
    title:
      'a step of the settlement that nobody waits for costs a follower’s replica no read; an annotation costs one for all',
    async run(h) {
      const one = await h.replica({ hooks: { ...hooks, settle: () => {} }, options });
      const two = await h.replica({ hooks, options: { ...options, logPollMs: 60_000 } });
      const job = await h.start(one);
      const followers = [1, 2, 3].map(() => h.follow(two, { follow: 'stream' }));
      await h.soon(job.complete());
      for (const one of followers) await h.until(() => one.events.length === 2, 'the end is told');
      await kept(h, one);
      await h.rest();
      const before = readsOf(two);
      await one.manager.annotate('s', { notes: [saved(1)] });
      for (const one of followers) await h.until(() => one.events.length === 3, 'the note is told');
      for (const { names } of followers) expect(names).toEqual(['created', 'completed', 'saved']);
      expect(readsOf(two) - before).toBe(1);
      for (const follower of followers) follower.leave();
    },
  },
];
