/**
 * A chat's POST as `DefaultChatTransport` sends it: `{ id, messages, trigger, messageId, … }`, with whatever else the page
 * adds. What it asks for stands in its last message: a user's is to be answered, an assistant's to be gone on with.
 */
import { z } from 'zod';
import { isObject } from '../stream/model/plain-values.js';
import { type ChatMessage, isChatMessage } from './chat-messages.js';
import { isChatId } from './chat-paths.js';

/** A longer conversation has to be kept by the host, and its last message alone be posted. */
const MOST_MESSAGES = 10_000;

/** Says why a chat has posted: a message is new (or is to be gone on with), or an answer is wanted once more. */
export type ChatTrigger = 'submit-message' | 'regenerate-message';

/** A chat's POST. */
export interface ChatPost {
  readonly id: string;
  /** The messages, oldest first; at least one. */
  readonly messages: ChatMessage[];
  readonly trigger: ChatTrigger;
  /** The message that is edited, gone on with or made anew. */
  readonly messageId: string | undefined;
  /** Arguments to call with instead of those asked for, by approval id. */
  readonly edits: Readonly<Record<string, unknown>>;
  /** All else that was posted. */
  readonly rest: Record<string, unknown>;
}

/** @throws ZodError for what is no POST of a chat */
export const chatBody: z.ZodType<ChatPost> = z.unknown().transform((value, context) => {
  const post = postOf(value);
  if (post !== undefined) return post;
  context.addIssue({ code: 'custom', message: 'is no POST of a chat' });
  return z.NEVER;
});

function postOf(value: unknown): ChatPost | undefined {
  if (!isObject(value)) return undefined;
  const { id, messages, trigger = 'submit-message', messageId, edits = {}, ...rest } = value;
  if (!isChatId(id) || !isObject(edits) || !isConversation(messages)) return undefined;
  if (trigger !== 'submit-message' && trigger !== 'regenerate-message') return undefined;
  if (messageId !== undefined && messageId !== null && typeof messageId !== 'string') return undefined;
  return { id, messages, trigger, messageId: messageId ?? undefined, edits, rest };
}

function isConversation(value: unknown): value is ChatMessage[] {
  const isBounded = Array.isArray(value) && value.length > 0 && value.length <= MOST_MESSAGES;
  return isBounded && value.every(isChatMessage);
}

/**
 * Returns the message of an assistant that the POST goes on with: the one it names, or else the last; undefined when a message
 * is to be answered.
 */
export function messageToGoOnWith({ messages, trigger, messageId }: ChatPost): ChatMessage | undefined {
  if (trigger !== 'submit-message') return undefined;
  const named = messages.findLast(({ id, role }) => id === messageId && role === 'assistant');
  const last = messages.at(-1);
  return named ?? (last?.role === 'assistant' ? last : undefined);
}
