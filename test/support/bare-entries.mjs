// biome-ignore-all lint/nursery/noFloatingPromises: what nobody awaits is what this is about.
/**
 * A process that awaits nothing: makes each call of the other entries bare, so that it fails, and each call of a manager and
 * its approvals with options that are none. Prints the names of the manager's calls, and what `onError` was told, one JSON
 * line each. Any unhandled rejection ends it.
 */
import { createStreamServices, GenerationJobManager } from 'generation-jobs';
import { Checkpointer, createCheckpointer, createToolPolicy } from 'generation-jobs/agents';
import { createChatHandler } from 'generation-jobs/ai-sdk';
import { uiMessageContent } from 'generation-jobs/content';
import { createDecisionHandler, createDecisionLinks, tellOnce } from 'generation-jobs/decision-links';
import { connectRedis, RedisJobStore } from 'generation-jobs/redis';
import { createStreamHandler } from 'generation-jobs/web';
import { createWorkerHandler, workerLost } from 'generation-jobs/worker/gateway';

const print = (line) => console.log(JSON.stringify(line));
/** Bare calls that nobody has been told of yet. */
let untold = 0;
const onError = ({ where, error, details }) => {
  untold--;
  print({ where, ...details, code: error.code ?? error.name });
};
const warn = console.error;
console.error = (text) => {
  untold--;
  warn(text);
};
const contentModels = [uiMessageContent()];
const manager = new GenerationJobManager({ ...createStreamServices(), contentModels, hooks: { onError } });

/** Called with options that are none, each of these gives a promise that rejects. */
const TAKE_NOTHING = new Set(['constructor', 'start', 'stats', 'health', 'close']);
const THROW_AT_ONCE = new Set(['subscribe', 'subscribeUser', 'followerCount']);
for (const owner of [manager, manager.approvals]) {
  const members = Object.getOwnPropertyDescriptors(Object.getPrototypeOf(owner));
  for (const [name, { value }] of Object.entries(members)) {
    if (typeof value !== 'function' || TAKE_NOTHING.has(name) || THROW_AT_ONCE.has(name)) continue;
    print({ called: name });
    untold++;
    owner[name]({ none: 1 }, { none: 1 });
  }
}
untold += 5;
createChatHandler(manager, { authorize: () => null, onMessage: () => {} })({ url: 'nowhere' });
createStreamHandler(manager, { authorize: () => null })({ url: 'nowhere' });
const keys = [{ id: 'k', secret: 'x'.repeat(32) }];
createWorkerHandler(manager, { keys })({ url: 'nowhere' });
const links = createDecisionLinks({ keys, url: 'https://chat.example/decide' });
createDecisionHandler(manager, { links, onResume: () => {} })({ url: 'nowhere' });
tellOnce(manager, {}, 7);

const nobody = () => Promise.reject(new Error('Mongo is away'));
const saver = { getTuple: nobody, deleteThread: nobody };
const on = () => {};
const client = {
  on,
  off: on,
  call: on,
  eval: on,
  evalsha: on,
  subscribe: on,
  unsubscribe: on,
  duplicate: on,
};
untold += 10;
connectRedis('redis://127.0.0.1:1', { connectTimeoutMs: 20 });
connectRedis('nonsense');
workerLost(manager, {});
links.createDecisionLink({});
createCheckpointer({ ttlMs: 1 });
createCheckpointer({ importPeer: nobody });
new Checkpointer(saver).deleteThread('t');
new Checkpointer(saver).isPausedAt({ threadId: 't', checkpointId: 'c', checkpointNs: '' });
new RedisJobStore(client).raiseFormat(7);
createToolPolicy({ endpoint: { enabled: true } }).decide();
const deadline = Date.now() + 10_000;
while (untold > 0 && Date.now() < deadline) await new Promise((resolve) => setTimeout(resolve, 10));
await manager.close();
