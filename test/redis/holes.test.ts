/**
 * What Redis has lost of a stream, read over HTTP: a key evicted or deleted, an entry deleted or damaged, a snapshot gone
 * from a trimmed log. Nobody is given what is left for the whole, and no response ends without a word.
 */
import { createStreamServices, type GenerationJob } from 'generation-jobs';
import { textContent } from 'generation-jobs/content';
import type { Redis } from 'ioredis';
import { afterAll, afterEach, beforeAll, beforeEach, expect, it } from 'vitest';
import { follow, getJson, type Reader, type Served, serve, until } from '../http/serving.js';
import { RedisServer } from '../support/redis-server.js';

const [JOB, LOG, SNAPSHOTS] = ['gj:{/s}:job', 'gj:{/s}:log', 'gj:{/s}:snapshots'];
const ENDS = ['completed', 'failed', 'aborted'];

let server: RedisServer;
let redis: Redis;
let served: Served;
beforeAll(async () => {
  server = await RedisServer.start();
  redis = server.connect();
});
afterAll(async () => {
  redis.disconnect();
  await server.stop();
});
beforeEach(async () => {
  await redis.flushall();
});
afterEach(async () => {
  // Evictions are one test's matter.
  await redis.config('SET', 'maxmemory', '0');
});

/** A job with a snapshot every ten events, and `events` of them, each an entry of its own. */
async function startedWith(
  events: number,
  options: { trimLog?: boolean; contentModel?: string } = {},
): Promise<GenerationJob> {
  const { trimLog = false, contentModel = 'text' } = options;
  served = await serve({
    services: createStreamServices({ redis }),
    manager: {
      options: { snapshotEvents: 10, trimLog },
      contentModels: [textContent()],
      // What is lost here is lost on purpose.
      hooks: { onError: () => {} },
    },
  });
  const created = await served.manager.createJob({ streamId: 's', userId: 'ann', contentModel });
  if (!created.started) throw new Error('Somebody else has started it.');
  await emit(created.job, 2, events);
  return created.job;
}

/** One `text` event for each sequence, saying it. */
async function emit(job: GenerationJob, from: number, to: number): Promise<void> {
  for (let sequence = from; sequence <= to; sequence++) {
    void job.emit({ event: 'text', data: { text: `${sequence},` } });
    await job.flush();
  }
  await served.manager.upkeep.idle();
}

const texts = (from: number, to: number) =>
  Array.from({ length: to - from + 1 }, (_, index) => `${from + index},`).join('');

async function read(query = ''): Promise<Reader> {
  const reader = await follow(`${served.url}/stream/s${query}`);
  await until('the response is over', reader.isOver);
  return reader;
}

interface Synced {
  readonly content: { text: string } | null;
  readonly missing?: { from: number; to: number };
  readonly status: string;
}

const namesOf = ({ events }: Reader) => events.map(({ event }) => event);
const syncOf = ({ events }: Reader): Synced =>
  JSON.parse(events.find(({ event }) => event === 'sync')?.data ?? 'null');
const sequenceOf = (id: string | undefined) => Number(id?.split('-')[1]);

/** Each event follows the one before, unless a gap and a sync say that it doesn't; the last one says what became of it. */
function expectNothingSkipped({ events }: Reader, from = 0): void {
  let place = from;
  for (const { event = '', id, data } of events) {
    if (event === 'sync') place = sequenceOf(id);
    else if (event !== 'gap' && event !== 'gone') expect(sequenceOf(id), `${event} ${data}`).toBe(++place);
  }
  const last = events.at(-1);
  const isEnd = ENDS.includes(last?.event ?? '') || last?.event === 'gone';
  const isSynced = last?.event === 'sync' && ENDS.includes(JSON.parse(last.data).status);
  expect(isEnd || isSynced, `the last event is ${last?.event}`).toBe(true);
}

it('P5 a log that has lost its beginning: a late follower gets a gap and a sync, not 30 31 32 completed', async () => {
  const job = await startedWith(30);
  await redis.xtrim(LOG, 'MINID', `${job.generation}-25`);
  await job.complete('final');
  await served.manager.upkeep.idle();
  await redis.del(SNAPSHOTS);
  for (const query of ['', `?after=${job.generation}-7`]) {
    const reader = await read(query);
    expect(namesOf(reader)).toEqual(['gap', 'sync', 'completed']);
    expect(syncOf(reader)).toMatchObject({
      content: { text: texts(25, 30) },
      missing: { from: 1, to: 24 },
    });
    expectNothingSkipped(reader);
  }
});

it('P5 a log whose key is deleted while its producer writes: late followers are told, and their response ends', async () => {
  const job = await startedWith(30);
  await redis.del(LOG);
  for (let sequence = 31; sequence < 60 && !job.isOver; sequence++) {
    job.emit({ event: 'text', data: { text: `${sequence},` } }).catch(() => {});
    await job.flush().catch(() => {});
  }
  if (!job.isOver) await job.complete();
  else await served.manager.abortJob('s');
  const reader = await read();
  expect(namesOf(reader).slice(0, 2)).toEqual(['gap', 'sync']);
  expectNothingSkipped(reader);
});

