/**
 * Every script against every kind of damage: to each field, and to each key it is given. Redis does not roll back, so what a script
 * can't use must be found before its first write: what comes of a call is the whole change, or a refusal by name with
 * nothing changed. Never half of it, and never silence.
 */
import type { Redis } from 'ioredis';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { isGenerationJobError } from '../../src/errors.js';
import { createRedisRules } from '../../src/rules/stores/redis.js';
import { RedisJobStore } from '../../src/stream/implementations/redis/job-store.js';
import { RedisKeys } from '../../src/stream/implementations/redis/keys.js';
import { REDIS_SCRIPTS } from '../../src/stream/implementations/redis/scripts.generated.js';
import { RedisScripts } from '../../src/stream/implementations/redis/scripts.js';
import { RedisUserIndex } from '../../src/stream/implementations/redis/user-index.js';
import type {
  CommitReply,
  InboxStep,
  OtherCommit,
  ProducerCommit,
} from '../../src/stream/interfaces/commits.js';
import type { QueueStep } from '../../src/stream/interfaces/job-queues.js';
import type { NewRule } from '../../src/stream/interfaces/rule-store.js';
import type { FeedReply } from '../../src/stream/interfaces/user-feeds.js';
import type { FeedEntry } from '../../src/stream/model/feed-entry.js';
import { streamKey } from '../../src/stream/model/stream-key.js';
import type { JobRecord } from '../../src/stream/model/types.js';
import { newRule, newUse } from '../contract/rules.js';
import { RedisServer } from '../support/redis-server.js';
import { damagesTo, look as lookAt, pairsOf, type Seen } from './damaging.js';
import { type ScriptRun, watchScripts } from './script-watch.js';

const HOUR = 3_600_000;
const KEY = streamKey('s');
let calls = 0;
const USER = { tenantId: undefined, userId: 'u' };
const event = (name: string, data: unknown = {}) => ({ event: name, data: JSON.stringify(data) });

let server: RedisServer;
let redis: Redis;
let store: RedisJobStore;
let client: Redis;
let runs: ScriptRun[];
beforeAll(async () => {
  server = await RedisServer.start();
  redis = server.connect();
  client = server.connect();
  runs = watchScripts(client);
  store = new RedisJobStore(client);
  await store.start();
});
afterAll(async () => {
  redis.disconnect();
  client.disconnect();
  await server.stop();
});

// --- what there is before a call

type Saved = readonly (readonly [key: string, dump: Buffer, ttl: number])[];

async function saved(): Promise<Saved> {
  const keys = (await redis.keys('*')).sort();
  return Promise.all(
    keys.map(async (key) => [key, await redis.dumpBuffer(key), await redis.pttl(key)] as const),
  );
}

function create(replaces?: number, callId = `create-${replaces}`, startId?: string) {
  return store.create({
    ...(startId !== undefined && { start: { startId } }),
    ...{ key: KEY, userId: 'u', callId, notAfter: Date.now() + HOUR, leaseMs: HOUR, settles: true },
    ...{ conversationId: 'c', contentModel: 'text', idempotencyKey: `key-${callId}`, metadata: { a: '1' } },
    created: event('created'),
    replaces:
      replaces === undefined
        ? undefined
        : {
            generation: replaces,
            end: event('aborted', { code: 'replaced' }),
            error: { code: 'replaced', message: '', retryable: false },
          },
  });
}

const place = (record: JobRecord) => ({
  key: KEY,
  generation: record.generation,
  attempt: record.attempt,
  afterSequence: record.lastSequence,
});
const logged = (record: JobRecord, name: string, data: unknown = {}, at = 1) => ({
  ...event(name, data),
  sequence: record.lastSequence + at,
  attempt: record.attempt,
});

function produce(record: JobRecord, more: Partial<ProducerCommit> = {}): Promise<CommitReply> {
  return store.commit({
    writer: 'producer',
    ...place(record),
    events: [logged(record, 'text', 'a'), logged(record, 'text', 'b', 2)],
    ...more,
  });
}

function end(record: JobRecord, name: 'complete' | 'fail' | 'pause', expiresInMs = HOUR) {
  const action = {
    ...{ actionId: 'q1', type: 'approval', requests: [], questions: [], payloadDigest: 'd' },
    ...{ resumeContext: null, expiresInMs },
  };
  const said = name === 'pause' ? { action: { actionId: 'q1' } } : {};
  return produce(record, {
    events: [
      logged(record, 'text', 'a'),
      logged(record, { complete: 'completed', fail: 'failed', pause: 'requires_action' }[name], said, 2),
    ],
    transition: {
      name,
      callId: `call-${++calls}`,
      settles: true,
      ...(name === 'pause' && { action: action as never }),
      ...(name === 'fail' && { error: { code: 'x', message: '', retryable: false } }),
    },
  });
}

