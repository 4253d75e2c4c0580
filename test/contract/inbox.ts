/**
 * The inbox of a generation as a store keeps it: accepted, edited and cancelled by anybody, taken by the producer in one step
 * with its event, put back by a take-over that starts over, handed out once behind an end.
 */
import type { InboxMessage, JobRecord } from 'generation-jobs';
import type { CommitReply, InboxStep, ProducerCommit, SenderCommit } from 'generation-jobs/ports';
import { callId, Desk, inStatus, KEY, LEASE } from './desk.js';
import type { Contract, Harness } from './harness.js';
import { expect } from './tools.js';

const BOUNDS = { waiting: 3, accepted: 6 };
let sent = 0;

type Send = InboxStep & { readonly name: 'send' };

/** A desk at which messages are sent and taken. */
class InboxDesk extends Desk {
  sending(record: JobRecord, over: Partial<Send> = {}): SenderCommit & { readonly step: Send } {
    const messageId = `m-${++sent}`;
    const step: Send = {
      name: 'send',
      messageId,
      kind: 'steer',
      message: '{"n":1}',
      bounds: BOUNDS,
      ...over,
    };
    return { writer: 'sender', key: KEY, generation: record.generation, step };
  }

  step(record: JobRecord, step: InboxStep): Promise<CommitReply> {
    return this.store.commit({ writer: 'sender', key: KEY, generation: record.generation, step });
  }

  /** Sends so many, and says under which ids. */
  async send(record: JobRecord, count: number, bounds = BOUNDS): Promise<string[]> {
    const ids: string[] = [];
    for (let n = 0; n < count; n++) {
      const reply = await this.ok(this.store.commit(this.sending(record, { message: `${n}`, bounds })));
      ids.push(reply.sent?.messageId ?? '');
    }
    return ids;
  }

  async record(generation?: number): Promise<JobRecord> {
    const [record] = await this.store.read(KEY, generation ?? 'current');
    return record as JobRecord;
  }

  /** A producer's commit that takes messages, each with its event. */
  taking(record: JobRecord, ids: readonly string[], over: Partial<ProducerCommit> = {}): ProducerCommit {
    const { lastSequence, attempt } = record;
    const events = ids.map((messageId, at) => ({
      ...{ event: 'message', data: JSON.stringify({ messageId }) },
      ...{ sequence: lastSequence + 1 + at, attempt },
    }));
    return { ...this.batch(record, lastSequence + 1, 0), events, takes: ids, ...over };
  }

  /** Takes the first that wait, as a producer does. */
  async take(record: JobRecord, count = 1): Promise<JobRecord> {
    for (let n = 0; n < count; n++) {
      const before = await this.record(record.generation);
      const reserved = await this.ok(this.step(before, { name: 'reserve', attempt: before.attempt }));
      const id = reserved.sent?.messageId ?? '';
      await this.ok(this.store.commit(this.taking(before, [id])));
    }
    return this.record(record.generation);
  }
}

const idsOf = (messages: readonly InboxMessage[]) => messages.map(({ messageId }) => messageId);

/** What of a record messages must leave as it is. */
function rest({ inbox: _, unsent: __, revision: ___, ...record }: JobRecord): object {
  return record;
}

async function lapse(h: Harness, desk: InboxDesk, record: JobRecord, restarts: boolean): Promise<JobRecord> {
  await h.advance(LEASE + 1);
  const current = await desk.record(record.generation);
  const reply = await desk.ok(desk.store.commit(desk.other(current, 'recover', { restarts })));
  return reply.record as JobRecord;
}

