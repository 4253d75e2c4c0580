/** A request to the routes of a chat, once it is known who asks, and of which chat; and what the host sees of it. */
import type { Caller } from '../http/caller.js';
import type { RouteRequest } from '../http/route-types.js';
import type { ChatPost } from './chat-body.js';
import type { ChatRequest } from './chat-options.js';

export interface ChatCall {
  readonly request: RouteRequest;
  readonly caller: Caller;
  readonly streamId: string;
}

/** Returns a POST as the host's functions get it. */
export function hostRequestOf(post: ChatPost, { caller, request }: ChatCall): ChatRequest {
  const { id, messages, trigger, messageId, edits, rest } = post;
  const body = {
    ...rest,
    ...(messageId !== undefined && { messageId }),
    ...(Object.keys(edits).length > 0 && { edits }),
  };
  return { id, messages, trigger, body, identity: caller, request: request.hostRequest };
}
