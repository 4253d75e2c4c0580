/**
 * A backend for `useChat` whose answers survive: a reload, a second tab, a broken link, and with REDIS_URL the end of the process
 * that makes them. It asks before it sends a mail. What is yours is marked so.
 */
import { createServer } from 'node:http';
import { join } from 'node:path';
import { convertToModelMessages, stepCountIs, streamText, type UIMessage } from 'ai';
import express from 'express';
import {
  type Continuation,
  createStreamServices,
  type GenerationJob,
  GenerationJobManager,
} from 'generation-jobs';
import { chatOf, createChatRouter, resumeChat } from 'generation-jobs/ai-sdk';
import { uiMessageContent } from 'generation-jobs/content';
import { SERVER_OPTIONS } from 'generation-jobs/express';
import { connectRedis } from 'generation-jobs/redis';
import { openChats } from './chats.js';
import { model } from './model.js';
import { tools } from './tools.js';

const { REDIS_URL, PORT = '3000', HOST = 'localhost' } = process.env;
const redis = REDIS_URL ? await connectRedis(REDIS_URL) : undefined;
const chats = openChats(REDIS_URL);
const authorize = () => ({ userId: 'demo' }); // yours: who asks, by the session of the request

const manager = new GenerationJobManager({
  ...createStreamServices(redis && { redis }),
  contentModels: [uiMessageContent()],
  hooks: {
    /** Saves the answer that is over, as far as it came. Until then a page gets it from the stream. */
    settle: ({ record, content }) => chats.add(chatOf(record)?.id ?? record.streamId, content as UIMessage),
    recover: resumeChat(goOn), // only because asking the model twice is acceptable here, should a process die
  },
});
await manager.start();

const app = express();
app.get('/api/chat/:id/messages', async (request, response) =>
  response.json(await chats.get(request.params.id)),
);
app.use(
  '/api/chat',
  createChatRouter<UIMessage>(manager, {
    authorize,
    async onMessage({ id, messages, job }) {
      await chats.save(id, messages); // yours: take the last message alone, and the others from your database
      return answer(job, messages);
    },
    onResume: goOn,
  }),
);
app.use(express.static(join(import.meta.dirname, '..', 'page')));
createServer(SERVER_OPTIONS, app).listen(Number(PORT), HOST, () => console.log(`http://localhost:${PORT}`));

/** Goes on once somebody has decided: what was said before, and the answer so far with the decision in it. */
async function goOn(job: GenerationJob, { record, content, resolution }: Continuation) {
  const before = await chats.get(chatOf(record)?.id ?? record.streamId);
  // An answer that begins again after a crash has nothing yet to go on from.
  return answer(job, resolution ? [...before, content as UIMessage] : before);
}

/** Asks the model. A tool with `needsApproval` ends the stream, and the job waits for a person. */
async function answer(job: GenerationJob, messages: UIMessage[]) {
  const prompt = await convertToModelMessages(messages, { tools });
  return streamText({ model, tools, messages: prompt, abortSignal: job.signal, stopWhen: stepCountIs(5) });
}