function other(record: JobRecord, name: OtherCommit['name'], more: Partial<OtherCommit> = {}) {
  return store.commit({
    ...{ writer: 'other' as const, key: KEY, generation: record.generation, name, callId: `call-${++calls}` },
    ...{ event: event('said', { name }), leaseMs: HOUR, settles: true },
    error: { code: name, message: '', retryable: false },
    ...more,
  });
}

const settleIt = (record: JobRecord) =>
  store.commit({
    ...{ writer: 'settler' as const, key: KEY, generation: record.generation },
    ...{ revision: record.settlement.revision, state: 'settled' as const, tries: 1, notBeforeMs: 0 },
  });

const leaveIt = (record: JobRecord) =>
  store.commit({
    ...{ writer: 'leaver' as const, key: KEY, generation: record.generation, attempt: record.attempt },
    ...{ leaves: true, patch: { number: 9, usage: { t: 3 }, metadata: { c: '3' } } },
  });

const annotateIt = (record: JobRecord) =>
  store.commit({
    ...{ writer: 'annotator' as const, key: KEY, generation: record.generation, callId: 'note-it' },
    ...{ metadata: { d: '4' }, notes: [{ key: 'n', event: 'noted', data: '1' }] },
    bounds: { metadataBytes: 9_999, notes: 9, notesBytes: 9_999 },
  });

const message = (record: JobRecord, step: InboxStep) =>
  store.commit({ writer: 'sender', key: KEY, generation: record.generation, step });

const sendIt = (record: JobRecord, messageId: string) =>
  message(record, {
    ...{
      name: 'send',
      messageId,
      kind: 'steer',
      message: '"hi"',
      by: 'u',
      idempotencyKey: `key-${messageId}`,
    },
    bounds: { waiting: 9, accepted: 9 },
  });

/** Takes the message that waits first. */
async function takeIt(record: JobRecord, messageId: string): Promise<CommitReply> {
  return produce(record, { events: [logged(record, 'message', { messageId })], takes: [messageId] });
}

const receiptIt = (record: JobRecord, step: 'begin' | 'finish' | 'fail', name: string) =>
  store.commit({
    ...{ writer: 'receipts' as const, key: KEY, generation: record.generation, attempt: record.attempt },
    ...{ step, name, callId: `call-of-${name}`, most: 9, ...(step === 'finish' && { result: '{"a":1}' }) },
  });

const snapshotAt = (record: JobRecord, sequence: number) =>
  store.saveSnapshot({
    ...{ key: KEY, generation: record.generation, attempt: record.attempt, trim: true },
    snapshot: { sequence, content: '"a"', kept: [] },
  });

const hold = (record: JobRecord, forMs: number) =>
  store.commit({ writer: 'describer', key: KEY, generation: record.generation, forMs });

async function current(): Promise<JobRecord> {
  return (await store.read(KEY, 'current'))[0] as JobRecord;
}

/** An ended generation, and a running one after it that has been asked, decided, patched, handed over and snapshot. */
async function prepare(): Promise<void> {
  await redis.flushall();
  await create();
  await end(await current(), 'complete');
  await create(1);
  await end(await current(), 'pause');
  await other(await current(), 'resolve', {
    actionId: 'q1',
    resolution: {
      ...{ actionId: 'q1', type: 'approval', outcome: 'decided', decisions: [], answers: [] },
      ...{ payloadDigest: 'd', askedAt: 1 },
    },
  });
  await produce(await current());
  const handOver = { attempt: 2, events: 3, resolutions: 1, state: '{"s":1}' };
  const patch = { number: 1, usage: { t: 1 }, metadata: { b: '2' }, handOver };
  await produce(await current(), { events: [], patch });
  await snapshotAt(await current(), 3);
  await receiptIt(await current(), 'begin', 'r');
  await store.slots.take(USER, { streamId: 's', holder: 'h', limit: 9, forMs: HOUR });
  await store.slots.take(USER, { streamId: 'other', holder: 'h', limit: 9, forMs: HOUR });
  await store.slots.remember(USER, 'k', { streamId: 's' }, HOUR);
  await store.due.nearer(KEY, HOUR);
}

