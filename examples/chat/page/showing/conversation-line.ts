/** One conversation in the list: its title, whether it is being written or waits for somebody, and what can be done. */
import { iconButton, make } from '../elements.js';

/** `writing`: an answer is being made; `waiting`: it asks, and goes on when somebody decides; `unread`: nobody has seen its end. */
export type Mark = 'writing' | 'waiting' | 'unread';

export interface ListedConversation {
  readonly id: string;
  readonly title: string;
  readonly mark: Mark | undefined;
}

export interface LineHandlers {
  readonly onRename: (conversation: ListedConversation) => void;
  readonly onDelete: (conversation: ListedConversation) => void;
}

const WORDS: Readonly<Record<Mark, string>> = {
  writing: 'is being written',
  waiting: 'waits for you',
  unread: 'has a new answer',
};

export class ConversationLine {
  readonly #title = make('span', 'conversation-title');
  readonly #state = make('span', 'hidden');
  readonly #link = make('a', '', this.#title, this.#state);
  readonly #rename: HTMLButtonElement;
  readonly #remove: HTMLButtonElement;
  readonly element: HTMLLIElement;
  #shown: ListedConversation | undefined;

  constructor({ onRename, onDelete }: LineHandlers) {
    this.#rename = iconButton('edit', '', () => this.#shown && onRename(this.#shown));
    this.#remove = iconButton('remove', '', () => this.#shown && onDelete(this.#shown));
    this.element = make('li', '', this.#link, make('span', 'tools', this.#rename, this.#remove));
  }

  render(conversation: ListedConversation, isOpen: boolean): void {
    const { id, mark } = conversation;
    const title = conversation.title || 'Untitled';
    this.#shown = conversation;
    this.#title.textContent = title;
    this.#state.textContent = mark ? `(${WORDS[mark]})` : '';
    this.#link.href = `#${encodeURIComponent(id)}`;
    this.#link.title = mark ? `${title} (${WORDS[mark]})` : title;
    if (mark) this.element.dataset.mark = mark;
    else delete this.element.dataset.mark;
    if (isOpen) this.#link.setAttribute('aria-current', 'page');
    else this.#link.removeAttribute('aria-current');
    for (const [button, word] of [
      [this.#rename, 'Rename'],
      [this.#remove, 'Delete'],
    ] as const) {
      button.title = word;
      button.ariaLabel = `${word} “${title}”`;
    }
  }
}
