/** A process that follows idle streams, and tells what each costs its heap. */
import { createStreamServices, GenerationJobManager, type Subscription } from 'generation-jobs';
import { heapUsed } from '../figures.js';
import { connect } from './clients.js';
import { setupOfChild } from './messages.js';
import { streamIdOf } from './senders.js';

const AT_ONCE = 100;

export interface IdleSetup {
  readonly port: number;
  readonly streams: number;
}

const { port, streams } = setupOfChild<IdleSetup>();
const manager = new GenerationJobManager(createStreamServices({ redis: connect({ port, cluster: false }) }));
await manager.start();
await Promise.all(Array.from({ length: AT_ONCE }, (_, stream) => follow(stream)));

const subscriptions: Subscription[] = [];
const before = heapUsed();
for (let first = AT_ONCE; first < AT_ONCE + streams; first += AT_ONCE) {
  subscriptions.push(
    ...(await Promise.all(Array.from({ length: AT_ONCE }, (_, more) => follow(first + more)))),
  );
}
await new Promise((resolve) => setTimeout(resolve, 200));
process.send?.((heapUsed() - before) / subscriptions.length);
process.once('disconnect', () => process.exit(0));

/** As an idle reader does: it has read what there is, and waits for more. */
async function follow(stream: number): Promise<Subscription> {
  const subscription = manager.subscribe(streamIdOf(stream));
  await subscription.ready;
  await subscription.next();
  void subscription.next();
  return subscription;
}
