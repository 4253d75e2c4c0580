/**
 * The list of conversations: a column on wide screens, a drawer on narrow ones. While the drawer is away nothing in it
 * can be reached by keyboard. A line stays as long as its conversation does, and so does the focus in it.
 */
import { byId } from '../elements.js';
import { ConversationLine, type LineHandlers, type ListedConversation } from './conversation-line.js';

const narrow = matchMedia('(max-width: 760px)');

export class ConversationList {
  readonly #sidebar = byId('sidebar', HTMLElement);
  readonly #menu = byId('menu', HTMLButtonElement);
  readonly #newChat = byId('new-chat', HTMLButtonElement);
  readonly #list = byId('conversations', HTMLUListElement);
  readonly #handlers: LineHandlers;
  #lines = new Map<string, ConversationLine>();
  #isOpen = false;

  constructor({ onNewChat, ...handlers }: LineHandlers & { readonly onNewChat: () => void }) {
    this.#handlers = handlers;
    this.#menu.addEventListener('click', () => this.#show(!this.#isOpen));
    byId('backdrop', HTMLDivElement).addEventListener('click', () => this.#show(false));
    this.#newChat.addEventListener('click', () => {
      this.#show(false);
      onNewChat();
    });
    this.#list.addEventListener('click', ({ target }) => {
      if (target instanceof Element && target.closest('a')) this.#show(false);
    });
    document.addEventListener('keydown', ({ key, target }) => {
      const isInDialog = target instanceof Element && target.closest('dialog');
      if (key === 'Escape' && this.#isOpen && !isInDialog) this.#show(false);
    });
    narrow.addEventListener('change', () => this.#show(false));
    this.#show(false);
  }

  render(conversations: readonly ListedConversation[], openId: string | undefined): void {
    const before = this.#lines;
    this.#lines = new Map(
      conversations.map(({ id }) => [id, before.get(id) ?? new ConversationLine(this.#handlers)] as const),
    );
    const hadFocus = this.#list.contains(document.activeElement);
    for (const [id, { element }] of before) if (!this.#lines.has(id)) element.remove();
    for (const [index, conversation] of conversations.entries()) {
      const line = this.#lines.get(conversation.id);
      if (!line) continue;
      line.render(conversation, conversation.id === openId);
      const there = this.#list.children[index];
      if (there !== line.element) this.#list.insertBefore(line.element, there ?? null);
    }
    if (hadFocus && !this.#list.contains(document.activeElement)) this.#newChat.focus();
  }

  /** Where the focus is best, when what had it is gone. */
  focus(): void {
    this.#newChat.focus();
  }

  #show(isOpen: boolean): void {
    this.#isOpen = isOpen;
    document.body.classList.toggle('has-drawer', isOpen);
    this.#menu.setAttribute('aria-expanded', String(isOpen));
    this.#sidebar.inert = narrow.matches && !isOpen;
    if (!isOpen && this.#sidebar.contains(document.activeElement)) this.#menu.focus();
  }
}
