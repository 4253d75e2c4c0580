/**
 * Every key the library uses, built only here. All keys of a stream share its hash tag, so one script may touch them;
 * those of a user share theirs; the due index is spread over shards by a hash of the stream. A part in braces never
 * holds a brace itself: stream and tenant ids can't, and user ids are digested.
 */
import { createHash } from 'node:crypto';
import { feedKey } from '../../model/stream-key.js';
import type { StreamKey, UserKey } from '../../model/types.js';

/** Fixed for all time: replicas must agree on where a stream's score lies. */
const DUE_SHARDS = 8;

export interface DueShard {
  readonly scores: string;
  readonly holds: string;
}

export type StreamKeys = readonly [
  job: string,
  log: string,
  ended: string,
  snapshots: string,
  inbox: string,
  receipts: string,
];

export class RedisKeys {
  readonly shards: readonly DueShard[];
  readonly #prefix: string;

  constructor(prefix: string) {
    this.#prefix = prefix;
    this.shards = Array.from({ length: DUE_SHARDS }, (_, index) => ({
      scores: `${prefix}{due:${index}}:scores`,
      holds: `${prefix}{due:${index}}:holds`,
    }));
  }

  /** Lists a stream's keys in the order in which the scripts do: job, log, ended, snapshots, inbox, receipts. */
  stream(key: StreamKey): StreamKeys {
    const base = `${this.#prefix}{${key.id}}:`;
    const [job, log, ended, snapshots] = [`${base}job`, `${base}log`, `${base}ended`, `${base}snapshots`];
    return [job, log, ended, snapshots, `${base}inbox`, `${base}receipts`];
  }

  /** The runs that wait on a stream, in the stream's slot. */
  queue(key: StreamKey): string {
    return `${this.#prefix}{${key.id}}:queue`;
  }

  /** Channels have a name space of their own: the log's name does for both, and travels once. */
  live(key: StreamKey): string {
    return `${this.#prefix}{${key.id}}:log`;
  }

  /** A pattern that the first key of every stream fits. */
  get everyStream(): string {
    return `${this.#prefix}{*}:job`;
  }

  /** The stream's id in a key that fits. */
  streamIn(key: string): string {
    return key.slice(this.#prefix.length + 1, -'}:job'.length);
  }

  /** Control signals of all streams. */
  get signals(): string {
    return `${this.#prefix}signals`;
  }

  /** The hash with what holds for the whole store. */
  get store(): string {
    return `${this.#prefix}store`;
  }

  /** The keys a starting replica tries its rights on: a hash, a stream that is also a channel, a sorted set. */
  get probe(): readonly [string, string, string] {
    const base = `${this.#prefix}{probe}:`;
    return [`${base}hash`, `${base}log`, `${base}set`];
  }

  user(user: UserKey): { readonly slots: string; readonly runs: string; readonly streams: string } {
    const base = this.#userBase(user);
    return { slots: `${base}slots`, runs: `${base}runs`, streams: `${base}streams` };
  }

  /** Lists a feed's keys in the order in which the scripts do: feed, order, live channel. */
  feed(user: UserKey): readonly [string, string, string] {
    const base = this.#userBase(user);
    return [`${base}feed`, `${base}feed-order`, this.live(feedKey(user))];
  }

  #userBase(user: UserKey): string {
    return `${this.#prefix}{${feedKey(user).id}}:`;
  }

  /** The rules of an owner, a user or a tenant, and the uses of them, in a slot of their own. */
  rules({
    tenantId = '',
    userId,
  }: {
    readonly tenantId?: string | undefined;
    readonly userId?: string | undefined;
  }): {
    readonly rules: string;
    readonly uses: string;
  } {
    const base = `${this.#prefix}{rules:${tenantId}/${userId === undefined ? '' : digestOf(userId)}}:`;
    return { rules: `${base}rules`, uses: `${base}uses` };
  }

  shard(key: StreamKey): DueShard {
    const first = createHash('sha1').update(key.id).digest()[0] ?? 0;
    return this.shards[first % DUE_SHARDS] as DueShard;
  }
}

/** A user id may hold anything, a key's part in braces may not. */
function digestOf(userId: string): string {
  return createHash('sha256').update(userId).digest('base64url');
}
