/**
 * What the user writes while an answer is made: sent to it, changed and taken back while it waits, and handed back when the answer
 * ends before it took effect.
 */
import type { InboxMessage } from 'generation-jobs/client';
import { sentText } from '../content/chat-content.js';
import { cancelMessage, claimUnsent, editMessage, sendMessage } from './chat-api.js';
import { RefusedError } from './failures.js';

/** The answer that is meant. */
export interface Answering {
  readonly streamId: string;
  readonly generation: number;
}

export class Messages {
  /** The message that is being changed; what is sent next takes its place. */
  #changed: InboxMessage | undefined;
  /** Answers of this page whose messages have been handed back. */
  readonly #claimed = new Set<number>();

  /** Sends a text to the answer, or puts it in the place of the message that is being changed. */
  async send(to: Answering, text: string): Promise<void> {
    const changed = this.#changed;
    this.#changed = undefined;
    if (changed !== undefined) {
      const isChanged = await editMessage(to, changed.messageId, text).then(
        () => true,
        // It has taken effect meanwhile: then this one is another.
        (error: unknown) => {
          if (error instanceof RefusedError && error.code === 'message_taken') return false;
          throw error;
        },
      );
      if (isChanged) return;
    }
    await sendMessage(to, text);
  }

  /** @returns the text to change */
  change(message: InboxMessage): string {
    this.#changed = message;
    return sentText(message.message);
  }

  /** One that has taken effect meanwhile can't be taken back any more: it stands in the answer. */
  async takeBack(from: Answering, { messageId }: InboxMessage): Promise<void> {
    if (this.#changed?.messageId === messageId) this.#changed = undefined;
    await cancelMessage(from, messageId).catch((error: unknown) => {
      if (!(error instanceof RefusedError && error.code === 'message_taken')) throw error;
    });
  }

  /** What an answer that has ended has left unsent, for the one page of all that asks first. */
  async handedBack(ended: Answering): Promise<string> {
    if (this.#claimed.has(ended.generation)) return '';
    this.#claimed.add(ended.generation);
    this.#changed = undefined;
    return (await claimUnsent(ended)).map(({ message }) => sentText(message)).join('\n\n');
  }
}
