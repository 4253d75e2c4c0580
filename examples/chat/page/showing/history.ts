/**
 * The list of the user's conversations: read from the server when the feed tells of one that is new, has ended or is called
 * otherwise, marked by what the feed knows of each, and changed by renaming and deleting.
 */
import type { FeedStream } from 'generation-jobs/client';
import { announce } from '../elements.js';
import {
  type ConversationSummary,
  deleteConversation,
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

export class History {
  readonly #handlers: HistoryHandlers;
  readonly #list: ConversationList;
  #known: readonly ConversationSummary[] = [];
  #streams: ReadonlyMap<string, FeedStream> = new Map();
  /** Counts the looks; what an older one brings is out of date. */
  #looks = 0;

  constructor(handlers: HistoryHandlers) {
    this.#handlers = handlers;
    this.#list = new ConversationList({
      onNewChat: handlers.onNewChat,
      onRename: (conversation) => void this.#rename(conversation),
      onDelete: (conversation) => void this.#delete(conversation),
    });
  }

  /** Undefined for a conversation that isn't listed (yet). */
  titleOf(id: string): string | undefined {
    return this.#known.find((known) => known.id === id)?.title;
  }

  async refresh(): Promise<void> {
    const look = ++this.#looks;
    const conversations = await listConversations().catch(() => undefined);
    if (look !== this.#looks || conversations === undefined) return;
    this.#known = conversations;
    this.#render();
  }

  /** Takes where each conversation stands. */
  mark(streams: ReadonlyMap<string, FeedStream>): void {
    this.#streams = streams;
    this.#render();
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
    const openId = this.#handlers.openId();
    const listed = this.#known.map(({ id, title }) => {
      const stream = this.#streams.get(id);
      const isNews = stream !== undefined && !stream.seen && id !== openId;
      const queued = stream?.queued ?? 0;
      const mark = markOf(stream?.status) ?? (queued > 0 ? 'queued' : isNews ? 'unread' : undefined);
      return { id, title: nameIn(stream) ?? title, mark, queued };
    });
    this.#list.render(listed, openId);
  }
}

/** What a conversation was renamed to elsewhere. */
function nameIn(stream: FeedStream | undefined): string | undefined {
  const { title } = (stream?.title ?? {}) as { title?: unknown };
  return typeof title === 'string' ? title : undefined;
}

export function markOf(status: string | undefined): Mark | undefined {
  if (status === 'requires_action') return 'waiting';
  return status === 'running' ? 'writing' : undefined;
}
