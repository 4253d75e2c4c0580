/**
 * A change in a user's feed against an event of a stream: how long each takes from one replica to a follower on another, by
 * connections of their own, in pairs.
 */
import { createStreamServices, GenerationJobManager } from 'generation-jobs';
import { median, ratioOf } from '../figures.js';
import { connect } from './clients.js';

const PAIRS = 300;
const GOAL = 3;

/** What one pair took, in milliseconds. */
interface Pair {
  readonly event: number;
  readonly change: number;
}

export async function benchFeeds(port: number, repetitions: number): Promise<void> {
  const clients = [connect({ port, cluster: false }), connect({ port, cluster: false })];
  const [here, there] = clients.map(
    (redis) => new GenerationJobManager({ ...createStreamServices({ redis }), options: { feed: true } }),
  ) as [GenerationJobManager, GenerationJobManager];
  await Promise.all([here.start(), there.start()]);
  const feed = there.subscribeUser({ userId: 'u' });
  await feed.next();
  await measure(here, there, feed, PAIRS / 3); // scripts and code are warm then
  const medians: Pair[] = [];
  for (let at = 0; at < repetitions; at++) {
    const pairs = await measure(here, there, feed, PAIRS);
    medians.push({
      event: median(pairs.map(({ event }) => event)),
      change: median(pairs.map(({ change }) => change)),
    });
  }
  const [events, changes] = [medians.map(({ event }) => event), medians.map(({ change }) => change)];
  console.log(
    `\na change in a feed on another replica ${median(changes).toFixed(2)} ms, an event ${median(events).toFixed(2)} ms, ` +
      `ratio ${ratioOf(changes, events)} (goal <= ${GOAL})`,
  );
  feed.close();
  await Promise.all([here.close(), there.close()]);
  for (const redis of clients) redis.disconnect();
}

async function measure(
  here: GenerationJobManager,
  there: GenerationJobManager,
  feed: ReturnType<GenerationJobManager['subscribeUser']>,
  pairs: number,
): Promise<Pair[]> {
  const taken: Pair[] = [];
  for (let at = 0; at < pairs; at++) {
    const created = await here.createJob({ streamId: `feed-${at}`, userId: 'u' });
    const follower = there.subscribe(`feed-${at}`, { after: 'tail' });
    await follower.ready;
    await until(feed, 'started');
    const emittedAt = performance.now();
    void created.job?.emit({ event: 'text', data: { text: 'a' } });
    await follower.next();
    const event = performance.now() - emittedAt;
    const changedAt = performance.now();
    void created.job?.complete();
    await until(feed, 'ended');
    taken.push({ event, change: performance.now() - changedAt });
    follower.close();
  }
  return taken;
}

async function until(
  feed: ReturnType<GenerationJobManager['subscribeUser']>,
  name: 'started' | 'ended',
): Promise<void> {
  for (;;) {
    const { value } = await feed.next();
    if (value?.event === name) return;
  }
}
