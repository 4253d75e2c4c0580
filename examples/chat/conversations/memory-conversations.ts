/** The conversations of one process: in memory, bounded, the least recently changed forgotten first. */
import {
  type Conversation,
  type Conversations,
  type ConversationTitle,
  type Identity,
  MOST_TURNS,
  type Turn,
  titleOf,
} from './conversations.js';

interface Kept extends Conversation {
  readonly owner: string;
}

const MOST_CONVERSATIONS = 1000;

export class MemoryConversations implements Conversations {
  /** By tenant and id, the least recently changed first. */
  readonly #kept = new Map<string, Kept>();

  async save(owner: Identity, id: string, turn: Turn): Promise<void> {
    const key = keyOf(owner, id);
    const known = this.#kept.get(key);
    // A stream has one owner at a time: what is left of another one's conversation of this name isn't his to add to.
    const isTheirs = known?.owner === owner.userId;
    const before = isTheirs ? known.turns : [];
    if (turn.status === 'running' && before.some(({ generation }) => generation === turn.generation)) return;
    const others = before.filter(({ generation }) => generation !== turn.generation);
    const turns = [...others, turn].sort((a, b) => a.generation - b.generation).slice(-MOST_TURNS);
    const title = isTheirs ? known.title : titleOf(turn);
    this.#kept.delete(key);
    this.#kept.set(key, { id, title, turns, owner: owner.userId, updatedAt: Date.now() });
    const [oldest] = this.#kept.keys();
    if (this.#kept.size > MOST_CONVERSATIONS && oldest !== undefined) this.#kept.delete(oldest);
  }

  async get(owner: Identity, id: string): Promise<Conversation | undefined> {
    const known = this.#kept.get(keyOf(owner, id));
    if (known?.owner !== owner.userId) return undefined;
    const { owner: _, ...conversation } = known;
    return conversation;
  }

  async rename(owner: Identity, id: string, title: string): Promise<boolean> {
    const key = keyOf(owner, id);
    const known = this.#kept.get(key);
    if (known?.owner !== owner.userId) return false;
    this.#kept.set(key, { ...known, title });
    return true;
  }

  async remove(owner: Identity, id: string): Promise<boolean> {
    const key = keyOf(owner, id);
    return this.#kept.get(key)?.owner === owner.userId && this.#kept.delete(key);
  }

  async list(owner: Identity): Promise<readonly ConversationTitle[]> {
    const prefix = keyOf(owner, '');
    const theirs = [...this.#kept].filter(
      ([key, { owner: user }]) => key.startsWith(prefix) && user === owner.userId,
    );
    return theirs.map(([, { id, title, updatedAt }]) => ({ id, title, updatedAt })).reverse();
  }
}

/** No tenant has an empty name, and neither part can hold a slash, so no two tenants' keys meet. */
function keyOf({ tenantId }: Identity, id: string): string {
  return `${tenantId ?? ''}/${id}`;
}
