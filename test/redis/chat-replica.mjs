/**
 * A replica with the routes of a chat, as a host has it: the built library on a Redis, behind Express. What its answers say
 * depends on the message; one that waits does so until its parent says `open`. argv[2]: `{ port, keyPrefix, options, redisOptions, recovers }`.
 */

import { setTimeout as pause } from 'node:timers/promises';
import express from 'express';
import { createStreamServices, GenerationJobManager, isGenerationJobError } from 'generation-jobs';
import { createChatRouter, resumeChat } from 'generation-jobs/ai-sdk';
import { uiMessageContent } from 'generation-jobs/content';
import { Redis } from 'ioredis';

process.on('disconnect', () => process.exit(0));
if (!process.connected) process.exit(0);

const { port, keyPrefix, options, redisOptions, recovers } = JSON.parse(process.argv[2]);
const redis = new Redis({ port, host: '127.0.0.1' });
redis.on('error', () => {}); // told by what fails

let open;
const opened = new Promise((resolve) => {
  open = resolve;
});
process.on('message', (said) => said === 'open' && open());

async function* say(...pieces) {
  yield { type: 'start' };
  yield { type: 'start-step' };
  yield { type: 'text-start', id: 't' };
  for (const piece of pieces) {
    if (piece === 'wait') await opened;
    else yield { type: 'text-delta', id: 't', delta: piece };
  }
  yield { type: 'text-end', id: 't' };
  yield { type: 'finish-step' };
  yield { type: 'finish', finishReason: 'stop' };
}

const onMessage = async ({ messages, job }) => {
  if (messages.at(-1).parts[0].text !== 'Mail bob') return say('Half of it, ', 'wait', 'and the rest.');
  await job.pause({
    type: 'tool_approval',
    requests: [{ id: 'call-1', name: 'send_mail', arguments: { to: 'bob' } }],
  });
  return undefined;
};

async function* onResume(_job, { resolution }) {
  if (resolution === undefined) {
    yield* say('Begun ', 'wait', 'anew.');
    return;
  }
  await redis.rpush(`${keyPrefix}sent`, process.pid);
  if (process.argv[3] === 'dies') process.kill(process.pid, 'SIGKILL');
  yield { type: 'tool-output-available', toolCallId: 'call-1', output: 'sent' };
  yield* say('It is ', 'wait', 'sent.');
}

const manager = new GenerationJobManager({
  ...createStreamServices({ redis, keyPrefix, ...redisOptions }),
  options,
  contentModels: [uiMessageContent()],
  hooks: {
    onError: () => {},
    // What was decided stays shown; an answer that was cut off begins anew.
    recoverMode: ({ resumedAction }) => (resumedAction ? 'continue' : 'restart'),
    ...(recovers && { recover: resumeChat(onResume) }),
  },
});

/** A busy machine may answer late; who starts a replica tries again. */
async function start() {
  try {
    await manager.start();
  } catch (error) {
    if (!isGenerationJobError(error, 'unavailable')) throw error;
    await pause(100);
    await start();
  }
}

await start();
const app = express();
const authorize = (request) => ({ userId: request.get('x-session') });
app.use('/api/chat', createChatRouter(manager, { authorize, onMessage, onResume }));
const server = app.listen(0, '127.0.0.1', () => process.send({ port: server.address().port }));
