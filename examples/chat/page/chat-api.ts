/**
 * The server's routes as functions. Starting an answer is repeated while the network is away: the idempotency key makes
 * the repetition harmless, and the user's words aren't lost to a moment in a tunnel.
 */
import type { ChatContent } from './chat-content.js';
import { replicaChoice } from './replica-choice.js';

export interface StartRequest {
  readonly text: string;
  readonly conversationId?: string;
  readonly recording?: string;
  readonly tokensPerSecond?: number;
  readonly idempotencyKey: string;
}

export interface Started {
  readonly streamId: string;
  readonly conversationId: string;
  readonly generation: number;
  readonly status: 'started' | 'joined';
}

export interface ConversationSummary {
  readonly id: string;
  readonly title: string;
  readonly updatedAt: number;
  readonly isActive: boolean;
}

export interface EarlierTurn extends ChatContent {
  readonly generation: number;
  readonly status: string;
  readonly code: string;
}

export interface Models {
  readonly recordings: readonly string[];
  readonly default: string;
  readonly liveModel: string | null;
}

/** A refusal in words the user can read. */
export class RefusedError extends Error {}

const START_TRIES = 5;
const FIRST_PAUSE_MS = 400;

/** @throws RefusedError with the server's words; TypeError when the network stays away */
export async function startAnswer(request: StartRequest): Promise<Started> {
  for (let attempt = 1; ; attempt++) {
    try {
      return (await send('POST', '', request)) as Started;
    } catch (error) {
      if (error instanceof RefusedError || attempt === START_TRIES) throw error;
      await new Promise((resolve) => setTimeout(resolve, FIRST_PAUSE_MS * 2 ** (attempt - 1)));
    }
  }
}

/** An answer that has ended meanwhile is as good as stopped. */
export async function stopAnswer(streamId: string, generation: number): Promise<void> {
  await send('POST', '/abort', { streamId, generation }).catch((error: unknown) => {
    if (!(error instanceof RefusedError)) throw error;
  });
}

export async function listConversations(): Promise<readonly ConversationSummary[]> {
  const { conversations } = (await send('GET', '/conversations')) as { conversations: ConversationSummary[] };
  return conversations;
}

/** Null when the server doesn't know the conversation (any more). */
export async function earlierTurns(id: string): Promise<readonly EarlierTurn[] | null> {
  try {
    return ((await send('GET', `/conversations/${encodeURIComponent(id)}`)) as { turns: EarlierTurn[] })
      .turns;
  } catch (error) {
    if (error instanceof RefusedError) return null;
    throw error;
  }
}

export async function listModels(): Promise<Models> {
  return (await send('GET', '/recordings')) as Models;
}

async function send(method: string, path: string, body?: unknown): Promise<unknown> {
  const response = await fetch(`/api/chat${path}`, {
    method,
    headers: { ...replicaChoice.headers, ...(body !== undefined && { 'content-type': 'application/json' }) },
    ...(body !== undefined && { body: JSON.stringify(body) }),
  });
  replicaChoice.note(response, 'call');
  if (response.ok) return response.json();
  const refusal = (await response.json().catch(() => null)) as { error?: { message?: string } } | null;
  // A proxy's or a restarting server's 5xx is worth another try; the server's own refusals are not.
  if (response.status >= 500) throw new TypeError(`the server answered ${response.status}`);
  throw new RefusedError(refusal?.error?.message ?? `The server answered ${response.status}.`);
}
