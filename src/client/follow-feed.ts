/** A user's feed that is followed, as its caller has it. */
import type { FeedEvent, FeedStream } from '../stream/model/feed.js';
import { FeedReader } from './feed-reader.js';
import { FollowCore } from './follow-core.js';
import { checkFeedOptions, type FeedOptions } from './options.js';

/** A feed that is followed. Iterate it for its events, unless `onEvent` gets them. */
export class FeedFollowing extends FollowCore<FeedEvent> {
  readonly #reader: FeedReader;

  /** Is made by `followFeed`. */
  constructor(url: string, options: FeedOptions) {
    const reader = new FeedReader();
    super(url, options, reader);
    this.#reader = reader;
  }

  /** The place after the last event; empty before the first. */
  get cursor(): string {
    return this.#reader.cursor;
  }

  /** The streams by their ids, as far as they were told: what is active, waits, or has ended. Those changed last come last. */
  get streams(): ReadonlyMap<string, FeedStream> {
    return this.#reader.streams;
  }
}

/**
 * Follows the feed of whoever asks: what becomes of all their streams, over as many connections as it takes. `streams` has where
 * each of them stands; it begins with what is active, waits, or has ended unseen.
 *
 * @param url the address of `GET /feed` of the library's routes; absolute outside a page
 * @throws StreamClientError `invalid_options` naming each option that is unknown or of another kind
 * @example
 * for await (const { event, data } of followFeed('/api/chat/feed')) {
 *   show([event, data]);
 * }
 */
export function followFeed(url: string, options: FeedOptions = {}): FeedFollowing {
  checkFeedOptions(options);
  return new FeedFollowing(url, options);
}
