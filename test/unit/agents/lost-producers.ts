/** A job on a manager in memory, of which a test loses one producer after the other. */
import { afterEach } from 'vitest';
import { createStreamServices, GenerationJobManager } from '../../../src/index.js';
import type { GenerationJob } from '../../../src/stream/interfaces/generation-job.js';
import type { Hooks } from '../../../src/stream/interfaces/manager-types.js';
import type { JobHandle } from '../../../src/stream/producing/job-handle.js';

const open: GenerationJobManager[] = [];
afterEach(async () => {
  for (const manager of open.splice(0)) await manager.close();
});

export async function started(hooks: Hooks = {}) {
  const services = createStreamServices();
  const manager = new GenerationJobManager({ ...services, hooks, options: { maxRecoveries: 9 } });
  open.push(manager);
  const made = await manager.createJob({ streamId: 's', userId: 'ann' });
  if (!made.started) throw new Error('not started');
  /** The process of an attempt is gone: whoever looks next takes over. */
  const lose = async (job: GenerationJob) => {
    (job as JobHandle).loseLease();
    const { key, generation, attempt } = job;
    await services.jobStore.renew([{ key, generation, attempt }], 0);
    await services.jobStore.due.nearer(key, 0);
    await manager.upkeep.sweep();
  };
  const send = (message: string) => manager.inbox.send('s', { message });
  return { manager, job: made.job, lose, send };
}
