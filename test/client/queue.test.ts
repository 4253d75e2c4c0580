/** Runs that wait for their turn, by the client from a real server: followed over cuts, listed and changed. */
import type { Hooks } from 'generation-jobs';
import { createStreamClient, StreamClientError, type StreamEvent } from 'generation-jobs/client';
import { textContent } from 'generation-jobs/content';
import { expect, it, onTestFinished } from 'vitest';
import { GenerationStore } from '../../src/react/generation-store.js';
import { serve, startJob, until } from '../http/serving.js';
import { ANN, followed } from './tools.js';

const startQueued: NonNullable<Hooks['startQueued']> = (job, { queueId }) =>
  job.emit({ event: 'text', data: { text: queueId } });
const SERVED = {
  manager: {
    hooks: { startQueued },
    options: { logPollMs: 100 },
    contentModels: [textContent()],
  },
  routes: { retryMs: 10, heartbeatMs: 20 },
} as const;

async function enqueue(
  manager: Awaited<ReturnType<typeof serve>>['manager'],
  text = 'More',
): Promise<string> {
  const made = await manager.createJob({
    ...{ streamId: 's-1', userId: 'ann', contentModel: 'text', created: { text } },
    onConflict: 'enqueue',
  });
  if (made.queued === undefined) throw new Error('It does not wait.');
  return made.queued.queueId;
}

it('L167 a run that waits is followed over cuts until it has run: its position is current, its content and end are its own', async () => {
  const served = await serve(SERVED);
  const { manager, url } = served;
  const job = await startJob(manager, 's-1');
  const [first, second] = [await enqueue(manager), await enqueue(manager)];
  const { following, events } = followed(`${url}/stream/s-1`, {
    queueId: second,
    contentModel: textContent(),
  });
  await until('it waits', () => following.current.queued?.position === 2);
  expect(following.current).toMatchObject({ generation: undefined, status: undefined });
  served.cut();
  const client = createStreamClient({ url, headers: ANN });
  await client.queue.cancel('s-1', first);
  await until('it is the next', () => following.current.queued?.position === 1);
  served.cut();
  await job.complete();
  expect(await following.done).toEqual({ name: 'ended' });
  expect(following.current).toMatchObject({ status: 'completed', queued: undefined });
  expect(following.current.content).toEqual({ text: second });
  const { createId, generation } = (await manager.getJob('s-1')) ?? {};
  expect([createId, following.current.generation]).toEqual([second, generation]);
  expect(events.filter(({ event }) => event === 'queued').every(({ cursor }) => cursor === '')).toBe(true);
});

it('L167 a following of a run that is cancelled ends with its reason, as a listener and as a loop', async () => {
  const { manager, url } = await serve(SERVED);
  await startJob(manager, 's-1');
  const queueId = await enqueue(manager);
  const { following } = followed(`${url}/stream/s-1`, { queueId });
  const client = createStreamClient({ url, headers: ANN });
  const looped: StreamEvent[] = [];
  const loop = (async () => {
    for await (const event of client.follow('s-1', { queueId })) {
      looped.push(event);
      if (looped.length === 1) await client.queue.cancel('s-1', queueId);
    }
  })();
  await loop;
  expect(looped.map(({ event, data }) => [event, data])).toEqual([
    ['queued', { queueId, position: 1 }],
    ['queued', { queueId, position: 0, reason: 'cancelled' }],
  ]);
  expect(await following.done).toEqual({ name: 'ended' });
  expect(following.current.queued).toEqual({ queueId, position: 0, reason: 'cancelled' });
  const late = followed(`${url}/stream/s-1`, { queueId });
  expect(await late.following.done).toMatchObject({ name: 'gone', error: { code: 'stream_not_found' } });
});

