/**
 * The store by itself: each atomic step, what it refuses, and that a refusal writes nothing.
 */
import {
  type JobRecord,
  type JobStatus,
  type LogEvent,
  TRANSITIONS,
  type TransitionName,
} from 'generation-jobs';
import {
  type CreateReply,
  type OtherCommit,
  type ProducerCommit,
  streamKey,
  userKey,
} from 'generation-jobs/ports';
import { ASK_MS, callId, claimOf, Desk, inStatus, KEY, LEASE, lifecycle } from './desk.js';
import { type Contract, ownedBy } from './harness.js';
import { expect } from './tools.js';

const STATUSES: readonly JobStatus[] = ['running', 'requires_action', 'completed', 'failed', 'aborted'];

export const storeContracts: readonly Contract[] = [
  {
    id: 'L29',
    title:
      'every transition from every status: the table’s succeed, all others are refused and change nothing',
    async run(h) {
      const desk = new Desk(h);
      for (const status of STATUSES) {
        for (const name of Object.keys(TRANSITIONS) as TransitionName[]) {
          if (name === 'replace') continue; // by create, below
          const record = await inStatus(desk, status);
          // Whatever is guarded by time is due.
          const isAsked = status === 'requires_action' && name === 'expire';
          await h.advance(name === 'lose' || name === 'recover' ? LEASE + 1 : isAsked ? ASK_MS + 1 : 0);
          const before = await desk.all();
          const { from, to, by, event } = TRANSITIONS[name];
          const commit =
            by === 'producer'
              ? desk.end(record, name as 'pause')
              : desk.other(record, name as OtherCommit['name'], { attempt: record.attempt });
          const reply = await desk.store.commit(commit);
          const isLegal = (from as readonly JobStatus[]).includes(status);
          expect(reply.ok, `${name} from ${status}`).toBe(isLegal);
          if (reply.ok) {
            expect(reply.record?.status).toBe(to);
            expect(reply.lastSequence).toBe(record.lastSequence + 1);
            const told = reply.frames.flatMap((frame) => frame.events ?? []).map((one) => one.event);
            expect(told).toEqual(h.backend.publishes ? [] : [event]);
            expect(reply.record?.leaseUntil !== undefined).toBe(to === 'running');
            expect(reply.record?.endedAt !== undefined).toBe(to !== 'running' && to !== 'requires_action');
            const takesOver = name === 'resolve' || name === 'recover';
            expect(reply.record?.attempt).toBe(record.attempt + (takesOver ? 1 : 0));
          } else {
            const expected =
              status === 'running' ? 'running' : status === 'requires_action' ? 'paused' : 'ended';
            expect(reply.refusal, `${name} from ${status}`).toBe(expected);
            expect(await desk.all(), `${name} from ${status}`).toEqual(before);
          }
          await desk.store.delete(KEY);
        }
      }
    },
  },
  {
    id: 'L3 L8',
    title: 'create: a repeat, too late, taken, joined, conflict and replace, each in its turn',
    async run(h) {
      const desk = new Desk(h);
      const first = desk.request({ idempotencyKey: 'k', metadata: { a: '1' } });
      const reply = await desk.store.create(first);
      expect(reply.outcome).toBe('created');
      const record = (reply as CreateReply & { outcome: 'created' }).record;
      expect(record).toMatchObject({
        attempt: 1,
        lastSequence: 1,
        lifecycleEvents: 1,
        metadata: { a: 1 },
        createId: first.callId,
      });
      expect(record.leaseUntil).toBe(record.createdAt + LEASE);
      const before = await desk.all();
      const again = await desk.store.create({ ...first, notAfter: 0 });
      expect(again).toMatchObject({ outcome: 'created', record: { generation: record.generation } });
      const expired = { notAfter: desk.store.now() - 1 };
      expect(await desk.store.create(desk.request({ ...expired, userId: 'v' }))).toEqual({
        outcome: 'expired',
        now: expect.closeTo(desk.store.now(), -3),
      });
      expect(await desk.store.create(desk.request({ userId: 'v', idempotencyKey: 'k' }))).toEqual({
        outcome: 'taken',
      });
      expect(await desk.store.create(desk.request({ idempotencyKey: 'k' }))).toEqual({
        outcome: 'joined',
        record,
      });
      expect(await desk.store.create(desk.request())).toEqual({ outcome: 'conflict', record });
      const end = {
        end: { ...lifecycle('aborted'), data: '{"code":"replaced"}' },
        error: { code: 'replaced', message: 'x', retryable: false },
      };
      const wrong = { generation: record.generation - 1, ...end };
      expect(await desk.store.create(desk.request({ replaces: wrong }))).toEqual({
        outcome: 'conflict',
        record,
      });
      expect(await desk.all()).toEqual(before);
      const replacing = desk.request({
        replaces: { ...wrong, generation: record.generation },
        settles: true,
      });
      const replaced = (await desk.store.create(replacing)) as CreateReply & { outcome: 'created' };
      expect(replaced.record.generation).toBeGreaterThan(record.generation);
      expect(replaced.replaced).toMatchObject({
        status: 'aborted',
        error: { code: 'replaced' },
        settlement: { state: 'open' },
      });
      expect(replaced.frames.map((frame) => frame.generation)).toEqual(
        h.backend.publishes ? [] : [record.generation, replaced.record.generation],
      );
      expect(await desk.sequences(record.generation)).toBe('1:{} 2:{"code":"replaced"}');
      expect(await desk.sequences()).toBe('1:{}');
      const twice = await desk.store.create(replacing);
      expect(twice).toMatchObject({
        outcome: 'created',
        record: { generation: replaced.record.generation },
        frames: [],
      });
      expect(await desk.store.read(KEY, 'kept')).toHaveLength(2);
      const late = await desk.store.create(first);
      expect(late, 'a repeat finds its own generation also when it is not current').toMatchObject({
        record: { generation: record.generation },
      });
    },
  },
  {
    id: 'P3 F8',
    title:
      'a producer’s commit is refused unless generation, attempt and place are its own; a repeat is stored once',
    async run(h) {
      const desk = new Desk(h);
      const record = await desk.created();
      const batch = desk.batch(record, 2, 3);
      const reply = await desk.ok(desk.store.commit(batch));
      expect(reply.frames).toHaveLength(desk.store.kind === 'memory' ? 1 : 0);
      expect(reply.lastSequence).toBe(4);
      const before = await desk.all();
      expect(await desk.ok(desk.store.commit(batch))).toMatchObject({ lastSequence: 4, frames: [] });
      expect(await desk.all()).toEqual(before);
      const refused: [string, Partial<ProducerCommit>][] = [
        ['gone', { generation: record.generation - 1 }],
        ['gone', { key: streamKey('other') }],
        ['fenced', { attempt: 2 }],
        ['fenced', { attempt: 0 }],
      ];
      for (const [refusal, over] of refused) {
        expect(await desk.refusal(desk.store.commit({ ...desk.batch(record, 5, 1), ...over }))).toBe(refusal);
      }
      for (const [from, count] of [
        [4, 2],
        [6, 1],
        [1, 1],
        [2, 1],
        [3, 1],
        [2, 5],
      ] as const) {
        expect(
          await desk.refusal(desk.store.commit(desk.batch(record, from, count))),
          `${from}+${count}`,
        ).toBe('sequence');
      }
      expect(await desk.all()).toEqual(before);
      const ended = desk.end({ ...record, lastSequence: 4 }, 'complete');
      await desk.ok(desk.store.commit(ended));
      const over = await desk.all();
      expect(await desk.ok(desk.store.commit(ended))).toMatchObject({
        frames: [],
        record: { status: 'completed' },
      });
      expect(await desk.refusal(desk.store.commit(desk.batch(record, 6, 1)))).toBe('ended');
      expect(await desk.all()).toEqual(over);
      await desk.created();
      expect(await desk.ok(desk.store.commit(ended)), 'a repeat from an older generation').toMatchObject({
        frames: [],
      });
      expect(await desk.refusal(desk.store.commit(desk.batch(record, 6, 1)))).toBe('replaced');
      expect(await desk.sequences(record.generation)).toBe('1:{} 2:2 3:3 4:4 5:{}');
    },
  },
  {
    id: 'P2 L27',
    title:
      'patches are counted: a repeat is skipped, the next attempt counts anew, and a refusal patches nothing',
    async run(h) {
      const desk = new Desk(h);
      const record = await desk.created({ metadata: { a: '1', b: '2' } });
      const patch = (number: number, a: string) => ({
        number,
        metadata: { a },
        usage: { t: number },
        conversationId: `c${number}`,
      });
      await desk.ok(desk.store.commit(desk.batch(record, 2, 0, { patch: patch(1, '"x"') })));
      await desk.ok(desk.store.commit(desk.batch(record, 2, 0, { patch: patch(2, '"y"') })));
      await desk.ok(desk.store.commit(desk.batch(record, 2, 0, { patch: patch(1, '"x"') })));
      const read = async () => (await desk.store.read(KEY, 'current'))[0];
      expect(await read()).toMatchObject({
        metadata: { a: 'y' },
        usage: { t: 2 },
        conversationId: 'c2',
        lastSequence: 1,
        changes: 2,
      });
      await desk.refusal(desk.store.commit(desk.batch(record, 5, 1, { patch: patch(3, '"z"') })));
      await desk.refusal(
        desk.store.commit(desk.batch({ ...record, attempt: 2 }, 2, 1, { patch: patch(4, '"z"') })),
      );
      expect((await read())?.metadata).toEqual({ a: 'y', b: 2 });
      await h.advance(LEASE + 1);
      expect((await read())?.changes).toBe(2);
      const taken = await desk.ok(desk.store.commit(desk.other(record, 'recover')));
      expect((await read())?.changes).toBeUndefined();
      await desk.ok(
        desk.store.commit(desk.batch(taken.record as JobRecord, 3, 1, { patch: patch(1, '"w"') })),
      );
      expect(await read()).toMatchObject({ metadata: { a: 'w', b: 2 }, changes: 1 });
    },
  },
  {
    id: 'P7 L42',
    title: 'take-over, loss, expiry and decision are guarded by lease, attempt, action and time',
    async run(h) {
      const desk = new Desk(h);
      const record = await desk.created();
      for (const name of ['recover', 'lose'] as const) {
        expect(await desk.refusal(desk.store.commit(desk.other(record, name)))).toBe('lease');
      }
      await h.advance(LEASE - 100);
      expect(
        await desk.store.renew(
          [record].map((one) => ({ ...one, key: KEY })),
          LEASE,
        ),
      ).toEqual(['held']);
      await h.advance(200);
      expect(await desk.refusal(desk.store.commit(desk.other(record, 'lose')))).toBe('lease');
      await h.advance(LEASE);
      expect(await desk.refusal(desk.store.commit(desk.other(record, 'lose', { attempt: 2 })))).toBe(
        'fenced',
      );
      const taken = (await desk.ok(desk.store.commit(desk.other(record, 'recover')))).record as JobRecord;
      expect(taken).toMatchObject({ attempt: 2, recoveries: 1, status: 'running', lastSequence: 2 });
      expect(await desk.refusal(desk.store.commit(desk.batch(record, 3, 1)))).toBe('fenced');
      expect(
        await desk.store.renew([{ key: KEY, generation: record.generation, attempt: 1 }], LEASE),
      ).toEqual(['fenced']);
      const pausing = desk.end(taken, 'pause');
      const paused = (await desk.ok(desk.store.commit(pausing))).record as JobRecord;
      expect(paused.pendingAction).toMatchObject({ actionId: 'a', resumeContext: { secret: 1 } });
      expect(
        await desk.store.renew([{ key: KEY, generation: record.generation, attempt: 2 }], LEASE),
      ).toEqual(['paused']);
      const announced = (await desk.sequences()).split(' ').at(-1);
      const { askedAt, expiresAt } = paused.pendingAction ?? {};
      expect(expiresAt).toBe((askedAt ?? 0) + ASK_MS);
      expect(announced).toBe(`3:{"action":{"actionId":"a","askedAt":${askedAt},"expiresAt":${expiresAt}}}`);
      expect(await desk.refusal(desk.store.commit(desk.other(paused, 'expire')))).toBe('early');
      expect(await desk.refusal(desk.store.commit(desk.other(paused, 'resolve', { actionId: 'b' })))).toBe(
        'action',
      );
      expect(
        await desk.refusal(desk.store.commit(desk.other(paused, 'expire', { actionId: undefined }))),
      ).toBe('action');
      const resolve = desk.other(paused, 'resolve');
      const resolved = (await desk.ok(desk.store.commit(resolve))).record as JobRecord;
      expect(resolved).toMatchObject({
        attempt: 3,
        recoveries: 1,
        status: 'running',
        resolutions: [{ actionId: 'a', by: 'p' }],
      });
      expect(resolved.pendingAction).toBeUndefined();
      expect(await desk.ok(desk.store.commit(resolve)), 'a repeat').toMatchObject({
        lastSequence: 4,
        frames: [],
      });
      expect(await desk.ok(desk.store.commit(pausing)), 'a late repeat').toMatchObject({ frames: [] });
      const second = (await desk.ok(desk.store.commit(desk.end(resolved, 'pause')))).record as JobRecord;
      await h.advance(ASK_MS + 1);
      expect(await desk.refusal(desk.store.commit(desk.other(second, 'resolve')))).toBe('action');
      expect(await desk.ok(desk.store.commit(desk.other(second, 'expire')))).toMatchObject({
        record: { status: 'aborted' },
      });
      expect(await desk.refusal(desk.store.commit(desk.other(second, 'abort')))).toBe('ended');
    },
  },
  {
    id: 'P3 F8 L38',
    title: 'a call is a repeat only under its whole id: one that is part of another is another call',
    async run(h) {
      const desk = new Desk(h);
      const record = await desk.created();
      const pausing = desk.end(record, 'pause');
      const transition = { ...pausing.transition, callId: 'x-12' } as NonNullable<typeof pausing.transition>;
      const paused = (await desk.ok(desk.store.commit({ ...pausing, transition }))).record as JobRecord;
      for (const part of ['x-1', '-12', 'x-123']) {
        const resolve = desk.other(paused, 'resolve', { callId: part, actionId: 'another' });
        expect(await desk.refusal(desk.store.commit(resolve)), part).toBe('action');
      }
      const resolve = desk.other(paused, 'resolve', { callId: 'x-1' });
      const resolved = await desk.ok(desk.store.commit(resolve));
      expect(resolved).toMatchObject({ lastSequence: 3, record: { status: 'running', attempt: 2 } });
      expect(await desk.ok(desk.store.commit(resolve))).toMatchObject({ lastSequence: 3, frames: [] });
      const again = await desk.ok(desk.store.commit({ ...pausing, transition }));
      expect(again).toMatchObject({ frames: [], record: { status: 'running' } });
    },
  },
  {
    id: 'L35',
    title: 'a settlement step names the revision it has seen, and only one of two can',
    async run(h) {
      const desk = new Desk(h);
      const record = await desk.created();
      const step = {
        writer: 'settler',
        key: KEY,
        generation: record.generation,
        tries: 1,
        notBeforeMs: 400,
      } as const;
      expect(await desk.refusal(desk.store.commit({ ...step, revision: 1, state: 'open' }))).toBe('running');
      const settles = { transition: { name: 'complete', callId: callId(), settles: true } as const };
      const ended = (await desk.ok(desk.store.commit(desk.end(record, 'complete', settles))))
        .record as JobRecord;
      expect(ended.settlement).toMatchObject({ state: 'open', tries: 0 });
      expect(ended.settlement.notBefore).toBeLessThanOrEqual(desk.store.now());
      const claim = { ...step, revision: ended.settlement.revision, state: 'open' } as const;
      const claimed = (await desk.ok(desk.store.commit(claim))).record as JobRecord;
      expect(claimed.settlement.notBefore).toBeGreaterThan(desk.store.now() + 300);
      expect(await desk.refusal(desk.store.commit(claim))).toBe('revision');
      const done = {
        ...claim,
        revision: claimed.settlement.revision,
        state: 'settled',
        notBeforeMs: 0,
      } as const;
      expect((await desk.ok(desk.store.commit(done))).record?.settlement.state).toBe('settled');
      expect(await desk.refusal(desk.store.commit({ ...claim, generation: 1 }))).toBe('gone');
    },
  },
  {
    id: 'P1 F21',
    title: 'a page is one look: bounded, whole at its edges, and honest about where the log begins and ends',
    async run(h) {
      const desk = new Desk(h);
      const record = await desk.created();
      await desk.ok(desk.store.commit(desk.batch(record, 2, 19)));
      const read = (over: object) =>
        desk.store.readLog({ key: KEY, after: 0, maxEvents: 100, maxBytes: 100_000, ...over });
      const sequences = async (over: object) => {
        const page = await read(over);
        return page.found ? page.events.map((event) => event.sequence) : 'gone';
      };
      for (let after = 0; after <= 22; after++) {
        const rest = Array.from({ length: 20 }, (_, index) => index + 1).filter(
          (sequence) => sequence > after,
        );
        expect(await sequences({ after })).toEqual(rest);
        expect(await sequences({ after, maxEvents: 3 })).toEqual(rest.slice(0, 3));
        expect(await sequences({ after, maxBytes: 1 })).toEqual(rest.slice(0, 1));
      }
      expect(await read({ after: 'snapshot', record: true })).toMatchObject({
        found: true,
        firstSequence: 1,
        lastSequence: 20,
        snapshotSequence: 0,
        status: 'running',
        userId: 'u',
        record: { lastSequence: 20 },
      });
      const save = (sequence: number, trim: boolean, attempt = 1) =>
        desk.store.saveSnapshot({
          key: KEY,
          generation: record.generation,
          attempt,
          snapshot: { sequence, content: `"at ${sequence}"`, kept: [] },
          trim,
        });
      expect(await save(21, false), 'ahead of the log').toBe(false);
      expect(await save(5, false, 2), 'of another attempt').toBe(false);
      expect(await save(5, false)).toBe(true);
      expect(await save(4, true), 'older').toBe(false);
      expect(await sequences({})).toHaveLength(20);
      expect(await read({ after: 'snapshot' })).toMatchObject({
        snapshot: { sequence: 5, content: '"at 5"' },
        events: [{ sequence: 6 }, ...Array(14).fill({})],
      });
      expect(await save(12, true)).toBe(true);
      expect(await read({ after: 3 })).toMatchObject({
        firstSequence: 13,
        lastSequence: 20,
        snapshotSequence: 12,
      });
      expect(await sequences({ after: 0 })).toEqual([13, 14, 15, 16, 17, 18, 19, 20]);
      expect(await save(20, true)).toBe(true);
      expect(await read({ after: 20 })).toMatchObject({ firstSequence: 21, lastSequence: 20, events: [] });
      await desk.ok(desk.store.commit(desk.batch(record, 21, 2)));
      expect(await sequences({ after: 0 })).toEqual([21, 22]);
      await desk.ok(desk.store.commit(desk.other(record, 'abort')));
      const next = await desk.created();
      expect(await read({ generation: record.generation })).toMatchObject({
        generation: record.generation,
        currentGeneration: next.generation,
        nextGeneration: next.generation,
        status: 'aborted',
      });
      expect(await read({})).toMatchObject({
        generation: next.generation,
        events: [{ sequence: 1 }],
        snapshotSequence: 0,
      });
      expect(await read({ generation: 1 })).toMatchObject({
        found: false,
        currentGeneration: next.generation,
      });
      expect(await read({ key: streamKey('none') })).toMatchObject({ found: false });
    },
  },
  {
    id: 'P8 P10',
    title: 'what a store answers is the caller’s own: changing it changes nothing in the store',
    async run(h) {
      const desk = new Desk(h);
      const record = await desk.created({ metadata: { a: '{"b":[1]}' } });
      await desk.ok(desk.store.commit(desk.end(record, 'pause')));
      const before = JSON.stringify(await desk.all());
      const [mine] = (await desk.store.read(KEY, 'current')) as [JobRecord];
      (mine.metadata.a as { b: number[] }).b.push(2);
      (mine as { status: string }).status = 'completed';
      (mine.pendingAction as { actionId: string }).actionId = 'forged';
      (mine.usage as Record<string, number>).t = 1;
      (mine.resolutions as unknown[]).push(1);
      const page = await desk.store.readLog({ key: KEY, after: 0, maxEvents: 10, maxBytes: 1_000 });
      if (page.found) (page.events as LogEvent[]).length = 0;
      expect(JSON.stringify(await desk.all())).toBe(before);
    },
  },
  {
    id: 'L51 L1',
    title:
      'delete removes everything at once, for a user only what is theirs; a named generation only when it has ended; numbers never repeat',
    async run(h) {
      const desk = new Desk(h);
      const first = await desk.created({ idempotencyKey: 'k' });
      await desk.store.due.nearer(KEY, 50);
      expect(await desk.store.delete(KEY, { endedGeneration: first.generation }), 'active').toBe(false);
      await desk.ok(desk.store.commit(desk.other(first, 'abort')));
      const second = await desk.created();
      expect(await desk.store.delete(KEY, { endedGeneration: first.generation })).toBe(true);
      expect(await desk.store.delete(KEY, { endedGeneration: first.generation })).toBe(false);
      expect(await desk.store.read(KEY, 'kept')).toHaveLength(1);
      expect(await desk.sequences(first.generation)).toBe('gone');
      expect(await ownedBy(desk.store, userKey('u'))).toEqual([KEY]);
      await desk.ok(desk.store.commit(desk.other(second, 'abort')));
      expect(await desk.store.delete(KEY, { endedGeneration: second.generation })).toBe(true);
      for (const write of [
        desk.batch(second, 3, 1),
        desk.other(second, 'abort'),
        desk.end(second, 'complete'),
      ]) {
        expect(await desk.refusal(desk.store.commit(write as ProducerCommit))).toBe('gone');
      }
      expect(
        await desk.store.saveSnapshot({
          key: KEY,
          generation: second.generation,
          attempt: 1,
          snapshot: { sequence: 1, content: '1', kept: [] },
          trim: true,
        }),
      ).toBe(false);
      expect(await desk.store.read(KEY, 'kept')).toEqual([]);
      expect(await ownedBy(desk.store, userKey('u'))).toEqual([]);
      // What a `nearer` holds for a create that may be on its way outlives the stream, and no longer than that.
      await h.advance(60);
      for (const entry of (await desk.store.due.list({ limit: 10 })).entries)
        expect(await desk.store.due.later(entry, null)).toBe(true);
      expect((await desk.store.due.list({ limit: 10, all: true })).entries).toEqual([]);
      expect(await desk.store.delete(KEY)).toBe(false);
      const third = await desk.created({ userId: 'v' });
      expect(third.generation).toBeGreaterThan(second.generation);
      expect(await desk.store.delete(KEY, { ownedBy: 'u' }), 'another’s').toBe(false);
      expect(await desk.store.delete(KEY, { ownedBy: '' }), 'nobody’s').toBe(false);
      expect(await desk.store.delete(KEY, { remainsOnly: true }), 'it has a record').toBe(false);
      expect(await desk.store.read(KEY, 'kept')).toHaveLength(1);
      expect(await desk.store.delete(KEY, { ownedBy: 'v' }), 'active, but the whole stream').toBe(true);
      const fourth = await desk.created();
      expect(fourth.generation).toBeGreaterThan(third.generation);
    },
  },
  {
    id: 'F26 P3',
    title: 'a lease that was given up can be taken over at once, and that is not counted as a recovery',
    async run(h) {
      const desk = new Desk(h);
      const record = await desk.created();
      expect(await desk.refusal(desk.store.commit(desk.other(record, 'recover')))).toBe('lease');
      expect(await desk.store.renew([record].map(claimOf), 0)).toEqual(['held']);
      const given = await desk.ok(desk.store.commit(desk.other(record, 'recover')));
      expect(given.record).toMatchObject({ attempt: 2, recoveries: 0, status: 'running' });
      await h.advance(LEASE + 10);
      const lapsed = await desk.ok(
        desk.store.commit(desk.other(given.record as JobRecord, 'recover', { attempt: 2 })),
      );
      expect(lapsed.record).toMatchObject({ attempt: 3, recoveries: 1 });
    },
  },
  {
    id: 'P3',
    title: 'renewal answers each claim in order, with the reason a commit would be refused for',
    async run(h) {
      const desk = new Desk(h);
      const record = await desk.created();
      const claim = { key: KEY, generation: record.generation, attempt: 1 };
      const claims = [
        claim,
        { ...claim, attempt: 2 },
        { ...claim, generation: 1 },
        { ...claim, key: streamKey('none') },
        claim,
      ];
      expect(await desk.store.renew(claims, LEASE)).toEqual(['held', 'fenced', 'gone', 'gone', 'held']);
      expect(await desk.store.renew([claim], 0)).toEqual(['held']);
      expect(await desk.ok(desk.store.commit(desk.other(record, 'lose')))).toMatchObject({
        record: { status: 'failed' },
      });
      expect(await desk.store.renew([claim], LEASE)).toEqual(['ended']);
      expect(await desk.store.renew([], LEASE)).toEqual([]);
      expect((await desk.store.read(KEY, 'current'))[0]?.leaseUntil).toBeUndefined();
    },
  },
  {
    id: 'P3',
    title:
      'a renewal that names somebody else hands the attempt over: its name and its lease are the record’s',
    async run(h) {
      const desk = new Desk(h);
      const { generation } = await desk.created();
      const claim = { key: KEY, generation, attempt: 1, replicaId: 'worker/ünïcode' };
      const now = async () => (await desk.store.read(KEY, 'current'))[0];
      expect(await desk.store.renew([{ ...claim, attempt: 2 }], 7 * LEASE)).toEqual(['fenced']);
      expect((await now())?.replicaId, 'a refusal changes nothing').not.toBe(claim.replicaId);
      expect(await desk.store.renew([claim], 7 * LEASE)).toEqual(['held']);
      const handed = (await now()) as JobRecord;
      expect(handed).toMatchObject({ replicaId: claim.replicaId, leaseMs: 7 * LEASE, attempt: 1 });
      await h.advance(LEASE + 10);
      expect(await desk.refusal(desk.store.commit(desk.other(handed, 'lose')))).toBe('lease');
      expect(await desk.store.renew([claimOf(handed)], LEASE)).toEqual(['held']);
      expect(await now(), 'a renewal without a name').toMatchObject({
        replicaId: claim.replicaId,
        leaseMs: LEASE,
      });
    },
  },
];
