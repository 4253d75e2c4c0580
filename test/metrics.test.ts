import {
  type Clock,
  createStreamServices,
  GenerationJobError,
  GenerationJobManager,
  systemClock,
} from 'generation-jobs';
import { createMetrics } from 'generation-jobs/metrics';
import { register as defaultRegistry, Registry } from 'prom-client';
import { afterEach, describe, expect, it } from 'vitest';
import { internalsOf } from '../src/stream/process/internals.js';
import { FakeClock } from '../src/testing/fake-clock.js';

const managers: GenerationJobManager[] = [];

afterEach(async () => {
  for (const manager of managers.splice(0)) await manager.close();
});

async function counted(registry: Registry, name: string, labels: Record<string, string> = {}) {
  const metric = await registry.getSingleMetric(`generation_jobs_${name}`)?.get();
  const matches = metric?.values.filter((value) =>
    Object.entries(labels).every(([label, wanted]) => String(value.labels[label]) === wanted),
  );
  return matches?.[0]?.value;
}

function setUp(clock: Clock = systemClock) {
  const registry = new Registry();
  const manager = new GenerationJobManager({
    ...createStreamServices({ clock }),
    clock,
    observer: createMetrics({ registry }),
    hooks: {
      describeEnd: () => {
        throw new Error('the host’s mistake');
      },
    },
  });
  managers.push(manager);
  return { registry, manager };
}

async function start(manager: GenerationJobManager, streamId: string) {
  const made = await manager.createJob({ streamId, userId: 'ann' });
  if (!made.started) throw new Error('not started');
  return made.job;
}