it('P5 one entry deleted: who reads across it gets a gap and a sync that says which one', async () => {
  const job = await startedWith(9);
  await redis.xdel(LOG, `${job.generation}-5`);
  await job.complete();
  // The end's snapshot has what was lost.
  const reader = await read();
  expect(namesOf(reader)).toEqual(['created', 'text', 'text', 'text', 'gap', 'sync', 'completed']);
  expect(syncOf(reader)).toMatchObject({ content: { text: texts(2, 9) } });
  expect(syncOf(reader)).not.toHaveProperty('missing');
  await redis.del(SNAPSHOTS);
  const status = (await getJson(`${served.url}/status/s`)).body;
  expect(status).toMatchObject({ content: { text: texts(2, 4) + texts(6, 9) }, missing: { from: 5, to: 5 } });
});

it('P5 an entry or a snapshot that can’t be read is lost, and told like one that is gone', async () => {
  const job = await startedWith(9);
  await job.complete();
  await served.manager.upkeep.idle();
  const entries = await redis.xrange(LOG, '-', '+');
  for (const damaged of ['', 'garbage', '1 x y z\nq', '1 1 1 5 5\ntext', '1 1 1 5 7\ntext\t\t{}\n']) {
    await redis.del(LOG);
    for (const [id, fields] of entries) {
      const isDamaged = id === `${job.generation}-5`;
      await redis.xadd(LOG, id, ...(isDamaged ? ['e', damaged] : fields));
    }
    await redis.hset(SNAPSHOTS, `${job.generation}`, damaged === '' ? '{"format":"1"}' : damaged);
    const reader = await read();
    expect(namesOf(reader).slice(4), damaged).toEqual(['gap', 'sync', 'completed']);
    expect(syncOf(reader)).toMatchObject({
      content: { text: texts(2, 4) + texts(6, 9) },
      missing: { from: 5, to: 5 },
    });
  }
});

it('P5 an event whose data is no JSON is lost to those who fold, and is told as missing', async () => {
  const job = await startedWith(4);
  await job.complete();
  await served.manager.upkeep.idle();
  const entries = await redis.xrange(LOG, '-', '+');
  await redis.del(LOG, SNAPSHOTS);
  for (const [id, [field = '', entry = '']] of entries) {
    await redis.xadd(LOG, id, field, id.endsWith('-3') ? entry.replace('{"text":"3,"}', '{"text') : entry);
  }
  const status = (await getJson(`${served.url}/status/s`)).body;
  expect(status).toMatchObject({
    content: { text: '2,4,' },
    missing: { from: 3, to: 3 },
    status: 'completed',
  });
});

it('P5 the log of an ended generation is gone: a response says so, and what the snapshot has', async () => {
  const job = await startedWith(12);
  await job.complete();
  await served.manager.upkeep.idle();
  await redis.del(LOG);
  for (const query of ['', '?resume=true', `?after=${job.generation}-5`]) {
    const reader = await read(query);
    expectNothingSkipped(reader);
    expect(namesOf(reader).at(-1)).toBe('sync');
    expect(syncOf(reader)).toMatchObject({
      status: 'completed',
      content: { text: texts(2, 12) },
      missing: { from: 13, to: 13 },
    });
  }
  await redis.del(SNAPSHOTS);
  expect(syncOf(await read())).toMatchObject({
    status: 'completed',
    content: { text: '' },
    missing: { from: 1, to: 13 },
  });
  // The same end again is nothing new: EventSource stops.
  const again = await follow(`${served.url}/stream/s?after=${job.generation}-13`);
  expect(again.response.status).toBe(204);
});

it('P5 a trimmed log that has lost its snapshot gives a sync that says what its content lacks', async () => {
  const job = await startedWith(35, { trimLog: true });
  const trimmed = Number(await redis.hget(JOB, 'snapshotSequence'));
  expect(trimmed).toBeGreaterThan(10);
  await redis.del(SNAPSHOTS);
  const reader = await follow(`${served.url}/stream/s`);
  await until('the sync', () => reader.events.length > 0);
  expect(namesOf(reader)).toEqual(['sync']);
  expect(syncOf(reader)).toMatchObject({
    content: { text: texts(trimmed + 1, 35) },
    missing: { from: 1, to: trimmed },
  });
  await job.complete();
  await until('the response is over', reader.isOver);
});

it('P5 under allkeys-lru nobody is given what was left for the whole', async () => {
  const job = await startedWith(30);
  await job.complete();
  await served.manager.upkeep.idle();
  await redis.config('SET', 'maxmemory-policy', 'allkeys-lru');
  await redis.config('SET', 'maxmemory-samples', '64');
  const used = Number(/used_memory:(\d+)/.exec(await redis.info('memory'))?.[1]);
  await redis.config('SET', 'maxmemory', `${used + 512 * 1024}`);
  // The record is looked at often, the log is not: it goes first, once the server's clock of whole seconds can tell them apart.
  await until('the log is idle', async () => Number(await redis.object('IDLETIME', LOG)) >= 2);
  for (let filler = 0; filler < 4_000 && (await redis.exists(LOG)) === 1; filler++) {
    await redis.set(`filler-${filler}`, 'x'.repeat(1_024));
    await redis.hget(JOB, 'fence');
  }
  expect(await redis.exists(LOG)).toBe(0);
  await redis.config('SET', 'maxmemory', '0');
  const reader = await read();
  expect(namesOf(reader)).toEqual(['gap', 'sync']);
  expectNothingSkipped(reader);
  expect(syncOf(reader).missing?.to).toBe(31);
});
