/** Messages that wait for the answer that is being made: each can be changed and taken back until it takes effect. */
import type { InboxMessage } from 'generation-jobs/client';
import { sentText } from '../content/chat-content.js';
import { iconButton, make } from '../elements.js';

export interface WaitingHandlers {
  /** The message is to be changed. */
  readonly onChange: (message: InboxMessage) => void;
  /** The message is to be taken back. */
  readonly onTakeBack: (message: InboxMessage) => void;
}

export class WaitingList {
  readonly element = make('ul', 'waiting');
  readonly #handlers: WaitingHandlers;
  #shown: readonly InboxMessage[] = [];

  constructor(handlers: WaitingHandlers) {
    this.#handlers = handlers;
    this.element.ariaLabel = 'Messages that wait';
  }

  render(messages: readonly InboxMessage[]): void {
    if (messages === this.#shown) return;
    this.#shown = messages;
    this.element.replaceChildren(...messages.map((message) => this.#line(message)));
  }

  #line(message: InboxMessage): HTMLElement {
    const line = make(
      'li',
      'prompt is-pending',
      make('span', '', sentText(message.message)),
      iconButton('edit', 'Change the message', () => this.#handlers.onChange(message)),
      iconButton('remove', 'Take the message back', () => this.#handlers.onTakeBack(message)),
    );
    line.dataset.testid = 'waiting';
    return line;
  }
}
