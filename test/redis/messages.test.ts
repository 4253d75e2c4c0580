/**
 * Messages to a generation across processes: a producer that is killed while it takes, replicas of the release before beside
 * it, and how long what was sent is kept.
 */
import type { Redis } from 'ioredis';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { seededRandom } from '../contract/seeded.js';
import { howOften } from '../support/how-often.js';
import {
  countOf,
  type Follower,
  NOTHING_LAPSES,
  type Replica,
  type ReplicaConfig,
  type Stage,
} from './replicas.js';
import { stageForEach } from './stages.js';

const BEFORE: ReplicaConfig = {
  library: new URL('../fixtures/releases/0.1.0/index.js', import.meta.url).href,
};
/** Long enough for a busy machine: an answer that takes half a lease is none. */
const TIMES = {
  options: { leaseMs: 2_400, renewMs: 600, settleClaimMs: 1_000 },
  redisOptions: { timeoutMs: 1_100 },
} as const satisfies ReplicaConfig;
const KILLS = howOften(40);
const seed = Number(process.env.MESSAGES_SEED ?? Date.now() % 1_000_000);

let stage: Stage;
let redis: Redis;
stageForEach((made, server) => {
  stage = made;
  redis ??= server.connect();
});
afterAll(() => redis.disconnect());

/** Ids of the messages that took effect, as a page has them in the end: a restart begins anew. */
function appliedIn({ received }: Follower): string[] {
  let applied: string[] = [];
  for (const { event, data } of received) {
    if (event === 'recovered' && (data as { restart: boolean }).restart) applied = [];
    if (event === 'message') applied.push((data as { messageId: string }).messageId);
  }
  return applied;
}

describe(`F51 A producer that is killed while it takes messages (MESSAGES_SEED=${seed})`, () => {
  const random = seededRandom(seed);
  let other: Replica | undefined;
  beforeAll(() => console.log(`messages: MESSAGES_SEED=${seed}`));

  it.each(Array.from({ length: KILLS }, (_, round) => round))(
    'has taken each or none, round %i',
    async (round) => {
      const recoverMode = round % 2 === 0 ? 'restart' : 'continue';
      const recovers = { recover: { takes: true }, recoverMode } as const;
      const doomed = await stage.replica({ ...TIMES });
      other = await stage.replica({ ...TIMES, ...recovers });
      await doomed.create({ streamId: 's', produce: { takes: true } });
      const follower = await other.follow('s');
      await stage.until(() => countOf(follower) > 0, 'it is followed');
      const accepted: string[] = [];
      const send = async () => {
        const sent = await other?.send('s', { message: accepted.length });
        if (sent) accepted.push(sent.messageId);
      };
      const atTake = 1 + Math.floor(random() * 5);
      const killed = stage.until(() => doomed.takes >= atTake, 'it takes').then(() => doomed.kill());
      for (let n = 0; n < 6; n++) await send();
      await killed;
      await stage.until(async () => (await other?.job('s'))?.attempt === 2, 'it is taken over');
      for (let n = 0; n < 2; n++) await send();
      await stage.until(async () => (await other?.job('s'))?.inbox.length === 0, 'all are taken');
      const { record } = await other.abort('s');
      await stage.until(() => follower.isOver, 'the end is told');
      expect([...appliedIn(follower), ...record.unsent.map(({ messageId }) => messageId)]).toEqual(accepted);
      stage.check();
    },
  );
});

describe('F52 Beside the release before', () => {
  it('a message waits while that produces, goes through its take-over and its end, and is handed back', async () => {
    const here = await stage.replica({ ...TIMES, lacksModels: true });
    const first = await stage.replica(TIMES);
    await first.create({ streamId: 's', contentModel: 'text', produce: { takes: true } });
    await here.send('s', { message: 1 });
    await stage.until(() => first.taken.length === 1, 'the first is taken');
    const before = await stage.replica({ ...TIMES, ...BEFORE, recover: {}, settle: true });
    await first.kill();
    await stage.until(async () => (await before.job('s'))?.attempt === 2, 'it is taken over');
    const sent = await here.send('s', { message: 2 });
    expect(sent).toMatchObject({ position: 1, created: true });
    expect((await here.job('s'))?.inbox).toMatchObject([{ message: 2 }]);
    await before.abort('s');
    await stage.until(() => before.settled.length > 0, 'it is settled there');
    const ended = await here.job('s');
    expect(ended).toMatchObject({ status: 'aborted', inbox: [], unsent: [{ message: 2 }] });
    // One that it replaces keeps its own.
    const next = await before.create({ streamId: 's' });
    await here.send('s', { message: 3, generation: next.generation });
    const last = await before.create({ streamId: 's' });
    const { generation } = next;
    expect(await here.job('s', { generation })).toMatchObject({ unsent: [{ message: 3 }] });
    expect(await here.claim('s', { generation })).toMatchObject([{ message: 3 }]);
    expect(await here.claim('s', { generation })).toEqual([]);
    expect(await here.claim('s', { generation: ended?.generation })).toMatchObject([{ message: 2 }]);
    expect(await here.job('s', { generation: last.generation })).toMatchObject({ inbox: [], unsent: [] });
  });

  it('its followers get the messages that took effect, and its producers are not disturbed by what is sent', async () => {
    const [here, there] = [
      await stage.replica(NOTHING_LAPSES),
      await stage.replica({ ...NOTHING_LAPSES, ...BEFORE }),
    ];
    await here.create({ streamId: 's', contentModel: 'text', produce: { takes: true } });
    const follower = await there.follow('s');
    await stage.until(() => countOf(follower) > 0, 'it is followed');
    const sent = await here.send('s', { message: 'a' });
    await stage.until(() => appliedIn(follower).length === 1, 'it is told');
    expect(appliedIn(follower)).toEqual([sent.messageId]);
    expect(follower.received.map(({ event }) => event)).not.toContain('inbox');
    await here.abort('s');
    await there.create({ streamId: 't', contentModel: 'text' });
    const theirs = await here.follow('t');
    for (let n = 0; n < 5; n++) await here.send('t', { message: n });
    const had = countOf(theirs);
    await stage.until(() => countOf(theirs) > had + 5, 'it goes on');
    await there.abort('t');
    await stage.until(() => theirs.isOver && follower.isOver, 'both have ended');
    expect((await here.job('t'))?.unsent).toHaveLength(5);
    stage.check();
  });
});

it('L48 what was sent expires with its stream, is renewed with it, and goes with it', async () => {
  const here = await stage.replica({ options: { leaseMs: 3_000 }, redisOptions: { timeoutMs: 1_400 } });
  await here.create({ streamId: 's', produce: { takes: true } });
  await here.send('s', { message: 1, idempotencyKey: 'k' });
  await stage.until(() => here.taken.length === 1, 'it is taken');
  const keys = await redis.keys(`${stage.keyPrefix}{/s}:*`);
  expect(keys).toContain(`${stage.keyPrefix}{/s}:inbox`);
  for (const key of keys) expect(await redis.pttl(key), key).toBeGreaterThan(0);
  // What is nearly over is renewed with the rest.
  for (const key of keys) await redis.pexpire(key, 4_000);
  await stage.until(async () => (await redis.pttl(`${stage.keyPrefix}{/s}:inbox`)) > 60_000, 'it is renewed');
  await here.call('delete', { streamId: 's' });
  expect(await redis.keys(`${stage.keyPrefix}{/s}:*`)).toEqual([]);
});
