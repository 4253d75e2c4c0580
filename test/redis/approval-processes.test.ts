/**
 * People who decide at once, on other processes than the one that asked, and processes that die between a decision and
 * what follows from it. The seed is printed; APPROVAL_SEED repeats it.
 */
import { setTimeout as pause } from 'node:timers/promises';
import { Redis } from 'ioredis';
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import { createStreamServices } from '../../src/services.js';
import { ActionDecidedError } from '../../src/stream/approvals/action-decided-error.js';
import { GenerationJobManager } from '../../src/stream/generation-job-manager.js';
import type { HistoryEntry, PauseInput } from '../../src/stream/interfaces/action-input.js';
import type { Resolution } from '../../src/stream/model/types.js';
import { pick, seededRandom } from '../contract/seeded.js';
import { howOften } from '../support/how-often.js';
import { RedisServer } from '../support/redis-server.js';
import { BUSY_MS, type Follower, NOTHING_LAPSES, namesOf, type Replica, Stage, TIMES } from './replicas.js';

const SEED = Number(process.env.APPROVAL_SEED ?? Date.now() % 1_000_000);
/** How often two decide at once on two processes, and over two connections; and how many winners are killed. */
const DECISIONS_AT_ONCE = { processes: howOften(400), connections: howOften(4_000) };
const VICTIMS = howOften(300);
const TOOL = 'tool:';
const WITHIN = TIMES.leaseMs + BUSY_MS;
const ACTION = { type: 'tool_approval', requests: [{ id: 'r', name: 't' }] } as const satisfies PauseInput;
const DECISIONS = [
  [{ id: 'r', decision: 'approve' }],
  [{ id: 'r', decision: 'reject', reason: 'no' }],
] as const;

let server: RedisServer;
let redis: Redis;
let stage: Stage;
beforeAll(async () => {
  console.log(`APPROVAL_SEED=${SEED}`);
  server = await RedisServer.start();
  redis = server.connect();
});
afterAll(async () => {
  redis.disconnect();
  await server.stop();
});
beforeEach(async () => {
  await redis.flushall();
  stage = new Stage(server.port);
});
afterEach(() => stage.close());

type Told = { attempt: number; resolution: Resolution } | { code: string; resolution: Resolution };

const decide = (replica: Replica, streamId: string, actionId: string, by: number): Promise<Told> =>
  replica.call('decide', {
    ...{ streamId, actionId, decisions: DECISIONS[by], by: `p${by}` },
    produce: { total: 3, everyMs: 2 },
  });

async function asked(replica: Replica, streamId: string, action: PauseInput = ACTION): Promise<string> {
  await replica.create({ streamId, produce: { total: 1, everyMs: 0, end: 'hang' } });
  const { actionId } = await replica.call<{ actionId: string }>('pause', { streamId, action });
  return actionId;
}

const toolUses = (streamId: string) => redis.lrange(`${TOOL}${streamId}`, 0, -1);
const count = (follower: Follower, name: string) => namesOf(follower).filter((one) => one === name).length;

