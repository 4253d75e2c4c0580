/**
 * Runs that wait, across processes: replicas killed before, at and behind their starts, and replicas of the release before, which knows
 * no queues, beside them. The seed is printed; FAULT_SEED repeats it.
 */
import { setTimeout as pause } from 'node:timers/promises';
import { beforeAll, describe, expect, it } from 'vitest';
import { pick, seededRandom } from '../contract/seeded.js';
import { howOften } from '../support/how-often.js';
import type { Replica, ReplicaConfig, Stage } from './replicas.js';
import { stageForEach } from './stages.js';

const BEFORE: ReplicaConfig = {
  library: new URL('../fixtures/releases/0.1.0/index.js', import.meta.url).href,
};
/** Long enough for a busy machine: an answer that takes half a lease is none. */
const TIMES = {
  options: { leaseMs: 2_400, renewMs: 600, createTimeoutMs: 6_000, settleClaimMs: 1_000 },
  redisOptions: { timeoutMs: 1_100 },
} as const satisfies ReplicaConfig;
const STARTS = {
  ...TIMES,
  startQueued: { afterMs: 40, total: 3, everyMs: 2 },
} as const satisfies ReplicaConfig;
const ONE_SLOT = { options: { ...TIMES.options, limits: { activeJobsPerUser: 1 } } };
const ROUNDS = howOften(60);
const RUNS = 5;
const seed = Number(process.env.FAULT_SEED ?? Date.now() % 1_000_000);

let stage: Stage;
stageForEach((made) => {
  stage = made;
});

const startsOf = (replicas: readonly Replica[]) => replicas.flatMap(({ starts }) => starts);

/** Returns which of the replicas has begun last. */
function newestOf(replicas: readonly Replica[]): number {
  const order = replicas.map(
    ({ starts }) => (starts.at(-1)?.generation ?? 0) * 8 + (starts.at(-1)?.attempt ?? 0),
  );
  return order.indexOf(Math.max(...order));
}

/** Says whether nothing waits on the stream, and its current generation has an end. */
async function isDone(replica: Replica, streamId: string): Promise<boolean> {
  const { waiting } = await replica.queue(streamId);
  return waiting.length === 0 && (await replica.job(streamId))?.endedAt !== undefined;
}

describe(`F61 Replicas that are killed around a start (FAULT_SEED=${seed})`, () => {
  const random = seededRandom(seed);
  beforeAll(() => console.log(`queues: FAULT_SEED=${seed}`));

  it.each(Array.from({ length: ROUNDS }, (_, round) => round))(
    'each accepted run has become one generation, which has completed or was given up in time, round %i',
    async () => {
      const witness = await stage.replica(TIMES);
      const alive = [...(await stage.three(STARTS))];
      await witness.create({ streamId: 's', produce: { end: 'hang', total: 1 } });
      const accepted: string[] = [];
      for (let n = 0; n < RUNS; n++) {
        const input = { streamId: 's', onConflict: 'enqueue', created: n } as const;
        const { queued } = await (alive[n % 3] as Replica).create(input);
        accepted.push(queued?.queueId ?? 'it was not queued');
      }
      await witness.create({ streamId: 's', produce: { total: 1 } });
      let heard = 0;
      for (let kills = 0; kills < 8 && !(await isDone(witness, 's')); await pause(2)) {
        // Mostly behind a start that was told, now and then at any moment.
        const starts = startsOf(stage.replicas).length;
        if (starts === heard && random() > 0.02) continue;
        heard = starts;
        if (random() < 0.5) await pause(random() * 40);
        const at = random() < 0.7 ? newestOf(alive) : pick(random, alive.length);
        await alive[at]?.kill();
        alive[at] = await stage.replica(STARTS);
        kills++;
      }
      await stage.until(() => isDone(witness, 's'), 'all have run');
      const generations = await witness.generations('s');
      const records = await Promise.all(
        generations.map(({ generation }) => witness.job('s', { generation })),
      );
      const runs = accepted.map((queueId) => records.filter((record) => record?.createId === queueId));
      for (const [n, of] of runs.entries()) {
        const outcomes = of.map((record) => `${record?.status} ${record?.error?.code ?? ''}`.trim());
        expect(['completed', 'failed producer_lost'], `run ${n}`).toContain(outcomes.join(', '));
      }
      const order = runs.map(([record]) => record?.generation ?? 0);
      expect(order, 'in their order').toEqual([...order].sort((one, other) => one - other));
      for (const start of startsOf(stage.replicas)) {
        expect(start.attempt, 'it is begun three times at most').toBeLessThanOrEqual(3);
        expect(start.queueId).toBe(accepted[start.created as number]);
      }
      expect(await witness.queue('s')).toEqual({ waiting: [], returned: [], held: false });
    },
  );
});

