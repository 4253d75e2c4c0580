/**
 * Notification is only speed: whatever happens to frames, followers get the log.
 */
import type { LogPage } from 'generation-jobs/ports';
import { DEAF, lossyTransport, wrapStore } from 'generation-jobs/testing';
import { text } from './follower.js';
import { type Contract, type Harness, TIMES } from './harness.js';
import { pick } from './seeded.js';
import { expect } from './tools.js';

/** Frames that are lost, doubled, late and out of order. */
function stormy(h: Harness) {
  const arrivals = () => {
    const fate = pick(h.random, 10);
    if (fate < 3) return [];
    if (fate < 5) return [0, 0];
    if (fate < 7) return [1 + pick(h.random, 40)];
    if (fate < 8) return [0, 1 + pick(h.random, 80)];
    return [0];
  };
  return lossyOf({
    frame: arrivals,
    signal: () => pick(h.random, 2) === 0,
    gone: () => pick(h.random, 2) === 0,
  });
}

function lossyOf(losses: Parameters<typeof lossyTransport>[2]) {
  return {
    wrapTransport: (
      transport: Parameters<typeof lossyTransport>[0],
      clock: Parameters<typeof lossyTransport>[1],
    ) => lossyTransport(transport, clock, losses),
  };
}

export const lossContracts: readonly Contract[] = [
  {
    id: 'P6 F10',
    title: 'with every frame lost, each event and the end arrive within one poll interval',
    timesLapse: true,
    async run(h) {
      const writer = await h.replica();
      const reader = await h.replica(lossyOf(DEAF));
      const job = await h.start(writer);
      const follower = h.follow(reader);
      await h.until(() => follower.events.length === 1, 'attached');
      for (let n = 1; n <= 12; n++) {
        await h.advance(pick(h.random, TIMES.logPollMs));
        job.emit(text(n));
        await job.flush();
        await h.until(() => follower.events.length === n + 1, `event ${n}`, TIMES.logPollMs);
      }
      await job.complete();
      await h.until(() => follower.isOver, 'the end', TIMES.logPollMs);
      expect(follower.events).toEqual(await h.log());
    },
  },
  {
    id: 'P6 F7',
    title: 'with every frame lost, a whole stream is followed through replacement and deletion',
    timesLapse: true,
    async run(h) {
      const writer = await h.replica();
      const reader = await h.replica(lossyOf(DEAF));
      const old = await h.start(writer);
      const stream = h.follow(reader, { follow: 'stream' });
      const own = h.follow(reader);
      await h.until(() => stream.events.length === 1 && own.events.length === 1, 'attached');
      const fresh = await h.start(writer);
      await h.until(() => own.isOver && stream.events.length === 3, 'the replacement', TIMES.logPollMs);
      expect(own.names).toEqual(['created', 'aborted']);
      expect(stream.events).toEqual([
        ...(await h.log('s', old.generation)),
        ...(await h.log('s', fresh.generation)),
      ]);
      await writer.manager.deleteStream('s');
      await h.until(() => stream.isOver, 'the deletion', TIMES.logPollMs);
      expect(stream.names.at(-1)).toBe('gone');
    },
  },
  {
    id: 'P6 P1',
    title: 'with frames lost, doubled, delayed and reordered, every follower has the log in order, 60 times',
    async run(h) {
      const writer = await h.replica(h.delayed);
      const reader = await h.replica({
        ...stormy(h),
        options: { limits: { liveBytes: 1_000, pageEvents: 7 } },
      });
      for (let round = 0; round < 60; round++) {
        const streamId = `s${round}`;
        const job = await h.soon(h.start(writer, { streamId }));
        const followers = [h.follow(reader, {}, streamId)];
        for (let n = 0; n < 60; n++) {
          job.emit(text(n));
          if (pick(h.random, 6) === 0) await h.advance(pick(h.random, 30));
          if (pick(h.random, 15) === 0) followers.push(h.follow(reader, {}, streamId));
        }
        const attempt = round % 3 === 0 ? await pausedAndResumed(h, writer, job, streamId) : job;
        await h.soon(attempt.complete(round));
        const log = await h.log(streamId);
        for (const follower of followers) {
          // Who has not heard that a pause is over reads the log seldom.
          const polls = round % 3 === 0 ? 8 : 2;
          await h.until(() => follower.isOver, `the end of round ${round}`, TIMES.logPollMs * polls);
          expect(follower.events).toEqual(log);
        }
      }
    },
  },
  {
    id: 'P6 L33',
    title: 'a pause and a decision whose frames are lost are found, though a paused stream is polled seldom',
    timesLapse: true,
    async run(h) {
      const writer = await h.replica();
      const reader = await h.replica(lossyOf(DEAF));
      const job = await h.start(writer);
      const follower = h.follow(reader);
      await h.until(() => follower.events.length === 1, 'attached');
      const { actionId } = await job.pause({ type: 'checkpoint' });
      await h.until(() => follower.events.length === 2, 'the pause', TIMES.logPollMs);
      await h.advance(TIMES.logPollMs * 2);
      const { job: next } = await writer.manager.approvals.resolve('s', { actionId, decisions: [], by: 'p' });
      await h.until(() => follower.events.length === 3, 'the decision', TIMES.logPollMs * 8);
      next.emit(text('on'));
      await next.complete();
      await h.until(() => follower.isOver, 'the end', TIMES.logPollMs * 8);
      expect(follower.events).toEqual(await h.log());
    },
  },
  {
    id: 'P6 L20',
    title:
      'a follower whose cursor is ahead of what its replica has heard waits in peace, and gets what comes next',
    async run(h) {
      let isDeaf = false;
      const writer = await h.replica();
      // Its polls are no part of what is counted.
      const options = { logPollMs: 60_000 };
      const reader = await h.replica({ ...lossyOf({ frame: () => (isDeaf ? [] : [0]) }), options });
      const job = await h.start(writer);
      const first = h.follow(reader);
      job.emit(text('a'));
      await h.until(() => first.events.length === 2, 'the first hears');
      isDeaf = true;
      job.emit(text('lost'));
      await job.flush();
      const before = reader.calls.readLog ?? 0;
      const second = h.follow(reader, { after: `${job.generation}-3` });
      for (let wait = 0; wait < 20; wait++) await h.rest();
      expect((reader.calls.readLog ?? 0) - before).toBeLessThan(4);
      isDeaf = false;
      job.emit(text('next'));
      await job.complete();
      const log = await h.log();
      expect(await h.finished(first)).toEqual(log);
      expect(await h.finished(second)).toEqual(log.slice(3));
    },
  },
  {
    id: 'F14 F15 P5',
    title:
      'a log that lost acknowledged events: followers ahead of it get a gap, a sync and what is left; others go on',
    timesLapse: true,
    async run(h) {
      let most = Number.POSITIVE_INFINITY;
      const writer = await h.replica();
      const reader = await h.replica({
        wrapStore: (store) =>
          wrapStore(store, async ({ method }, perform) => {
            const page = (await perform()) as LogPage;
            if (method !== 'readLog' || !page.found || page.lastSequence <= most) return page;
            const events = page.events.filter((event) => event.sequence <= most);
            return { ...page, events, lastSequence: most };
          }),
      });
      const job = await h.start(writer, { contentModel: 'text' });
      for (let n = 0; n < 8; n++) job.emit(text(n));
      await job.flush();
      const ahead = h.follow(reader);
      await h.until(() => ahead.events.length === 9, 'it has all');
      most = 5;
      const behind = h.follow(reader, { after: `${job.generation}-3` });
      await h.until(() => ahead.events.length >= 11, 'the loss is told', TIMES.logPollMs);
      expect(ahead.names.slice(9)).toEqual(['gap', 'sync']);
      expect(ahead.events[9]?.data).toEqual({ requested: `${job.generation}-9` });
      expect(ahead.events[10]).toMatchObject({
        cursor: `${job.generation}-5`,
        data: { content: { text: '0123' } },
      });
      expect(behind.names.slice(0, 2)).toEqual(['text', 'text']);
    },
  },
];

async function pausedAndResumed(
  h: Harness,
  replica: Awaited<ReturnType<Harness['replica']>>,
  job: Awaited<ReturnType<Harness['start']>>,
  streamId: string,
) {
  const { actionId } = await h.soon(job.pause({ type: 'checkpoint' }));
  const { job: next } = await h.soon(
    replica.manager.approvals.resolve(streamId, { actionId, decisions: [], by: 'p' }),
  );
  for (let n = 0; n < 10; n++) next.emit(text(n));
  return next;
}
