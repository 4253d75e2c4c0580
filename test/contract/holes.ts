/**
 * What a store has lost is told: nobody takes a log with a hole for a whole one, and nobody waits for what will not come.
 */
import { GenerationJobError, type Hole } from 'generation-jobs';
import { DEAF, lossyTransport, wrapStore } from 'generation-jobs/testing';
import { dataOf, text } from './follower.js';
import { type Contract, type Harness, type Replica, type ReplicaInput, TIMES } from './harness.js';
import { type Damage, holeyStore, noDamage } from './holey-store.js';
import { expect } from './tools.js';

interface Synced {
  readonly content: { text: string } | null;
  readonly status: string;
  readonly missing?: Hole;
  readonly end: unknown;
}

/** A writer on a good store, and a reader on the same one with holes in it. */
async function withHoles(
  h: Harness,
  input: ReplicaInput = {},
): Promise<{ writer: Replica; reader: Replica; damage: Damage }> {
  const damage = noDamage();
  const writer = await h.replica(input);
  const reader = await h.replica({ ...input, wrapStore: (store) => holeyStore(store, damage) });
  return { writer, reader, damage };
}

/** `created`, then a `text` event for each sequence from 2 to `last`, saying its sequence. */
async function startedWith(h: Harness, writer: Replica, last: number, contentModel?: string) {
  const job = await h.start(writer, contentModel === undefined ? {} : { contentModel });
  for (let sequence = 2; sequence <= last; sequence++) void job.emit(text(`${sequence},`));
  await h.soon(job.flush());
  return job;
}

const from = (first: number, last: number) =>
  Array.from({ length: last - first + 1 }, (_, index) => `${first + index},`).join('');