describe('F63 Beside the release before, which knows no queues', () => {
  it('a run waits for the end of what that produces and settles, and for a slot that it gives back', async () => {
    const before = await stage.replica({ ...TIMES, ...BEFORE, ...ONE_SLOT, settle: true });
    const here = await stage.replica({ ...STARTS, ...ONE_SLOT });
    await before.create({ streamId: 's', produce: { total: 20, end: 'hang' } });
    const run = { onConflict: 'enqueue' } as const;
    expect((await here.create({ ...run, streamId: 's', created: 'a' })).queued?.position).toBe(1);
    await before.call('complete', { streamId: 's' });
    await stage.until(() => here.starts.length === 1, 'its start');
    await stage.until(() => isDone(here, 's'), 'its end');
    const hasSlot = () =>
      before.create({ streamId: 't', produce: { total: 20, end: 'hang' } }).catch(() => false);
    await stage.until(hasSlot, 'the slot that the run gives back behind its end');
    expect((await here.create({ ...run, streamId: 'u', created: 'b' })).queued?.position).toBe(1);
    await before.call('complete', { streamId: 't' });
    await stage.until(() => here.starts.length === 2, 'its start');
    await stage.until(() => isDone(here, 'u'), 'its end');
    expect(here.starts.map(({ created, attempt }) => [created, attempt])).toEqual([
      ['a', 1],
      ['b', 1],
    ]);
  });

  it('its stop holds the queue, its replacement goes first, and its deletion leaves what waits', async () => {
    const before = await stage.replica({ ...TIMES, ...BEFORE });
    const here = await stage.replica(STARTS);
    await before.create({ streamId: 's', produce: { end: 'hang', total: 1 } });
    const run = { onConflict: 'enqueue', streamId: 's' } as const;
    await here.create({ ...run, created: 'a' });
    await before.create({ streamId: 's', produce: { end: 'hang', total: 1 } });
    expect((await here.queue('s')).waiting).toHaveLength(1);
    await before.abort('s');
    expect(await here.queue('s')).toMatchObject({ held: true, waiting: [{ created: 'a' }] });
    expect(await here.call('resume', { streamId: 's' })).toBe(true);
    await stage.until(() => isDone(here, 's'), 'its end');
    await before.create({ streamId: 's', produce: { end: 'hang', total: 1 } });
    await here.create({ ...run, created: 'b' });
    await before.call('delete', { streamId: 's' });
    await stage.until(() => here.starts.length === 2, 'it may start: nothing is before it');
    await stage.until(() => isDone(here, 's'), 'its end');
  });

  it('a start that dies is taken over by that as any generation, and its followers see it begin', async () => {
    const doomed = await stage.replica({ ...TIMES, startQueued: { end: 'hang', total: 0 } });
    await doomed.create({ streamId: 's', contentModel: 'text', produce: { end: 'hang', total: 1 } });
    const waits = { streamId: 's', onConflict: 'enqueue', contentModel: 'text' } as const;
    const { queued } = await doomed.create(waits);
    await doomed.abort('s');
    await doomed.call('resume', { streamId: 's' });
    await stage.until(() => doomed.starts.length === 1, 'its start');
    const before = await stage.replica({ ...TIMES, ...BEFORE, recover: { total: 3 } });
    const follower = await before.follow('s');
    await doomed.kill();
    await stage.until(() => follower.isOver, 'its end');
    expect(follower.received.map(({ event }) => event)).toEqual([
      ...['created', 'recovered', 'text', 'text', 'text', 'completed'],
    ]);
    const record = await before.job('s');
    expect(record).toMatchObject({ status: 'completed', attempt: 2, createId: queued?.queueId });
  });
});
