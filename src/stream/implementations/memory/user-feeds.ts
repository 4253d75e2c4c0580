/** The feeds of users in memory: a map a user, in the order of its numbers, since each change puts its entry last. */
import type {
  FeedBounds,
  FeedPage,
  FeedReply,
  ReadFeedRequest,
  UserFeeds,
} from '../../interfaces/user-feeds.js';
import type { FeedEntry, StoredFeedEntry } from '../../model/feed-entry.js';
import { feedKey } from '../../model/stream-key.js';
import type { UserKey } from '../../model/types.js';
import { nameOf } from './indexes.js';

/** Writes that were under way when all was cleared arrive within this time (ms). */
const CLEARED_FOR_MS = 60_000;

interface Kept extends StoredFeedEntry {
  /** The version of its title. */
  readonly titleGeneration: number;
  readonly titleRevision: number;
  readonly queueRevision: number;
}

interface Feed {
  readonly entries: Map<string, Kept>;
  floor: number;
  last: number;
  /** The time at which all was cleared; 0 for never. */
  cleared: number;
  until: number;
}

export class InMemoryUserFeeds implements UserFeeds {
  /** Those written longest ago first. */
  readonly #feeds = new Map<string, Feed>();
  readonly #now: () => number;

  constructor(now: () => number) {
    this.#now = now;
  }