const STATES = {
  running: prepare,
  lapsed: async () => {
    await prepare();
    await store.renew(
      [await current()].map((record) => ({ key: KEY, ...record })),
      0,
    );
  },
  paused: async () => {
    await prepare();
    const record = await current();
    await end(record, 'pause');
  },
  expired: async () => {
    await prepare();
    await end(await current(), 'pause', 1);
    await new Promise((resolve) => setTimeout(resolve, 5)); // its window, by the server's clock
  },
  ended: async () => {
    await prepare();
    await end(await current(), 'complete');
  },
  queued,
  'queued and ended': async () => {
    await queued();
    await end(await current(), 'complete');
  },
  messaged,
  'messaged and lapsed': async () => {
    await messaged();
    await store.renew([{ ...(await current()), key: KEY }], 0);
  },
  'messaged and ended': async () => {
    await messaged();
    await end(await current(), 'complete');
  },
} as const;

/** Two runs wait, one has waited too long, and one was handed back. */
async function queued(): Promise<void> {
  await prepare();
  await queueIt('lapsed', 1);
  for (const id of ['q1', 'q2', 'refused']) await queueIt(id);
  await stepIt({ name: 'return', queueId: 'refused', reason: 'refused' });
  await stepIt({ name: 'resume', generation: 3 });
  await new Promise((resolve) => setTimeout(resolve, 5)); // its time, by the server's clock
}

const queueIt = (queueId: string, expiresInMs = HOUR) =>
  store.queues.add(KEY, {
    ...{ queueId, userId: 'u', idempotencyKey: `key-of-${queueId}`, request: '{"a":1}' },
    ...{ expiresInMs, mostWaiting: 9 },
  });

const stepIt = (step: QueueStep) => store.queues.change(KEY, step);

const waitingRuns = async () =>
  (await store.queues.read(KEY)).runs.flatMap(({ queueId, returned }) => (returned ? [] : [queueId]));

/** One message was taken, one cancelled, and two wait. */
async function messaged(): Promise<void> {
  await prepare();
  for (const id of ['m1', 'm2', 'm3', 'm4']) await sendIt(await current(), id);
  await takeIt(await current(), 'm1');
  await message(await current(), { name: 'cancel', messageId: 'm2' });
}

function awaitIt(): Promise<boolean> {
  const wait = { streamId: 'new', holder: 'h', limit: 1, forMs: HOUR, awaitsMs: HOUR };
  return store.slots.take(USER, wait);
}

// --- the calls: each changes something when nothing is damaged, or reads

interface Call {
  readonly name: string;
  readonly in: keyof typeof STATES;
  /** Entries it adds to the log. */
  readonly adds?: number;
  readonly reads?: true;
  /** It changes nothing when nothing is damaged. */
  readonly isIdle?: true;
  /** It is about an index: what becomes of that counts too. */
  readonly isOfIndex?: true;
  /** Makes what the call needs beside the state. */
  before?(): Promise<unknown>;
  /** What must be so when the call was not refused, whatever is damaged. */
  after?(): Promise<void>;
  run(record: JobRecord, ended: JobRecord): Promise<unknown>;
}

