/**
 * The list of conversations: a column on wide screens, a drawer on narrow ones. While the drawer is away nothing in it
 * can be reached by keyboard.
 */

import { byId, make } from '../elements.js';
import type { ConversationSummary } from '../following/chat-api.js';

const narrow = matchMedia('(max-width: 760px)');

export class ConversationList {
  readonly #sidebar = byId('sidebar', HTMLElement);
  readonly #menu = byId('menu', HTMLButtonElement);
  readonly #list = byId('conversations', HTMLUListElement);
  #isOpen = false;

  constructor(onNewChat: () => void) {
    this.#menu.addEventListener('click', () => this.#show(!this.#isOpen));
    byId('backdrop', HTMLDivElement).addEventListener('click', () => this.#show(false));
    byId('new-chat', HTMLButtonElement).addEventListener('click', () => {
      this.#show(false);
      onNewChat();
    });
    this.#list.addEventListener('click', () => this.#show(false));
    document.addEventListener('keydown', ({ key }) => {
      if (key === 'Escape' && this.#isOpen) this.#show(false);
    });
    narrow.addEventListener('change', () => this.#show(false));
    this.#show(false);
  }

  render(conversations: readonly ConversationSummary[], openId: string | undefined): void {
    const items = conversations.map(({ id, title, isActive }) => {
      const link = make('a', isActive ? 'is-active' : '', title || 'Untitled');
      link.href = `#${encodeURIComponent(id)}`;
      if (id === openId) link.setAttribute('aria-current', 'page');
      return make('li', '', link);
    });
    this.#list.replaceChildren(...items);
  }

  #show(isOpen: boolean): void {
    this.#isOpen = isOpen;
    document.body.classList.toggle('has-drawer', isOpen);
    this.#menu.setAttribute('aria-expanded', String(isOpen));
    this.#sidebar.inert = narrow.matches && !isOpen;
    if (!isOpen && this.#sidebar.contains(document.activeElement)) this.#menu.focus();
  }
}
