/** An answer that asks before it acts. The question waits for its person through reloads and restarts of the page. */
import { createServer } from 'node:http';
import express from 'express';
import type { Continuation, GenerationJob, Hooks } from 'generation-jobs';
import { createStreamServices, fingerprintOf, GenerationJobManager } from 'generation-jobs';
import { textContent } from 'generation-jobs/content';
import { createStreamRouter, SERVER_OPTIONS } from 'generation-jobs/express';

const authorize = () => ({ userId: 'demo' }); // yours: who asks, by the session of the request
const setup = () => fingerprintOf({ model: 'model-1', tools: { send_mail: 3 } }); // what must not change meanwhile
const say = (job: GenerationJob, text: string) => job.emit({ event: 'text', data: { text } });

const hooks: Hooks = {
  /** Judges a decision before it is made. Yours: permission, moderation of what was typed, checks of what was edited. */
  beforeResolve({ decisions = [] }) {
    if (decisions.some(({ decision, arguments: edited }) => decision === 'edit' && !isMail(edited)))
      return false;
    return { fingerprint: setup() };
  },
  recover: goOn, // only because sending twice is acceptable here, should the process die while it sends
};
const manager = new GenerationJobManager({
  ...createStreamServices(),
  contentModels: [textContent()],
  hooks,
});

const app = express();
app.use('/api/chat', createStreamRouter(manager, { authorize, onResume: goOn }));
app.post('/api/chat', async (_request, response) => {
  const streamId = crypto.randomUUID();
  const created = await manager.createJob({ ...authorize(), streamId, contentModel: 'text' });
  if (created.started) void created.job.run(ask);
  response.json({ streamId });
});
app.get('/', (_request, response) => response.sendFile('index.html', { root: import.meta.dirname }));

const port = Number(process.env.PORT ?? 3000);
createServer(SERVER_OPTIONS, app).listen(port, 'localhost', () => console.log(`http://localhost:${port}`));

/** What the model does until it wants to call a tool. Nothing of it stays in the process while the question waits. */
async function ask(job: GenerationJob) {
  await say(job, 'I would write to Bob. ');
  const call = { id: 'call-1', name: 'send_mail', arguments: { to: 'bob', text: 'Lunch?' } };
  await job.pause({
    type: 'tool_approval',
    requests: [{ ...call, allowedDecisions: ['approve', 'edit', 'reject'] }],
    resumeContext: { messages: ['all it takes to build the run again'] }, // never leaves the server
    fingerprint: setup(),
  });
}

/** What it does once somebody has decided: called for one decision only, in whatever process took it. */
async function goOn(job: GenerationJob, { action, resolution }: Continuation) {
  if (!action || !resolution) throw new Error('The process died before anybody had decided.');
  for (const { id, decision, arguments: edited } of resolution.decisions ?? []) {
    const asked = action.requests.find((request) => request.id === id);
    const mail = edited ?? asked?.arguments;
    if (decision === 'reject' || !isMail(mail)) await say(job, 'Not sent.');
    else await say(job, `Sent “${mail.text}” to ${mail.to}.`); // yours: the tool
  }
}

function isMail(value: unknown): value is { to: string; text: string } {
  const { to, text } = (value ?? {}) as { to?: unknown; text?: unknown };
  return typeof to === 'string' && typeof text === 'string' && text.length <= 500;
}
