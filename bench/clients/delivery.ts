/**
 * One stream of UI chunks to 1,000 followers, who live in another process: CPU of this process per delivery as the AI SDK's
 * stream, against the library's own of the same events, in the same run.
 */
import { fork } from 'node:child_process';
import { once } from 'node:events';
import { createServer } from 'node:http';
import { join } from 'node:path';
import express from 'express';
import { createStreamServices, GenerationJobManager } from 'generation-jobs';
import { createChatRouter, UI_EVENT } from 'generation-jobs/ai-sdk';
import { uiMessageContent } from 'generation-jobs/content';
import { createStreamRouter } from 'generation-jobs/express';
import { type Contender, cpuPerDelivery, FOLLOWERS } from '../cpu-per-delivery.js';
import { median, ratioOf, repeatShuffled } from '../figures.js';

const REPETITIONS = 5;
const CHAT = 'bench';

export async function benchDelivery(): Promise<void> {
  const clients = fork(join(import.meta.dirname, '..', 'sse-clients.js'));
  const results = await repeatShuffled(REPETITIONS, {
    native: async () => cpuPerDelivery(clients, await contender('/native/stream/bench'), 1),
    ui: async () => cpuPerDelivery(clients, await contender('/chat/bench/stream'), 1),
  });
  clients.disconnect();
  await once(clients, 'exit');
  const cost = (name: keyof typeof results) => `${median(results[name]).toFixed(1)} µs`;
  console.log(
    `UI chunks to ${FOLLOWERS} followers, CPU per delivery: the library’s own stream ${cost('native')}`,
  );
  console.log(
    `  the AI SDK’s stream ${cost('ui')}, x the library’s own ${ratioOf(results.ui, results.native)} (goal <= 1.5)`,
  );
}

/** The same app either way: what differs is where its followers are. */
async function contender(path: string): Promise<Contender> {
  const manager = new GenerationJobManager({
    ...createStreamServices(),
    contentModels: [uiMessageContent()],
  });
  const created = await manager.createJob({
    ...{ streamId: CHAT, userId: 'bench', contentModel: 'ui-message' },
    created: { chatId: CHAT, messageId: 'answer' },
  });
  if (!created.started) throw new Error('not started');
  const { job } = created;
  for (const data of [{ type: 'start-step' }, { type: 'text-start', id: '0' }])
    await job.emit({ event: UI_EVENT, data });
  await job.flush();
  const authorize = () => ({ userId: 'bench' });
  const app = express();
  app.use('/native', createStreamRouter(manager, { authorize }));
  app.use('/chat', createChatRouter(manager, { authorize, onMessage: () => undefined }));
  let index = 0;
  return {
    ...{ server: createServer(app), path },
    async send(count) {
      for (let one = 0; one < count; one++) void job.emit({ event: UI_EVENT, data: chunk(++index) });
      await job.flush();
    },
    close: () => manager.close(),
  };
}

/** As large as the events of the other bench; a client counts the marks. */
function chunk(mark: number) {
  return { type: 'text-delta', id: '0', delta: 'twenty characters ab', mark, pad: 'p'.repeat(20) };
}