  async append(user: UserKey, entry: FeedEntry, bounds: FeedBounds): Promise<FeedReply> {
    const now = this.#now();
    const feed = this.#find(user);
    const known = feed?.entries.get(entry.streamId);
    const { ifKnown, upTo = Number.MAX_SAFE_INTEGER } = entry;
    if (ifKnown && (known === undefined || known.generation > upTo)) return NOTHING;
    const generation = entry.generation > 0 ? entry.generation : (known?.generation ?? 0);
    const cleared = feed?.cleared ?? 0;
    const madeAt = generation > 0 ? generation : (entry.queue?.revision ?? 0);
    if (!ifKnown && madeAt < cleared && cleared + CLEARED_FOR_MS > now) return NOTHING;
    const isTitleAlone = ifKnown === true && entry.count === 0;
    const isNewer =
      known === undefined ||
      (!isTitleAlone && isLater([generation, entry.count], [known.generation, known.count]));
    const title = entry.title;
    const isTitled =
      title !== undefined &&
      (known === undefined ||
        isLater([generation, title.revision], [known.titleGeneration, known.titleRevision]));
    const queue = newerQueue(entry, known);
    if (!isNewer && queue === undefined && (!isTitled || known?.kind === 'removed')) return NOTHING;
    const written = this.#begin(user, feed, now);
    const number = numberAfter(written, now);
    const { streamId, count, kind, state } = entry;
    const begins = !isNewer && queue !== undefined && isBegunBy(queue, known);
    this.#put(written, {
      ...(known ?? { streamId, ...UNTITLED, ...UNQUEUED }),
      ...{ generation, count, kind, state, isSeen: false, stateNumber: number },
      ...(!isNewer && known),
      ...(begins && { kind, state, isSeen: false, stateNumber: number }),
      ...(isTitled && {
        ...{ titleNumber: number, titleGeneration: generation, titleRevision: title.revision },
        title: title.text,
      }),
      ...(queue && {
        ...{ queueNumber: number, queueRevision: queue.revision },
        queue: queue.text === '' ? undefined : queue.text,
      }),
      ...(isNewer && kind === 'removed' && { title: undefined, titleNumber: 0, ...UNQUEUED }),
      // A queue that was told late is older than this.
      ...(isNewer && kind === 'removed' && { queueRevision: Math.max(known?.queueRevision ?? 0, now) }),
      number,
    });
    this.#trim(written, bounds, now);
    written.until = now + bounds.keptMs;
    return this.#announced(user, written, 1);
  }

  async read(user: UserKey, { after, limit, bounds, begins }: ReadFeedRequest): Promise<FeedPage> {
    const now = this.#now();
    let feed = this.#find(user);
    if (feed === undefined && begins) {
      feed = this.#begin(user, undefined, now);
      feed.last = feed.floor = now;
      feed.until = now + bounds.keptMs;
    }
    if (feed === undefined) return { entries: [], floor: 0, last: 0, goesOn: false };
    const oldest = now - bounds.keptMs;
    const entries: StoredFeedEntry[] = [];
    let { floor } = feed;
    for (const kept of feed.entries.values()) {
      // What is too old to be told is missed by a place before it, as if it had gone.
      if (kept.number <= oldest) floor = Math.max(floor, kept.number);
      if (kept.number <= Math.max(after, oldest)) continue;
      const { titleGeneration: _, titleRevision: __, queueRevision: ___, ...entry } = kept;
      if (entries.push(entry) === limit) break;
    }
    return { entries, floor, last: feed.last, goesOn: entries.length === limit };
  }

  async markSeen(user: UserKey, which: Parameters<UserFeeds['markSeen']>[1]): Promise<FeedReply> {
    const feed = this.#find(user);
    if (feed === undefined) return NOTHING;
    const asked = [...feed.entries.values()].filter(({ streamId, generation, stateNumber }) =>
      'upTo' in which
        ? stateNumber <= which.upTo
        : streamId === which.streamId && (which.generation ?? generation) === generation,
    );
    const ended = asked.filter(({ kind, isSeen }) => kind === 'ended' && !isSeen);
    for (const entry of ended)
      this.#put(feed, { ...entry, isSeen: true, number: numberAfter(feed, this.#now()) });
    return ended.length === 0 ? NOTHING : this.#announced(user, feed, ended.length);
  }

  async clear(user: UserKey): Promise<FeedReply> {
    const now = this.#now();
    const feed = this.#find(user);
    if (feed === undefined) return NOTHING;
    feed.entries.clear();
    feed.last = feed.floor = numberAfter(feed, now);
    feed.cleared = now;
    feed.until = now + CLEARED_FOR_MS;
    return this.#announced(user, feed, 1);
  }

  #find(user: UserKey): Feed | undefined {
    const name = nameOf(user);
    const feed = this.#feeds.get(name);
    if (feed === undefined || feed.until > this.#now()) return feed;
    this.#feeds.delete(name);
    return undefined;
  }

  /** The feed to write to, last among all; what nobody has written to for its time goes, one with each write. */
  #begin(user: UserKey, known: Feed | undefined, now: number): Feed {
    const name = nameOf(user);
    const feed = known ?? { entries: new Map(), floor: now - 1, last: now - 1, cleared: 0, until: now };
    this.#feeds.delete(name);
    const [oldest] = this.#feeds;
    if (oldest !== undefined && oldest[1].until <= now) this.#feeds.delete(oldest[0]);
    this.#feeds.set(name, feed);
    return feed;
  }

  #put(feed: Feed, entry: Kept): void {
    feed.entries.delete(entry.streamId);
    feed.entries.set(entry.streamId, entry);
    feed.last = entry.number;
  }

  #trim(feed: Feed, bounds: FeedBounds, now: number): void {
    for (const { streamId, number } of feed.entries.values()) {
      if (feed.entries.size <= bounds.entries && number >= now - bounds.keptMs) break;
      if (number === feed.last) break;
      feed.entries.delete(streamId);
      feed.floor = number;
    }
  }

  #announced(user: UserKey, { last }: Feed, changed: number): FeedReply {
    const frame = { key: feedKey(user), generation: last, firstSequence: 1, lastSequence: 0 };
    return { changed, frames: [{ ...frame, events: [], revision: last, changedRevision: 0 }] };
  }
}

const NOTHING: FeedReply = { changed: 0, frames: [] };
const UNTITLED = { titleNumber: 0, titleGeneration: 0, titleRevision: 0 };
const UNQUEUED = { queue: undefined, queueNumber: 0, queueRevision: 0 };

/** Returns the queue that an entry tells, if it is newer; what was removed comes back only with a run that waits. */
function newerQueue({ queue }: FeedEntry, known: Kept | undefined): FeedEntry['queue'] {
  if (queue === undefined || queue.revision <= (known?.queueRevision ?? -1)) return undefined;
  return known?.kind === 'removed' && queue.text === '' ? undefined : queue;
}

/** Says whether the state is the queue's from now on: of a stream that has nothing else. */
function isBegunBy({ text }: { readonly text: string }, known: Kept | undefined): boolean {
  if (known === undefined || text === '') return false;
  return known.kind === 'removed' || (known.generation === 0 && known.queue === undefined);
}

function numberAfter({ last }: Feed, now: number): number {
  return Math.max(last + 1, now);
}

function isLater(
  [one, part]: readonly [number, number],
  [other, otherPart]: readonly [number, number],
): boolean {
  return one > other || (one === other && part > otherPart);
}
