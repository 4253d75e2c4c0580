/** One answer, followed by as many pages as like, that outlives each of them. */
import { createServer } from 'node:http';
import { setTimeout as pause } from 'node:timers/promises';
import express from 'express';
import { createStreamServices, GenerationJobManager } from 'generation-jobs';
import { textContent } from 'generation-jobs/content';
import { createStreamRouter, SERVER_OPTIONS } from 'generation-jobs/express';

const authorize = () => ({ userId: 'demo' }); // yours: who asks, by the session of the request
const manager = new GenerationJobManager({ ...createStreamServices(), contentModels: [textContent()] });

const app = express();
app.use('/api/chat', createStreamRouter(manager, { authorize }));
app.post('/api/chat', async (_request, response) => {
  const streamId = crypto.randomUUID();
  const created = await manager.createJob({ ...authorize(), streamId, contentModel: 'text' });
  if (created.started) void created.job.run((job) => job.pipe(askModel));
  response.json({ streamId });
});
app.get('/', (_request, response) => response.sendFile('index.html', { root: import.meta.dirname }));

const port = Number(process.env.PORT ?? 3000);
createServer(SERVER_OPTIONS, app).listen(port, 'localhost', () => console.log(`http://localhost:${port}`));

/** Yours: the model. The signal fires when the answer is stopped. */
async function* askModel(signal: AbortSignal) {
  for (const word of 'Once upon a time there was an answer that nobody had to wait for twice.'.split(' ')) {
    yield { event: 'text', data: { text: `${word} ` } };
    await pause(250, undefined, { signal });
  }
}
