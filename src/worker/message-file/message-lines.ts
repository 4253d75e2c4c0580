/**
 * The lines of a conversation: a message each, oldest first. A line that is none (half written, or of somebody else) stays
 * where it is and is counted; fields that are not known stay as they are.
 */
import { isObject } from '../../stream/model/plain-values.js';
import type { StoredMessage } from './message-types.js';

const WORDS = ['id', 'role', 'content', 'conversationId', 'userId'];

interface Line {
  readonly text: string;
  /** Undefined of a line that is no message. */
  readonly message: StoredMessage | undefined;
}

export class MessageLines {
  readonly #lines: Line[];

  /** @param text of the file, as it is */
  constructor(text: string) {
    this.#lines = text
      .split('\n')
      .flatMap((line) => (line.trim() === '' ? [] : [{ text: line, message: messageIn(line) }]));
  }

  get messages(): readonly StoredMessage[] {
    return this.#lines.flatMap(({ message }) => (message === undefined ? [] : [message]));
  }

  /** Counts the lines that are no messages. */
  get damaged(): number {
    return this.#lines.length - this.messages.length;
  }

  find(id: string): StoredMessage | undefined {
    return this.#lines.find(({ message }) => message?.id === id)?.message;
  }

  /** Puts a message where the one of its id is, or at the end. Fields that it does not have stay. */
  upsert(message: StoredMessage): void {
    const at = this.#lines.findIndex((line) => line.message?.id === message.id);
    const there: Partial<StoredMessage> = this.#lines[at]?.message ?? {};
    const { _streaming: _, ...before } = there;
    const merged: StoredMessage = { ...before, ...message, createdAt: there.createdAt ?? message.createdAt };
    const line = { text: JSON.stringify(merged), message: merged };
    if (at < 0) this.#lines.push(line);
    else this.#lines[at] = line;
  }

  remove(id: string): void {
    const at = this.#lines.findIndex(({ message }) => message?.id === id);
    if (at >= 0) this.#lines.splice(at, 1);
  }

  /** The file's text. */
  get text(): string {
    return this.#lines.map(({ text }) => `${text}\n`).join('');
  }
}

function messageIn(line: string): StoredMessage | undefined {
  try {
    const value: unknown = JSON.parse(line);
    const isMessage = isObject(value) && WORDS.every((name) => typeof value[name] === 'string');
    return isMessage ? (value as unknown as StoredMessage) : undefined;
  } catch {
    return undefined; // counted
  }
}