const CALLS: readonly Call[] = [
  { name: 'append', in: 'running', adds: 1, run: (record) => produce(record) },
  {
    name: 'a patch',
    in: 'running',
    adds: 1,
    run: (record) => produce(record, { patch: { number: 2, usage: { t: 2 } } }),
  },
  { name: 'a pause', in: 'running', adds: 1, run: (record) => end(record, 'pause') },
  { name: 'a completion', in: 'running', adds: 1, run: (record) => end(record, 'complete') },
  { name: 'a failure', in: 'running', adds: 1, run: (record) => end(record, 'fail') },
  { name: 'an abort', in: 'running', adds: 1, run: (record) => other(record, 'abort') },
  { name: 'an abort of a question', in: 'paused', adds: 1, run: (record) => other(record, 'abort') },
  {
    name: 'a loss',
    in: 'lapsed',
    adds: 1,
    run: (record) => other(record, 'lose', { attempt: record.attempt, releaseKeyWhenEarly: true }),
  },
  {
    name: 'a take-over',
    in: 'lapsed',
    adds: 1,
    run: (record) => other(record, 'recover', { attempt: record.attempt }),
  },
  {
    name: 'an expiry',
    in: 'expired',
    adds: 1,
    run: (record) => other(record, 'expire', { actionId: 'q1' }),
  },
  {
    name: 'a decision',
    in: 'paused',
    adds: 1,
    run: (record) =>
      other(record, 'resolve', {
        actionId: 'q1',
        resolution: {
          ...{ actionId: 'q1', type: 'approval', outcome: 'decided', decisions: [], answers: [] },
          ...{ payloadDigest: 'd', askedAt: 1 },
        },
      }),
  },
  { name: 'a message', in: 'messaged', run: (record) => sendIt(record, 'm5') },
  {
    name: 'an edit',
    in: 'messaged',
    run: (record) => message(record, { name: 'edit', messageId: 'm4', message: '2' }),
  },
  { name: 'a cancel', in: 'messaged', run: (record) => message(record, { name: 'cancel', messageId: 'm4' }) },
  {
    name: 'a reservation',
    in: 'messaged',
    run: (record) => message(record, { name: 'reserve', attempt: record.attempt }),
  },
  { name: 'taking a message', in: 'messaged', adds: 1, run: (record) => takeIt(record, 'm3') },
  { name: 'an end with messages', in: 'messaged', adds: 1, run: (record) => end(record, 'complete') },
  {
    name: 'a take-over that starts over',
    in: 'messaged and lapsed',
    adds: 1,
    run: (record) => other(record, 'recover', { attempt: record.attempt, restarts: true }),
  },
  {
    name: 'a claim of what was unsent',
    in: 'messaged and ended',
    run: (record) => message(record, { name: 'claim', callId: 'claim' }),
  },
  { name: 'a settlement', in: 'ended', run: (record) => settleIt(record) },
  { name: 'a settlement of an older one', in: 'running', run: (_, ended) => settleIt(ended) },
  { name: 'a leave', in: 'ended', run: (record) => leaveIt(record) },
  { name: 'a leave of an older one', in: 'running', run: (_, ended) => leaveIt(ended) },
  { name: 'an annotation', in: 'running', run: (record) => annotateIt(record) },
  { name: 'an annotation of an older one', in: 'running', run: (_, ended) => annotateIt(ended) },
  { name: 'a receipt', in: 'running', run: (record) => receiptIt(record, 'begin', 'new') },
  { name: 'the end of a call', in: 'running', run: (record) => receiptIt(record, 'finish', 'r') },
  { name: 'the end of a call after the end', in: 'ended', run: (record) => receiptIt(record, 'fail', 'r') },
  {
    name: 'reading receipts',
    in: 'running',
    reads: true,
    run: (record) => store.receipts(KEY, record.generation, { limit: 9 }),
  },
  { name: 'a create', in: 'ended', adds: 1, run: () => create(undefined, 'call-next') },
  { name: 'a replacement', in: 'running', adds: 2, run: (record) => create(record.generation, 'call-next') },
  {
    name: 'the start of a run that waits',
    in: 'queued and ended',
    adds: 1,
    run: () => create(undefined, 'q1', 'start'),
    after: async () => expect(await waitingRuns()).not.toContain('q1'),
  },
  {
    name: 'adding a run to a queue',
    in: 'queued',
    run: () => queueIt('new'),
    after: async () => expect((await waitingRuns()).at(-1)).toBe('new'),
  },
  {
    name: 'moving a run that waits',
    in: 'queued',
    run: () => stepIt({ name: 'move', queueId: 'q2', position: 1 }),
    after: async () => expect((await waitingRuns())[0]).toBe('q2'),
  },
  {
    name: 'cancelling a run',
    in: 'queued',
    run: () => stepIt({ name: 'cancel', queueId: 'q1' }),
    after: async () => expect(await waitingRuns()).not.toContain('q1'),
  },
  {
    name: 'clearing what waits',
    in: 'queued',
    run: () => stepIt({ name: 'clear' }),
    after: async () => expect(await waitingRuns()).toEqual([]),
  },
  {
    name: 'going on with a queue',
    in: 'queued',
    run: () => stepIt({ name: 'resume', generation: 5 }),
    after: async () => {
      const { runs, resumed } = await store.queues.read(KEY);
      expect(resumed).toBe(runs.length > 0 ? 5 : 0);
    },
  },
  {
    name: 'handing a run back',
    in: 'queued',
    run: () => stepIt({ name: 'return', queueId: 'q1', reason: 'refused' }),
    after: async () => expect(await waitingRuns()).not.toContain('q1'),
  },
  {
    name: 'writing down which runs have waited too long',
    in: 'queued',
    run: () => stepIt({ name: 'lapse' }),
    after: async () => expect(await stepIt({ name: 'lapse' })).toMatchObject({ changed: false }),
  },
  { name: 'reading a queue', in: 'queued', reads: true, run: () => store.queues.read(KEY) },
  {
    name: 'dropping a queue',
    in: 'queued',
    run: () => store.queues.drop(KEY),
    after: async () => expect((await store.queues.read(KEY)).runs).toEqual([]),
  },
  { name: 'dropping a user’s queue', in: 'queued', run: () => store.queues.drop(KEY, 'u') },
  { name: 'a deletion beside a queue', in: 'queued', run: () => store.delete(KEY) },
  { name: 'a renewal', in: 'running', run: (record) => store.renew([{ ...record, key: KEY }], HOUR) },
  { name: 'a snapshot', in: 'running', run: (record) => snapshotAt(record, record.lastSequence) },
  {
    name: 'the deletion of an older one',
    in: 'running',
    run: (_, ended) => store.delete(KEY, { endedGeneration: ended.generation }),
  },
  { name: 'a deletion', in: 'running', run: () => store.delete(KEY) },
  { name: 'reading the record', in: 'running', reads: true, run: () => store.read(KEY, 'current') },
  { name: 'reading all records', in: 'running', reads: true, run: () => store.read(KEY, 'kept') },
  {
    name: 'reading an older record',
    in: 'running',
    reads: true,
    run: (_, ended) => store.read(KEY, ended.generation),
  },
  ...(['snapshot', 0, 5] as const).map((after) => ({
    name: `reading the log from ${after}`,
    in: 'running' as const,
    reads: true as const,
    run: () => store.readLog({ key: KEY, after, maxEvents: 100, maxBytes: 9_999, record: true }),
  })),
  {
    name: 'taking a slot',
    in: 'running',
    run: () => store.slots.take(USER, { streamId: 'new', holder: 'h', limit: 9, forMs: HOUR }),
  },
  { name: 'giving a slot', in: 'running', run: () => store.slots.give(USER, { streamId: 's', holder: 'h' }) },
  {
    name: 'giving a slot for which others wait',
    in: 'running',
    before: awaitIt,
    run: async () => ({ waiting: await store.slots.give(USER, { streamId: 's', holder: 'h' }) }),
  },
  { name: 'waiting for a slot', in: 'running', run: async () => ({ isTaken: await awaitIt() }) },
  {
    name: 'remembering a run',
    in: 'running',
    run: () => store.slots.remember(USER, 'new', { streamId: 'new' }, HOUR),
  },
  { name: 'a hold', in: 'running', run: (record) => hold(record, 5_000) },
  {
    name: 'letting go of a hold',
    in: 'running',
    before: async () => hold(await current(), 5_000),
    run: (record) => hold(record, 0),
  },
  {
    name: 'forgetting a remembered run',
    in: 'running',
    run: () => store.slots.forget(USER, 'k', { streamId: 's' }),
  },
  {
    name: 'completing a remembered run',
    in: 'running',
    run: () => store.slots.confirm(USER, 'k', { streamId: 's', generation: 5 }),
  },
];

