/**
 * The browsers that want to be told, by their users: in this process, or in Redis for all replicas. A few of each user, the newest;
 * each for as long as it comes back within a month.
 */
import { createHash } from 'node:crypto';
import type { Redis } from 'ioredis';
import type { Identity } from '../conversations/conversations.js';

/** What a browser gives to be told by (the Push API's `PushSubscription`). */
export interface Subscription {
  /** Where the browser's own service takes messages for it. */
  readonly endpoint: string;
  readonly keys: { readonly p256dh: string; readonly auth: string };
}

export interface Subscriptions {
  add(owner: Identity, subscription: Subscription): Promise<void>;
  of(owner: Identity): Promise<readonly Subscription[]>;
  remove(owner: Identity, subscription: Subscription): Promise<void>;
}

const MOST_OF_A_USER = 10;
const MOST_USERS = 10_000;
const KEPT_SECONDS = 30 * 24 * 60 * 60;

export class MemorySubscriptions implements Subscriptions {
  /** By owner, the least recently changed first. */
  readonly #kept = new Map<string, readonly Subscription[]>();

  async add(owner: Identity, subscription: Subscription): Promise<void> {
    const others = await this.#others(owner, subscription);
    this.#keep(owner, [...others, subscription].slice(-MOST_OF_A_USER));
  }

  async of(owner: Identity): Promise<readonly Subscription[]> {
    return this.#kept.get(keyOf(owner)) ?? [];
  }

  async remove(owner: Identity, subscription: Subscription): Promise<void> {
    this.#keep(owner, await this.#others(owner, subscription));
  }

  async #others(owner: Identity, { endpoint }: Subscription): Promise<readonly Subscription[]> {
    return (await this.of(owner)).filter((one) => one.endpoint !== endpoint);
  }

  #keep(owner: Identity, subscriptions: readonly Subscription[]): void {
    this.#kept.delete(keyOf(owner));
    if (subscriptions.length > 0) this.#kept.set(keyOf(owner), subscriptions);
    const [oldest] = this.#kept.keys();
    if (this.#kept.size > MOST_USERS && oldest !== undefined) this.#kept.delete(oldest);
  }
}

export class RedisSubscriptions implements Subscriptions {
  readonly #redis: Redis;

  /** `redis` must limit how long a command may take. */
  constructor(redis: Redis) {
    this.#redis = redis;
  }

  /** One too many waits for another to go: which of a hash's fields is the oldest, nobody knows. */
  async add(owner: Identity, subscription: Subscription): Promise<void> {
    const key = keyOf(owner);
    if ((await this.#redis.hlen(key)) >= MOST_OF_A_USER) await this.#redis.del(key);
    await this.#redis.hset(key, fieldOf(subscription), JSON.stringify(subscription));
    await this.#redis.expire(key, KEPT_SECONDS);
  }

  async of(owner: Identity): Promise<readonly Subscription[]> {
    return (await this.#redis.hvals(keyOf(owner))).map((text): Subscription => JSON.parse(text));
  }

  async remove(owner: Identity, subscription: Subscription): Promise<void> {
    await this.#redis.hdel(keyOf(owner), fieldOf(subscription));
  }
}

function keyOf({ tenantId = '', userId }: Identity): string {
  return `chat:push:${tenantId}/${userId}`;
}

function fieldOf({ endpoint }: Subscription): string {
  return createHash('sha256').update(endpoint).digest('base64url');
}
