/**
 * A chat's ids and paths. A chat id may hold any characters, a stream id may not: an id that is a stream id is taken as it is,
 * any other becomes its digest behind a `~`. No id begins with `~` by itself and stays what it is, so no two chats meet.
 */
import { createHash } from 'node:crypto';
import { isIdText, isStreamId } from '../stream/model/stream-key.js';

export type ChatRouteName = 'post' | 'stream' | 'stop';

export interface MatchedChatRoute {
  readonly name: ChatRouteName;
  /** The chat's id as it came; empty of the POST, whose body has it. */
  readonly segment: string;
}

export const CHAT_METHODS = {
  post: ['POST', 'OPTIONS'],
  stream: ['GET', 'OPTIONS'],
  stop: ['POST', 'OPTIONS'],
} as const satisfies Record<ChatRouteName, readonly string[]>;

const LONGEST_CHAT_ID = 256;
/** Nine characters write one of three bytes, percent-encoded. */
const LONGEST_SEGMENT = 9 * LONGEST_CHAT_ID;
const DIGESTED = '~';

/**
 * Finds the route of a path below the mount point; one `/` at its end is ignored. Whatever else than a POST is sent to the mount
 * point itself is the host's.
 */
export function matchChatRoute(path: string, method: string): MatchedChatRoute | undefined {
  if (path === '' || path === '/') {
    return CHAT_METHODS.post.some((one) => one === method) ? { name: 'post', segment: '' } : undefined;
  }
  const [before, segment, name, after, ...rest] = path.split('/', 5);
  if (before !== '' || !segment || rest.length > 0 || (after !== undefined && after !== '')) return undefined;
  return name === 'stream' || name === 'stop' ? { name, segment } : undefined;
}

/** Reads the chat's id in a path; undefined for what names no chat. */
export function chatIdOf(segment: string): string | undefined {
  if (segment.length > LONGEST_SEGMENT) return undefined;
  try {
    const id = decodeURIComponent(segment);
    return isChatId(id) ? id : undefined;
  } catch {
    return undefined; // a stray % names no chat
  }
}

/** Says whether a value may name a chat: 1 to 256 well-formed characters. */
export function isChatId(value: unknown): value is string {
  return isIdText(value, LONGEST_CHAT_ID);
}

/**
 * Names the stream of a chat, as `createChatRouter` does unless its option `streamId` says otherwise: the chat's id where that
 * can be a stream id, else `~` and its digest.
 * @param chatId any text of 1 to 256 characters
 * @returns a stream id, always the same for a chat, and never that of another one
 * @example
 * await manager.deleteStream(chatStreamId(chat.id), { userId });
 */
export function chatStreamId(chatId: string): string {
  if (isStreamId(chatId) && !chatId.startsWith(DIGESTED)) return chatId;
  return DIGESTED + createHash('sha256').update(chatId).digest('base64url');
}