// --- the calls on what lies in other slots than the stream

const KEYS = new RedisKeys('gj:');
const { scores, holds } = KEYS.shard(KEY);
const { streams } = KEYS.user(USER);
let seenAt = 0;

async function isHeld(): Promise<void> {
  const near = await redis.zrangebyscore(scores, '-inf', Date.now() + 5_000);
  expect(near).toContain(KEY.id);
  expect(await redis.hget(holds, KEY.id)).toMatch(/^\d+ \d+$/);
}

const users = () => {
  const scripts = new RedisScripts(client, { timeoutMs: 5_000, sharded: false });
  return new RedisUserIndex(scripts, KEYS, { createHoldMs: 1, expiryMarginMs: HOUR });
};

async function isIndexed(): Promise<void> {
  expect(await redis.zscore(streams, 'new')).not.toBeNull();
}

/** What the call that puts it off has seen; without a hold it goes where it is asked to. */
async function unheld(): Promise<void> {
  await redis.hdel(holds, KEY.id);
  seenAt = Number(await redis.zscore(scores, KEY.id));
}

const [FEED, ORDER] = KEYS.feed(USER);
const BOUNDS = { entries: 100, keptMs: HOUR };
const fed = (streamId: string, count: number, kind: FeedEntry['kind']): FeedEntry => ({
  ...{ streamId, generation: 5, count, kind, state: '{"status":"completed","at":1}' },
  title: { revision: count, text: '"T"' },
});

async function feedOfTwo(): Promise<void> {
  await store.feeds.append(USER, fed('s', 1, 'ended'), BOUNDS);
  await store.feeds.append(USER, fed('other', 1, 'active'), BOUNDS);
}

/** What changed nothing counts as refused. */
async function changed(reply: Promise<FeedReply>): Promise<FeedReply | false> {
  const made = await reply;
  return made.changed > 0 && made;
}

async function entryIs(form: RegExp): Promise<void> {
  expect(await redis.hget(FEED, 's:s')).toMatch(form);
  expect(Number(await redis.zscore(ORDER, 's'))).toBeGreaterThan(1_000);
}

