/**
 * The conversations of all replicas, beside the streams in the same Redis: of each user one sorted set of ids by time,
 * and of each conversation one hash of turns by generation. Bounded, and gone a week after the last change. Every write
 * may be made again and comes out the same, so no transaction has to be undone: the bounds are applied after it.
 */
import { GenerationJobError } from 'generation-jobs';
import type { ChainableCommander, Redis } from 'ioredis';
import {
  type Conversation,
  type Conversations,
  type ConversationTitle,
  type Identity,
  MOST_TURNS,
  type Turn,
  titleOf,
} from './conversations.js';

/** Of one user. */
const MOST_CONVERSATIONS = 200;
const KEPT_MS = 7 * 24 * 60 * 60 * 1000;
/** The one field of a conversation's hash that isn't a generation. */
const TITLE = 'title';

export class RedisConversations implements Conversations {
  readonly #redis: Redis;

  /** `redis` must limit how long a command may take. */
  constructor(redis: Redis) {
    this.#redis = redis;
  }

  async save(owner: Identity, id: string, turn: Turn): Promise<void> {
    const [list, conversation] = [listKey(owner), conversationKey(owner, id)];
    const text = JSON.stringify(turn);
    const saving = this.#redis.multi();
    if (turn.status === 'running') saving.hsetnx(conversation, `${turn.generation}`, text);
    else saving.hset(conversation, `${turn.generation}`, text);
    saving.hsetnx(conversation, TITLE, titleOf(turn)).pexpire(conversation, KEPT_MS);
    saving.zadd(list, Date.now(), id).pexpire(list, KEPT_MS);
    const replies = await run(saving.hkeys(conversation).zrange(list, '0', `${-MOST_CONVERSATIONS - 1}`));
    const [fields, forgotten] = replies.slice(-2) as [string[], string[]];
    const tooOld = generationsOf(fields).slice(0, -MOST_TURNS);
    if (tooOld.length === 0 && forgotten.length === 0) return;
    const bounding = this.#redis.multi();
    if (tooOld.length > 0) bounding.hdel(conversation, ...tooOld);
    for (const old of forgotten) bounding.del(conversationKey(owner, old)).zrem(list, old);
    await run(bounding);
  }

  async get(owner: Identity, id: string): Promise<Conversation | undefined> {
    const reading = this.#redis.multi().hgetall(conversationKey(owner, id)).zscore(listKey(owner), id);
    const [fields, updatedAt] = (await run(reading)) as [Record<string, string>, string | null];
    const turns = generationsOf(Object.keys(fields)).map((field): Turn => JSON.parse(fields[field] ?? ''));
    if (turns.length === 0) return undefined;
    return { id, title: fields[TITLE] ?? '', updatedAt: Number(updatedAt), turns };
  }

  async rename(owner: Identity, id: string, title: string): Promise<boolean> {
    const conversation = conversationKey(owner, id);
    const [isThere] = await run(this.#redis.multi().hexists(conversation, TITLE));
    if (isThere !== 1) return false;
    await run(this.#redis.multi().hset(conversation, TITLE, title).pexpire(conversation, KEPT_MS));
    return true;
  }

  async remove(owner: Identity, id: string): Promise<boolean> {
    const removing = this.#redis.multi().del(conversationKey(owner, id)).zrem(listKey(owner), id);
    const [removed] = await run(removing);
    return removed === 1;
  }

  async list(owner: Identity): Promise<readonly ConversationTitle[]> {
    const [ids] = (await run(this.#redis.multi().zrange(listKey(owner), '0', '-1', 'REV'))) as [string[]];
    if (ids.length === 0) return [];
    const reading = this.#redis.multi();
    for (const id of ids) reading.hget(conversationKey(owner, id), TITLE).zscore(listKey(owner), id);
    const replies = (await run(reading)) as (string | null)[];
    return ids.flatMap((id, index) => {
      const [title, updatedAt] = replies.slice(2 * index, 2 * index + 2);
      return title ? [{ id, title, updatedAt: Number(updatedAt) }] : [];
    });
  }
}

/** What each command answered. @throws GenerationJobError `unavailable` when any of them failed */
async function run(commands: ChainableCommander): Promise<unknown[]> {
  try {
    const replies = await commands.exec();
    return (replies ?? []).map(([error, reply]) => {
      if (error) throw error;
      return reply;
    });
  } catch (cause) {
    throw new GenerationJobError('unavailable', 'Redis did not take or give a conversation.', { cause });
  }
}

/** The oldest first. */
function generationsOf(fields: readonly string[]): string[] {
  return fields.filter((field) => field !== TITLE).sort((a, b) => Number(a) - Number(b));
}

/** A user's keys share a hash tag, which nothing in a user's id can close: braces are encoded. */
function listKey({ tenantId, userId }: Identity): string {
  return `chat:{${tenantId ?? ''}/${encodeURIComponent(userId)}}:list`;
}

function conversationKey(owner: Identity, id: string): string {
  return `${listKey(owner)}:${encodeURIComponent(id)}`;
}
