/** A feed that is followed by the client from a real server: where each stream stands, whatever becomes of the connection. */
import {
  createStreamClient,
  type FeedEvent,
  type FeedOptions,
  followFeed,
  StreamClientError,
} from 'generation-jobs/client';
import { expect, it, onTestFinished } from 'vitest';
import { serve, startJob, until } from '../http/serving.js';
import { ANN } from './tools.js';

const FED = { manager: { options: { feed: true } }, routes: { retryMs: 10, heartbeatMs: 20 } } as const;

function followed(url: string, options: FeedOptions = {}) {
  const events: FeedEvent[] = [];
  const feed = followFeed(`${url}/feed`, {
    headers: ANN,
    longestPauseMs: 20,
    onEvent: (event) => void events.push(event),
    ...options,
  });
  onTestFinished(() => feed.close());
  return { feed, events, names: () => events.map(({ event }) => event) };
}

it('L126 streams are what the feed says, over cuts and a server that leaves; what is known is told once', async () => {
  const served = await serve(FED);
  const { manager, url } = served;
  await startJob(manager, 'before');
  const { feed, events, names } = followed(url);
  await until('it begins', () => events.length === 1);
  expect([...feed.streams.values()].map(({ streamId, status }) => `${streamId} ${status}`)).toEqual([
    'before running',
  ]);
  for (let at = 0; at < 20; at++) {
    const job = await startJob(manager, `s-${at}`);
    if (at % 3 === 0) served.cut();
    await (at % 2 === 0 ? job.complete() : job.pause({ type: 'checkpoint' }));
    await until(
      'it is told',
      () => feed.streams.get(`s-${at}`)?.status !== 'running' && feed.streams.has(`s-${at}`),
    );
  }
  const cursors = events.map(({ cursor }) => Number(cursor.slice(2)));
  expect(cursors).toEqual([...new Set(cursors)].sort((a, b) => a - b));
  expect(feed.streams.get('s-2')).toMatchObject({ status: 'completed', seen: false });
  expect(feed.streams.get('s-3')).toMatchObject({
    status: 'requires_action',
    action: { type: 'checkpoint' },
  });
  const client = createStreamClient({ url, headers: ANN });
  await client.markSeen('s-2', { generation: feed.streams.get('s-2')?.generation });
  await until('it is seen', () => feed.streams.get('s-2')?.seen === true);
  await manager.deleteStream('s-3', { userId: 'ann' });
  await until('it is gone', () => !feed.streams.has('s-3'));
  expect(names().slice(-2)).toEqual(['seen', 'removed']);
  feed.close();
  expect(await feed.done).toEqual({ name: 'closed' });
});

it('L126 a loop gets the events; where there is no feed it says so, and a sync takes the place of what was known', async () => {
  const { manager, url } = await serve(FED);
  const names: string[] = [];
  const client = createStreamClient({ url, headers: ANN });
  for await (const { event } of client.followFeed()) {
    names.push(event);
    if (event === 'sync') void startJob(manager, 'a');
    if (event === 'started') void manager.deleteUser({ userId: 'ann' });
    if (names.filter((name) => name === 'sync').length === 2) break;
  }
  expect(names[0]).toBe('sync');
  expect(names.at(-1)).toBe('sync');
  const { url: unfed } = await serve();
  const missing = followed(unfed);
  const state = await missing.feed.done;
  expect(state).toMatchObject({ name: 'gone', error: expect.any(StreamClientError) });
});
