/** The shapes of what a message file holds, and of the file itself. No code. */
import type { MessagePart } from '../../content/message-content.js';
import type { Hooks } from '../../stream/interfaces/manager-types.js';
import type { JobRecord } from '../../stream/model/types.js';

/** A line of a conversation. Fields that others add to it are kept. */
export interface StoredMessage {
  /** Names the message in its conversation; a line of the same id is written over. */
  readonly id: string;
  /** Says whose message it is. */
  readonly role: 'user' | 'assistant';
  /** The message's text, joined: of an assistant's message that of its own text parts. */
  readonly content: string;
  /** The parts of the message, in the order they came. */
  readonly parts: readonly MessagePart[];
  /** Says when its generation was created: milliseconds since 1970. */
  readonly createdAt: number;
  /** Says when the line was written: milliseconds since 1970. */
  readonly updatedAt: number;
  /** The conversation it belongs to. */
  readonly conversationId: string;
  /** The owner of its stream. */
  readonly userId: string;
  /** The stream that it was said on. */
  readonly streamId: string;
  /** The generation that said it, or answers it. */
  readonly generation: number;
  /** The sequence that the content is true at; of an assistant's message. */
  readonly sequence?: number | undefined;
  /** Says how its generation has ended: the failure's code, or the status; absent while it has not. */
  readonly end?: string | undefined;
  /** True while it grows. */
  readonly _streaming?: true | undefined;
}

/** A conversation as the index lists it. */
export interface ConversationEntry {
  /** The conversation: the record's `conversationId`, or the stream's id where it has none. */
  readonly conversationId: string;
  /** The name of its file in the folder. */
  readonly file: string;
  /** The owner of the conversation's newest message. */
  readonly userId: string;
  /** The title: the beginning of the metadata's `title`, or of the first user message: at most 80 characters of a line. */
  readonly title: string;
  /** Counts its messages. */
  readonly messages: number;
  /** Says when its first message was created: milliseconds since 1970. */
  readonly createdAt: number;
  /** Says when it was last written, but for a message that grows: milliseconds since 1970. */
  readonly updatedAt: number;
  /** Says whether a message of it grows. */
  readonly isStreaming: boolean;
}

/** The user's message of a generation, as the host has it in `created`. */
export interface UserMessage {
  /** Names it; one of the same id is written once. Default: made of stream and generation. */
  readonly id?: string | undefined;
  /** The words of the message, as text. */
  readonly content: string;
  /** The parts of the message. Default: its text as one. */
  readonly parts?: readonly MessagePart[] | undefined;
}

export interface MessageFileOptions {
  /** The folder of the files; made when it is not there. Each tenant has a folder of its own in it. */
  readonly folder: string;
  /**
   * Says what of `created` is the user's message; null for none. Default: a text, or an object with a `text` or `content`, and
   * perhaps an `id`.
   */
  readonly userMessage?: ((created: unknown, record: JobRecord) => UserMessage | null) | undefined;
  /** The shortest time between two writes of a message that grows, in milliseconds: 100 to 10 minutes. Default 2,000. */
  readonly writeMs?: number | undefined;
  /** The most bytes of a conversation's file: 64 KiB to 512 MiB. Default 64 MiB. A larger one is not written. */
  readonly fileBytes?: number | undefined;
}

/** A conversation's place. */
export interface ConversationPlace {
  /** The conversation: the record's `conversationId`, or the stream's id where it has none. */
  readonly conversationId: string;
  /** The tenant it lives in. Default: none. */
  readonly tenantId?: string | undefined;
}

/** Conversations in files: what jobs come to is written as it grows, and once it is final. */
export interface MessageFile {
  /**
   * Gives the host's hooks one more duty: `onProgress` and `settle` write, before they call the host's own. A write that fails
   * fails the settlement, which is tried again.
   */
  saving(hooks?: Hooks): Hooks;
  /**
   * Reads a conversation: its messages, and how many lines are none. Empty when there is no such conversation.
   * @throws GenerationJobError `limit_exceeded` for a file beyond `fileBytes`; what the file system throws
   */
  read(
    place: ConversationPlace,
  ): Promise<{ readonly messages: readonly StoredMessage[]; readonly damaged: number }>;
  /** Lists a tenant's conversations, the newest first, at most 10,000. An index that is damaged is made again from the files. */
  list(place?: Pick<ConversationPlace, 'tenantId'>): Promise<readonly ConversationEntry[]>;
  /** Removes a conversation; says whether it was there. */
  remove(place: ConversationPlace): Promise<boolean>;
}
