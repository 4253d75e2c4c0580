/** The history of conversations: the caller's own are listed, read, renamed and deleted. */
import express, { type RequestHandler, Router } from 'express';
import { type GenerationJobManager, isActive, isGenerationJobError, isStreamId } from 'generation-jobs';
import { z } from 'zod';
import { type Conversations, type Identity, LONGEST_TITLE } from '../conversations/conversations.js';
import { jsonOnly, notFound, sameOriginOnly, withIdentity } from './replies.js';

export interface ConversationRoutesInput {
  readonly manager: GenerationJobManager;
  readonly conversations: Conversations;
}

/** A title fits, however many bytes each of its characters takes. */
const MOST_BODY_BYTES = 4 * 1024;
/** A history is not waited for any longer; what is saved later shows with the next look. */
const LONGEST_SAVE_MS = 3_000;

const renaming = z.strictObject({ title: z.string().trim().min(1).max(LONGEST_TITLE) });

export function conversationRoutes({ manager, conversations }: ConversationRoutesInput): Router {
  const router = Router();
  router.get(
    '/',
    withIdentity(async (owner, _request, response) => {
      const active = new Set((await manager.listActiveJobs(owner)).map(({ streamId }) => streamId));
      const listed = await conversations.list(owner);
      response.json({ conversations: listed.map((one) => ({ ...one, isActive: active.has(one.id) })) });
    }),
  );
  router.get(
    '/:id',
    withIdentity(async (owner, request, response) => {
      const id = String(request.params.id);
      await whenSaved(manager, owner, id);
      const conversation = await conversations.get(owner, id);
      if (conversation) response.json(conversation);
      else notFound(request, response, () => {});
    }),
  );
  router.patch(
    '/:id',
    sameOriginOnly,
    jsonOnly,
    express.json({ limit: MOST_BODY_BYTES, inflate: false }),
    withIdentity(async (owner, request, response) => {
      const { title } = renaming.parse(request.body);
      const id = String(request.params.id);
      const isRenamed = await conversations.rename(owner, id, title);
      if (isRenamed) await tellTitle(manager, owner, id, title);
      if (isRenamed) response.json({ id, title });
      else notFound(request, response, () => {});
    }),
  );
  router.delete('/:id', sameOriginOnly, deleting({ manager, conversations }));
  return router;
}

/** Answers that have ended are in the history before it is read: a page that reloads after a stop shows what was stopped. */
async function whenSaved(manager: GenerationJobManager, owner: Identity, id: string): Promise<void> {
  if (!isStreamId(id)) return;
  const kept = await manager.getGenerations(id, owner);
  const ended = kept.filter(({ status, settlement }) => !isActive(status) && settlement !== 'settled');
  const waits = ended.map(({ generation }) =>
    manager.settled(id, { ...owner, generation, timeoutMs: LONGEST_SAVE_MS }),
  );
  await Promise.all(waits);
}

/** Other devices hear of it by the feed, as long as the conversation's stream is kept; after that they read it with the list. */
async function tellTitle(
  manager: GenerationJobManager,
  owner: Identity,
  id: string,
  title: string,
): Promise<void> {
  if (!isStreamId(id)) return;
  const notes = [{ key: 'title', event: 'title', data: { title } }];
  await manager.annotate(id, { ...owner, notes }).catch((error: unknown) => {
    if (!isGenerationJobError(error, 'stream_not_found')) throw error;
  });
}

/**
 * The stream goes first: with it stops what is being written, and a settlement under way has ended, so that nothing is
 * saved about the conversation after it has gone.
 */
function deleting({ manager, conversations }: ConversationRoutesInput): RequestHandler {
  return withIdentity(async (owner, request, response) => {
    const id = String(request.params.id);
    const hadStream = await manager.deleteStream(id, owner);
    const wasKept = await conversations.remove(owner, id);
    if (hadStream || wasKept) response.status(204).end();
    else notFound(request, response, () => {});
  });
}
