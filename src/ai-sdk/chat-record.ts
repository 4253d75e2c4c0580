/**
 * A generation keeps facts of its chat under one key of its metadata. They are fixed when it is created, so that whoever settles
 * it, is told of its pause or goes on with it on another replica knows the message it makes.
 */
import { isObject } from '../stream/model/plain-values.js';
import type { JobRecord } from '../stream/model/types.js';
import type { ChatTrigger } from './chat-body.js';

/** The chat that a generation answers. */
export interface ChatFacts {
  /** The chat's id, as the page knows it. */
  readonly id: string;
  /** The id of the message that the generation makes. */
  readonly messageId: string;
  /** Says why it was started. */
  readonly trigger: ChatTrigger;
}

/** The same with what recognises a POST that comes again. */
export interface KeptFacts extends ChatFacts {
  readonly digest: string;
}

/** The key of the metadata that this package writes: a host's own are beside it. */
export const CHAT_KEY = 'chat';

/**
 * Returns the chat that a generation answers; undefined for one that no chat router has started.
 * @example
 * const hooks: Hooks = { settle: ({ record, content }) => database.save(chatOf(record)?.messageId, content) };
 */
export function chatOf(record: Pick<JobRecord, 'metadata'>): ChatFacts | undefined {
  const facts = keptFactsOf(record);
  return facts && { id: facts.id, messageId: facts.messageId, trigger: facts.trigger };
}

/** Returns all of what is kept of the chat. */
export function keptFactsOf({ metadata }: Pick<JobRecord, 'metadata'>): KeptFacts | undefined {
  const facts = (metadata as Readonly<Record<string, unknown>>)[CHAT_KEY];
  const isOurs = isObject(facts) && typeof facts.id === 'string' && typeof facts.messageId === 'string';
  return isOurs ? (facts as unknown as KeptFacts) : undefined;
}
