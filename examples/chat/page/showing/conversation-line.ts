/** One conversation in the list: its title, whether it is being written or waits for somebody, and what can be done. */
import { iconButton, make } from '../elements.js';

/**
 * `writing`: an answer is being made; `waiting`: it asks, and goes on when somebody decides; `unread`: nobody has seen its end; `queued`:
 * only messages that wait for their turn.
 */
export type Mark = 'writing' | 'waiting' | 'unread' | 'queued';

export interface ListedConversation {
  readonly id: string;
  readonly title: string;
  readonly mark: Mark | undefined;
  /** The number of messages that wait for their turn. */
  readonly queued: number;
}

export interface LineHandlers {
  readonly onRename: (conversation: ListedConversation) => void;
  readonly onDelete: (conversation: ListedConversation) => void;
}

const WORDS: Readonly<Record<Mark, string>> = {
  writing: 'is being written',
  waiting: 'waits for you',
  unread: 'has a new answer',
  queued: '',
};

export class ConversationLine {
  readonly #title = make('span', 'conversation-title');
  readonly #state = make('span', 'hidden');
  readonly #queued = make('span', 'conversation-queued');
  readonly #link = make('a', '', this.#title, this.#state, this.#queued);
  readonly #rename: HTMLButtonElement;
  readonly #remove: HTMLButtonElement;
  readonly element: HTMLLIElement;
  #shown: ListedConversation | undefined;

  constructor({ onRename, onDelete }: LineHandlers) {
    this.#rename = iconButton('edit', '', () => this.#shown && onRename(this.#shown));
    this.#remove = iconButton('remove', '', () => this.#shown && onDelete(this.#shown));
    this.element = make('li', '', this.#link, make('span', 'tools', this.#rename, this.#remove));
    this.#queued.ariaHidden = 'true';
  }

  render(conversation: ListedConversation, isOpen: boolean): void {
    const { id, mark, queued } = conversation;
    const title = conversation.title || 'Untitled';
    const words = wordsOf(conversation);
    this.#shown = conversation;
    this.#title.textContent = title;
    this.#state.textContent = words;
    this.#queued.textContent = queued > 0 ? `${queued} queued` : '';
    this.#queued.hidden = queued === 0;
    this.#link.href = `#${encodeURIComponent(id)}`;
    this.#link.title = `${title} ${words}`.trim();
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

/** In brackets, what stands beside the title; empty when nothing does. */
function wordsOf({ mark, queued }: ListedConversation): string {
  const waits = queued > 0 ? `${queued} queued` : '';
  const words = [mark ? WORDS[mark] : '', waits].filter((one) => one !== '').join(', ');
  return words === '' ? '' : `(${words})`;
}
