/**
 * A follower that stays until the settlement is over is told where it stands, behind the end and at no place of the log.
 */
import { lossyTransport } from 'generation-jobs/testing';
import { text } from './follower.js';
import { AT_ONCE_MS, type Contract } from './harness.js';
import { Desk } from './settled.js';
import { expect } from './tools.js';

const told = (events: readonly { event: string; data: unknown }[]): string[] =>
  events.map(({ event, data }) => (event === 'settled' ? (data as { state: string }).state : event));

export const settledFollowingContracts: readonly Contract[] = [
  {
    id: 'L64',
    title:
      'a follower that stays gets `settled` behind the end, wherever it begins, and at no place of its own',
    async run(h) {
      const desk = new Desk();
      const { settle } = desk;
      const [one, two] = await h.two({ hooks: { settle } });
      const job = await h.start(one, { contentModel: 'text' });
      const early = h.follow(two, { settled: true });
      const other = h.follow(two);
      job.emit(text('a'));
      await job.complete();
      await h.finished(other);
      await h.until(() => early.events.length === 3, 'the end is there');
      const end = early.events.at(-1)?.cursor as string;
      const late = h.follow(one, { settled: true });
      const synced = h.follow(one, { settled: true, resume: true });
      const tail = h.follow(two, { settled: true, after: 'tail' });
      const resumed = h.follow(two, { settled: true, after: end });
      const plain = h.follow(two, { after: end });
      expect(await h.finished(plain), 'who does not ask is sent nothing').toEqual([]);
      await h.until(() => desk.begun === 1 && late.events.length === 3, 'it is being saved');
      expect([early, late, synced, tail, resumed].map(({ isOver }) => isOver)).toEqual(Array(5).fill(false));
      desk.letSave();
      expect(told(await h.finished(early))).toEqual(['created', 'text', 'completed', 'settled']);
      expect(told(await h.finished(late))).toEqual(['created', 'text', 'completed', 'settled']);
      expect(told(await h.finished(synced))).toEqual(['sync', 'completed', 'settled']);
      expect(told(await h.finished(tail))).toEqual(['settled']);
      expect(told(await h.finished(resumed))).toEqual(['settled']);
      expect(early.events.at(-1)?.cursor).toBe(end);
      expect(await h.log(), 'it is in no log').toHaveLength(3);
      const after = h.follow(one, { settled: true, after: end });
      expect(await h.finished(after), 'nothing is left to tell').toEqual([]);
      expect(after.subscription.closedBy).toBe('ended');
      expect(told(await h.finished(h.follow(one, { settled: true })))).toEqual([
        'created',
        'text',
        'completed',
        'settled',
      ]);
    },
  },
  {
    id: 'L64',
    title:
      'it is told at its bound what the settlement then is, at once without a settle hook, and `gone` of what was deleted',
    async run(h) {
      const bare = await h.replica();
      const job = await h.start(bare, { streamId: 'bare' });
      const first = h.follow(bare, { settled: true }, 'bare');
      await job.complete();
      await h.until(() => first.isOver, 'an end', AT_ONCE_MS);
      expect(told(first.events)).toEqual(['created', 'completed', 'settled']);
      const desk = new Desk();
      const one = await h.replica({ hooks: { settle: desk.settle }, options: { settledWaitMs: 600 } });
      const follower = h.follow(one, { settled: true });
      await follower.subscription.ready.catch(() => {});
      await h.start(one);
      const bounded = h.follow(one, { settled: true });
      await one.manager.abortJob('s');
      expect(told(await h.finished(bounded))).toEqual(['created', 'aborted', 'settling']);
      desk.letSave();
      await h.until(() => desk.saved.length === 1, 'it is saved');
      const another = new Desk();
      const two = await h.replica({ hooks: { settle: another.settle } });
      await h.start(two, { streamId: 't' });
      const deleted = h.follow(two, { settled: true }, 't');
      await two.manager.abortJob('t');
      await h.until(() => deleted.events.length === 2 && another.begun === 1, 'it is being saved');
      const deletion = two.manager.deleteStream('t');
      another.letSave();
      await h.soon(deletion);
      await h.finished(deleted);
      expect(['settled', 'gone']).toContain(told(deleted.events).at(-1));
    },
  },
  {
    id: 'L64',
    title: 'who follows the stream is told while nothing newer has begun, and goes on otherwise',
    async run(h) {
      const desk = new Desk();
      const { settle } = desk;
      const [one, two] = await h.two({ hooks: { settle } });
      const first = await h.start(one);
      const follower = h.follow(two, { settled: true, follow: 'stream' });
      await first.complete();
      await h.until(() => desk.begun === 1 && follower.events.length === 2, 'the first is being saved');
      const second = await h.start(one);
      await h.until(() => follower.events.length === 3, 'the second has begun');
      desk.letSave();
      await h.until(() => desk.saved.length === 1, 'the first is saved');
      await h.rest();
      await second.complete();
      await h.until(() => follower.events.length === 5, 'the second is saved');
      expect(told(follower.events)).toEqual(['created', 'completed', 'created', 'completed', 'settled']);
      expect(follower.isOver).toBe(false);
      const third = await h.start(one);
      third.emit(text('c'));
      await third.complete();
      await h.until(() => follower.events.length === 9, 'the third is saved');
      expect(told(follower.events).slice(5)).toEqual(['created', 'text', 'completed', 'settled']);
    },
  },
  {
    id: 'L64',
    title: 'a follower whose frames come late, twice or not at all is told once, and in order',
    async run(h) {
      const desk = new Desk();
      const { settle } = desk;
      const one = await h.replica({ hooks: { settle } });
      let count = 0;
      const two = await h.replica({
        hooks: { settle },
        wrapTransport: (transport, clock) =>
          lossyTransport(transport, clock, {
            frame: () => [[], [0, 30], [50], [0]][count++ % 4] as number[],
          }),
      });
      const followers = [];
      for (let round = 0; round < 8; round++) {
        const streamId = `s${round}`;
        const job = await h.start(one, { streamId });
        followers.push(h.follow(two, { settled: true }, streamId));
        job.emit(text('a'));
        await job.complete();
      }
      await h.until(() => desk.begun === 8, 'they are being saved');
      desk.letSave();
      for (const follower of followers) {
        expect(told(await h.finished(follower))).toEqual(['created', 'text', 'completed', 'settled']);
      }
    },
  },
];
