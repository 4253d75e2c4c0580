/**
 * A script is given as many of a stream's keys as it needs, and asks for those that are missing before it writes: neither is a
 * key taken for an empty one because it was not given, nor does a process pay twice for one stream.
 */
import type { Redis } from 'ioredis';
import { afterAll, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import { RedisJobStore } from '../../src/stream/implementations/redis/job-store.js';
import { RedisKeys } from '../../src/stream/implementations/redis/keys.js';
import { REDIS_SCRIPTS } from '../../src/stream/implementations/redis/scripts.generated.js';
import type { JobRecord } from '../../src/stream/model/types.js';
import { RedisServer } from '../support/redis-server.js';
import { look } from './damaging.js';
import { type ScriptRun, watchScripts } from './script-watch.js';
import { HOUR, StreamSteps } from './stream-steps.js';

const KEYS = new RedisKeys('gj:');

let server: RedisServer;
let redis: Redis;
let client: Redis;
let runs: ScriptRun[];
/** The errors that scripts were ended by. */
const asked: string[] = [];
beforeAll(async () => {
  server = await RedisServer.start();
  redis = server.connect();
  // Every script is known to the server: only what a script itself says is an error.
  for (const text of Object.values(REDIS_SCRIPTS)) await redis.script('LOAD', text);
  client = server.connect();
  expectNothingWrittenByErrors();
  runs = watchScripts(client);
});
beforeEach(() => redis.flushdb());
afterAll(async () => {
  redis.disconnect();
  client.disconnect();
  await server.stop();
});

function expectNothingWrittenByErrors(): void {
  const { evalsha } = client;
  Object.assign(client, {
    evalsha: async (...call: Parameters<typeof evalsha>) => {
      const before = await look(redis);
      try {
        return await evalsha.apply(client, call);
      } catch (error) {
        asked.push((error as Error).message.split(' script: ')[0] as string);
        expect(await look(redis)).toEqual(before);
        throw error;
      }
    },
  });
}

/** The steps of the stream as another process makes them, which knows nothing of it. */
const another = () => new StreamSteps(new RedisJobStore(client), 's');

/** The scripts that change the stream, with how many keys each was given, while `work` runs. */
async function runsOf(work: () => Promise<unknown>): Promise<readonly string[]> {
  runs.length = asked.length = 0;
  await work();
  return runs
    .filter(({ script }) => !/^(read|index-add)$/.test(script))
    .map(({ script, keys }) => `${script} ${keys.length}`);
}

const STATES = {
  plain: async (steps: StreamSteps) => {
    await steps.create();
    await steps.complete();
    await steps.create();
  },
  'with messages': async (steps: StreamSteps) => {
    await steps.create();
    for (const id of ['m1', 'm2']) await steps.send(id);
    await steps.take('m1');
  },
  'with receipts': async (steps: StreamSteps) => {
    await steps.create();
    await steps.begin('r');
  },
  'with both': async (steps: StreamSteps) => {
    await STATES['with messages'](steps);
    await steps.begin('r');
  },
};

type Step = (steps: StreamSteps, before: JobRecord) => Promise<unknown>;

/** Keys that expire long before they should. */
async function age(): Promise<void> {
  for (const key of await redis.keys('gj:{/s}:*')) await redis.pexpire(key, 60_000);
}

const STEPS: Readonly<Record<string, Step>> = {
  renew: (steps) => steps.renew(),
  'renew when half is over': async (steps) => {
    await age();
    await steps.renew();
  },
  patch: (steps) => steps.patch(1),
  pause: (steps) => steps.pause(),
  complete: (steps) => steps.complete(),
  abort: (steps) => steps.abort(),
  'start over': (steps) => steps.startOver(),
  replace: (steps, before) => steps.create({ replaces: before }),
  'take the next message': (steps) => steps.take('m2'),
};

const NEEDED: readonly [state: keyof typeof STATES, step: string, runs: readonly string[]][] = [
  ['plain', 'renew', ['renew 1']],
  ['plain', 'renew when half is over', ['renew 1', 'renew 4']],
  ['plain', 'patch', ['commit 2']],
  ['plain', 'pause', ['commit 4']],
  ['plain', 'complete', ['commit 4']],
  ['plain', 'abort', ['transition 4']],
  ['plain', 'start over', ['transition 4']],
  ['plain', 'replace', ['create 4']],
  ['with messages', 'renew', ['renew 1']],
  ['with messages', 'renew when half is over', ['renew 1', 'renew 5']],
  ['with messages', 'patch', ['commit 2']],
  ['with messages', 'take the next message', ['commit 5']],
  ['with messages', 'pause', ['commit 4', 'commit 5']],
  ['with messages', 'complete', ['commit 4', 'commit 5']],
  ['with messages', 'abort', ['transition 4', 'transition 5']],
  ['with messages', 'start over', ['transition 4', 'transition 5']],
  ['with messages', 'replace', ['create 4', 'create 5']],
  ['with receipts', 'renew when half is over', ['renew 1', 'renew 6']],
  ['with receipts', 'pause', ['commit 4', 'commit 6']],
  ['with receipts', 'abort', ['transition 4', 'transition 6']],
  // Its receipts are left as they are, and kept as long as the generation behind it keeps the stream.
  ['with receipts', 'replace', ['create 4', 'create 6']],
  // One call more, however many keys it needs.
  ['with both', 'renew when half is over', ['renew 1', 'renew 6']],
  ['with both', 'complete', ['commit 4', 'commit 6']],
  ['with both', 'abort', ['transition 4', 'transition 6']],
  ['with both', 'start over', ['transition 4', 'transition 6']],
];

describe('a process that knows nothing of the stream', () => {
  it.each(NEEDED)('%s: %s', async (state, step, expected) => {
    const before = another();
    await STATES[state](before);
    const steps = another();
    const record = await before.current();
    expect(await runsOf(() => (STEPS[step] as Step)(steps, record))).toEqual(expected);
    expect(asked).toEqual(expected.slice(1).map((run) => `MOREKEYS ${run.split(' ')[1]}`));
    // All keys that are there live on together.
    const ttls = await Promise.all((await redis.keys('gj:{/s}:*')).map((key) => redis.pttl(key)));
    expect(Math.min(...ttls)).toBeGreaterThan(HOUR);
  });

  it('asks for the inbox of an ended record that it settles, current or not', async () => {
    const before = another();
    await STATES['with messages'](before);
    await before.complete();
    const KEPT = 240 * HOUR;
    const ran = await runsOf(async () => another().settle(await before.current(), KEPT));
    expect(ran).toEqual(['settle 4', 'settle 5']);
    const ended = await before.current();
    await before.create();
    expect(await runsOf(() => another().settle(ended, 2 * KEPT))).toEqual(['settle 4', 'settle 5']);
    const [, , , , inbox] = KEYS.stream(before.key);
    expect(await redis.pttl(inbox)).toBeGreaterThan(KEPT);
  });

  it('asks for what has ended when the lease it renews is one of an earlier generation', async () => {
    const before = another();
    const { generation } = await before.create();
    await before.create({ replaces: await before.current() });
    const store = new RedisJobStore(client);
    const claims = [generation, generation - 1].map((one) => ({
      ...{ key: before.key, generation: one, attempt: 1 },
    }));
    const ran = await runsOf(async () => {
      expect(await store.renew(claims, HOUR)).toEqual(['replaced', 'gone']);
    });
    expect(ran.toSorted()).toEqual(['renew 1', 'renew 1', 'renew 3', 'renew 3']);
  });

  it('keeps what one generation has for as long as what another does', async () => {
    const KEPT = 240 * HOUR;
    const before = another();
    await before.create();
    await before.complete();
    const ended = await before.current();
    // What runs behind it has the stream's first messages and receipts.
    await STATES['with both'](before);
    await another().settle(ended, KEPT);
    const ttls = async () => Promise.all(KEYS.stream(before.key).map((key) => redis.pttl(key)));
    const there = async () => (await ttls()).filter((ttl) => ttl !== -2);
    expect(await there()).toHaveLength(5); // nobody has made a snapshot
    expect(Math.min(...(await there()))).toBeGreaterThan(KEPT - HOUR);
    // The next one has none, and keeps theirs alive all the same.
    await before.complete();
    await another().create();
    await age();
    await another().renew();
    expect(Math.min(...(await there()))).toBeGreaterThan(HOUR);
  });

  it('puts back what was taken, all of it and in order, when the answer starts over', async () => {
    const before = another();
    await STATES['with messages'](before);
    await before.send('m3');
    await before.take('m2');
    await another().startOver();
    const { inbox } = await before.current();
    expect(inbox.map(({ messageId }) => messageId)).toEqual(['m1', 'm2', 'm3']);
    // Behind an end nothing is put back any more, and it is known on that each was accepted.
    await another().take('m1');
    await another().complete();
    const [, , , , key] = KEYS.stream(before.key);
    const { generation, unsent } = await before.current();
    expect(await redis.hgetall(key)).toEqual({ [`${generation}:m1`]: 'taken' });
    expect(unsent.map(({ messageId }) => messageId)).toEqual(['m2', 'm3']);
  });
});

it('a process that has asked once gives every later call what the stream needs', async () => {
  const steps = another();
  await STATES['with both'](steps);
  expect(await runsOf(() => steps.pause())).toEqual(['commit 4', 'commit 6']);
  const later = await runsOf(async () => {
    await steps.resolve();
    await steps.startOver();
    await steps.patch(1);
    await steps.renew();
    await steps.complete();
    await steps.settle(await steps.current(), HOUR);
  });
  expect(later).toEqual(['transition 6', 'transition 6', 'commit 2', 'renew 1', 'commit 6', 'settle 6']);
  expect(asked).toEqual([]);
});
