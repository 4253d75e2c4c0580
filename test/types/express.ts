/** `onResume` of the Express routes gets the host's job, and Express's request. */
import type { Request } from 'express';
import type { GenerationJob } from 'generation-jobs';
import { createStreamRouter } from 'generation-jobs/express';
import { type Chat, type ChatContent, type ChatTypes, same } from './chat.js';

declare const chat: Chat;

export const router = createStreamRouter(chat, {
  authorize: (request) => ({ userId: request.get('x-user') ?? '' }),
  framing: 'close',
  onResume(job, continuation, request) {
    same<typeof job, GenerationJob<ChatTypes>>(true);
    same<typeof continuation.content, ChatContent | null>(true);
    same<typeof request, Request>(true);
    void job.emit({ event: 'text', data: { delta: 'On' } });
    // @ts-expect-error a misspelt name
    void job.emit({ event: 'txt', data: { delta: 'On' } });
  },
});

// @ts-expect-error nobody is let in unless `authorize` says so
createStreamRouter(chat, {});
// @ts-expect-error a misspelt option
createStreamRouter(chat, { authorize: () => null, heartbeatMS: 1000 });
