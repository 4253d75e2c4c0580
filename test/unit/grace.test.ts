import { createStreamServices, GenerationJobManager } from 'generation-jobs';
import { expect, it } from 'vitest';
import { FakeClock } from '../../src/testing/fake-clock.js';

it('a drain gives producers 8 s unless told otherwise: less than the 10 after which supervisors kill', async () => {
  const clock = new FakeClock();
  const manager = new GenerationJobManager({ ...createStreamServices({ clock }), clock });
  const created = await manager.createJob({ streamId: 'chat-1', userId: 'ann' });
  if (!created.started) throw new Error('not started');
  const drained = manager.drain();
  await clock.advance(7_999);
  expect(created.job.isOver).toBe(false);
  await clock.advance(1);
  expect((await manager.getJob('chat-1'))?.status).toBe('failed');
  await drained;
  await manager.close();
});
