/** The feeds of users in Redis: two keys beside a user's other bookkeeping, in the user's slot. */
import type {
  FeedBounds,
  FeedPage,
  FeedReply,
  ReadFeedRequest,
  UserFeeds,
} from '../../interfaces/user-feeds.js';
import type { FeedEntry, FeedKind, StoredFeedEntry } from '../../model/feed-entry.js';
import type { UserKey } from '../../model/types.js';
import { wholeNumber } from './fields.js';
import type { RedisKeys } from './keys.js';
import { flag } from './script-arguments.js';
import type { RedisScripts } from './scripts.js';

/** The mark that tells late writers that all was removed need not outlive them (ms). */
const CLEARED_FOR_MS = 60_000;
const LARGEST = Number.MAX_SAFE_INTEGER;
const KINDS: readonly FeedKind[] = ['active', 'ended', 'removed'];

export class RedisUserFeeds implements UserFeeds {
  readonly #scripts: RedisScripts;
  readonly #keys: RedisKeys;

  constructor(scripts: RedisScripts, keys: RedisKeys) {
    this.#scripts = scripts;
    this.#keys = keys;
  }

  async append(user: UserKey, entry: FeedEntry, bounds: FeedBounds): Promise<FeedReply> {
    const { streamId, generation, count, kind, state, title, queue, ifKnown, upTo = LARGEST } = entry;
    const version = [streamId, generation, count, kind, state];
    const args = [...version, title?.revision ?? '', title?.text ?? '', bounds.entries, ifKnown ? upTo : 0];
    const rest = [bounds.keptMs, queue?.revision ?? '', queue?.text ?? ''];
    return replyOf(await this.#scripts.run('feed-append', this.#keys.feed(user), [...args, ...rest]));
  }

  async read(user: UserKey, { after, limit, bounds, begins }: ReadFeedRequest): Promise<FeedPage> {
    const [feed, order] = this.#keys.feed(user);
    const args = [after, limit, bounds.keptMs, flag(begins === true)];
    const reply = (await this.#scripts.run('feed-read', [feed, order], args)) as string[];
    const [floor, last, goesOn, ...found] = reply;
    const entries: StoredFeedEntry[] = [];
    for (let at = 0; at < found.length; at += 2) {
      const entry = decodeEntry(found[at] as string, found[at + 1] as string);
      if (entry !== undefined) entries.push(entry);
    }
    return { entries, floor: Number(floor), last: Number(last), goesOn: goesOn === '1' };
  }

  async markSeen(user: UserKey, which: Parameters<UserFeeds['markSeen']>[1]): Promise<FeedReply> {
    const args = 'upTo' in which ? ['', '', which.upTo] : [which.streamId, which.generation ?? '', ''];
    return replyOf(await this.#scripts.run('feed-seen', this.#keys.feed(user), args));
  }

  async clear(user: UserKey): Promise<FeedReply> {
    return replyOf(await this.#scripts.run('feed-clear', this.#keys.feed(user), [CLEARED_FOR_MS]));
  }
}

/** The scripts have published it. */
function replyOf(changed: unknown): FeedReply {
  return { changed: Number(changed), frames: [] };
}

/** Reads an entry as redis-lua/include/feed.lua does; undefined for one that can't be read. */
function decodeEntry(streamId: string, text: string): StoredFeedEntry | undefined {
  const [head = '', state, title, queued = '0 0 '] = text.split('\n', 4);
  const [, number, stateNumber, titleNumber, generation, count, kind, seen] = head.split(' ', 8);
  const [queueNumber, , ...queue] = queued.split(' ');
  const numbers = [number, stateNumber, titleNumber, queueNumber, generation, count].map(wholeNumber);
  const known = KINDS.find((one) => one === kind);
  if (state === undefined || known === undefined || numbers.includes(undefined)) return undefined;
  const [at, stateAt, titleAt, queueAt, ofGeneration, counted] = numbers as number[];
  return {
    streamId,
    number: at as number,
    stateNumber: stateAt as number,
    titleNumber: titleAt as number,
    queueNumber: queueAt as number,
    generation: ofGeneration as number,
    count: counted as number,
    kind: known,
    isSeen: seen === '1',
    state,
    title: title === '' ? undefined : title,
    queue: queue.join(' ') || undefined,
  };
}
