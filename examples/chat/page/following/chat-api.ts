/**
 * The server's routes as functions. Starting an answer and deciding are repeated while the network is away: the
 * idempotency key makes the repetition harmless, and the user's words aren't lost to a moment in a tunnel.
 */
import type { Answer, Decision } from 'generation-jobs';
import type { ChatContent } from '../content/chat-content.js';
import { replicaChoice } from './replica-choice.js';

export interface StartRequest {
  readonly text: string;
  readonly conversationId?: string;
  readonly recording?: string;
  readonly tokensPerSecond?: number;
  readonly idempotencyKey: string;
}

export interface DecisionRequest {
  readonly streamId: string;
  readonly actionId: string;
  readonly decisions?: readonly Decision[];
  readonly answers?: readonly Answer[];
  readonly payloadDigest: string;
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
  /** Made up for the example; started as recordings are. */
  readonly demos: readonly string[];
  readonly default: string;
  readonly liveModel: string | null;
}

/** A refusal in words the user can read. */
export class RefusedError extends Error {
  readonly code: string;
  /** Of a decision that came too late: what was decided, and by whom. */
  readonly outcome: unknown;

  constructor(message: string, { code = '', outcome }: Refusal = {}) {
    super(message);
    this.code = code;
    this.outcome = outcome;
  }
}

interface Refusal {
  readonly code?: string;
  readonly message?: string;
  readonly outcome?: unknown;
}

const TRIES = 5;
const FIRST_PAUSE_MS = 400;

/** @throws RefusedError with the server's words; TypeError when the network stays away */
export async function startAnswer(request: StartRequest): Promise<Started> {
  return (await sendAgainAndAgain('', request)) as Started;
}

/** @throws as `startAnswer` */
export async function sendDecision(request: DecisionRequest): Promise<void> {
  await sendAgainAndAgain('/resume', request);
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

async function sendAgainAndAgain(path: string, request: { idempotencyKey: string }): Promise<unknown> {
  for (let attempt = 1; ; attempt++) {
    try {
      return await send('POST', path, request);
    } catch (error) {
      if (error instanceof RefusedError || attempt === TRIES) throw error;
      await new Promise((resolve) => setTimeout(resolve, FIRST_PAUSE_MS * 2 ** (attempt - 1)));
    }
  }
}

async function send(method: string, path: string, body?: unknown): Promise<unknown> {
  const response = await fetch(`/api/chat${path}`, {
    method,
    headers: { ...replicaChoice.headers, ...(body !== undefined && { 'content-type': 'application/json' }) },
    ...(body !== undefined && { body: JSON.stringify(body) }),
  });
  replicaChoice.note(response, 'call');
  if (response.ok) return response.json();
  const refusal = (await response.json().catch(() => null)) as { error?: Refusal } | null;
  // A proxy's or a restarting server's 5xx is worth another try; the server's own refusals are not.
  if (response.status >= 500) throw new TypeError(`the server answered ${response.status}`);
  throw new RefusedError(
    refusal?.error?.message ?? `The server answered ${response.status}.`,
    refusal?.error,
  );
}