export const holeContracts: readonly Contract[] = [
  {
    id: 'P5',
    title:
      'a late follower of a log without its beginning gets a gap, a sync that says what it lacks, and the rest',
    async run(h) {
      for (const contentModel of ['text', undefined]) {
        const { writer, reader, damage } = await withHoles(h);
        const job = await startedWith(h, writer, 9, contentModel);
        damage.lost = (sequence) => sequence < 7;
        const follower = h.follow(reader);
        await h.until(() => follower.events.length >= 2, 'the loss is told');
        void job.emit(text('10,'));
        await h.soon(job.complete());
        await h.finished(follower);
        expect(follower.names).toEqual(['gap', 'sync', 'text', 'completed']);
        expect(follower.events[0]?.data).toEqual({ requested: `${job.generation}-0` });
        expect(follower.events[1]).toMatchObject({
          cursor: `${job.generation}-9`,
          data: {
            content: contentModel ? { text: from(7, 9) } : null,
            missing: { from: 1, to: 6 },
          },
        });
        await writer.manager.deleteStream('s');
      }
    },
  },
  {
    id: 'P5',
    title:
      'one lost entry in the middle is told to whoever comes to it, from the start, a cursor or behind a lost frame',
    timesLapse: true,
    async run(h) {
      const damage = noDamage();
      const writer = await h.replica();
      const options = { limits: { pageEvents: 3 } };
      const wrapStore: ReplicaInput['wrapStore'] = (store) => holeyStore(store, damage);
      const reader = await h.replica({ options, wrapStore });
      const deaf = await h.replica({
        options,
        wrapStore,
        wrapTransport: (transport, clock) => lossyTransport(transport, clock, DEAF),
      });
      const job = await startedWith(h, writer, 4, 'text');
      const behind = h.follow(deaf);
      await h.until(() => behind.events.length === 4, 'the deaf one is up to date');
      damage.lost = (sequence) => sequence === 6;
      for (let sequence = 5; sequence <= 12; sequence++) void job.emit(text(`${sequence},`));
      await h.soon(job.flush());
      const start = h.follow(reader);
      const cursor = h.follow(reader, { after: `${job.generation}-3` });
      const beyond = h.follow(reader, { after: `${job.generation}-6` });
      for (const follower of [start, cursor, behind])
        await h.until(() => follower.names.includes('sync'), 'the loss is told', TIMES.logPollMs * 2);
      await h.soon(job.complete());
      for (const [follower, before] of [
        [start, 5],
        [cursor, 2],
        [behind, 5],
      ] as const) {
        await h.finished(follower);
        const [gap, sync, ...rest] = follower.events.slice(before);
        expect(gap).toMatchObject({ event: 'gap', data: { requested: `${job.generation}-5` } });
        expect(sync).toMatchObject({
          event: 'sync',
          cursor: `${job.generation}-12`,
          data: { content: { text: from(2, 5) + from(7, 12) }, missing: { from: 6, to: 6 } },
        });
        expect(rest.map(({ event }) => event)).toEqual(['completed']);
      }
      // Who has read beyond the hole has lost nothing.
      await h.finished(beyond);
      expect(beyond.names).toEqual([...Array(6).fill('text'), 'completed']);
    },
  },
  {
    id: 'P5',
    title:
      'a follower of an ended generation whose log is gone gets a gap and a sync with its status, then is over',
    async run(h) {
      const { writer, reader, damage } = await withHoles(h, { options: { snapshotEvents: 4 } });
      const job = await startedWith(h, writer, 9, 'text');
      await h.soon(job.complete('final'));
      await writer.manager.upkeep.idle();
      damage.lost = () => true;
      damage.snapshots = true;
      for (const after of [undefined, `${job.generation}-4`]) {
        const follower = h.follow(reader, { after });
        await h.finished(follower);
        expect(follower.names).toEqual(['gap', 'sync']);
        expect(dataOf<Synced>(follower.events[1])).toMatchObject({
          status: 'completed',
          content: { text: '' },
          missing: { from: 1, to: 10 },
          end: null,
        });
        const { cursor } = follower.events[1] as { cursor: string };
        expect(await h.finished(h.follow(reader, { after: cursor }))).toEqual([]);
      }
      damage.snapshots = false;
      const { content, missing, status } = (await reader.manager.getResumeState('s')) ?? {};
      expect({ content, missing, status }).toEqual({
        content: { text: from(2, 9) },
        missing: { from: 10, to: 10 },
        status: 'completed',
      });
    },
  },
  {
    id: 'P5',
    title:
      'a lost end is told by the status of a sync, also to who follows the stream into the next generation',
    async run(h) {
      const { writer, reader, damage } = await withHoles(h);
      const job = await startedWith(h, writer, 5, 'text');
      await h.soon(job.complete());
      damage.lost = (sequence) => sequence === 6;
      const own = h.follow(reader);
      const stream = h.follow(reader, { follow: 'stream' });
      await h.finished(own);
      expect(own.names.slice(5)).toEqual(['gap', 'sync']);
      expect(dataOf<Synced>(own.events[6])).toMatchObject({
        status: 'completed',
        content: { text: from(2, 5) },
        missing: { from: 6, to: 6 },
      });
      const next = await h.start(writer);
      await h.until(() => stream.events.length === 8, 'the next generation');
      expect(stream.names.slice(5)).toEqual(['gap', 'sync', 'created']);
      await h.soon(next.complete());
      await h.finished(own);
    },
  },
  {
    id: 'P5 L25',
    title: 'a trimmed log that has lost its snapshot gives a sync that says what its content lacks',
    async run(h) {
      const { writer, reader, damage } = await withHoles(h, {
        options: { snapshotEvents: 4, trimLog: true },
      });
      const job = await startedWith(h, writer, 4, 'text');
      await job.flush();
      await writer.manager.upkeep.idle();
      const trimmed = (await writer.manager.getJob('s'))?.snapshotSequence ?? 0;
      expect(trimmed).toBeGreaterThan(0);
      damage.snapshots = true;
      const follower = h.follow(reader);
      await h.until(() => follower.events.length > 0, 'a sync');
      expect(follower.names).toEqual(['sync']);
      const { content, missing } = dataOf<Synced>(follower.events[0]);
      expect(missing).toEqual({ from: 1, to: trimmed });
      expect(content).toEqual({ text: from(trimmed + 1, 4) });
      await h.soon(job.complete());
      await h.finished(follower);
    },
  },
  {
    id: 'P5 L35',
    title:
      'a settlement and an abort are told what their content lacks; of a whole log they are told nothing',
    async run(h) {
      const damage = noDamage();
      const settled: unknown[] = [];
      const replica = await h.replica({
        wrapStore: (store) => holeyStore(store, damage),
        hooks: {
          settle: ({ record, content, ...ended }) => {
            settled.push([record.streamId, content, 'missing' in ended ? ended.missing : 'whole']);
          },
        },
      });
      for (const streamId of ['whole', 'holed']) {
        const job = await h.start(replica, { streamId, contentModel: 'text' });
        for (let sequence = 2; sequence <= 6; sequence++) void job.emit(text(`${sequence},`));
        await h.soon(job.flush());
        damage.lost = (sequence) => streamId === 'holed' && (sequence === 3 || sequence === 5);
        const aborted = await h.soon(replica.manager.abortJob(streamId));
        const isWhole = streamId === 'whole';
        expect(aborted.missing).toEqual(isWhole ? undefined : { from: 3, to: 5 });
        await h.until(() => settled.length === (isWhole ? 1 : 2), 'the settlement');
      }
      expect(settled).toEqual([
        ['whole', { text: from(2, 6) }, 'whole'],
        ['holed', { text: '2,4,6,' }, { from: 3, to: 5 }],
      ]);
    },
  },
  {
    id: 'P5 F1',
    title:
      'a successor is told what it goes on without, and its snapshots go on telling it; starting over forgets it',
    timesLapse: true,
    async run(h) {
      for (const mode of ['continue', 'restart'] as const) {
        const damage = noDamage();
        const streamId = `s-${mode}`;
        const seen: unknown[] = [];
        const options = { snapshotEvents: 3 };
        const doomed = await h.replica({ options });
        const other = await h.replica({
          options,
          wrapStore: (store) => holeyStore(store, damage),
          hooks: {
            recoverMode: mode,
            recover: async (job, { content, missing }) => {
              seen.push([content, missing]);
              for (let more = 0; more < 8; more++) void job.emit(text('+'));
              await job.flush();
              return 'done';
            },
          },
        });
        const job = await h.start(doomed, { streamId, contentModel: 'text' });
        void job.emit(text('2,'));
        void job.emit(text('3,'));
        await h.soon(job.flush());
        damage.lost = (sequence) => sequence === 2;
        damage.snapshots = true;
        await doomed.crash();
        await h.until(
          async () => (await other.manager.getJob(streamId))?.status === 'completed',
          'recovered',
          TIMES.leaseMs + TIMES.sweepMs * 3,
        );
        await other.manager.upkeep.idle();
        damage.lost = () => false;
        damage.snapshots = false;
        const isContinued = mode === 'continue';
        const hole = isContinued ? { from: 2, to: 2 } : undefined;
        expect(seen).toEqual([[{ text: isContinued ? '3,' : '' }, hole]]);
        const state = await other.manager.getResumeState(streamId);
        expect(state?.content).toEqual({ text: `${isContinued ? '3,' : ''}++++++++` });
        expect(state?.missing).toEqual(hole);
        await other.crash();
      }
    },
  },
  {
    id: 'P5',
    title:
      'the host is told of a hole, once, whoever reads across it and however often; an end is described with it',
    async run(h) {
      const damage = noDamage();
      const told: unknown[] = [];
      const described: unknown[] = [];
      const replica = await h.replica({
        wrapStore: (store) => holeyStore(store, damage),
        hooks: {
          onError: ({ where, error, record }) => {
            told.push([where, (error as { code?: string }).code, record?.streamId, record?.generation]);
          },
          describeEnd: (_, content, missing) => {
            described.push([content, missing]);
          },
        },
      });
      const job = await startedWith(h, replica, 9, 'text');
      damage.lost = (sequence) => sequence === 4 || sequence === 5;
      const followers = [h.follow(replica), h.follow(replica, { after: `${job.generation}-4` })];
      for (const follower of followers)
        await h.until(() => follower.names.includes('sync'), 'the loss is told');
      await replica.manager.getResumeState('s');
      expect(told).toEqual([['log', 'log_lost', 's', job.generation]]);
      await h.soon(replica.manager.abortJob('s'));
      expect(described).toEqual([[{ text: from(2, 3) + from(6, 9) }, { from: 4, to: 5 }]]);
      for (const follower of followers) await h.finished(follower);
    },
  },
  {
    id: 'P5',
    title: 'what a snapshot holds is not missed',
    async run(h) {
      const { writer, reader, damage } = await withHoles(h, { options: { snapshotEvents: 6 } });
      const job = await startedWith(h, writer, 8, 'text');
      await writer.manager.upkeep.idle();
      const covered = (await writer.manager.getJob('s'))?.snapshotSequence ?? 0;
      expect(covered).toBeGreaterThan(0);
      damage.lost = (sequence) => sequence <= covered;
      const state = await reader.manager.getResumeState('s');
      expect(state?.content).toEqual({ text: from(2, 8) });
      expect(state).not.toHaveProperty('missing');
      await h.soon(job.complete());
    },
  },
  {
    id: 'P5',
    title:
      'a follower whose sync could not be read at first gets it at the next poll, also when nothing more happens',
    async run(h) {
      const damage = noDamage();
      const writer = await h.replica();
      let isAway = false;
      const reader = await h.replica({
        wrapStore: (store) =>
          wrapStore(holeyStore(store, damage), async ({ method, args }, perform) => {
            const { after } = (args[0] ?? {}) as { after?: unknown };
            if (method !== 'readLog' || !isAway || after !== 'snapshot') return perform();
            isAway = false;
            throw new GenerationJobError('unavailable', 'No answer, once.');
          }),
      });
      const job = await startedWith(h, writer, 9);
      await h.soon(job.complete());
      damage.lost = (sequence) => sequence === 5;
      isAway = true;
      const follower = h.follow(reader);
      await h.finished(follower);
      expect(isAway).toBe(false);
      expect(follower.names).toEqual(['created', 'text', 'text', 'text', 'gap', 'sync', 'completed']);
    },
  },
];
