/**
 * The history of conversations, so that a reload shows earlier answers after the library has let go of their streams: a
 * stand-in for the host's database. What is saved about one generation twice is kept once, and a turn that has ended
 * never runs again: settlement is at least once, and a beginning may be saved late.
 */
import type { ChatContent } from '../page/content/chat-content.js';

/** Whose a conversation is. */
export interface Identity {
  readonly userId: string;
  readonly tenantId?: string | undefined;
}

export interface Turn extends Readonly<ChatContent> {
  readonly generation: number;
  readonly status: string;
  /** Why it failed or was aborted; empty otherwise. */
  readonly code: string;
}

export interface ConversationTitle {
  readonly id: string;
  readonly title: string;
  readonly updatedAt: number;
}

export interface Conversation extends ConversationTitle {
  /** Oldest first. */
  readonly turns: readonly Turn[];
}

/** All may throw a GenerationJobError `unavailable`. */
export interface Conversations {
  /** Puts an ended turn in place of the one of the same generation, a running one only where there is none. */
  save(owner: Identity, id: string, turn: Turn): Promise<void>;
  get(owner: Identity, id: string): Promise<Conversation | undefined>;
  /** False when the owner has no such conversation. */
  rename(owner: Identity, id: string, title: string): Promise<boolean>;
  /** As `rename`. What is saved about the conversation later makes a new one. */
  remove(owner: Identity, id: string): Promise<boolean>;
  /** The newest first. */
  list(owner: Identity): Promise<readonly ConversationTitle[]>;
}

/** Earlier turns of a conversation are forgotten beyond it. */
export const MOST_TURNS = 100;
export const LONGEST_TITLE = 80;

export function titleOf({ prompt }: Turn): string {
  return prompt.trim().slice(0, LONGEST_TITLE);
}
