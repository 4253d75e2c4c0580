/** A user's feed as a host asks for it and holds it. No code. */
import type { FeedEvent } from '../model/feed.js';
import type { DetachResult } from './observer.js';

/** The user whose feed is followed. */
export interface SubscribeUserInput {
  /** 1 to 256 characters. */
  readonly userId: string;
  /** The tenant the user belongs to: 1 to 128 characters of `A-Z a-z 0-9 _ . ~ -`. Default: none. */
  readonly tenantId?: string | undefined;
  /** The cursor of an event of this feed, to go on after. Default: none, and then a `sync` comes first. */
  readonly after?: string | undefined;
  /** Leaves the feed when it fires. Default: none. */
  readonly signal?: AbortSignal | undefined;
}

/** The ends that a user has seen: those of one stream, or all up to a place. */
export interface MarkSeenInput {
  /** 1 to 256 characters. */
  readonly userId: string;
  /** The tenant the user belongs to: 1 to 128 characters of `A-Z a-z 0-9 _ . ~ -`. Default: none. */
  readonly tenantId?: string | undefined;
  /** The stream that was looked at. Either this or `upTo`. */
  readonly streamId?: string | undefined;
  /** The generation that was looked at, from 1, so that a newer one stays unseen. Default: whichever has ended. */
  readonly generation?: number | undefined;
  /** A cursor of the feed: everything that had ended by then. */
  readonly upTo?: string | undefined;
}

/**
 * One follower of one user's feed: iterate it for its events. It ends when the process drains; leaving the loop leaves the feed.
 * @example
 * for await (const { event, data } of manager.subscribeUser({ userId: 'ada' })) console.log(event, data);
 */
export interface FeedSubscription extends AsyncIterableIterator<FeedEvent>, AsyncDisposable {
  /** Resolves when attached. @throws GenerationJobError (by rejecting) `unavailable`, `store_damaged` */
  readonly ready: Promise<void>;
  /** The reason it has closed; undefined while it is open. */
  readonly closedBy: DetachResult | undefined;
  /** The place of the last event that was read; `0-0` before the first. */
  readonly cursor: string;
  /** Leaves the feed. Safe to call at any time, any number of times. */
  close(): void;
  /** Waits for the next event, as iteration does. @throws GenerationJobError (by rejecting) what `ready` rejected with */
  next(): Promise<IteratorResult<FeedEvent, undefined>>;
  /** Leaves the feed, as leaving a loop does. */
  return(): Promise<IteratorResult<FeedEvent, undefined>>;
  [Symbol.asyncIterator](): this;
}