describe('Two who decide at once', () => {
  it(`F31 L38 on two processes, ${DECISIONS_AT_ONCE.processes} times: one wins, the other is told what, and the tool runs once`, async () => {
    const [one, two] = await stage.two({ ...NOTHING_LAPSES, tool: TOOL });
    const random = seededRandom(SEED);
    for (let round = 0; round < DECISIONS_AT_ONCE.processes; round++) {
      const streamId = `s${round}`;
      const asker = pick(random, 2) === 0 ? one : two;
      const actionId = await asked(asker, streamId);
      const follower = await one.follow(streamId);
      const first = pick(random, 2);
      const told = await Promise.all([
        decide(first === 0 ? one : two, streamId, actionId, 0),
        decide(first === 0 ? two : one, streamId, actionId, 1),
      ]);
      const winner = told.findIndex((answer) => 'attempt' in answer);
      expect(told[winner], streamId).toMatchObject({ attempt: 2, resolution: { by: `p${winner}` } });
      expect(told[1 - winner], streamId).toEqual({
        code: 'action_decided',
        resolution: told[winner]?.resolution,
      });
      expect(told[winner]?.resolution.decisions).toEqual(DECISIONS[winner]);
      await stage.until(() => follower.isOver, 'it ends');
      expect(namesOf(follower)).toEqual([
        ...['created', 'text', 'requires_action', 'resumed'],
        ...['text', 'text', 'text', 'completed'],
      ]);
      expect(await toolUses(streamId)).toEqual([`2 p${winner}`]);
    }
    await stage.until(() => stage.producers.every((producer) => producer.isComplete), 'all producers know');
    stage.check();
  });

  it(`F31 L38 over two connections, ${DECISIONS_AT_ONCE.connections} times: one wins, the other is told what`, async () => {
    const ROUNDS = DECISIONS_AT_ONCE.connections;
    const AT_ONCE = 10;
    const clients = [1, 2].map(() => new Redis({ port: server.port, host: '127.0.0.1' }));
    const managers = clients.map(
      (client) => new GenerationJobManager({ ...createStreamServices({ redis: client, keyPrefix: 'two:' }) }),
    );
    const wins = [0, 0];
    try {
      const [asker] = managers as [GenerationJobManager, GenerationJobManager];
      const round = async (index: number) => {
        const streamId = `s${index}`;
        const created = await asker.createJob({ streamId, userId: 'u' });
        if (!created.started) throw new Error('The job was not started.');
        const { actionId } = await created.job.pause(ACTION);
        const order = index % 2 === 0 ? [0, 1] : [1, 0];
        const results = await Promise.allSettled(
          order.map((by) =>
            managers[by]?.approvals.resolve(streamId, { actionId, by: `p${by}`, decisions: DECISIONS[by] }),
          ),
        );
        const at = results.findIndex(({ status }) => status === 'fulfilled');
        const [won, lost] = [results[at], results[1 - at]];
        if (won?.status !== 'fulfilled' || won.value === undefined || lost?.status !== 'rejected')
          throw new Error(`${streamId}: ${results.map(({ status }) => status)}`);
        const { resolution } = won.value.continuation;
        expect(lost.reason, streamId).toBeInstanceOf(ActionDecidedError);
        expect(lost.reason.resolution, streamId).toEqual(resolution);
        expect(resolution).toMatchObject({ by: `p${order[at]}`, decisions: DECISIONS[order[at] as number] });
        await won.value.job.complete();
        expect(await asker.approvals.history(streamId)).toHaveLength(1);
        expect(await asker.getJob(streamId)).toMatchObject({ status: 'completed', attempt: 2 });
        await asker.deleteStream(streamId);
        wins[order[at] as number] = (wins[order[at] as number] ?? 0) + 1;
      };
      for (let from = 0; from < ROUNDS; from += AT_ONCE)
        await Promise.all(Array.from({ length: AT_ONCE }, (_, index) => round(from + index)));
    } finally {
      for (const manager of managers) await manager.close();
      for (const client of clients) client.disconnect();
    }
    expect((wins[0] ?? 0) + (wins[1] ?? 0)).toBe(ROUNDS);
    expect(Math.min(...wins), 'both win at times').toBeGreaterThan(0);
  });
});

describe('A winner killed with SIGKILL', () => {
  const AT_ONCE = 5;

  /** Kills those who decide at some moment between the decision and what follows; answers what became of each. */
  async function killWinners(survivors: readonly [Replica, Replica], random: () => number) {
    const fates: Record<string, number> = {};
    const one = async (index: number) => {
      const [asker, other] = survivors;
      const streamId = `s${index}`;
      const victim = await stage.replica({ tool: TOOL, options: { sweepMs: 1_000 } });
      const actionId = await asked(asker, streamId);
      const follower = await other.follow(streamId);
      const afterMs = pick(random, 6);
      const deciding = decide(victim, streamId, actionId, 0).catch(() => undefined);
      // A third at any moment, the others from when the decision is made.
      const job = `${stage.keyPrefix}{/${streamId}}:job`;
      while (index % 3 > 0 && (await redis.hget(job, 'fence'))?.split(' ')[1] === '1');
      await pause(afterMs);
      await victim.kill();
      await deciding;
      const state = await other.state(streamId);
      const isPending = state?.status === 'requires_action';
      if (isPending) {
        // It died before it decided: somebody else does.
        expect(state.pendingAction?.actionId).toBe(actionId);
        expect(await decide(asker, streamId, actionId, 1)).toMatchObject({ attempt: 2 });
      }
      await stage.until(() => follower.isOver, `${streamId} ends after ${afterMs} ms`);
      const context = `${streamId}, killed after ${afterMs} ms: ${namesOf(follower).join(' ')}`;
      expect(count(follower, 'requires_action'), context).toBe(1);
      expect(count(follower, 'resumed'), context).toBe(1);
      const history = await other.call<HistoryEntry[]>('history', { streamId });
      expect(history, context).toHaveLength(1);
      const by = isPending ? 1 : 0;
      expect(history[0], context).toMatchObject({ actionId, by: `p${by}`, decisions: DECISIONS[by] });
      // Whoever comes later is told the same.
      const late = await decide(asker, streamId, actionId, 1);
      expect(late, context).toMatchObject({ code: 'action_decided', resolution: { by: `p${by}` } });
      const uses = await toolUses(streamId);
      for (const use of uses) expect(use, context).toMatch(new RegExp(`^[23] p${by}$`));
      expect(new Set(uses.map((use) => use[0])).size, `${context}: once an attempt`).toBe(uses.length);
      const end = namesOf(follower).at(-1) as string;
      const fate = isPending
        ? 'pending'
        : namesOf(follower).includes('recovered')
          ? 'recovered'
          : end === 'completed'
            ? 'had completed'
            : end;
      fates[fate] = (fates[fate] ?? 0) + 1;
      return { fate, uses, follower, context };
    };
    const results = [];
    for (let from = 0; from < VICTIMS; from += AT_ONCE) {
      const batch = Array.from({ length: AT_ONCE }, (_, index) => one(from + index));
      results.push(...(await Promise.all(batch)));
    }
    console.log(`APPROVAL_SEED=${SEED}: ${JSON.stringify(fates)}`);
    return { results, fates };
  }

  it(`F33 L45 between decision and end, ${VICTIMS} times: the run goes on once from the recorded decision`, async () => {
    const config = { tool: TOOL, recover: { total: 3, everyMs: 1 } };
    const { results, fates } = await killWinners(await stage.two(config), seededRandom(SEED));
    for (const { fate, uses, follower, context } of results) {
      expect(namesOf(follower).at(-1), context).toBe('completed');
      expect(count(follower, 'recovered'), context).toBe(fate === 'recovered' ? 1 : 0);
      expect(uses.length, context).toBeGreaterThanOrEqual(1);
      if (fate === 'recovered') expect(uses.at(-1), context).toBe('3 p0');
      else expect(uses, context).toHaveLength(1);
    }
    expect(fates.recovered ?? 0, 'some die in between').toBeGreaterThan(0);
    stage.check();
  });

  it(`F33 L45 without recovery, ${VICTIMS} times: it ends in an error, and the tool never runs twice`, async () => {
    const { results, fates } = await killWinners(await stage.two({ tool: TOOL }), seededRandom(SEED + 1));
    for (const { fate, uses, follower, context } of results) {
      expect(uses.length, context).toBeLessThanOrEqual(1);
      expect(namesOf(follower).at(-1), context).toBe(fate === 'failed' ? 'failed' : 'completed');
      if (fate !== 'failed') continue;
      expect(follower.received.at(-1)?.data, context).toMatchObject({ code: 'producer_lost' });
    }
    expect(fates.failed ?? 0, 'some die in between').toBeGreaterThan(0);
    stage.check();
  });
});

