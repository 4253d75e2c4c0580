/**
 * The list of the user's conversations: read from the server, kept up to date while anything in it is being made, and
 * changed by renaming and deleting.
 */
import { announce } from '../elements.js';
import {
  deleteConversation,
  listActive,
  listConversations,
  renameConversation,
} from '../following/chat-api.js';
import { complaintOf } from '../following/failures.js';
import { askTitle, confirmDelete } from './conversation-dialogs.js';
import type { ListedConversation, Mark } from './conversation-line.js';
import { ConversationList } from './conversation-list.js';

export interface HistoryHandlers {
  readonly openId: () => string | undefined;
  readonly onNewChat: () => void;
  readonly onDeleted: (id: string) => void;
  readonly onChange: () => void;
  readonly onProblem: (words: string) => void;
}

/** Nobody tells this page about conversations that it doesn't follow, so while one is being made it looks again. */
const LOOK_AGAIN_MS = 3_000;

export class History {
  readonly #handlers: HistoryHandlers;
  readonly #list: ConversationList;
  #known: readonly ListedConversation[] = [];
  #again: ReturnType<typeof setTimeout> | undefined;
  /** Counts the looks; what an older one brings is out of date. */
  #looks = 0;

  constructor(handlers: HistoryHandlers) {
    this.#handlers = handlers;
    this.#list = new ConversationList({
      onNewChat: handlers.onNewChat,
      onRename: (conversation) => void this.#rename(conversation),
      onDelete: (conversation) => void this.#delete(conversation),
    });
    document.addEventListener('visibilitychange', () => {
      if (!document.hidden) void this.refresh();
    });
  }

  /** Undefined for a conversation that isn't listed (yet). */
  titleOf(id: string): string | undefined {
    return this.#known.find((known) => known.id === id)?.title;
  }

  async refresh(): Promise<void> {
    clearTimeout(this.#again);
    const look = ++this.#looks;
    const [conversations, active] = await Promise.all([listConversations(), listActive()]).catch(() => []);
    if (look !== this.#looks) return;
    if (conversations && active) {
      const marks = new Map(active.map(({ streamId, status }) => [streamId, markOf(status)]));
      this.#known = conversations.map(({ id, title }) => ({ id, title, mark: marks.get(id) }));
      this.#render();
    }
    const isMoving = this.#known.some(({ id, mark }) => mark && id !== this.#handlers.openId());
    if (isMoving && !document.hidden) this.#again = setTimeout(() => void this.refresh(), LOOK_AGAIN_MS);
  }

  async #rename({ id, title }: ListedConversation): Promise<void> {
    const next = await askTitle(title);
    if (next === undefined) return;
    try {
      await renameConversation(id, next);
      announce('Renamed.');
    } catch (error) {
      this.#handlers.onProblem(complaintOf('The conversation was not renamed', error));
    }
    this.#handlers.onChange();
  }

  async #delete({ id, title }: ListedConversation): Promise<void> {
    if (!(await confirmDelete(title))) return;
    try {
      await deleteConversation(id);
      this.#known = this.#known.filter((known) => known.id !== id);
      this.#render();
      this.#list.focus();
      announce('Deleted.');
      this.#handlers.onDeleted(id);
    } catch (error) {
      this.#handlers.onProblem(complaintOf('The conversation was not deleted', error));
    }
    this.#handlers.onChange();
  }

  #render(): void {
    this.#list.render(this.#known, this.#handlers.openId());
  }
}

export function markOf(status: string | undefined): Mark | undefined {
  if (status === 'requires_action') return 'waiting';
  return status === 'running' ? 'writing' : undefined;
}
