/** Any number of these processes on one Redis: each can follow, stop and go on with what another one has begun. */
import { createServer } from 'node:http';
import { join } from 'node:path';
import { setTimeout as pause } from 'node:timers/promises';
import express from 'express';
import { createStreamServices, GenerationJobManager } from 'generation-jobs';
import { textContent } from 'generation-jobs/content';
import { createStreamRouter, SERVER_OPTIONS } from 'generation-jobs/express';
import { connectRedis } from 'generation-jobs/redis';

const authorize = () => ({ userId: 'demo' }); // yours: who asks, by the session of the request
const redis = await connectRedis(process.env.REDIS_URL ?? 'redis://localhost:6379');
const manager = new GenerationJobManager({
  ...createStreamServices({ redis }),
  contentModels: [textContent()],
  hooks: {
    recover: (job) => job.pipe(askModel), // when a process has died: another one starts the answer over
    settle: ({ settlementId, record, content }) => console.log('save', settlementId, record.status, content), // yours
  },
});
await manager.start(); // fails here, in words, when Redis is not as it must be

const app = express();
app.use('/api/chat', createStreamRouter(manager, { authorize }));
app.post('/api/chat', async (_request, response) => {
  const streamId = crypto.randomUUID();
  const created = await manager.createJob({ ...authorize(), streamId, contentModel: 'text' });
  if (created.started) void created.job.run((job) => job.pipe(askModel));
  response.json({ streamId });
});
const page = join(import.meta.dirname, '../minimal'); // the same page
app.get('/', (_request, response) => response.sendFile('index.html', { root: page }));

const { PORT = 3000, HOST = 'localhost' } = process.env;
const server = createServer(SERVER_OPTIONS, app);
server.listen(Number(PORT), HOST, () => console.log(`http://localhost:${PORT}`));

process.once('SIGTERM', async () => {
  server.close(); // takes no new connections
  await manager.drain(); // tells readers to come back elsewhere; lets answers end, or hands them over
  await manager.close();
  await redis.quit(); // the client is yours
  server.closeAllConnections();
});

/** Yours: the model. The signal fires when the answer is stopped. */
async function* askModel(signal: AbortSignal) {
  for (const word of 'Once upon a time there was an answer that nobody had to wait for twice.'.split(' ')) {
    yield { event: 'text', data: { text: `${word} ` } };
    await pause(250, undefined, { signal });
  }
}
