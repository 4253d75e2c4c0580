/**
 * The server's routes as functions. Starting an answer and deciding are repeated while the network is away: the
 * idempotency key makes the repetition harmless, and the user's words aren't lost to a moment in a tunnel.
 */
import type { Answer, Decision, InboxMessage } from 'generation-jobs';
import type { QueueListing, ShownRule } from 'generation-jobs/client';
import type { ChatContent } from '../content/chat-content.js';
import { noAnswerIn, type Refusal, RefusedError } from './failures.js';
import { replicaChoice } from './replica-choice.js';
import { tryAgainAndAgain } from './trying-again.js';

export interface StartRequest {
  readonly text: string;
  readonly conversationId?: string;
  readonly recording?: string;
  readonly tokensPerSecond?: number;
  readonly idempotencyKey: string;
  /** The newest answer that the page shows, null in a new conversation; undefined where it shows none yet. */
  readonly expects?: { readonly generation: number } | null | undefined;
  /** The answer begins when the one that is being made is done. */
  readonly onConflict?: 'enqueue';
}

export interface DecisionRequest {
  readonly streamId: string;
  readonly actionId: string;
  readonly decisions?: readonly Decision[];
  readonly answers?: readonly Answer[];
  readonly payloadDigest: string;
  readonly idempotencyKey: string;
}

/** For whose calls a decision is remembered. */
export type Remembered = ShownRule['scope'];

export type Started = { readonly streamId: string; readonly conversationId: string } & (
  | { readonly generation: number; readonly status: 'started' | 'joined' }
  | { readonly queueId: string; readonly status: 'queued' }
);

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

/** @throws RefusedError with the server's words; another error when no answer comes */
export async function startAnswer(request: StartRequest): Promise<Started> {
  return (await sendAgainAndAgain('The message is not sent yet', '', request)) as Started;
}

/** @throws as `startAnswer` */
export async function sendDecision(request: DecisionRequest, remember?: Remembered): Promise<void> {
  const query = remember === undefined ? '' : `?remember=${remember}`;
  await sendAgainAndAgain('The decision is not sent yet', `/resume${query}`, request);
}

/** Lists what the user has allowed once for all. */
export async function listRules(): Promise<readonly ShownRule[]> {
  return (await send('GET', '/rules')) as ShownRule[];
}

/** One that is gone already is as good as revoked. */
export async function revokeRule(ruleId: string): Promise<void> {
  await send('DELETE', `/rules/${encodeURIComponent(ruleId)}`);
}

interface MessagePlace {
  readonly streamId: string;
  readonly generation: number;
}

/** @throws as `startAnswer` */
export async function sendMessage(to: MessagePlace, message: string): Promise<void> {
  const request = { ...to, message, idempotencyKey: crypto.randomUUID() };
  await sendAgainAndAgain('The message is not sent yet', '/messages', request);
}

/** @throws RefusedError `message_taken` when it waits no longer */
export async function editMessage(to: MessagePlace, messageId: string, message: string): Promise<void> {
  await send('POST', '/messages/edit', { ...to, messageId, message });
}

/** @throws as `editMessage` */
export async function cancelMessage(to: MessagePlace, messageId: string): Promise<void> {
  await send('POST', '/messages/cancel', { ...to, messageId });
}

/** What was sent and never took effect, for the first that asks. */
export async function claimUnsent(of: MessagePlace): Promise<readonly InboxMessage[]> {
  return ((await send('POST', '/messages/claim', of)) as { messages: readonly InboxMessage[] }).messages;
}

/** What waits for its turn. */
export async function listQueue(streamId: string): Promise<QueueListing> {
  return (await send('GET', `/queue/${encodeURIComponent(streamId)}`)) as QueueListing;
}

/** @throws RefusedError `run_not_queued` when it waits no longer */
export async function cancelQueued(streamId: string, queueId: string): Promise<void> {
  await send('POST', '/queue/cancel', { streamId, queueId });
}

/** @throws as `cancelQueued` */
export async function moveQueued(streamId: string, queueId: string, position: number): Promise<void> {
  await send('POST', '/queue/move', { streamId, queueId, position });
}

export async function resumeQueue(streamId: string): Promise<void> {
  await send('POST', '/queue/resume', { streamId });
}

/** Ends when what was said is saved, so that a reload shows it. An answer that has ended meanwhile is as good as stopped. */
export async function stopAnswer(streamId: string, generation: number): Promise<void> {
  await send('POST', '/abort?wait=settled', { streamId, generation }).catch((error: unknown) => {
    if (!(error instanceof RefusedError)) throw error;
  });
}

export async function listConversations(): Promise<readonly ConversationSummary[]> {
  const { conversations } = (await send('GET', '/conversations')) as { conversations: ConversationSummary[] };
  return conversations;
}

/** @throws as `startAnswer` */
export async function renameConversation(id: string, title: string): Promise<void> {
  await send('PATCH', `/conversations/${encodeURIComponent(id)}`, { title });
}

/** One that is gone already is as good as deleted. */
export async function deleteConversation(id: string): Promise<void> {
  await send('DELETE', `/conversations/${encodeURIComponent(id)}`).catch((error: unknown) => {
    if (!(error instanceof RefusedError)) throw error;
  });
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

function sendAgainAndAgain(
  what: string,
  path: string,
  request: { idempotencyKey: string },
): Promise<unknown> {
  return tryAgainAndAgain(
    what,
    () => send('POST', path, request),
    (error) => !(error instanceof RefusedError),
  );
}

async function send(method: string, path: string, body?: unknown): Promise<unknown> {
  const response = await fetch(`/api/chat${path}`, {
    method,
    headers: { ...replicaChoice.headers, ...(body !== undefined && { 'content-type': 'application/json' }) },
    ...(body !== undefined && { body: JSON.stringify(body) }),
  });
  replicaChoice.note(response, 'call');
  if (response.status === 204) return undefined;
  if (response.ok) return response.json();
  const refusal = (await response.json().catch(() => null)) as { error?: Refusal } | null;
  // A proxy's or a restarting server's 5xx is worth another try; the server's own refusals are not.
  if (response.status >= 500 && refusal?.error?.code !== 'predecessor_unsettled')
    throw noAnswerIn(response.status, refusal);
  throw new RefusedError(
    refusal?.error?.message ?? `The server answered ${response.status}.`,
    refusal?.error,
  );
}
