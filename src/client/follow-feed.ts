/** A user's feed that is followed, as its caller has it. */
import type { FeedEvent, FeedStream } from '../stream/model/feed.js';
import { FeedReader } from './feed-reader.js';
import { FollowCore } from './follow-core.js';
import type { FollowState, LastState } from './follow-state.js';
import { checkFeedOptions, type FeedOptions } from './options.js';

/** A feed that is followed. Iterate it for its events, unless `onEvent` gets them. */
export class FeedFollowing implements AsyncIterable<FeedEvent> {
  /** Resolves with the last state, when nothing more comes; never rejects. */
  readonly done: Promise<LastState>;
  readonly #reader = new FeedReader();
  readonly #core: FollowCore<FeedEvent>;

  /** Is made by `followFeed`. */
  constructor(url: string, options: FeedOptions) {
    this.#core = new FollowCore(url, options, this.#reader);
    this.done = this.#core.done;
  }

  /** The state of the connection. */
  get state(): FollowState {
    return this.#core.state;
  }

  /** The place after the last event; empty before the first. */
  get cursor(): string {
    return this.#reader.cursor;
  }

  /** The streams by their ids, as far as they were told: what is active, waits, or has ended. Those changed last come last. */
  get streams(): ReadonlyMap<string, FeedStream> {
    return this.#reader.streams;
  }

  /** Tries now instead of later, and doubts a connection that has been silent. Changes nothing once it is over. */
  wake(): void {
    this.#core.wake();
  }

  /** Lets go of the connection, and goes on from the same place by another one at once. */
  reconnect(): void {
    this.#core.reconnect();
  }

  /** Ends it. Safe to call at any time, any number of times. */
  close(): void {
    this.#core.close();
  }

  /**
   * Returns the events, from the first that nobody has read. Leaving the loop closes the following.
   * @throws StreamClientError (by rejecting) when there is no feed: the error of the state `gone`; `invalid_options` when
   *   `onEvent` gets the events
   */
  [Symbol.asyncIterator](): AsyncGenerator<FeedEvent, undefined> {
    return this.#core.read();
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
