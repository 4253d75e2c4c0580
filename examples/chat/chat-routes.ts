/**
 * The routes of the chat itself, beside the library's stream routes: start an answer, list the recordings, list and
 * read conversations.
 */
import express, { type RequestHandler, Router } from 'express';
import { ERROR_TABLE } from 'generation-jobs';
import { z } from 'zod';
import { type Answers, DEFAULT_RECORDING } from './answers.js';
import type { Conversations } from './conversations.js';
import type { Recording } from './recordings.js';
import { notFound, refuse, sameOriginOnly, withIdentity } from './replies.js';

export interface ChatRoutesInput {
  readonly answers: Answers;
  readonly conversations: Conversations;
  readonly recordings: ReadonlyMap<string, Recording>;
  /** The name of the live model, if there is one. */
  readonly liveModel: string | undefined;
  /** Largest body of a request. */
  readonly bodyBytes: number;
}

const chatRequest = z.strictObject({
  text: z
    .string()
    .max(32_000)
    .refine((text) => text.trim() !== '', 'must not be blank'),
  conversationId: z.string().optional(),
  recording: z.string().optional(),
  tokensPerSecond: z.number().min(0.01).max(1_000_000).optional(),
  idempotencyKey: z.string().min(1).max(256).optional(),
  onConflict: z.enum(['replace', 'reject', 'join']).optional(),
});

export function chatRoutes(input: ChatRoutesInput): Router {
  const { answers, conversations, recordings, liveModel, bodyBytes } = input;
  const router = Router();
  router.use(neverStored);
  router.post(
    '/',
    sameOriginOnly,
    jsonOnly,
    express.json({ limit: bodyBytes, inflate: false }),
    withIdentity(async (owner, request, response) => {
      response.json(await answers.start(owner, chatRequest.parse(request.body)));
    }),
  );
  router.get('/recordings', (_request, response) => {
    response.json({
      recordings: [...recordings.keys()],
      default: DEFAULT_RECORDING,
      liveModel: liveModel ?? null,
    });
  });
  router.get(
    '/conversations',
    withIdentity((owner, _request, response) => {
      const listed = conversations.list(owner).map(({ turns, ...conversation }) => ({
        ...conversation,
        isActive: turns.at(-1)?.status === 'running',
      }));
      response.json({ conversations: listed });
    }),
  );
  router.get(
    '/conversations/:id',
    withIdentity((owner, request, response) => {
      const conversation = conversations.get(owner, String(request.params.id));
      if (conversation) response.json(conversation);
      else notFound(request, response, () => {});
    }),
  );
  return router;
}

/** What belongs to one user must not reach another one through a cache in between. */
const neverStored: RequestHandler = (_request, response, next) => {
  response.set({ 'cache-control': 'private, no-store', 'x-content-type-options': 'nosniff' });
  next();
};

/** Express leaves other types unread, and the request would look empty instead of wrong. */
const jsonOnly: RequestHandler = (request, response, next) => {
  if (request.is('application/json')) return next();
  const { status } = ERROR_TABLE.unsupported_media_type;
  return refuse(response, { status, code: 'unsupported_media_type', message: 'Send application/json.' });
};
