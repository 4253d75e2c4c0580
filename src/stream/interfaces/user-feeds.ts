/**
 * The part of a store's contract that keeps the feeds of users: what became of each of a user's streams, in the order in which
 * it changed. A feed holds one entry a stream, the newest: it says where the stream stands, so that one which is skipped is
 * implied by the one that took its place, and a reader that was away reads each stream once.
 *
 * An entry's *version* is (generation, count): the generation, and how many lifecycle events it has. It never goes back, whoever
 * writes it and in whatever order it arrives; nor do its title and its queue, each by a revision of its own. Its *number* is the
 * larger of the feed's last + 1 and the store's clock, another one with each change. The *floor* is the place from which on nothing
 * has been left out: neither gone nor too old to be told.
 */
import type { FeedEntry, StoredFeedEntry } from '../model/feed-entry.js';
import type { Frame, UserKey } from '../model/types.js';

/** The bounds of a feed. */
export interface FeedBounds {
  /** Entries; beyond it the oldest goes. */
  readonly entries: number;
  /** The time an entry is kept (ms). */
  readonly keptMs: number;
}

export interface ReadFeedRequest {
  /** Entries with a larger number, in the order of their numbers. */
  readonly after: number;
  /** Entries in the page, at most. */
  readonly limit: number;
  /** The bounds of the feed. */
  readonly bounds: FeedBounds;
  /** Lets a feed begin that is not there: from then on it knows what it has left out. */
  readonly begins?: true | undefined;
}

export interface FeedPage {
  /** The entries, in the order of their numbers. */
  readonly entries: readonly StoredFeedEntry[];
  /** A reader whose place lies before it has missed something; 0 where there is no feed. */
  readonly floor: number;
  /** The newest place; a reader beyond it has read what the store has lost. */
  readonly last: number;
  /** True when the page ends before the feed does. */
  readonly goesOn: boolean;
}

export interface FeedReply {
  /** The number of entries that were changed; 0 for what is not newer. */
  readonly changed: number;
  /** Frames the caller must hand to the transport; empty when the store published them. */
  readonly frames: readonly Frame[];
}

/**
 * The feeds; each method is atomic for one user. A change is announced under the user's own key (`feedKey`) by a frame that has
 * the newest number as its generation and as its revision, and no events. Repeats change nothing.
 */
export interface UserFeeds {
  /**
   * Keeps the entry if its version is newer than that of the stream's entry, its title if that is; the state is unseen then. Its
   * queue is kept if that is newer, on its own; what was removed comes back by a queue in which something waits.
   * An entry of a generation (of generation 0, of a queue's revision) from before a `clear` of a moment ago is not kept.
   */
  append(user: UserKey, entry: FeedEntry, bounds: FeedBounds): Promise<FeedReply>;
  /** A page of the entries behind a place, without those that are older than they are kept. */
  read(user: UserKey, request: ReadFeedRequest): Promise<FeedPage>;
  /** Marks as seen what has ended: of one stream (and generation), or all whose state came up to a place. */
  markSeen(
    user: UserKey,
    which:
      | { readonly streamId: string; readonly generation?: number | undefined }
      | { readonly upTo: number },
  ): Promise<FeedReply>;
  /** Removes all entries; every reader is behind the floor then. Does nothing where there is no feed. */
  clear(user: UserKey): Promise<FeedReply>;
}
