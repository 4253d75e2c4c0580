/**
 * The conversations of this process, so that a reload shows earlier answers after the library has let go of their
 * streams. A stand-in for the host's database: in memory, bounded, the least recently used forgotten first.
 */
import type { Identity } from './identity.js';
import type { ChatContent } from './page/chat-content.js';

export interface Turn extends Readonly<ChatContent> {
  readonly generation: number;
  readonly status: string;
  /** Why it failed or was aborted; empty otherwise. */
  readonly code: string;
}

export interface Conversation {
  readonly id: string;
  readonly title: string;
  readonly updatedAt: number;
  /** Oldest first. */
  readonly turns: readonly Turn[];
}

interface Kept extends Conversation {
  readonly owner: string;
}

const MOST_CONVERSATIONS = 1000;
const MOST_TURNS = 100;
const LONGEST_TITLE = 80;

export class Conversations {
  /** By tenant and id, the least recently changed first. */
  readonly #kept = new Map<string, Kept>();

  /** Puts the turn in place of the one of the same generation, or after the others. */
  save(owner: Identity, id: string, turn: Turn): void {
    const key = keyOf(owner, id);
    const known = this.#kept.get(key);
    // A stream has one owner at a time: what is left of another one's conversation of this name isn't his to add to.
    const isTheirs = known?.owner === owner.userId;
    const others = isTheirs ? known.turns.filter(({ generation }) => generation !== turn.generation) : [];
    const turns = [...others, turn].sort((a, b) => a.generation - b.generation).slice(-MOST_TURNS);
    const title = isTheirs ? known.title : turn.prompt.trim().slice(0, LONGEST_TITLE);
    this.#kept.delete(key);
    this.#kept.set(key, { id, title, turns, owner: owner.userId, updatedAt: Date.now() });
    const [oldest] = this.#kept.keys();
    if (this.#kept.size > MOST_CONVERSATIONS && oldest !== undefined) this.#kept.delete(oldest);
  }

  get(owner: Identity, id: string): Conversation | undefined {
    const known = this.#kept.get(keyOf(owner, id));
    return known?.owner === owner.userId ? shown(known) : undefined;
  }

  /** The newest first. */
  list(owner: Identity): Conversation[] {
    const prefix = keyOf(owner, '');
    const theirs = [...this.#kept].filter(
      ([key, { owner: user }]) => key.startsWith(prefix) && user === owner.userId,
    );
    return theirs.map(([, conversation]) => shown(conversation)).reverse();
  }
}

/** No tenant has an empty name, and neither part can hold a slash, so no two tenants' keys meet. */
function keyOf({ tenantId }: Identity, id: string): string {
  return `${tenantId ?? ''}/${id}`;
}

function shown({ owner: _, ...conversation }: Kept): Conversation {
  return conversation;
}
