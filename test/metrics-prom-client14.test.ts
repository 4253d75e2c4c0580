/** The metrics with the release of prom-client before the current one. */
import { createStreamServices, GenerationJobManager } from 'generation-jobs';
import { createMetrics } from 'generation-jobs/metrics';
import { Registry } from 'prom-client14';
import { expect, it, vi } from 'vitest';

vi.mock('prom-client', () => import('prom-client14'));

it('are counted and written with prom-client 14 as with 15', async () => {
  const registry = new Registry();
  const observer = createMetrics({ registry: registry as never });
  const manager = new GenerationJobManager({ ...createStreamServices(), observer });
  const created = await manager.createJob({ streamId: 'chat-1', userId: 'ann' });
  if (created.started) await created.job.complete();
  const text = await registry.metrics();
  await manager.close();
  expect(text).toContain('generation_jobs_jobs_created_total 1');
  expect(text).toContain('generation_jobs_jobs_ended_total{result="completed"} 1');
});