describe('A replica that asked, killed with SIGKILL', () => {
  it('F30 leaves an action that any replica shows and decides', async () => {
    const [one, two] = await stage.two({ ...NOTHING_LAPSES, tool: TOOL });
    const asker = await stage.replica(NOTHING_LAPSES);
    const actionId = await asked(asker, 's', { ...ACTION, resumeContext: { step: 1 } });
    const before = await one.follow('s');
    await stage.until(() => count(before, 'requires_action') === 1, 'it is asked');
    await asker.kill();
    for (const replica of [one, two, await stage.replica(NOTHING_LAPSES)]) {
      expect(await replica.state('s')).toMatchObject({
        status: 'requires_action',
        pendingAction: { actionId },
      });
    }
    const after = await two.follow('s', { resume: true });
    await stage.until(() => count(after, 'sync') === 1, 'it stands where the job waits');
    expect(await decide(two, 's', actionId, 0)).toMatchObject({ attempt: 2, resolution: { by: 'p0' } });
    await stage.until(() => before.isOver && after.isOver, 'both are told');
    expect(namesOf(after)).toEqual(['sync', 'resumed', 'text', 'text', 'text', 'completed']);
    expect(await toolUses('s')).toEqual(['2 p0']);
    stage.check();
  });

  it('F30 leaves an action that expires within a sweep, once, and followers of every replica hear it', async () => {
    const replicas = await stage.three();
    const asker = await stage.replica();
    const streams = Array.from({ length: 10 }, (_, index) => `s${index}`);
    const expiresInMs = 1_500;
    const actions = await Promise.all(
      streams.map((streamId) => asked(asker, streamId, { ...ACTION, expiresInMs })),
    );
    const followers = await Promise.all(
      streams.flatMap((streamId) => replicas.map((replica) => replica.follow(streamId))),
    );
    await asker.kill();
    await stage.until(() => followers.every((one) => one.isOver), 'everybody is told');
    for (const follower of followers) {
      expect(namesOf(follower)).toEqual(['created', 'text', 'requires_action', 'aborted']);
      expect(follower.received.at(-1)?.data).toMatchObject({ code: 'expired' });
    }
    for (const [index, streamId] of streams.entries()) {
      const record = await replicas[0].job(streamId);
      const [entry] = await replicas[1].call<HistoryEntry[]>('history', { streamId });
      expect(entry).toMatchObject({ outcome: 'expired', actionId: actions[index] });
      const expiresAt = (entry?.askedAt ?? 0) + expiresInMs;
      expect((record?.endedAt ?? 0) - expiresAt).toBeGreaterThanOrEqual(0);
      expect((record?.endedAt ?? 0) - expiresAt, 'sweep').toBeLessThan(WITHIN);
      const late = await Promise.allSettled(
        replicas.map((replica) => decide(replica, streamId, actions[index] as string, 0)),
      );
      for (const one of late) expect(one).toMatchObject({ reason: { code: 'action_expired' } });
      const later = await replicas[2].follow(streamId);
      await stage.until(() => later.isOver, 'who comes later is told');
      expect(namesOf(later)).toEqual(['created', 'text', 'requires_action', 'aborted']);
    }
    stage.check();
  });
});
