/**
 * Following: at any place, on any replica, at any moment.
 */
import type { LogPage } from 'generation-jobs/ports';
import { wrapStore } from 'generation-jobs/testing';
import { Page, text } from './follower.js';
import {
  type Contract,
  codeOf,
  expectCode,
  type Harness,
  isTerminal,
  type Replica,
  rejection,
  TIMES,
} from './harness.js';
import { pick } from './seeded.js';
import { expect } from './tools.js';

type Job = Awaited<ReturnType<Harness['start']>>;

const emitAll = (job: Job, from: number, to: number) => {
  for (let n = from; n < to; n++) job.emit(text(`${n},`));
};

export const followContracts: readonly Contract[] = [
  {
    id: 'L17',
    title: 'events before the first subscriber are delivered once, to the first and to the second',
    async run(h) {
      const [one, two] = await h.two();
      const job = await h.start(one);
      emitAll(job, 0, 20);
      await job.flush();
      const followers = [h.follow(one), h.follow(one), h.follow(two)];
      await Promise.all(followers.map((follower) => follower.subscription.ready));
      emitAll(job, 20, 25);
      await job.complete();
      const log = await h.log();
      expect(log).toHaveLength(27);
      for (const follower of followers) expect(await h.finished(follower)).toEqual(log);
    },
  },
  {
    id: 'L18 F22',
    title:
      'attaching at every cursor 0…n during a 200-event burst gets exactly the rest; n+1 gets a gap and a sync',
    async run(h) {
      const [one, two] = await h.two(h.delayed);
      const job = await h.soon(h.start(one, { contentModel: 'text' }));
      const followers = [];
      for (let n = 0; n < 200; n++) {
        job.emit(text(`${n},`));
        if (n % 7 === 0) await h.soon(job.flush());
        // At the cursor of an event that is committed already, while the burst goes on.
        const committed = (await h.store.read(job.key, 'current'))[0]?.lastSequence ?? 0;
        const sequence = Math.min(n, committed);
        followers.push({
          sequence,
          follower: h.follow(n % 2 ? one : two, { after: `${job.generation}-${sequence}` }),
        });
      }
      await h.soon(job.flush());
      for (let sequence = 0; sequence <= 201; sequence++) {
        followers.push({ sequence, follower: h.follow(two, { after: `${job.generation}-${sequence}` }) });
      }
      const ahead = h.follow(two, { after: `${job.generation}-202` });
      await h.until(() => ahead.events.length === 2, 'the gap is told');
      await h.soon(job.complete());
      const log = await h.log();
      expect(log).toHaveLength(202);
      for (const { sequence, follower } of followers) {
        expect(await h.finished(follower)).toEqual(log.slice(sequence));
      }
      await h.finished(ahead);
      expect(ahead.names).toEqual(['gap', 'sync', 'completed']);
      expect(ahead.events[0]?.data).toEqual({ requested: `${job.generation}-202` });
      expect(ahead.events[1]).toMatchObject({ cursor: `${job.generation}-201`, data: { status: 'running' } });
    },
  },
  {
    id: 'L18 L34',
    title: 'attaching to an ended generation at every cursor gets exactly the rest',
    async run(h) {
      const [one, two] = await h.two();
      const job = await h.start(one);
      emitAll(job, 0, 30);
      await job.complete({ text: 'final' });
      const log = await h.log();
      for (let sequence = 0; sequence <= 32; sequence++) {
        const follower = h.follow(two, { after: `${job.generation}-${sequence}` });
        expect(await h.finished(follower)).toEqual(log.slice(sequence));
        expect(follower.subscription.closedBy).toBe('ended');
      }
    },
  },
  {
    id: 'L19',
    title: 'attach, leave and attach again 50 times during one stream: no gap, no repeat',
    async run(h) {
      const [one, two] = await h.two(h.delayed);
      const job = await h.soon(h.start(one));
      const seen = [];
      let after: string | undefined;
      for (let round = 0; round < 50; round++) {
        emitAll(job, round * 4, round * 4 + 4);
        const replica = pick(h.random, 2) ? one : two;
        const subscription = replica.manager.subscribe('s', { after });
        const wanted = 1 + pick(h.random, 5);
        for (let n = 0; n < wanted; n++) {
          const next = await Promise.race([subscription.next(), h.advance(20).then(() => undefined)]);
          if (next === undefined || next.done) break;
          seen.push(next.value);
          after = next.value.cursor;
        }
        await subscription.return();
      }
      await h.soon(job.complete());
      const last = h.follow(two, { after });
      seen.push(...(await h.finished(last)));
      expect(seen).toEqual(await h.log());
    },
  },
  {
    id: 'L20',
    title: 'a resume on a replica that never saw the job',
    async run(h) {
      const one = await h.replica();
      const job = await h.start(one, { contentModel: 'text' });
      emitAll(job, 0, 10);
      await job.flush();
      const late = await h.replica();
      const { state, subscription } = await late.manager.subscribeWithResume('s');
      expect(state).toMatchObject({
        cursor: `${job.generation}-11`,
        content: { text: '0,1,2,3,4,5,6,7,8,9,' },
      });
      const rest = h.follow(late, { after: state.cursor });
      await job.complete();
      const log = await h.log();
      expect(await h.finished(rest)).toEqual(log.slice(11));
      expect(await h.soon(subscription.next())).toEqual({ done: false, value: log.at(-1) });
      expect(await h.soon(subscription.next())).toEqual({ done: true, value: undefined });
    },
  },
  {
    id: 'L21',
    title: 'overlapping resumes, and resumes cancelled at any moment, leave nothing behind',
    async run(h) {
      const [one, two] = await h.two(h.delayed);
      const job = await h.soon(h.start(one));
      emitAll(job, 0, 30);
      await h.soon(job.flush());
      for (let round = 0; round < 60; round++) {
        const cancelled = new AbortController();
        const follower = h.follow(two, { signal: cancelled.signal, resume: round % 3 === 0 });
        const other = round % 2 === 0 ? h.follow(two) : undefined;
        if (round % 5 === 0) cancelled.abort();
        for (let wait = pick(h.random, 8); wait > 0; wait--)
          await new Promise((resolve) => setImmediate(resolve));
        cancelled.abort();
        expect(follower.subscription.closedBy).toBe('left');
        expect(await h.soon(follower.subscription.next())).toEqual({ done: true, value: undefined });
        other?.leave();
        await h.until(() => two.manager.followerCount('s') === 0, 'nobody follows');
        expect((await two.manager.stats()).process).toMatchObject({ followers: 0, followedStreams: 0 });
        await h.until(() => two.transport.places === 1, 'only the control signals are heard');
      }
      const { signal } = new AbortController();
      const leftBehind = h.follow(two, { signal });
      await h.soon(job.complete());
      await h.finished(leftBehind);
    },
  },
  {
    id: 'L22',
    title: '200 followers of one stream in one process cost one log read, and none for what comes live',
    async run(h) {
      const [one, two] = await h.two({ options: { logPollMs: 60_000 } }); // the poll looks at the log too
      const job = await h.start(one);
      emitAll(job, 0, 50);
      await job.flush();
      const before = two.calls.readLog ?? 0;
      const followers = Array.from({ length: 200 }, () => h.follow(two));
      await h.until(() => followers.every((follower) => follower.events.length === 51), 'all have caught up');
      expect((two.calls.readLog ?? 0) - before).toBe(1);
      for (let n = 50; n < 60; n++) {
        job.emit(text(`${n},`));
        await h.rest();
      }
      await job.complete();
      const log = await h.log();
      for (const follower of followers) expect(await h.finished(follower)).toEqual(log);
      expect((two.calls.readLog ?? 0) - before).toBe(1);
    },
  },
  {
    id: 'L23 P4',
    title: 'a finished job is replayed to its end within retention; after it, it is unknown',
    timesLapse: true,
    async run(h) {
      const [one, two] = await h.two();
      const job = await h.start(one, { contentModel: 'text' });
      emitAll(job, 0, 5);
      await job.complete('final');
      const log = await h.log();
      await h.advance(TIMES.retentionMs * 0.8);
      expect(await h.finished(h.follow(two))).toEqual(log);
      const synced = h.follow(two, { resume: true });
      await h.finished(synced);
      // What a `sync` of an ended generation stands before, as PROTOCOL 5.9 says.
      expect(synced.names).toEqual(['sync', 'completed']);
      expect(synced.events[0]).toMatchObject({
        event: 'sync',
        data: { status: 'completed', end: { final: 'final' } },
      });
      await h.until(
        async () => (await two.manager.getJob('s')) === null,
        'it is forgotten',
        TIMES.retentionMs,
      );
      for (const options of [{}, { after: `${job.generation}-2` }, { after: 'tail' }, { resume: true }]) {
        await expectCode(two.manager.subscribe('s', options).ready, 'stream_not_found');
      }
      expect(await two.manager.getResumeState('s')).toBeNull();
    },
  },
  {
    id: 'L24 L3',
    title: 'a replaced generation’s follower gets its rest and its own end, wherever it stands',
    async run(h) {
      const [one, two] = await h.two();
      const old = await h.start(one, { contentModel: 'text' });
      emitAll(old, 0, 10);
      await old.flush();
      const live = h.follow(two);
      await live.subscription.ready;
      const fresh = await h.start(two);
      fresh.emit(text('new'));
      await fresh.flush();
      const oldLog = await h.log('s', old.generation);
      expect(oldLog.at(-1)).toMatchObject({ event: 'aborted', data: { code: 'replaced' } });
      for (let sequence = 0; sequence < oldLog.length; sequence++) {
        const late = h.follow(two, { after: `${old.generation}-${sequence}` });
        expect(await h.finished(late)).toEqual(oldLog.slice(sequence));
      }
      const named = h.follow(two, { generation: old.generation });
      expect(await h.finished(named)).toEqual(oldLog);
      expect(await h.finished(live)).toEqual(oldLog);
      await fresh.complete();
    },
  },
  {
    id: 'P1',
    title: '`tail` gives only what comes next; `follow: stream` goes through generation after generation',
    async run(h) {
      const [one, two] = await h.two();
      const first = await h.start(one);
      emitAll(first, 0, 5);
      await first.flush();
      const tail = h.follow(two, { after: 'tail' });
      const stream = h.follow(two, { follow: 'stream' });
      await Promise.all([tail.subscription.ready, stream.subscription.ready]);
      first.emit(text('next'));
      await first.complete();
      expect((await h.finished(tail)).map((event) => event.event)).toEqual(['text', 'completed']);
      const logs = [await h.log()];
      for (let n = 0; n < 3; n++) {
        const job = await h.start(n % 2 ? one : two);
        job.emit(text(n));
        await h.rest();
        if (n !== 1) await job.complete(n);
        // The middle one is replaced by the next.
      }
      const kept = (await h.store.read(first.key, 'kept')).map((record) => record.generation).reverse();
      expect(kept).toHaveLength(4);
      for (const generation of kept.slice(1)) logs.push(await h.log('s', generation));
      await h.until(() => stream.events.length >= logs.flat().length, 'all generations');
      expect(stream.events).toEqual(logs.flat());
      expect(stream.isOver).toBe(false);
    },
  },
  {
    id: 'F23 P1',
    title:
      'an event committed between the history read and the live join arrives once, however they are scheduled',
    async run(h) {
      for (const heldUntil of ['before the read', 'after the read'] as const) {
        // More than one read may be under way.
        const held: (() => void)[] = [];
        let isHeld = true;
        const replica = await h.replica({
          wrapStore: (store) =>
            wrapStore(store, async ({ method }, perform) => {
              const waits = method === 'readLog' && isHeld;
              const early = waits && heldUntil === 'after the read' ? await perform() : undefined;
              // One that is answered only now, when all are let go, waits for nobody.
              if (waits && isHeld) await new Promise<void>((resolve) => held.push(resolve));
              return early ?? perform();
            }),
        });
        const writer = await h.replica();
        const streamId = heldUntil.replaceAll(' ', '-');
        const job = await h.start(writer, { streamId });
        emitAll(job, 0, 3);
        await job.flush();
        const follower = h.follow(replica, {}, streamId);
        await h.rest();
        emitAll(job, 3, 6); // heard live, before the answer about the past
        await job.flush();
        await h.rest();
        isHeld = false;
        for (const release of held) release();
        await h.rest();
        emitAll(job, 6, 8);
        await job.complete();
        expect(await h.finished(follower)).toEqual(await h.log(streamId));
      }
    },
  },
  {
    id: 'F21 L25',
    title:
      'a trim while a slow follower is behind, also between two pages, gives sync and tail, never a hole',
    async run(h) {
      const limits = { pageEvents: 5, liveBytes: 500 };
      const options = { trimLog: true, snapshotEvents: 10, limits };
      const [one, two] = await h.two({ options });
      for (let round = 0; round < 30; round++) {
        const streamId = `s${round}`;
        const job = await h.start(one, { streamId, contentModel: 'text' });
        const page = new Page();
        let whole = '';
        const subscription = two.manager.subscribe(streamId);
        const readSome = async (most: number) => {
          for (let n = 0; n < most; n++) {
            const next = await h.soon(subscription.next());
            if (next.done) return false;
            page.see(next.value);
          }
          return true;
        };
        for (let n = 0; n < 100; n++) {
          job.emit(text(`${n},`));
          whole += `${n},`;
          if (pick(h.random, 4) === 0) await job.flush();
          if (pick(h.random, 20) === 0) await readSome(1);
        }
        await job.complete();
        while (await readSome(1));
        expect(page.text).toBe(whole);
        const late = h.follow(two, {}, streamId);
        const latePage = new Page();
        for (const event of await h.finished(late)) latePage.see(event);
        expect(latePage.text).toBe(whole);
        expect(late.names[0]).toBe('sync');
      }
    },
  },
  {
    id: 'F21 P4',
    title:
      'with trimming on, the terminal event is still there for every place, also when its batch made a snapshot',
    async run(h) {
      const [one, two] = await h.two({ options: { trimLog: true, snapshotEvents: 1 } });
      for (const count of [0, 1, 2, 7]) {
        const streamId = `s${count}`;
        const job = await h.start(one, { streamId, contentModel: 'text' });
        const live = h.follow(two, {}, streamId);
        await live.subscription.ready;
        emitAll(job, 0, count);
        await job.complete('final');
        await h.rest();
        const late = h.follow(two, {}, streamId);
        for (const follower of [live, late]) {
          const events = await h.finished(follower);
          expect(events.at(-1)).toMatchObject({ event: 'completed', data: { final: 'final' } });
          expect(events.filter(isTerminal)).toHaveLength(1);
        }
      }
    },
  },
  {
    id: 'F21 P5',
    title: 'a follower behind a trim that reaches into the next attempt gets a sync, not a gap',
    async run(h) {
      const options = { trimLog: true, snapshotEvents: 5, limits: { liveBytes: 200 } };
      const [one, two] = await h.two({ options });
      const job = await h.start(one, { contentModel: 'text' });
      const lazy = two.manager.subscribe('s');
      expect(await h.soon(lazy.next())).toMatchObject({ value: { event: 'created' } });
      const { actionId } = await job.pause({ type: 'checkpoint' });
      const { job: next } = await one.manager.approvals.resolve('s', { actionId, decisions: [], by: 'p' });
      for (let n = 0; n < 20; n++) {
        void next.emit(text(`${n},`));
        await next.flush();
      }
      await next.complete();
      await h.rest();
      const page = new Page();
      const names = [];
      for (let got = await h.soon(lazy.next()); !got.done; got = await h.soon(lazy.next())) {
        names.push(got.value.event);
        page.see(got.value);
      }
      expect(names).not.toContain('gap');
      expect(page.text).toBe(Array.from({ length: 20 }, (_, n) => `${n},`).join(''));
    },
  },
  {
    id: 'A5 P5',
    title: 'cursors that are malformed, foreign, too new or too old get an explicit answer',
    async run(h) {
      const replica = await h.replica();
      const { manager } = replica;
      const job = await h.start(replica, { contentModel: 'text' });
      emitAll(job, 0, 5);
      await job.flush();
      for (const after of [
        '',
        '-',
        '1',
        '1-',
        '-1',
        '01-1',
        '1-01',
        ' 1-1',
        '1-1 ',
        '+1-1',
        '1e3-1',
        '1-1-1',
        '１-1',
        `1-${2 ** 53}`,
        `${'9'.repeat(17)}-1`,
        'a'.repeat(10_000),
      ]) {
        await expectCode(manager.subscribe('s', { after }).ready, 'invalid_cursor');
      }
      const newer = h.follow(replica, { after: `${job.generation + 1}-1` });
      await h.until(() => newer.events.length === 2, 'a gap');
      expect(newer.names).toEqual(['gap', 'sync']);
      const older = h.follow(replica, { after: '1-1' });
      await h.until(() => older.events.length === 1, 'a sync');
      expect(older.names).toEqual(['sync']);
      await expectCode(manager.subscribe('s', { generation: 1 }).ready, 'stream_not_found');
      await expectCode(manager.subscribe('unknown').ready, 'stream_not_found');
      await expectCode(manager.subscribe('unknown', { after: '1-1' }).ready, 'stream_not_found');
      expect(codeOf(await rejection(manager.subscribe('unknown').next()))).toBe('stream_not_found');
      await job.complete();
      for (const follower of [newer, older]) {
        await h.finished(follower);
        expect(follower.events.at(-1)?.event).toBe('completed');
      }
    },
  },
  {
    id: 'P5 L51',
    title: 'a stream that goes while it is followed ends with `gone`, live and between generations',
    timesLapse: true,
    async run(h) {
      const [one, two] = await h.two();
      const job = await h.start(one);
      job.emit(text('a'));
      await job.flush();
      const own = h.follow(two);
      const stream = h.follow(two, { follow: 'stream' });
      await Promise.all([own.subscription.ready, stream.subscription.ready]);
      await one.manager.deleteStream('s');
      for (const follower of [own, stream]) {
        await h.finished(follower);
        expect(follower.names).toEqual(['created', 'text', 'gone']);
        expect(follower.subscription.closedBy).toBe('gone');
      }
      const next = await h.start(one);
      await next.complete();
      const waiting = h.follow(two, { follow: 'stream' });
      await h.until(() => waiting.isOver, 'retention ends it', TIMES.retentionMs * 2);
      expect(waiting.names).toEqual(['created', 'completed', 'gone']);
    },
  },
  {
    id: 'A10 P9',
    title: 'a follower that reads slowly or never slows nobody, and gets everything when it reads',
    async run(h) {
      const options = { limits: { liveBytes: 2_000, pageBytes: 1_500, pageEvents: 20 } };
      const [one, two] = await h.two({ options });
      const job = await h.start(one);
      const lazy = two.manager.subscribe('s');
      await lazy.ready;
      const eager = h.follow(two);
      for (let n = 0; n < 400; n++) {
        job.emit(text('x'.repeat(50)));
        if (n % 10 === 0) await h.rest();
      }
      await job.complete();
      const log = await h.log();
      expect(await h.finished(eager)).toEqual(log);
      const got = [];
      for (let next = await h.soon(lazy.next()); !next.done; next = await h.soon(lazy.next()))
        got.push(next.value);
      expect(got).toEqual(log);
    },
  },
  {
    id: 'F12 P5',
    title: 'a store that does not answer a few reads costs followers time, not their place',
    async run(h) {
      let isAway = false;
      const writer = await h.replica();
      const reader = await h.replica({
        wrapStore: (store) =>
          wrapStore(store, ({ method }, perform): Promise<LogPage | unknown> => {
            return isAway && method === 'readLog' ? Promise.reject(new Error('away')) : perform();
          }),
        wrapTransport: (transport) => ({ ...deafTo(transport) }),
      });
      const job = await h.start(writer);
      const follower = h.follow(reader);
      await follower.subscription.ready;
      isAway = true;
      emitAll(job, 0, 5);
      await job.flush();
      await h.advance(TIMES.logPollMs * 3);
      isAway = false;
      await job.complete();
      expect(await h.finished(follower)).toEqual(await h.log());
    },
  },
];

/** A transport that brings no frames. */
function deafTo(
  transport:
    | Replica['transport']
    | Parameters<NonNullable<Parameters<Harness['replica']>[0]>['wrapTransport'] & {}>[0],
) {
  return {
    kind: transport.kind,
    start: () => transport.start(),
    subscribe: async () => async () => {},
    publish: () => {},
    publishGone: () => {},
    signal: () => {},
    onSignal: () => () => {},
    close: () => transport.close(),
  };
}