it('L167 a queue is listed, moved, cancelled, cleared with a stop and resumed; what waits no longer is refused by name', async () => {
  const { manager, url } = await serve(SERVED);
  const client = createStreamClient({ url, headers: ANN });
  expect(await client.queue.list('none')).toMatchObject({ waiting: [], held: false });
  const job = await startJob(manager, 's-1');
  const [first, second, third] = [
    await enqueue(manager, 'One'),
    await enqueue(manager, 'Two'),
    await enqueue(manager, 'Three'),
  ];
  const ids = ({ waiting }: Awaited<ReturnType<typeof client.queue.list>>) =>
    waiting.map(({ queueId }) => queueId);
  expect(ids(await client.queue.list('s-1'))).toEqual([first, second, third]);
  expect(ids(await client.queue.move('s-1', third, 1))).toEqual([third, first, second]);
  expect(await client.queue.cancel('s-1', first)).toMatchObject({ queueId: first, created: { text: 'One' } });
  for (const again of [client.queue.cancel('s-1', first), client.queue.move('s-1', first, 1)])
    await expect(again).rejects.toMatchObject({ code: 'run_not_queued', status: 409 });
  expect(await client.queue.resume('s-1')).toBe(false);
  const { unqueued } = await client.abort('s-1', { generation: job.generation, queue: 'clear' });
  expect(unqueued?.map(({ queueId }) => queueId)).toEqual([third, second]);
  const next = await startJob(manager, 's-1');
  const fourth = await enqueue(manager, 'Four');
  await client.abort('s-1', { generation: next.generation });
  await until('it is held', async () => (await client.queue.list('s-1')).held);
  expect(await client.queue.resume('s-1')).toBe(true);
  await until('it runs', async () => (await manager.getJob('s-1'))?.createId === fourth);
  const refused = await client.queue.list('s-1', { sginal: 1 } as never).catch((error: unknown) => error);
  expect(refused).toBeInstanceOf(StreamClientError);
  expect(refused).toMatchObject({ code: 'invalid_options' });
  const { url: without } = await serve();
  const none = createStreamClient({ url: without, headers: ANN }).queue.list('s-1');
  await expect(none).rejects.toMatchObject({ status: 404 });
});

it('L167 what a hook renders has the place of the run that waits, and then its answer', async () => {
  const { manager, url } = await serve(SERVED);
  const job = await startJob(manager, 's-1');
  const queueId = await enqueue(manager);
  const client = createStreamClient({ url, headers: ANN });
  const follow = { queueId, contentModel: textContent() };
  const store = new GenerationStore({ client, streamId: 's-1', follow, throttleMs: 0 });
  onTestFinished(store.subscribe(() => {}));
  await until('it waits', () => store.getSnapshot().queued?.position === 1);
  expect(store.getSnapshot()).toMatchObject({ status: undefined, content: undefined, error: undefined });
  await job.complete();
  await until('it has run', () => store.getSnapshot().status === 'completed');
  expect(store.getSnapshot()).toMatchObject({ queued: undefined, content: { text: queueId } });
});

it('L168 a feed tells how many wait, of a stream that has nothing else too', async () => {
  const options = { feed: true, logPollMs: 100, limits: { activeJobsPerUser: 1 } };
  const { manager, url } = await serve({ ...SERVED, manager: { ...SERVED.manager, options } });
  const job = await startJob(manager, 'other');
  const client = createStreamClient({ url, headers: ANN });
  const feed = client.followFeed({ onEvent: () => {} });
  onTestFinished(() => feed.close());
  await until('it begins', () => feed.streams.size === 1);
  const queueId = await enqueue(manager);
  await until('it is told', () => feed.streams.get('s-1')?.queued === 1);
  expect(feed.streams.get('s-1')).toMatchObject({ status: 'queued', generation: 0, seen: false });
  await client.queue.cancel('s-1', queueId);
  await until('nothing is left of it', () => !feed.streams.has('s-1'));
  await enqueue(manager);
  await until('it waits', () => feed.streams.get('s-1')?.status === 'queued');
  await job.complete();
  await until('it has run', () => feed.streams.get('s-1')?.status === 'completed');
  await until('none waits', () => feed.streams.get('s-1')?.queued === undefined);
});
