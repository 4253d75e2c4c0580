/**
 * Notes and metadata that this release writes, where the release before produces, takes over, ends, settles and replaces: it
 * knows no notes, and loses none. The release before is the code that was published.
 */
import { describe, expect, it } from 'vitest';
import { violations } from '../support/history.js';
import { countOf, NOTHING_LAPSES, namesOf, type ReplicaConfig, type Stage } from './replicas.js';
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

const saved = (data: unknown) => ({ key: 'saved', event: 'saved', data });
const sources = { key: 'sources', event: 'sources', data: [1, 'é'] };

let stage: Stage;
stageForEach((made) => {
  stage = made;
});

it('What was annotated before and meanwhile stays while the release before takes over, ends, settles and replaces', async () => {
  const doomed = await stage.replica({ ...TIMES, ...BEFORE });
  // It lacks the model, and so leaves the lost producer and the settlement to the other.
  const here = await stage.replica({ ...TIMES, ...THIS, lacksModels: true });
  const { generation } = await doomed.create({
    streamId: 's',
    contentModel: 'text',
    metadata: { asked: 'q', title: 'none' },
  });
  await doomed.call('update', { streamId: 's', metadata: { model: 'm' } });
  await here.annotate('s', { metadata: { title: 'first' }, notes: [saved(1), sources] });
  await doomed.call('update', { streamId: 's', metadata: { step: 2 } });
  const before = await here.job('s');
  expect(before?.metadata).toEqual({ asked: 'q', title: 'first', model: 'm', step: 2 });

  const other = await stage.replica({ ...TIMES, ...BEFORE, recover: {}, settle: true });
  await doomed.kill();
  await stage.until(async () => (await other.job('s'))?.attempt === 2, 'it is taken over');
  expect(await here.job('s')).toMatchObject({ status: 'running', notes: before?.notes });
  await here.annotate('s', { metadata: { title: 'second' }, notes: [saved(2)] });
  await other.abort('s');
  await here.annotate('s', { metadata: { late: true }, notes: [{ ...sources, data: null }] });
  await stage.until(() => other.settled.length > 0, 'it is settled');
  await stage.until(async () => (await here.job('s'))?.settlement.state === 'settled', 'and told so');

  const metadata = { asked: 'q', title: 'second', model: 'm', step: 2, late: true };
  expect((await other.job('s'))?.metadata).toEqual(metadata);
  const settled = await here.job('s');
  expect(settled).toMatchObject({ status: 'aborted', metadata });
  expect(await here.state('s')).toMatchObject({ notes: [saved(2)] });
  expect(settled?.revision).toBeGreaterThan(before?.revision as number);
  const next = await other.create({ streamId: 's', produce: { total: 1 } });
  expect(next.generation).toBeGreaterThan(generation);
  expect(await here.job('s', { generation })).toEqual(settled);
  const replaced = await here.annotate('s', { generation, notes: [saved(3)] });
  expect(replaced).toMatchObject({ generation, metadata });
  expect(replaced.notes).toContainEqual(expect.objectContaining(saved(3)));
  expect((await here.job('s'))?.notes, 'the next has none of it').toEqual([]);
});

describe.each([
  ['made by the release before', BEFORE, THIS],
  ['made by this release', THIS, BEFORE],
])('Followers of a stream %s', (_, maker, other) => {
  it('get every event and their end on both while it is annotated, and the notes where they are known', async () => {
    const [one, two] = [
      await stage.replica({ ...NOTHING_LAPSES, ...maker }),
      await stage.replica({ ...NOTHING_LAPSES, ...other }),
    ];
    const [here, there] = maker === THIS ? [one, two] : [two, one];
    await one.create({ streamId: 's', contentModel: 'text' });
    const [knows, ignores] = [await here.follow('s'), await there.follow('s')];
    await stage.until(() => countOf(knows) > 5 && countOf(ignores) > 5, 'both are followed');
    for (const id of [1, 2, 3]) {
      const [had, hadThere] = [countOf(knows), countOf(ignores)];
      await here.annotate('s', { metadata: { title: `${id}` }, notes: [saved(id)] });
      await stage.until(() => namesOf(knows).filter((name) => name === 'saved').length === id, 'it is told');
      await stage.until(() => countOf(knows) > had && countOf(ignores) > hadThere, 'they go on');
    }
    await there.abort('s');
    await stage.until(() => knows.isOver && ignores.isOver, 'both have the end');
    expect(knows.received.filter(({ event }) => event === 'saved').map(({ data }) => data)).toEqual([
      1, 2, 3,
    ]);
    expect(namesOf(ignores)).not.toContain('saved');
    const logged = { ...knows, received: knows.received.filter(({ event }) => event !== 'saved') };
    expect(namesOf(logged)).toEqual(namesOf(ignores));
    const followers = [logged, ignores];
    expect(violations({ producers: stage.producers, followers, isFinished: true })).toEqual([]);
    expect((await there.job('s'))?.metadata).toEqual({ title: '3' });
  });
});
