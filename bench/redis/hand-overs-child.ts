/** A replica of the figures about deploys: it makes paced answers, goes on with those of others, and hands its own over when told to leave. */
import { setTimeout as pause } from 'node:timers/promises';
import { createStreamServices, type GenerationJob, GenerationJobManager } from 'generation-jobs';
import { connect } from './clients.js';
import { setupOfChild } from './messages.js';

export interface HandOversSetup {
  readonly port: number;
  readonly everyMs: number;
}

const { port, everyMs } = setupOfChild<HandOversSetup>();
const redis = connect({ port, cluster: false });
const manager = new GenerationJobManager({
  ...createStreamServices({ redis }),
  hooks: {
    recoverMode: 'continue',
    recover: (job, { handoverState }) => tell(job, Number(handoverState ?? 0)),
  },
});

/** Numbers without end, until it is stopped or handed over. */
async function tell(job: GenerationJob, from: number): Promise<void> {
  for (let number = from; ; number++) {
    if (job.handover.aborted) return job.handOver(number);
    await job.emit({ event: 'number', data: number });
    await pause(everyMs, undefined, { signal: AbortSignal.any([job.signal, job.handover]) }).catch(() => {});
  }
}

async function answer(streamId: string): Promise<void> {
  const created = await manager.createJob({ streamId, userId: 'bench' });
  if (created.started) void created.job.run((job) => tell(job, 0));
}

await manager.start();
process.on('message', async (streamIds: readonly string[]) => {
  await Promise.all(streamIds.map(answer));
  process.send?.('created');
});
process.once('SIGTERM', async () => {
  await manager.drain();
  await manager.close();
  redis.disconnect();
  process.disconnect();
});
process.once('disconnect', () => process.exit(0));
process.send?.('ready');
