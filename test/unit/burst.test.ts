/** What a burst costs on a store that answers within the turn of the event loop, as the one in memory does. */
import { createStreamServices, GenerationJobManager } from 'generation-jobs';
import { expect, it } from 'vitest';

async function jobOnCountedStore() {
  const services = createStreamServices();
  const commit = services.jobStore.commit.bind(services.jobStore);
  const sizes: number[] = [];
  services.jobStore.commit = (one) => {
    if (one.writer === 'producer') sizes.push(one.events.length);
    return commit(one);
  };
  const manager = new GenerationJobManager(services);
  const made = await manager.createJob({ streamId: 's', userId: 'u' });
  if (!made.started) throw new Error('not started');
  return { manager, job: made.job, sizes };
}

it('a burst that awaits each emit takes few commits, the first of them at once (L14)', async () => {
  const { manager, job, sizes } = await jobOnCountedStore();
  await new Promise((resolve) => setImmediate(resolve));
  void job.emit({ event: 'text', data: 0 });
  expect(sizes).toEqual([1]);
  for (let i = 1; i < 1_000; i++) await job.emit({ event: 'text', data: i });
  await job.flush();
  expect(sizes.reduce((sum, size) => sum + size)).toBe(1_000);
  expect(sizes.length).toBeLessThan(20);
  await job.complete();
  expect((await manager.getJob('s'))?.lastSequence).toBe(1_002); // created and completed, too
  await manager.close();
});

it('an event that comes a turn later is committed at once, too', async () => {
  const { manager, job, sizes } = await jobOnCountedStore();
  for (let i = 0; i < 5; i++) {
    void job.emit({ event: 'text', data: i });
    expect(sizes).toHaveLength(i + 1);
    // A turn is over behind what it has deferred; a timer may fire before that.
    for (let turns = 0; turns < 2; turns++) await new Promise(setImmediate);
  }
  expect(sizes).toEqual([1, 1, 1, 1, 1]);
  await manager.close();
});