describe('the metrics', () => {
  it('count a job from its creation to its end', async () => {
    const { registry, manager } = setUp();
    const job = await start(manager, 'chat-1');
    expect(await counted(registry, 'jobs_in_flight')).toBe(1);
    for (let i = 0; i < 10; i++) void job.emit({ event: 'text', data: i });
    await job.flush();
    expect(await counted(registry, 'events_committed_total')).toBeGreaterThanOrEqual(10);
    expect(await counted(registry, 'event_bytes_committed_total')).toBeGreaterThanOrEqual(10);
    await job.complete();
    expect(await counted(registry, 'jobs_created_total')).toBe(1);
    expect(await counted(registry, 'jobs_ended_total', { result: 'completed' })).toBe(1);
    expect(await counted(registry, 'jobs_ended_total', { result: 'failed' })).toBe(0);
    expect(await counted(registry, 'job_transitions_total', { transition: 'complete' })).toBe(1);
    expect(await counted(registry, 'jobs_in_flight')).toBe(0);
    const text = await registry.metrics();
    expect(text).toMatch(/generation_jobs_first_event_seconds_count 1/);
    expect(text).toMatch(/generation_jobs_commit_seconds_count [1-9]/);
    expect(text).toMatch(/generation_jobs_commit_events_count [1-9]/);
  });

  it('count followers by how they began and why they left, and what could not be served', async () => {
    const { registry, manager } = setUp();
    const job = await start(manager, 'chat-1');
    const first = manager.subscribe('chat-1');
    const ahead = internalsOf(manager).follow('chat-1', { after: `${job.generation}-99` });
    await Promise.all([first.ready, ahead.ready]);
    expect(await counted(registry, 'subscriptions')).toBe(2);
    expect(await counted(registry, 'subscriptions_attached_total', { kind: 'start' })).toBe(1);
    expect(await counted(registry, 'subscriptions_attached_total', { kind: 'cursor' })).toBe(1);
    expect(await counted(registry, 'gaps_total')).toBe(1);
    ahead.detach('detached');
    await job.complete();
    for await (const _ of first);
    expect(await counted(registry, 'subscriptions_closed_total', { result: 'detached' })).toBe(1);
    expect(await counted(registry, 'subscriptions_closed_total', { result: 'ended' })).toBe(1);
    expect(await counted(registry, 'subscriptions')).toBe(0);
    await manager.getResumeState('chat-1');
    expect(await registry.metrics()).toMatch(/generation_jobs_resume_seconds_count 1/);
    expect(await counted(registry, 'log_reads_total')).toBeGreaterThan(0);
  });

  it('count what was asked, decided, refused and left undecided, and how long it waited', async () => {
    const clock = new FakeClock();
    const { registry, manager } = setUp(clock);
    const question = { type: 'ask', expiresInMs: 60_000 };
    const first = await start(manager, 'chat-1');
    const { actionId } = await first.pause(question);
    await clock.advance(2_000);
    const decide = (by: string, idempotencyKey: string) =>
      manager.approvals.resolve('chat-1', { actionId, by, idempotencyKey });
    const { job } = await decide('ann', 'k');
    await expect(decide('bob', 'l')).rejects.toThrow('decided');
    // Told that its own decision stands, nobody was refused.
    await expect(decide('ann', 'k')).rejects.toMatchObject({ repeated: true });
    await job.pause(question);
    await clock.advance(62_000);
    await manager.upkeep.idle();
    const outcomes = ['paused', 'resolved', 'refused', 'expired'].map((outcome) =>
      counted(registry, 'approvals_total', { outcome }),
    );
    expect(await Promise.all(outcomes)).toEqual([2, 1, 1, 1]);
    const text = await registry.metrics();
    const waited = (outcome: string) => {
      const what = new RegExp(`approval_wait_seconds_(?:sum|count)\\{outcome="${outcome}"\\} ([\\d.]+)`, 'g');
      return [...text.matchAll(what)].map(([, value]) => Number(value));
    };
    expect(waited('resolved')).toEqual([2, 1]);
    const [seconds, times] = waited('expired');
    expect(times).toBe(1);
    expect(seconds).toBeGreaterThanOrEqual(60);
    expect(seconds, 'a sweep later at most').toBeLessThanOrEqual(61);
    expect(text).not.toMatch(new RegExp(`${actionId}|chat-1|\\bann\\b`));
  });

  it('count the host’s failing hooks by their own name, and any other as one', async () => {
    const { registry, manager } = setUp();
    await start(manager, 'chat-1');
    await manager.abortJob('chat-1');
    expect(await counted(registry, 'hook_failures_total', { hook: 'describeEnd' })).toBe(1);
    createMetrics({ registry: new Registry() }).hookFailed('x'.repeat(1000));
    const other = new Registry();
    createMetrics({ registry: other }).hookFailed('chat-1');
    expect(await counted(other, 'hook_failures_total', { hook: 'other' })).toBe(1);
    expect(await other.metrics()).not.toContain('chat-1');
  });

  it('tell how many settlements are set aside once somebody has looked, and count what an index was given back', async () => {
    const registry = new Registry();
    let isAway = true;
    const manager = new GenerationJobManager({
      ...createStreamServices(),
      observer: createMetrics({ registry }),
      options: { settleForMs: 1, settleBackoffMs: 10, sweepMs: 20 },
      hooks: {
        onError: () => {},
        settle: () => {
          if (isAway) throw new Error('it is away');
        },
      },
    });
    managers.push(manager);
    await manager.start();
    expect(await counted(registry, 'settlements_set_aside'), 'not known').toBeNaN();
    for (const streamId of ['chat-1', 'chat-2']) await (await start(manager, streamId)).complete();
    await expect.poll(() => counted(registry, 'settlements_set_aside')).toBe(2);
    expect((await manager.stats()).global.setAside).toBe(2);
    isAway = false;
    expect(await manager.settleAgain('chat-1')).toBe(true);
    expect(await counted(registry, 'settlements_set_aside')).toBe(1);
    await manager.deleteStream('chat-2');
    expect(await counted(registry, 'settlements_set_aside')).toBe(0);
    const observer = createMetrics({ registry, prefix: 'other_' });
    observer.indexRepaired('due');
    observer.settlementsSetAside(undefined);
    const text = await registry.metrics();
    expect(text).toContain('other_index_repairs_total{index="due"} 1');
    expect(text).toContain('other_index_repairs_total{index="user"} 0');
    expect(text).toMatch(/other_settlements_set_aside nan/i);
  });

  it('have a fixed set of series, of which none names a stream, a user or a generation (A15)', async () => {
    const { registry, manager } = setUp();
    const seriesOf = async () => {
      const text = await registry.metrics();
      return text.split('\n').flatMap((line) => (line.startsWith('#') ? [] : (line.split(' ')[0] ?? [])));
    };
    const before = await seriesOf();
    for (let i = 0; i < 20; i++) {
      const streamId = `canary-${i}`;
      const made = await manager.createJob({ streamId, userId: `canary-user-${i}` });
      if (!made.started) continue;
      const { actionId } = await made.job.pause({ type: 'canary', actionId: `canary-action-${i}` });
      const { job } = await manager.approvals.resolve(streamId, { actionId, by: `canary-user-${i}` });
      await job.complete();
    }
    expect(await seriesOf()).toEqual(before);
    expect(await registry.metrics()).not.toContain('canary');
  });

  it('have a help text each, live in the given registry only, under the given prefix', async () => {
    const registry = new Registry();
    createMetrics({ registry, prefix: 'chat_' });
    const metrics = await registry.getMetricsAsJSON();
    expect(metrics.length).toBeGreaterThan(20);
    for (const { name, help } of metrics) {
      expect(name).toMatch(/^chat_[a-z_]+$/);
      expect(help.length).toBeGreaterThan(3);
    }
    expect(await defaultRegistry.getMetricsAsJSON()).toEqual([]);
    for (const prefix of ['', '1x', 'a-b', 'x'.repeat(65)]) {
      expect(() => createMetrics({ registry: new Registry(), prefix })).toThrow(GenerationJobError);
    }
  });

  it('can’t fail a stream when they throw', async () => {
    const manager = new GenerationJobManager({
      ...createStreamServices(),
      observer: {
        committed: () => {
          throw new Error('registry is gone');
        },
      },
    });
    managers.push(manager);
    const job = await start(manager, 'chat-1');
    void job.emit({ event: 'text', data: 1 });
    await job.complete();
    expect((await manager.getJob('chat-1'))?.status).toBe('completed');
  });
});
