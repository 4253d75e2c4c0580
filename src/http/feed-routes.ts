/**
 * The routes of a user's feed: to follow it, and to say what was seen. Whose feed it is, is who asks; nothing in the request
 * says so.
 */
import { z } from 'zod';
import type { GenerationJobManager } from '../stream/interfaces/generation-job-manager.js';
import { isStreamId } from '../stream/model/stream-key.js';
import type { Internals } from '../stream/process/internals.js';
import { type Caller, identify, isStill } from './caller.js';
import { type BodyLimits, readJsonBody } from './json-body.js';
import { emptyReply, errorReply, jsonReply, STREAM_HEADERS } from './replies.js';
import type { Reply, RouteRequest } from './route-types.js';
import { elsewhere, type SessionContext, SseSession } from './sse-session.js';
import { feedQueryOf } from './stream-query.js';

/** The routes work with this. */
export interface FeedRouteContext {
  readonly manager: GenerationJobManager;
  readonly internals: Internals;
  readonly sessions: SessionContext;
  readonly bodyLimits: BodyLimits;
}

const seenBody = z.union([
  z.strictObject({
    streamId: z.string(),
    generation: z.number().int().positive().max(Number.MAX_SAFE_INTEGER).optional(),
  }),
  z.strictObject({ upTo: z.string() }),
]);

/** @throws GenerationJobError what `identify` and `subscribeUser` throw */
export async function answerFeed(
  request: RouteRequest,
  { manager, internals, sessions }: FeedRouteContext,
): Promise<Reply> {
  const { after, heartbeat } = feedQueryOf(request);
  const caller: Caller = await identify(request, internals);
  if (manager.isDraining) return elsewhere(sessions.random);
  if (request.method === 'HEAD') return emptyReply(200, STREAM_HEADERS);
  const follower = internals.followUser({ ...caller, after });
  await follower.ready;
  return {
    kind: 'stream',
    status: 200,
    headers: STREAM_HEADERS,
    begin: (sink) =>
      new SseSession(follower, sink, sessions, () => isStill(request, caller, internals), heartbeat).start(),
  };
}

/** @throws GenerationJobError what `identify`, `readJsonBody` and `markSeen` throw */
export async function answerSeen(
  request: RouteRequest,
  { manager, internals, bodyLimits }: FeedRouteContext,
): Promise<Reply> {
  const caller = await identify(request, internals);
  const said = await readJsonBody(request, bodyLimits, seenBody);
  if ('streamId' in said && !isStreamId(said.streamId)) return errorReply('invalid_stream_id');
  return jsonReply(200, { seen: await manager.markSeen({ ...caller, ...said }) });
}
