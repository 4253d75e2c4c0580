/**
 * Heap of an idle followed stream: what following costs this process, beside the job itself, while nothing happens.
 */
import { createStreamServices, GenerationJobManager, type Subscription } from 'generation-jobs';
import { heapUsed } from './figures.js';

const STREAMS = 5000;

export async function benchIdle(): Promise<void> {
  const manager = new GenerationJobManager(createStreamServices());
  for (let index = 0; index < STREAMS; index++)
    await manager.createJob({ streamId: `idle-${index}`, userId: 'bench' });
  const before = heapUsed();
  const subscriptions: Subscription[] = [];
  for (let index = 0; index < STREAMS; index++) {
    const subscription = manager.subscribe(`idle-${index}`);
    await subscription.ready;
    await subscription.next();
    void subscription.next(); // waits for the second event, as an idle reader does
    subscriptions.push(subscription);
  }
  await new Promise((resolve) => setTimeout(resolve, 50));
  const each = (heapUsed() - before) / STREAMS;
  console.log(`idle followed stream: ${Math.round(each)} bytes of heap each, of ${STREAMS} (goal <= 1,536)`);
  for (const subscription of subscriptions) subscription.close();
  await manager.close();
}
