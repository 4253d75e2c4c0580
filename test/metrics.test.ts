import { createStreamServices, GenerationJobError, GenerationJobManager } from 'generation-jobs';
import { createMetrics } from 'generation-jobs/metrics';
import { register as defaultRegistry, Registry } from 'prom-client';
import { afterEach, describe, expect, it } from 'vitest';

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

function setUp() {
  const registry = new Registry();
  const manager = new GenerationJobManager({
    ...createStreamServices(),
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
    const ahead = manager.subscribe('chat-1', { after: `${job.generation}-99` });
    await Promise.all([first.ready, ahead.ready]);
    expect(await counted(registry, 'subscriptions')).toBe(2);
    expect(await counted(registry, 'subscriptions_attached_total', { kind: 'start' })).toBe(1);
    expect(await counted(registry, 'subscriptions_attached_total', { kind: 'cursor' })).toBe(1);
    expect(await counted(registry, 'gaps_total')).toBe(1);
    ahead.close('detached');
    await job.complete();
    for await (const _ of first);
    expect(await counted(registry, 'subscriptions_closed_total', { result: 'detached' })).toBe(1);
    expect(await counted(registry, 'subscriptions_closed_total', { result: 'ended' })).toBe(1);
    expect(await counted(registry, 'subscriptions')).toBe(0);
    await manager.getResumeState('chat-1');
    expect(await registry.metrics()).toMatch(/generation_jobs_resume_seconds_count 1/);
    expect(await counted(registry, 'log_reads_total')).toBeGreaterThan(0);
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

  it('have a fixed set of series, of which none names a stream, a user or a generation (A15)', async () => {
    const { registry, manager } = setUp();
    const seriesOf = async () => {
      const text = await registry.metrics();
      return text.split('\n').flatMap((line) => (line.startsWith('#') ? [] : (line.split(' ')[0] ?? [])));
    };
    const before = await seriesOf();
    for (let i = 0; i < 20; i++) {
      const made = await manager.createJob({ streamId: `canary-${i}`, userId: `canary-user-${i}` });
      if (made.started) await made.job.complete();
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
