/**
 * The followed feeds of a process: makes a hub with a user's first reader, ends it with the last, and runs the one poll that finds
 * what no announcement brought.
 */
import type { Clock, TimerHandle } from '../../clock.js';
import { GenerationJobError } from '../../errors.js';
import type { SubscribeUserInput } from '../interfaces/feed.js';
import type { DetachResult } from '../interfaces/observer.js';
import { parsePlace } from '../model/cursor.js';
import { feedKey, userKey } from '../model/stream-key.js';
import type { ErrorReporter } from '../process/error-reports.js';
import { throwUnlessFed } from '../process/feed-writer.js';
import type { Parts } from '../process/parts.js';
import { FeedFollower, type FeedFollowerContext } from './feed-follower.js';
import { FeedHub } from './feed-hub.js';

export class Feeds implements FeedFollowerContext {
  readonly #parts: Parts;
  readonly #hubs = new Map<string, FeedHub>();
  readonly #followers = new Set<FeedFollower>();
  #timer: TimerHandle | undefined;

  constructor(parts: Parts) {
    this.#parts = parts;
  }

  get errors(): ErrorReporter {
    return this.#parts.errors;
  }

  get clock(): Clock {
    return this.#parts.clock;
  }

  /** @throws GenerationJobError `invalid_argument`, `invalid_stream_id`, `invalid_cursor`, `capacity_exceeded` */
  follow({ userId, tenantId, after, signal }: SubscribeUserInput): FeedFollower {
    const { options, observer } = this.#parts;
    throwUnlessFed(options);
    const user = userKey(userId, tenantId);
    // The place before the first event is that of who has read nothing: what stands by now comes first, as without one.
    const place = after === undefined ? undefined : parsePlace(after) || undefined;
    const { id } = feedKey(user);
    const hub = this.#hubs.get(id) ?? new FeedHub(user, this.#parts);
    if (hub.size >= options.limits.followersPerStream) {
      throw new GenerationJobError('capacity_exceeded', 'The feed has too many followers here.');
    }
    const follower = new FeedFollower(hub, place, this, signal);
    if (follower.closedBy !== undefined) return follower;
    this.#hubs.set(id, hub);
    hub.add(follower);
    this.#followers.add(follower);
    observer.feedFollowers(this.#followers.size);
    this.#timer ??= this.#schedule();
    return follower;
  }

  /** Closes every follower, telling its reader why. */
  closeAll(reason: DetachResult): void {
    for (const follower of [...this.#followers]) follower.detach(reason);
  }

  onClosed(follower: FeedFollower): void {
    const { hub } = follower;
    const { observer, background } = this.#parts;
    if (this.#followers.delete(follower)) {
      hub.remove(follower);
      observer.feedFollowers(this.#followers.size);
    }
    if (hub.size > 0) return;
    if (this.#hubs.get(hub.key.id) === hub) this.#hubs.delete(hub.key.id);
    background.run(hub.close());
    if (this.#hubs.size > 0) return;
    this.#parts.clock.clearTimeout(this.#timer);
    this.#timer = undefined;
  }

  onReaderFailed(error: unknown): void {
    this.#parts.observer.hookFailed('onReadable');
    this.#parts.errors.report({ where: 'onReadable', error });
  }

  #schedule(): TimerHandle {
    const { clock, entropy, options } = this.#parts;
    // Half the interval, so that a feed is looked at within the interval after it fell quiet.
    return clock.setTimeout(() => this.#poll(), options.logPollMs * (0.4 + entropy.random() / 10));
  }

  #poll(): void {
    const { clock, options, background } = this.#parts;
    const now = clock.monotonic();
    for (const hub of this.#hubs.values()) {
      if (hub.isQuietSince(now, options.logPollMs / 2)) background.run(hub.check());
    }
    this.#timer = this.#schedule();
  }
}