const FEED_CALLS: readonly Omit<Call, 'in'>[] = [
  {
    name: 'an entry of a feed',
    before: feedOfTwo,
    run: () => changed(store.feeds.append(USER, fed('s', 2, 'ended'), BOUNDS)),
    after: () => entryIs(/^1 \d+ \d+ \d+ 5 2 ended 0 5 2\n/),
  },
  {
    name: 'an entry of a feed that is full',
    before: feedOfTwo,
    run: () => changed(store.feeds.append(USER, fed('s', 2, 'ended'), { ...BOUNDS, entries: 1 })),
    after: () => entryIs(/^1 \d+ \d+ \d+ 5 2 ended 0 5 2\n/),
  },
  {
    name: 'an end that is seen',
    before: feedOfTwo,
    run: () => changed(store.feeds.markSeen(USER, { streamId: 's' })),
    after: () => entryIs(/^1 \d+ \d+ \d+ 5 1 ended 1 5 1\n/),
  },
  {
    name: 'a feed that is cleared',
    before: feedOfTwo,
    run: () => changed(store.feeds.clear(USER)),
    after: async () => {
      expect((await redis.hkeys(FEED)).sort()).toEqual(['cleared', 'floor']);
      expect(await redis.exists(ORDER)).toBe(0);
    },
  },
  {
    name: 'a feed that begins',
    before: () => redis.zadd(ORDER, 5, 'x'),
    run: () => store.feeds.read(USER, { after: 0, limit: 9, bounds: BOUNDS, begins: true }),
    after: async () => expect(Number(await redis.hget(FEED, 'floor'))).toBeGreaterThan(1_000),
  },
  {
    name: 'reading a feed',
    reads: true,
    before: feedOfTwo,
    run: () => store.feeds.read(USER, { after: 0, limit: 9, bounds: BOUNDS }),
  },
];

const INDEX_CALLS: readonly Call[] = (
  [
    ...FEED_CALLS,
    { name: 'bringing a score near', run: () => store.due.nearer(KEY, 1_000), after: isHeld },
    { name: 'bringing a late score near', run: () => store.due.restore(KEY, 1_000), after: isHeld },
    { name: 'putting a stream into its user’s index', run: () => users().add(USER, 'new'), after: isIndexed },
    { name: 'putting it back there', run: () => users().restore(USER, 'new'), after: isIndexed },
    {
      name: 'dropping it from there',
      before: () => redis.zadd(streams, 1, 'new'),
      run: () => users().drop(USER, 'new'),
      after: async () => expect(await redis.zscore(streams, 'new')).toBeNull(),
    },
    {
      name: 'putting a score off',
      before: unheld,
      run: () => store.due.later({ key: KEY, at: seenAt }, Date.now() + 2 * HOUR),
      after: async () => expect(await redis.hget(holds, KEY.id)).toBeNull(),
    },
    {
      name: 'taking a score away',
      before: unheld,
      run: () => store.due.later({ key: KEY, at: seenAt }, null),
      after: async () => expect(await redis.zscore(scores, KEY.id)).toBeNull(),
    },
    {
      name: 'dropping a stream that is gone from its user’s index',
      before: () => redis.zadd(streams, 1, 'forgotten'),
      run: () => store.listByUser(USER, { limit: 10 }),
    },
    { name: 'listing what is known', reads: true, run: () => store.due.list({ limit: 10, all: true }) },
    {
      name: 'listing what is due, after a place',
      reads: true,
      run: () => store.due.list({ limit: 10, after: '1_a' }),
    },
    {
      name: 'raising the format',
      isIdle: true,
      before: () => redis.hset('gj:store', 'format', '1'),
      run: () => store.raiseFormat(1),
    },
    { name: 'the probe of a start', isIdle: true, run: () => store.start() },
  ] satisfies Omit<Call, 'in'>[]
).map((call: Omit<Call, 'in'>) => ({ ...call, in: 'running', isOfIndex: true }));

// --- the calls on rules

const OWNER = { userId: 'u' };
const rulesOf = () => createRedisRules({ redis: client });
const isUsed = async (callId: string) =>
  (await rulesOf().uses(OWNER, { limit: 9 })).uses.some((use) => use.callId === callId);

async function giveRules(): Promise<void> {
  const rules = rulesOf();
  for (const ruleId of ['used', 'revoked', 'told']) await rules.add(OWNER, ruleNamed(ruleId), 9);
  await rules.spend(OWNER, 'used', useOf('used', 'call-1'));
  await rules.revoke(OWNER, 'revoked');
}

function ruleNamed(ruleId: string): NewRule {
  const whose = { tenantId: undefined, userId: 'u', scope: 'conversation', conversationId: 'c' } as const;
  return newRule(ruleId, { ...whose, budget: 3 });
}
const useOf = (ruleId: string, callId: string) =>
  newUse(ruleId, callId, { userId: 'u', conversationId: 'c' });

