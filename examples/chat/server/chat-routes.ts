/**
 * The routes of the chat itself, beside the library's stream routes: start an answer, list the recordings, and the
 * history of conversations.
 */
import express, { type RequestHandler, Router } from 'express';
import { z } from 'zod';
import { type Answers, DEFAULT_RECORDING } from '../playing/answers.js';
import { DEMOS } from '../playing/demos.js';
import { type ConversationRoutesInput, conversationRoutes } from './conversation-routes.js';
import { jsonOnly, sameOriginOnly, withIdentity } from './replies.js';

export interface ChatRoutesInput extends ConversationRoutesInput {
  readonly answers: Answers;
  /** The names of the recordings. */
  readonly recordings: readonly string[];
  /** The name of the live model, if there is one. */
  readonly liveModel: string | undefined;
}

/** A question of 32,000 characters fits, however many bytes each takes. */
const MOST_BODY_BYTES = 256 * 1024;

const chatRequest = z.strictObject({
  text: z
    .string()
    .max(32_000)
    .refine((text) => text.trim() !== '', 'must not be blank'),
  conversationId: z.string().optional(),
  recording: z.string().optional(),
  tokensPerSecond: z.number().min(0.01).max(1_000_000).optional(),
  idempotencyKey: z.string().min(1).max(256).optional(),
  expects: z.strictObject({ generation: z.number().int().positive() }).nullable().optional(),
  onConflict: z.enum(['replace', 'reject', 'join', 'enqueue']).optional(),
});

export function chatRoutes(input: ChatRoutesInput): Router {
  const { answers, recordings, liveModel } = input;
  const router = Router();
  router.use(neverStored);
  router.post(
    '/',
    sameOriginOnly,
    jsonOnly,
    express.json({ limit: MOST_BODY_BYTES, inflate: false }),
    withIdentity(async (owner, request, response) => {
      response.json(await answers.start(owner, chatRequest.parse(request.body)));
    }),
  );
  router.get('/recordings', (_request, response) => {
    response.json({
      recordings,
      demos: [...DEMOS.keys()],
      default: DEFAULT_RECORDING,
      liveModel: liveModel ?? null,
    });
  });
  router.use('/conversations', conversationRoutes(input));
  return router;
}

/** What belongs to one user must not reach another one through a cache in between. */
const neverStored: RequestHandler = (_request, response, next) => {
  response.set({ 'cache-control': 'private, no-store', 'x-content-type-options': 'nosniff' });
  next();
};
