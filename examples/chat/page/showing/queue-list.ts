/** Messages that wait for their turn: each can be taken back, or answered earlier. Behind a stop they wait for a word of the user's. */
import { iconButton, make } from '../elements.js';
import type { Waiting } from '../following/queue.js';

export interface QueueHandlers {
  /** The message is not to be answered. */
  readonly onUnqueue: (message: Waiting) => void;
  /** The message is to be answered one place earlier. */
  readonly onMoveUp: (message: Waiting) => void;
  /** They are to be answered, though the answer before was stopped. */
  readonly onGoOn: () => void;
}

export class QueueList {
  readonly element: HTMLElement;
  readonly #list = make('ol', 'queued');
  readonly #held: HTMLElement;
  readonly #handlers: QueueHandlers;
  #shown: readonly Waiting[] = [];

  constructor(handlers: QueueHandlers) {
    this.#handlers = handlers;
    const goOn = make('button', 'plain', 'Answer them');
    goOn.type = 'button';
    goOn.dataset.testid = 'go-on';
    goOn.addEventListener('click', () => handlers.onGoOn());
    this.#held = make('p', 'note', 'The answer before was stopped. These wait. ', goOn);
    this.#list.ariaLabel = 'Messages to be answered next';
    this.element = make('section', '', this.#list, this.#held);
  }

  render(messages: readonly Waiting[], isHeld: boolean): void {
    this.#held.hidden = !isHeld;
    if (messages === this.#shown) return;
    this.#shown = messages;
    this.#list.replaceChildren(...messages.map((message, at) => this.#line(message, at === 0)));
  }

  #line(message: Waiting, isFirst: boolean): HTMLElement {
    const { onMoveUp, onUnqueue } = this.#handlers;
    const line = make(
      'li',
      'prompt is-pending',
      make('span', '', message.text),
      ...(isFirst ? [] : [iconButton('up', 'Answer it earlier', () => onMoveUp(message))]),
      iconButton('remove', 'Take the message out', () => onUnqueue(message)),
    );
    line.dataset.testid = 'queued';
    return line;
  }
}