const RULE_CALLS: readonly Call[] = (
  [
    {
      name: 'giving a rule',
      run: () => rulesOf().add(OWNER, ruleNamed('new'), 9),
      after: async () => expect((await rulesOf().list(OWNER)).map(({ ruleId }) => ruleId)).toContain('new'),
    },
    {
      name: 'using a rule',
      run: async () => {
        const reply = await rulesOf().spend(OWNER, 'used', useOf('used', 'call-2'));
        return reply === 'spent' ? {} : reply;
      },
      after: async () => expect(await isUsed('call-2')).toBe(true),
    },
    {
      name: 'revoking a rule',
      run: () => rulesOf().revoke(OWNER, 'told'),
      after: async () =>
        expect((await rulesOf().list(OWNER)).map(({ ruleId }) => ruleId)).not.toContain('told'),
    },
    { name: 'listing rules', reads: true, run: () => rulesOf().list(OWNER) },
    { name: 'listing their uses', reads: true, run: () => rulesOf().uses(OWNER, { limit: 9 }) },
    {
      name: 'clearing the rules of a conversation',
      run: () => rulesOf().clear(OWNER, { userId: 'u', conversationId: 'c' }),
    },
  ] satisfies Omit<Call, 'in'>[]
).map((call: Omit<Call, 'in'>) => ({ ...call, in: 'running', isOfIndex: true, before: giveRules }));

// --- the damage

/** What lies in other slots than the stream is written by other calls than it. */
const isIndex = (key: string) => key.startsWith('gj:{due:') || key.endsWith('}:streams');

// --- what there is after it

const look = () => lookAt(redis);

const idsIn = (seen: Seen): readonly string[] => {
  const log = seen.get('gj:{/s}:log');
  return log?.type === 'stream' ? (log.content as readonly [readonly [string][]])[0].map(([id]) => id) : [];
};

function fieldsIn(seen: Seen, key: string): ReadonlyMap<string, string> {
  const found = seen.get(key);
  return new Map(found?.type === 'hash' ? pairsOf(found.content as readonly string[]) : []);
}

/** What a change of the record must have changed with it. */
const CORE = ['fence', 'calls', 'lifecycle', 'endedAt', 'settlement', 'leaseUntil', 'snapshotSequence'];

function changedIn(before: Seen, after: Seen): readonly string[] {
  const [was, is] = [fieldsIn(before, 'gj:{/s}:job'), fieldsIn(after, 'gj:{/s}:job')];
  return CORE.filter((field) => was.get(field) !== is.get(field));
}

/** Entries that a create puts near before it asks stand for themselves: they over-approximate. */
const withoutIndexes = (seen: Seen) => new Map([...seen].filter(([key]) => !isIndex(key)));

type Answer = { readonly refused: string } | { readonly value: unknown };

function refusalIn(value: unknown): string | undefined {
  const [first] = Array.isArray(value) ? value : [value];
  if (isGenerationJobError(first)) return first.code;
  if (typeof first === 'string') return first === 'held' ? undefined : first;
  if (first === false) return 'false';
  const { ok, refusal, outcome } = (first ?? {}) as { ok?: boolean; refusal?: string; outcome?: string };
  if (ok === false) return refusal;
  return outcome === undefined || outcome === 'created' || outcome === 'ok' ? undefined : outcome;
}

async function answerOf(call: Promise<unknown>): Promise<Answer> {
  try {
    const value = await call;
    const refused = refusalIn(value);
    return refused === undefined ? { value } : { refused };
  } catch (error) {
    return { refused: isGenerationJobError(error) ? error.code : `not ours: ${String(error)}` };
  }
}

/** Scripts, by name, whose every key was damaged in every way while they ran. */
const tried = new Set<string>();

