/**
 * Every script against every kind of damage: to each field, and to each key. Redis does not roll back, so what a script
 * can't use must be found before its first write: what comes of a call is the whole change, or a refusal by name with
 * nothing changed. Never half of it, and never silence.
 */
import type { Redis } from 'ioredis';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { isGenerationJobError } from '../../src/errors.js';
import { RedisJobStore } from '../../src/stream/implementations/redis-job-store.js';
import type { CommitReply, OtherCommit, ProducerCommit } from '../../src/stream/interfaces/job-store.js';
import { streamKey } from '../../src/stream/stream-key.js';
import type { JobRecord } from '../../src/stream/types.js';
import { RedisServer } from '../support/redis-server.js';

const HOUR = 3_600_000;
const KEY = streamKey('s');
let calls = 0;
const USER = { tenantId: undefined, userId: 'u' };
const event = (name: string, data: unknown = {}) => ({ event: name, data: JSON.stringify(data) });

let server: RedisServer;
let redis: Redis;
let store: RedisJobStore;
let client: Redis;
beforeAll(async () => {
  server = await RedisServer.start();
  redis = server.connect();
  client = server.connect();
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

function create(replaces?: number, callId = `create-${replaces}`) {
  return store.create({
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

const snapshotAt = (record: JobRecord, sequence: number) =>
  store.saveSnapshot({
    ...{ key: KEY, generation: record.generation, attempt: record.attempt, trim: true },
    snapshot: { sequence, content: '"a"', kept: [] },
  });

async function current(): Promise<JobRecord> {
  return (await store.read(KEY, 'current'))[0] as JobRecord;
}

/** An ended generation, and a running one after it that has been asked, decided, patched and snapshot. */
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
  await produce(await current(), { events: [], patch: { number: 1, usage: { t: 1 }, metadata: { b: '2' } } });
  await snapshotAt(await current(), 3);
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
} as const;

// --- the calls: each changes something when nothing is damaged, or reads

interface Call {
  readonly name: string;
  readonly in: keyof typeof STATES;
  /** Entries it adds to the log. */
  readonly adds?: number;
  readonly reads?: true;
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
  { name: 'a settlement', in: 'ended', run: (record) => settleIt(record) },
  { name: 'a settlement of an older one', in: 'running', run: (_, ended) => settleIt(ended) },
  { name: 'a create', in: 'ended', adds: 1, run: () => create(undefined, 'call-next') },
  { name: 'a replacement', in: 'running', adds: 2, run: (record) => create(record.generation, 'call-next') },
  { name: 'a renewal', in: 'running', run: (record) => store.renew([{ ...record, key: KEY }], HOUR) },
  { name: 'a snapshot', in: 'running', run: (record) => snapshotAt(record, record.lastSequence) },
  {
    name: 'the deletion of an older one',
    in: 'running',
    run: (_, ended) => store.delete(KEY, ended.generation),
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
    name: 'remembering a run',
    in: 'running',
    run: () => store.slots.remember(USER, 'new', { streamId: 'new' }, HOUR),
  },
  {
    name: 'completing a remembered run',
    in: 'running',
    run: () => store.slots.confirm(USER, 'k', { streamId: 's', generation: 5 }),
  },
];

// --- the damage

const GARBAGE = ['', 'x\u0000ÿ', '-5', '99999999999999999999', '1e999', 'null', '{', '[1]', '"s"'];

interface Damage {
  readonly name: string;
  readonly key: string;
  readonly field?: string | undefined;
  do(): Promise<unknown>;
}

/** What lies in other slots than the stream is written by other calls than it. */
const isIndex = (key: string) => key.startsWith('gj:{due:') || key.endsWith('}:streams');

/** Every kind, to all that is in the server now, the indexes excepted. */
async function damages(): Promise<readonly Damage[]> {
  const found: Damage[] = [];
  for (const key of (await redis.keys('*')).sort()) {
    if (isIndex(key)) continue;
    const type = await redis.type(key);
    found.push({ name: `${key} gone`, key, do: () => redis.del(key) });
    for (const [kind, put] of [
      ['text', () => redis.set(key, 'x')],
      ['list', () => redis.rpush(key, 'x')],
      ['hash', () => redis.hset(key, 'x', 'y')],
      ['stream', () => redis.xadd(key, '1-1', 'x', 'y')],
      ['zset', () => redis.zadd(key, 1, 'x')],
    ] as const) {
      if (kind === type) continue;
      found.push({ name: `${key} a ${kind}`, key, do: async () => [await redis.del(key), await put()] });
    }
    if (type === 'stream') {
      const [last] = await redis.xrevrange(key, '+', '-', 'COUNT', 1);
      const [generation = ''] = last?.[0].split('-') ?? [];
      found.push({ name: `${key} without its last entry`, key, do: () => redis.xdel(key, last?.[0] ?? '') });
      for (const ahead of [
        `${generation}-9999`,
        '9007199254740991-1',
        '18446744073709551615-18446744073709551615',
      ])
        found.push({ name: `${key} at ${ahead}`, key, do: () => redis.xadd(key, ahead, 'e', '1 x') });
    }
    if (type !== 'hash') continue;
    for (const field of await redis.hkeys(key)) {
      found.push({ name: `${key} ${field} gone`, key, field, do: () => redis.hdel(key, field) });
      for (const value of GARBAGE) {
        const name = `${key} ${field} = ${JSON.stringify(value)}`;
        found.push({ name, key, field, do: () => redis.hset(key, field, value) });
      }
    }
  }
  return found;
}

// --- what there is after it

/** All that is in the server, times to live excepted. */
const LOOK = `
local all = {}
local keys = redis.call('KEYS', '*')
table.sort(keys)
for _, key in ipairs(keys) do
  local type = redis.call('TYPE', key).ok
  local content
  if type == 'hash' then content = redis.call('HGETALL', key)
  elseif type == 'stream' then content = { redis.call('XRANGE', key, '-', '+') }
  elseif type == 'zset' then content = redis.call('ZRANGE', key, 0, -1, 'WITHSCORES')
  elseif type == 'list' then content = redis.call('LRANGE', key, 0, -1)
  else content = { redis.call('GET', key) } end
  all[#all + 1] = { key, type, content }
end
return all`;

type Seen = ReadonlyMap<
  string,
  { type: string; content: readonly string[] | readonly [readonly [string][]] }
>;

async function look(): Promise<Seen> {
  const all = (await redis.eval(LOOK, 0)) as [string, string, string[]][];
  // A hash lists its fields in no order.
  return new Map(
    all.map(([key, type, content]) => [
      key,
      { type, content: type === 'hash' ? pairsOf(content).flat() : content },
    ]),
  );
}

function pairsOf(flat: readonly string[]): [string, string][] {
  const pairs: [string, string][] = [];
  for (let at = 0; at < flat.length; at += 2) pairs.push([flat[at] as string, flat[at + 1] as string]);
  return pairs.sort(([a], [b]) => (a < b ? -1 : 1));
}

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
  return outcome === undefined || outcome === 'created' ? undefined : outcome;
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

describe('All is checked before the first write', () => {
  for (const call of CALLS) {
    it(`${call.name}: whatever is damaged, the whole change or a refusal that changes nothing`, async () => {
      await STATES[call.in]();
      const [record, ended] = (await store.read(KEY, 'kept')) as [JobRecord, JobRecord];
      const base = await saved();
      const restore = async () => {
        const pipeline = redis.pipeline().flushall();
        for (const [key, dump, ttl] of base) pipeline.restore(key, Math.max(ttl, 0), dump);
        await pipeline.exec();
      };
      const untouched = await look();
      const whole = await answerOf(call.run(record, ended));
      expect(whole, 'when nothing is damaged').not.toHaveProperty('refused');
      const done = await look();
      if (!call.reads) expect(done, 'it changes something').not.toEqual(untouched);
      const core = changedIn(untouched, done);
      await restore();
      const all = await damages();
      expect(all.length).toBeGreaterThan(100);
      for (const damage of all) {
        await restore();
        await damage.do();
        const before = await look();
        const answer = await answerOf(call.run(record, ended));
        const after = await look();
        const name = `${damage.name}, answered ${JSON.stringify(answer).slice(0, 200)}`;
        if ('refused' in answer) expect(answer.refused, name).not.toMatch(/unavailable|not ours/);
        if ('refused' in answer || call.reads) {
          expect(withoutIndexes(after), name).toEqual(withoutIndexes(before));
          continue;
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
