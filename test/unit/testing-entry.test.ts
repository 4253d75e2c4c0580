/**
 * `generation-jobs/testing`, as the tests of a host use it.
 */
import { createStreamServices, type GenerationJob, GenerationJobManager } from 'generation-jobs';
import { textContent } from 'generation-jobs/content';
import { streamKey } from 'generation-jobs/ports';
import {
  DEAF,
  FakeClock,
  firstReplies,
  lossyStore,
  lossyTransport,
  until,
  wrapStore,
} from 'generation-jobs/testing';
import { afterEach, beforeEach, expect, it } from 'vitest';

let clock: FakeClock;
let manager: GenerationJobManager;
beforeEach(() => {
  clock = new FakeClock();
  manager = new GenerationJobManager({
    ...createStreamServices({ clock }),
    clock,
    contentModels: [textContent()],
  });
});
afterEach(() => manager.close());

/** What a host would have: an answer a second a word. */
async function answer(on: GenerationJobManager = manager): Promise<GenerationJob> {
  const made = await on.createJob({ streamId: 's', userId: 'ann', contentModel: 'text' });
  if (!made.started) throw new Error('It was not started.');
  void made.job.run(async (job) => {
    for (const text of ['Hello', ' world']) {
      await new Promise<void>((resolve) => clock.setTimeout(resolve, 1_000));
      await job.emit({ event: 'text', data: { text } });
    }
  });
  return made.job;
}

it('until waits for how a job ends, and on a fake clock moves its time', async () => {
  const job = await answer();
  const startedAt = clock.monotonic();
  await until(job, 'completed', { clock });
  expect(clock.monotonic() - startedAt).toBeGreaterThanOrEqual(2_000);
  expect(clock.monotonic() - startedAt).toBeLessThan(2_500);
  expect((await manager.getResumeState('s'))?.content).toEqual({ text: 'Hello world' });
});

it('until rejects when a job ends otherwise, or not in time, and says what it waited for', async () => {
  const job = await answer();
  await expect(until(job, 'completed', { clock, withinMs: 500 })).rejects.toThrow(
    'not completed within 500 ms',
  );
  await manager.abortJob('s');
  await expect(until(job, 'completed', { clock })).rejects.toThrow('is over because: aborted');
  await until(job, 'aborted', { clock });
});

it('until waits in real time without a clock', async () => {
  const real = new GenerationJobManager(createStreamServices());
  const made = await real.createJob({ streamId: 's', userId: 'ann' });
  if (!made.started) throw new Error('It was not started.');
  const { job } = made;
  setTimeout(() => void job.pause({ type: 'checkpoint' }), 20);
  await until(job, 'paused');
  await real.close();
});

it('a lossy store and a deaf transport cost time, and no event', async () => {
  const { jobStore, eventTransport } = createStreamServices({ clock });
  const lossy = new GenerationJobManager({
    jobStore: lossyStore(jobStore, firstReplies('commit', 3)),
    eventTransport: lossyTransport(eventTransport, clock, DEAF),
    clock,
    contentModels: [textContent()],
  });
  const seen: string[] = [];
  const job = await answer(lossy);
  const following = (async () => {
    for await (const { event } of lossy.subscribe('s')) seen.push(event);
  })();
  await until(job, 'completed', { clock, withinMs: 20_000 });
  await clock.advance(10_000);
  await following;
  expect(seen).toEqual(['created', 'text', 'text', 'completed']);
  await lossy.close();
});

it('a wrapped store has the times and the nodes of the one within, and a lossy transport its reports', async () => {
  const { jobStore, eventTransport } = createStreamServices({ clock });
  const within = Object.assign(jobStore, {
    answerMs: 700,
    keepsEndedMs: 9_000,
    nodeOf: ({ streamId }: { streamId: string }) => `node of ${streamId}`,
  });
  const wrapped = wrapStore(within, (_, perform) => perform());
  expect(wrapped).toMatchObject({ answerMs: 700, keepsEndedMs: 9_000 });
  expect(wrapped.nodeOf?.(streamKey('s'))).toBe('node of s');
  const plain = createStreamServices({ clock }).jobStore;
  expect(wrapStore(plain, (_, perform) => perform()).nodeOf).toBeUndefined();

  const told: unknown[] = [];
  eventTransport.start = async (report) => report?.('the link was given up');
  await lossyTransport(eventTransport, clock, DEAF).start((error) => void told.push(error));
  expect(told).toEqual(['the link was given up']);
});