describe('All is checked before the first write', () => {
  for (const call of [...CALLS, ...INDEX_CALLS, ...RULE_CALLS]) {
    it(`${call.name}: whatever is damaged, the whole change or a refusal that changes nothing`, async () => {
      await STATES[call.in]();
      await call.before?.();
      const [record, ended] = (await store.read(KEY, 'kept')) as [JobRecord, JobRecord];
      const base = await saved();
      const restore = async () => {
        const pipeline = redis.pipeline().flushall();
        for (const [key, dump, ttl] of base) pipeline.restore(key, Math.max(ttl, 0), dump);
        await pipeline.exec();
      };
      const untouched = await look();
      runs.length = 0;
      const whole = await answerOf(call.run(record, ended));
      expect(whole, 'when nothing is damaged').not.toHaveProperty('refused');
      const done = await look();
      const ran = [...runs];
      if (call.reads || call.isIdle) expect(done).toEqual(untouched);
      else expect(done, 'it changes something').not.toEqual(untouched);
      const core = changedIn(untouched, done);
      await restore();
      const keys = new Set(ran.flatMap((run) => run.keys));
      if (!call.isOfIndex) for (const key of await redis.keys('*')) if (!isIndex(key)) keys.add(key);
      const all = await damagesTo(redis, keys);
      expect(all.length).toBeGreaterThan(10);
      for (const { script, keys } of ran)
        if (keys.every((key) => all.some((damage) => damage.key === key))) tried.add(script);
      for (const damage of all) {
        await restore();
        await damage.do();
        const before = await look();
        const answer = await answerOf(call.run(record, ended));
        const after = await look();
        const name = `${damage.name}, answered ${JSON.stringify(answer).slice(0, 200)}`;
        if ('refused' in answer) expect(answer.refused, name).not.toMatch(/unavailable|not ours/);
        if ('refused' in answer || call.reads) {
          const seen = call.isOfIndex ? (all: Seen) => all : withoutIndexes;
          expect(seen(after), name).toEqual(seen(before));
          continue;
        }
        try {
          await call.after?.();
        } catch (error) {
          throw new Error(name, { cause: error });
        }
        const added = idsIn(after).filter((id) => !idsIn(before).includes(id));
        // Where nothing is known of an active generation, none is ended.
        const { replaced } = (answer.value ?? {}) as { replaced?: JobRecord };
        expect(added.length, name).toBe(call.adds === 2 && replaced === undefined ? 1 : (call.adds ?? 0));
        if (damage.key !== 'gj:{/s}:job' || before.get(damage.key)?.type !== 'hash') continue;
        const changed = changedIn(before, after);
        const expected = core.filter((field) => field !== damage.field);
        expect(changed, name).toEqual(expect.arrayContaining(expected));
        const [generation, , , sequence] = fieldsIn(after, 'gj:{/s}:job').get('fence')?.split(' ') ?? [];
        if (call.adds) expect(idsIn(after).at(-1), name).toBe(`${generation}-${sequence}`);
      }
    });
  }
});

describe('a settlement that can’t be read', () => {
  const NOT_SAFE = '9007199254740993';
  it.each([
    ...['open 5 0 0', 'open 5 0 0 claimed', 'open 5 0 0 of a later release'],
    ...[
      '',
      'open',
      'OPEN 5 0 0',
      '1open 5 0 0',
      'open 5 0',
      'open 5 0 0x',
      'open 5 x 0',
      `open ${NOT_SAFE} 0 0`,
    ],
    ...[`open 5 ${NOT_SAFE} 0`, 'open 5 0 12345678901234567', `open 5 0 0 ${'x'.repeat(100)}`],
  ])('is read by the script as it is by the library, so that it can be made: %j', async (text) => {
    await redis.flushall();
    await create();
    await end(await current(), 'complete');
    await redis.hset('gj:{/s}:job', 'settlement', text);
    const record = await current();
    expect(record.settlement.state).toBe('open');
    expect(await settleIt(record)).toMatchObject({ ok: true });
    expect(await settleIt(record)).toMatchObject({ ok: false, refusal: 'revision' });
  });
});

describe('a run that can’t be read', () => {
  const HEADS = [
    '',
    '1',
    '1 1 1',
    'x 1 1 9 waiting',
    '1 x 1 9 waiting',
    '1 1 -1 9 waiting',
    '1 1 1 1e9 waiting',
  ];
  it.each([...HEADS, ...['1 1 1 9007199254740993 waiting', '1 1 1 9 WAITING', '1 1 1 9 ', '1 1 1 9', '\t']])(
    'is none: the others start in its place, and it is in no way of its own id: %j',
    async (head) => {
      await redis.flushall();
      await queueIt('q1');
      await queueIt('q2');
      await redis.hset('gj:{/s}:queue', 'r:q1', `${head}\n\n{}`);
      expect(await waitingRuns()).toEqual(['q2']);
      expect(await create(undefined, 'q1', 'start')).toEqual({ outcome: 'unqueued' });
      expect(await queueIt('q1')).toMatchObject({ outcome: 'ok', changed: true });
      expect(await create(undefined, 'q2', 'start')).toMatchObject({ outcome: 'created' });
      expect(await waitingRuns()).toEqual(['q1']);
    },
  );
});

it('every script there is was run against every kind of damage to each key it is given', () => {
  expect([...tried].sort()).toEqual(Object.keys(REDIS_SCRIPTS).sort());
});
