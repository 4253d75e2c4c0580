/**
 * This release beside the one before, on one Redis: streams made by each, followed, taken over, decided, expired, settled,
 * stopped and replaced by the other. The release before is the code that was published.
 */
import { describe, expect, it } from 'vitest';
import { countOf, namesOf, type Replica, type ReplicaConfig, type Stage } from './replicas.js';
import { stageForEach } from './stages.js';

const BEFORE: ReplicaConfig = {
  library: new URL('../fixtures/releases/0.1.0/index.js', import.meta.url).href,
};
const THIS: ReplicaConfig = {};
/** Long enough for a busy machine: an answer that takes half a lease is none. */
const TIMES = {
  options: { leaseMs: 2_400, renewMs: 600, settleClaimMs: 1_000 },
  redisOptions: { timeoutMs: 1_100 },
} as const satisfies ReplicaConfig;
const QUESTION = {
  actionId: 'a',
  type: 'ask_user_question',
  questions: [{ id: 'q', question: 'Well?', allowText: true }],
};
const ANSWER = { actionId: 'a', answers: [{ id: 'q', text: 'yes' }], by: 'u' };

let stage: Stage;
stageForEach((made) => {
  stage = made;
});

const statusOf = async (replica: Replica, streamId: string) => (await replica.job(streamId))?.status;
const isOver = (replica: Replica, streamId: string, status: string) => async () =>
  (await statusOf(replica, streamId)) === status;

describe.each([
  ['made by the release before, with this one beside it', BEFORE, THIS],
  ['made by this release, with the one before beside it', THIS, BEFORE],
])('Streams %s', (_, maker, other) => {
  const pair = (config: ReplicaConfig = {}) =>
    Promise.all([
      stage.replica({ ...TIMES, ...maker, ...config }),
      stage.replica({ ...TIMES, ...other, ...config }),
    ]);

  it('are followed on both without a loss, and read the same', async () => {
    const [one, two] = await pair();
    await one.create({ streamId: 's', contentModel: 'text', produce: { total: 300, everyMs: 5, burst: 3 } });
    const followers = [await one.follow('s'), await two.follow('s')];
    await stage.until(() => followers.every((follower) => follower.isOver), 'both have the end');
    for (const follower of followers) expect(countOf(follower)).toBe(300);
    stage.check();
    const [state, same] = [await one.state('s'), await two.state('s')];
    expect(same?.content).toEqual(state?.content);
    expect(same?.cursor).toBe(state?.cursor);
  });

  it('are taken over when their producer is lost, and end where nobody can go on', async () => {
    const [one, two] = await pair({ recover: { total: 10 } });
    await one.create({ streamId: 's', contentModel: 'text' });
    const follower = await two.follow('s');
    await stage.until(() => countOf(follower) > 5, 'it is followed');
    await one.kill();
    await stage.until(isOver(two, 's', 'completed'), 'it is taken over');
    await stage.until(() => follower.isOver, 'its follower knows');
    expect(namesOf(follower)).toContain('recovered');
    stage.check();
  });

  it('stay with a living producer, however long it takes', async () => {
    const [one, two] = await pair();
    await one.create({ streamId: 's' });
    const follower = await two.follow('s');
    const { leaseMs } = TIMES.options;
    const since = Date.now();
    await stage.until(() => Date.now() - since > 3 * leaseMs && countOf(follower) > 5, 'three leases');
    expect(await two.job('s')).toMatchObject({ status: 'running', attempt: 1 });
  });

  it('that ask are decided on the other, and go on there', async () => {
    const [one, two] = await pair();
    await one.create({ streamId: 's', contentModel: 'text' });
    const follower = await one.follow('s');
    await stage.until(() => countOf(follower) > 5, 'it goes');
    await one.call('pause', { streamId: 's', action: QUESTION });
    // What this release says of the way is kept by the other, which knows no ways.
    const way = other === THIS ? { via: 'link' } : {};
    await two.call('resolve', { streamId: 's', ...ANSWER, ...way, produce: { total: 5 } });
    await stage.until(() => follower.isOver, 'it goes on to its end');
    expect(namesOf(follower)).toEqual(expect.arrayContaining(['requires_action', 'resumed', 'completed']));
    expect(await one.call('history', { streamId: 's' })).toMatchObject([{ actionId: 'a', by: 'u', ...way }]);
    stage.check();
  });

  it('that ask, and whose replica is gone, expire on the other', async () => {
    const [one, two] = await pair();
    await one.create({ streamId: 's' });
    await one.call('pause', { streamId: 's', action: { ...QUESTION, expiresInMs: 500 } });
    await one.kill();
    await stage.until(isOver(two, 's', 'aborted'), 'it expires');
    expect((await two.job('s'))?.error?.code).toBe('expired');
  });

  it('with an open settlement are settled on the other, with their content', async () => {
    const [one, two] = await Promise.all([
      stage.replica({ ...TIMES, ...maker, settle: 'hang' }),
      stage.replica({ ...TIMES, ...other, settle: true }),
    ]);
    await one.create({ streamId: 's', contentModel: 'text', produce: { total: 2 } });
    await stage.until(async () => (await two.job('s'))?.settlement.tries === 1, 'it is claimed');
    await one.kill();
    await stage.until(() => two.settled.length > 0, 'it is settled');
    expect(two.settledContents[0]).toMatchObject({ text: expect.stringMatching(/1 .*2 /) });
    await stage.until(async () => (await two.job('s'))?.settlement.state === 'settled', 'and told so');
  });

  it('are stopped and replaced from the other', async () => {
    const [one, two] = await pair();
    await one.create({ streamId: 's' });
    await two.abort('s');
    await stage.until(() => stage.producer('s').isComplete, 'its producer stops');
    expect(stage.producer('s').reason).toBe('aborted');
    const first = await one.create({ streamId: 's' });
    const second = await two.create({ streamId: 's', produce: { total: 3 } });
    expect(second.generation).toBeGreaterThan(first.generation);
    await stage.until(isOver(one, 's', 'completed'), 'the newer one ends');
    expect(await one.job('s', { generation: first.generation })).toMatchObject({
      status: 'aborted',
      error: { code: 'replaced' },
    });
  });

  it('are dropped after their retention, by either', async () => {
    const [one, two] = await pair({ options: { ...TIMES.options, retentionMs: 500, idempotencyMs: 1_000 } });
    await one.create({ streamId: 's', produce: { total: 1 } });
    await stage.until(async () => (await one.job('s')) === null, 'it is dropped');
    expect(await two.job('s')).toBeNull();
  });
});

it('A replica of this release that lacks the content model leaves a settlement to one before that has it', async () => {
  const lacks = await stage.replica({ ...TIMES, ...THIS, lacksModels: true, settle: true });
  const knows = await stage.replica({ ...TIMES, ...BEFORE, settle: true });
  await knows.create({ streamId: 's', contentModel: 'text', produce: { everyMs: 5 } });
  await stage.until(() => stage.producer('s').acknowledged > 3, 'it goes');
  await lacks.abort('s');
  await stage.until(() => knows.settled.length > 0, 'it is settled');
  expect(lacks.settled).toEqual([]);
  expect(knows.settledContents[0]).toMatchObject({ text: expect.stringContaining('1') });
  expect((await lacks.counts())['contentless:aborted']).toBe(1);
});
