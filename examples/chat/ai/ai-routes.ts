/**
 * The same recordings for a page that speaks the AI SDK's protocol: `POST /` begins an answer or goes on with one, `GET
 * /:id/stream` goes on showing it, `POST /:id/stop` stops it. What is played, and how fast, stands in the headers of the POST
 * that begins an answer; the record remembers it for whoever goes on.
 */
import { type Request, type RequestHandler, Router } from 'express';
import type { Continuation, GenerationJob, GenerationJobManager } from 'generation-jobs';
import { createChatRouter } from 'generation-jobs/ai-sdk';
import type { Identity } from '../conversations/conversations.js';
import { DEFAULT_WISH, type RecordedAnswers, type Wish } from './recorded-answers.js';

export interface AiRoutesInput {
  readonly manager: GenerationJobManager;
  readonly answers: RecordedAnswers;
  readonly authorize: (request: Request) => Identity | null;
}

/** Events per second that can be asked for. */
const [SLOWEST, FASTEST] = [0.01, 1_000_000];

export function aiRoutes({ manager, answers, authorize }: AiRoutesInput): Router {
  const router = Router();
  router.post('/', wishesOf(answers.names));
  router.use(
    createChatRouter(manager, {
      authorize,
      metadata: ({ request }) => ({ ai: wishOf(request as Request) }),
      onMessage: ({ job, request }) => answers.play(job, wishOf(request as Request)),
      onResume: (job, continuation) => goOn(answers, job, continuation),
    }),
  );
  return router;
}

/** Goes on with an answer after a decision, or after the process that played it has died. */
export function goOn(answers: RecordedAnswers, job: GenerationJob, { record }: Continuation): Promise<void> {
  return answers.play(job, (record.metadata as { ai?: Wish }).ai ?? DEFAULT_WISH, record);
}

function wishOf(request: Request): Wish {
  return {
    recording: request.get('x-recording') ?? DEFAULT_WISH.recording,
    tokensPerSecond: Number(request.get('x-tokens-per-second') ?? DEFAULT_WISH.tokensPerSecond),
  };
}

/** Refuses what can't be played before there is an answer that would have to fail. */
function wishesOf(names: readonly string[]): RequestHandler {
  return (request, response, next) => {
    const { recording, tokensPerSecond } = wishOf(request);
    const refuse = (code: string, message: string) => response.status(400).json({ error: { code, message } });
    if (!names.includes(recording))
      return refuse('unknown_recording', `The recording must be one of: ${names.join(', ')}.`);
    if (!(tokensPerSecond >= SLOWEST && tokensPerSecond <= FASTEST))
      return refuse(
        'invalid_argument',
        `x-tokens-per-second must be a number from ${SLOWEST} to ${FASTEST}.`,
      );
    return next();
  };
}