export const inboxStoreContracts: readonly Contract[] = [
  {
    id: 'L101',
    title:
      'an active generation accepts messages in order, with their time and sender, and its sequence, fence and times stay',
    async run(h) {
      const desk = new InboxDesk(h);
      for (const status of ['running', 'requires_action'] as const) {
        await inStatus(desk, status);
        const before = await desk.record();
        expect([before.inbox, before.unsent]).toEqual([[], []]);
        const message = '{"text":"é\\t\\n","deep":[{}],"big":12345678901234567890}';
        const first = desk.sending(before, { kind: 'preempt', by: 'ann ü', message });
        const reply = await desk.ok(desk.store.commit(first));
        expect(reply.sent).toEqual({ messageId: first.step.messageId, isNew: true });
        const second = await desk.ok(desk.store.commit(desk.sending(before, { kind: 'x:1', message: '[]' })));
        const after = second.record as JobRecord;
        expect(rest(after), status).toEqual(rest(before));
        expect(after.revision).toBe(before.revision + 2);
        expect(after.inbox).toMatchObject([
          {
            messageId: first.step.messageId,
            kind: 'preempt',
            by: 'ann ü',
            message: JSON.parse(message),
            edits: 0,
          },
          { messageId: second.sent?.messageId ?? '', kind: 'x:1', message: [], edits: 0 },
        ]);
        expect(after.inbox[1]).not.toHaveProperty('by');
        expect(Math.abs((after.inbox[0]?.sentAt ?? 0) - desk.store.now())).toBeLessThan(60_000);
        expect(await desk.record()).toEqual(after);
        const page = await desk.store.readLog({
          key: KEY,
          after: 0,
          maxEvents: 9,
          maxBytes: 9_999,
          record: true,
        });
        expect(page.found && page.record).toEqual(after);
        expect(page.found && page.changedRevision).toBe(after.revision);
        expect(await desk.store.renew([{ key: KEY, ...before }], LEASE)).toEqual(
          status === 'running' ? [{ held: true, waiting: 2 }] : ['paused'],
        );
        await desk.store.delete(KEY);
      }
    },
  },
  {
    id: 'L101',
    title:
      'a repeat by its id, and another message under its key, accept nothing twice, whatever became of the first; beyond a bound nothing is accepted',
    async run(h) {
      const desk = new InboxDesk(h);
      const record = await desk.created();
      const first = desk.sending(record, { idempotencyKey: 'k: 1' });
      const { messageId } = first.step;
      await desk.ok(desk.store.commit(first));
      const again = async (isNew: boolean, over: Partial<Send> = first.step) => {
        const before = await desk.all();
        const reply = await desk.ok(desk.store.commit(desk.sending(record, over)));
        expect(reply.sent).toEqual({ messageId, isNew });
        expect(await desk.all()).toEqual(before);
      };
      await again(true);
      await again(false, { idempotencyKey: 'k: 1', message: '2' });
      await desk.take(record);
      await again(true);
      await again(false, { idempotencyKey: 'k: 1' });
      const others = await desk.send(record, 3);
      expect(await desk.refusal(desk.store.commit(desk.sending(record)))).toBe('full');
      await desk.ok(desk.step(record, { name: 'cancel', messageId: others[1] ?? '' }));
      // 1 and 3 were accepted.
      await desk.send(record, 1);
      expect(await desk.refusal(desk.store.commit(desk.sending(record)))).toBe('full');
      await desk.take(record, 2);
      await desk.send(record, 1);
      const before = await desk.all();
      expect(await desk.refusal(desk.store.commit(desk.sending(record))), 'six in all').toBe('full');
      expect(await desk.all()).toEqual(before);
      expect(idsOf((await desk.record()).inbox)).toHaveLength(2);
      await again(true);
    },
  },
  {
    id: 'L101',
    title:
      'who is sent to: the current generation, a named one, one of the user’s; one that is over accepts nothing',
    async run(h) {
      const desk = new InboxDesk(h);
      const first = await desk.created();
      const end = { event: 'aborted', data: '{}' };
      const error = { code: 'replaced', message: 'x', retryable: false };
      const second = await desk.created({ replaces: { generation: first.generation, end, error } });
      const { generation: _, ...unnamed } = desk.sending(first);
      const reply = await desk.ok(desk.store.commit({ ...unnamed, ownedBy: 'u' }));
      expect(reply.record?.generation).toBe(second.generation);
      expect(await desk.refusal(desk.store.commit({ ...unnamed, ownedBy: 'v' }))).toBe('gone');
      expect(await desk.refusal(desk.store.commit(desk.sending(first)))).toBe('replaced');
      expect(await desk.refusal(desk.store.commit(desk.sending({ ...first, generation: 7 })))).toBe('gone');
      await desk.ok(desk.store.commit(desk.end(second, 'complete')));
      expect(await desk.refusal(desk.store.commit(desk.sending(second)))).toBe('ended');
      await desk.store.delete(KEY);
      expect(await desk.refusal(desk.store.commit(unnamed))).toBe('gone');
      expect(await desk.all()).toEqual({ kept: [], pages: [] });
    },
  },
  {
    id: 'L101',
    title:
      'what waits is edited and cancelled; what is taken is not, and the same again is answered as the first time',
    async run(h) {
      const desk = new InboxDesk(h);
      const record = await desk.created();
      const [a = '', b = '', c = ''] = await desk.send(record, 3);
      const edit = (messageId: string, message: string) =>
        desk.step(record, { name: 'edit', messageId, message });
      const cancel = (messageId: string) => desk.step(record, { name: 'cancel', messageId });
      const edited = await desk.ok(edit(b, '"new"'));
      expect(edited.record?.inbox[1]).toMatchObject({ messageId: b, message: 'new', edits: 1 });
      const { revision } = await desk.record();
      await desk.ok(edit(b, '"new"'));
      await desk.ok(cancel(c));
      await desk.ok(cancel(c));
      expect((await desk.record()).revision, 'what is already so changes nothing').toBe(revision + 1);
      await desk.take(record);
      await desk.ok(desk.step(record, { name: 'reserve', attempt: 1 }));
      expect((await desk.record()).inbox).toMatchObject([{ messageId: b, taking: true }]);
      const before = await desk.all();
      for (const id of [a, b, c, 'unknown']) {
        expect(await desk.refusal(edit(id, '"newer"')), id).toBe('message');
        if (id !== c) expect(await desk.refusal(cancel(id)), id).toBe('message');
      }
      await desk.ok(edit(b, '"new"'));
      await desk.ok(edit(a, '0'));
      expect(await desk.all()).toEqual(before);
      // A pause ends the taking, and so does another attempt.
      const paused = (await desk.ok(desk.store.commit(desk.end(await desk.record(), 'pause')))).record;
      expect(paused?.inbox[0]).not.toHaveProperty('taking');
      await desk.ok(edit(b, '"newer"'));
      const resumed = await desk.ok(desk.store.commit(desk.other(paused as JobRecord, 'resolve')));
      expect(resumed.record?.inbox).toMatchObject([{ messageId: b, message: 'newer', edits: 2 }]);
      await desk.ok(cancel(b));
      await desk.ok(desk.store.commit(desk.end(resumed.record as JobRecord, 'complete')));
      expect(await desk.refusal(edit(b, '1'))).toBe('ended');
      expect(await desk.refusal(cancel(a))).toBe('ended');
    },
  },
  {
    id: 'L102',
    title:
      'a message is taken in one step with its event, once however often the commit is repeated; a refused one takes nothing',
    async run(h) {
      const desk = new InboxDesk(h);
      const record = await desk.created();
      const [a = '', b = ''] = await desk.send(record, 2);
      const reserving = { name: 'reserve', attempt: 1 } as const;
      const reserved = await desk.ok(desk.step(record, reserving));
      expect(reserved.sent?.messageId).toBe(a);
      expect(reserved.frames).toEqual([]);
      expect((await desk.ok(desk.step(record, reserving))).record).toEqual(reserved.record);
      for (const [refusal, attempt] of [
        ['fenced', 2],
        ['fenced', 0],
      ] as const)
        expect(await desk.refusal(desk.step(record, { name: 'reserve', attempt }))).toBe(refusal);
      const before = await desk.all();
      for (const over of [{ attempt: 2 }, { afterSequence: 7 }])
        expect(await desk.refusal(desk.store.commit(desk.taking(record, [a], over)))).not.toBe('not refused');
      expect(await desk.all()).toEqual(before);
      const taking = desk.taking(record, [a]);
      const reply = await desk.ok(desk.store.commit(taking));
      expect(reply.lastSequence).toBe(2);
      const after = await desk.all();
      await desk.ok(desk.store.commit(taking));
      expect(await desk.all()).toEqual(after);
      const current = await desk.record();
      expect(idsOf(current.inbox)).toEqual([b]);
      expect(current.revision).toBe(3);
      expect(await desk.sequences()).toBe(`1:{} 2:{"messageId":"${a}"}`);
      expect(await desk.store.renew([{ key: KEY, ...record }], LEASE)).toEqual([{ held: true, waiting: 1 }]);
      await desk.take(record);
      expect(await desk.store.renew([{ key: KEY, ...record }], LEASE)).toEqual(['held']);
      expect((await desk.ok(desk.step(record, reserving))).sent).toBeUndefined();
    },
  },
  {
    id: 'L102',
    title:
      'an end that wants an empty inbox is refused while a message waits, and ends nothing; what it takes itself is none',
    async run(h) {
      const desk = new InboxDesk(h);
      const record = await desk.created();
      const [a = ''] = await desk.send(record, 1);
      const end = desk.end(record, 'complete');
      const transition = { ...end.transition, ifInboxEmpty: true } as NonNullable<typeof end.transition>;
      const before = await desk.all();
      const refused = await desk.store.commit({ ...end, transition });
      expect(refused).toMatchObject({ ok: false, refusal: 'inbox', record: { inbox: [{ messageId: a }] } });
      expect(await desk.all()).toEqual(before);
      const taking = desk.taking(record, [a]);
      const last = { ...end.events[0], sequence: 3, attempt: 1, event: 'completed', data: '{}' };
      const both = { ...taking, events: [...taking.events, last], transition };
      const ended = await desk.ok(desk.store.commit(both));
      expect(ended.record).toMatchObject({ status: 'completed', inbox: [], unsent: [], lastSequence: 3 });
      expect(await desk.ok(desk.store.commit(both))).toMatchObject({ frames: [], lastSequence: 3 });
    },
  },
  {
    id: 'L103',
    title:
      'every end leaves what waits as unsent, and one claim gets it: the same again the same list, another nothing',
    async run(h) {
      const desk = new InboxDesk(h);
      const ends = ['complete', 'fail', 'abort', 'lose', 'expire', 'replace'] as const;
      for (const name of ends) {
        const record = await desk.created();
        const [a = '', b = '', c = ''] = await desk.send(record, 3);
        await desk.take(record);
        const claim = { name: 'claim', callId: callId() } as const;
        expect(await desk.refusal(desk.step(record, claim))).toBe('running');
        const before = await desk.record();
        if (name === 'expire') await desk.ok(desk.store.commit(desk.end(before, 'pause')));
        if (name === 'expire' || name === 'lose') await h.advance(Math.max(LEASE, 5_000) + 1);
        const end = { event: 'aborted', data: '{}' };
        const error = { code: 'replaced', message: 'x', retryable: false };
        if (name === 'replace')
          await desk.created({ replaces: { generation: record.generation, end, error } });
        else if (name === 'complete' || name === 'fail')
          await desk.ok(desk.store.commit(desk.end(before, name)));
        else await desk.ok(desk.store.commit(desk.other(before, name)));
        const ended = await desk.record(record.generation);
        expect([ended.inbox, idsOf(ended.unsent)], name).toEqual([[], [b, c]]);
        expect(ended.unsent[0]).not.toHaveProperty('taking');
        const first = await desk.ok(desk.step(record, claim));
        expect(idsOf(first.claimed ?? []), name).toEqual([b, c]);
        expect(first.record?.unsent).toEqual([]);
        const claimed = await desk.record(record.generation);
        expect(claimed.revision).toBe(ended.revision + 1);
        expect(
          (await desk.ok(desk.step(record, { name: 'claim', callId: callId() }))).claimed,
        ).toBeUndefined();
        expect((await desk.ok(desk.step(record, claim))).claimed).toEqual(first.claimed);
        expect(await desk.record(record.generation)).toEqual(claimed);
        // A call whose answer was lost is answered, also by what was claimed or taken since.
        for (const id of [a, b]) {
          const repeat = await desk.ok(desk.store.commit(desk.sending(record, { messageId: id })));
          expect(repeat.sent).toEqual({ messageId: id, isNew: true });
        }
        await desk.store.delete(KEY);
      }
    },
  },
  {
    id: 'L103',
    title:
      'a take-over that starts over puts back what was taken, in order and under its ids; one that goes on leaves it taken',
    timesLapse: true,
    async run(h) {
      const desk = new InboxDesk(h);
      const record = await desk.created();
      const ids = await desk.send(record, 3);
      await desk.ok(desk.step(record, { name: 'edit', messageId: ids[1] ?? '', message: '"edited"' }));
      await desk.take(record, 2);
      const goneOn = await lapse(h, desk, record, false);
      expect(idsOf(goneOn.inbox)).toEqual(ids.slice(2));
      await desk.take(record);
      const more = await desk.send(goneOn, 1);
      await desk.ok(desk.step(goneOn, { name: 'cancel', messageId: more[0] ?? '' }));
      const last = await desk.send(goneOn, 1);
      const startedOver = await lapse(h, desk, record, true);
      expect(idsOf(startedOver.inbox)).toEqual([...ids, ...last]);
      expect(startedOver.inbox[1]).toMatchObject({ message: 'edited', edits: 1 });
      expect(startedOver.revision).toBeGreaterThan(goneOn.revision);
      // Taken again they are taken once more, and put back once more.
      await desk.take(record, 2);
      const again = await lapse(h, desk, record, true);
      expect(again.inbox).toEqual(startedOver.inbox);
      const none = await lapse(h, desk, record, true);
      expect([none.inbox, none.revision]).toEqual([again.inbox, again.revision]);
      await desk.take(record, 4);
      await desk.ok(desk.store.commit(desk.end(await desk.record(), 'complete')));
      expect(await desk.record()).toMatchObject({ inbox: [], unsent: [] });
    },
  },
  {
    id: 'L103',
    title:
      'an attempt that goes on is told what earlier ones have taken, in order and by whom; one that starts over is told of nothing',
    timesLapse: true,
    async run(h) {
      const desk = new InboxDesk(h);
      const record = await desk.created();
      const recall = (attempt: number) => desk.step(record, { name: 'recall', attempt });
      const recalled = async (attempt: number) => (await desk.ok(recall(attempt))).taken;
      expect(await recalled(1)).toEqual([]);
      const [a = '', b = '', c = ''] = await desk.send(record, 3);
      await desk.ok(desk.step(record, { name: 'edit', messageId: b, message: '"edited"' }));
      await desk.take(record);
      expect(await recalled(1), 'what it has taken itself').toEqual([]);
      await lapse(h, desk, record, false);
      await desk.take(record);
      await desk.ok(desk.step(record, { name: 'cancel', messageId: c }));
      expect(await recalled(2)).toMatchObject([{ messageId: a, attempt: 1, message: 0, edits: 0 }]);
      const third = await lapse(h, desk, record, false);
      const before = await desk.all();
      const both = await recalled(3);
      expect(both).toMatchObject([
        { messageId: a, attempt: 1 },
        { messageId: b, attempt: 2, message: 'edited', edits: 1 },
      ]);
      expect(both?.[0]).not.toHaveProperty('taking');
      for (const attempt of [1, 2, 4]) expect(await desk.refusal(recall(attempt))).toBe('fenced');
      expect(await desk.all()).toEqual(before);
      await desk.ok(desk.store.commit(desk.end(third, 'pause')));
      expect(await desk.refusal(recall(3))).toBe('paused');
      const resumed = await desk.ok(desk.store.commit(desk.other(await desk.record(), 'resolve')));
      expect(await recalled(4)).toEqual(both);
      await lapse(h, desk, resumed.record as JobRecord, true);
      expect(await recalled(5)).toEqual([]);
      await desk.take(record, 2);
      await desk.ok(desk.store.commit(desk.end(await desk.record(), 'complete')));
      expect(await desk.refusal(recall(5))).toBe('ended');
      await desk.created();
      expect(await desk.refusal(recall(5))).toBe('replaced');
    },
  },
  {
    id: 'F50',
    title:
      'an edit and a cancel whose answers were lost are found where they were made, though another generation is current by then',
    async run(h) {
      const desk = new InboxDesk(h);
      const record = await desk.created();
      const [a = '', b = ''] = await desk.send(record, 2);
      const unnamed = (step: InboxStep, isRepeat = false): SenderCommit => ({
        ...{ writer: 'sender', key: KEY, step, isRepeat },
      });
      const steps = [
        { name: 'edit', messageId: a, message: '"new"' },
        { name: 'cancel', messageId: b },
      ] as const satisfies readonly InboxStep[];
      for (const step of steps) await desk.ok(desk.store.commit(unnamed(step)));
      const end = { event: 'aborted', data: '{}' };
      const error = { code: 'replaced', message: 'x', retryable: false };
      await desk.created({ replaces: { generation: record.generation, end, error } });
      const before = await desk.all();
      for (const step of steps) {
        const repeat = await desk.ok(desk.store.commit(unnamed(step, true)));
        expect(repeat.sent).toEqual({ messageId: step.messageId, isNew: false });
        expect(repeat.record?.generation).toBe(record.generation);
        expect(await desk.refusal(desk.store.commit(unnamed(step))), 'asked for the first time').toBe(
          'message',
        );
      }
      const never = { name: 'edit', messageId: a, message: '"newer"' } as const;
      expect(await desk.refusal(desk.store.commit(unnamed(never, true)))).toBe('ended');
      expect(await desk.all()).toEqual(before);
    },
  },
  {
    id: 'F50',
    title:
      'a message whose acceptance got no answer is found where it was accepted, though another generation is current by then',
    async run(h) {
      const desk = new InboxDesk(h);
      const record = await desk.created();
      const { generation: _, ...unnamed } = desk.sending(record);
      await desk.ok(desk.store.commit(unnamed));
      const { messageId } = unnamed.step;
      const end = { event: 'aborted', data: '{}' };
      const error = { code: 'replaced', message: 'x', retryable: false };
      const next = await desk.created({ replaces: { generation: record.generation, end, error } });
      const repeat = await desk.ok(desk.store.commit({ ...unnamed, isRepeat: true }));
      expect(repeat.sent).toEqual({ messageId, isNew: true });
      expect(repeat.record?.generation).toBe(record.generation);
      expect((await desk.record(next.generation)).inbox).toEqual([]);
      expect(idsOf((await desk.record(record.generation)).unsent)).toEqual([messageId]);
      // The next one has an inbox, and keys, of its own.
      const own = desk.sending(next, { idempotencyKey: 'k' });
      expect((await desk.ok(desk.store.commit(own))).sent?.isNew).toBe(true);
    },
  },
  {
    id: 'L103',
    title: 'a deleted generation takes its messages with it, and leaves those of the others',
    async run(h) {
      const desk = new InboxDesk(h);
      const first = await desk.created();
      const key = { idempotencyKey: 'k' };
      await desk.ok(desk.store.commit(desk.sending(first, key)));
      await desk.take(first);
      const end = { event: 'aborted', data: '{}' };
      const error = { code: 'replaced', message: 'x', retryable: false };
      const second = await desk.created({ replaces: { generation: first.generation, end, error } });
      const mine = await desk.ok(desk.store.commit(desk.sending(second, key)));
      expect(await desk.store.delete(KEY, { endedGeneration: first.generation })).toBe(true);
      const again = await desk.ok(desk.store.commit(desk.sending(second, key)));
      expect(again.sent).toEqual({ messageId: mine.sent?.messageId, isNew: false });
      await desk.store.delete(KEY);
      const third = await desk.created();
      expect((await desk.ok(desk.store.commit(desk.sending(third, key)))).sent?.isNew).toBe(true);
    },
  },
  {
    id: 'L103',
    title:
      'senders, editors and a producer that race lose nothing: each message is taken, cancelled or unsent, once and in order',
    async run(h) {
      for (let round = 0; round < h.backend.rounds / 10; round++) {
        const desk = new InboxDesk(h);
        const record = await desk.created();
        const bounds = { waiting: 40, accepted: 40 };
        const cancelled: string[] = [];
        const sending = Array.from({ length: 20 }, async (_, at) => {
          const reply = await desk.ok(desk.store.commit(desk.sending(record, { message: `${at}`, bounds })));
          const { messageId } = reply.sent as { messageId: string };
          if (at % 3 === 0) await desk.step(record, { name: 'edit', messageId, message: '"edited"' });
          if (at % 4 > 0) return messageId;
          const { ok } = await desk.step(record, { name: 'cancel', messageId });
          if (ok) cancelled.push(messageId);
          return messageId;
        });
        const producing = (async () => {
          for (let n = 0; n < 15; n++) {
            const before = await desk.record();
            const { sent } = await desk.ok(desk.step(before, { name: 'reserve', attempt: 1 }));
            if (sent) await desk.ok(desk.store.commit(desk.taking(before, [sent.messageId])));
          }
        })();
        const accepted = await Promise.all(sending);
        await producing;
        const { lastSequence } = await desk.record();
        await desk.ok(desk.store.commit(desk.end({ ...record, lastSequence }, 'complete')));
        const { unsent } = await desk.record();
        const log = await h.log();
        const taken = log.flatMap(({ event, data }) =>
          event === 'message' ? (data as { messageId: string }).messageId : [],
        );
        expect([...taken, ...cancelled, ...idsOf(unsent)].sort(), 'each once').toEqual([...accepted].sort());
        const places = idsOf(unsent).map((id) => accepted.indexOf(id));
        expect(places.length + taken.length + cancelled.length).toBe(20);
        await desk.store.delete(KEY);
      }
    },
  },
];
