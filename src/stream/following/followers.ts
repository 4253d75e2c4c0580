/**
 * The followed streams of a process: makes a hub with a stream's first subscription, ends it with the last, and runs the
 * one poll that finds in the log what no frame brought.
 */
import type { Clock, TimerHandle } from '../../clock.js';
import { GenerationJobError, isGenerationJobError, isUnanswered } from '../../errors.js';
import type { JobStore } from '../interfaces/job-store.js';
import type { SubscribeOptions } from '../interfaces/manager-types.js';
import type { DetachResult, SettlementWaitResult, StreamObserver } from '../interfaces/observer.js';
import { isSettlementOver } from '../model/settlement-state.js';
import type { JobRecord, Json, StreamKey } from '../model/types.js';
import type { ErrorReporter } from '../process/error-reports.js';
import { callHook } from '../process/host-code.js';
import type { Parts } from '../process/parts.js';
import type { HubContext } from './hub-context.js';
import { HubSubscription } from './hub-subscription.js';
import { QueuedFollower, type QueuedFollowerContext } from './queued-follower.js';
import { RecordWait, type RecordWaitInput, type SettledWaitInput } from './record-wait.js';
import type { StreamFollower } from './stream-follower.js';
import { StreamHub } from './stream-hub.js';
import type { SubscriptionContext } from './subscription-context.js';

export class Followers implements SubscriptionContext<StreamFollower>, QueuedFollowerContext {
  readonly #parts: Parts;
  readonly #hubs = new Map<string, StreamHub>();
  readonly #hubContext: HubContext;
  readonly #subscriptions = new Set<StreamFollower>();
  /** Those of them that follow a run which waits. */
  readonly #queued = new Set<QueuedFollower>();
  readonly #waits = new Set<RecordWait>();
  #timer: TimerHandle | undefined;
  #isClosed = false;

  constructor(parts: Parts, indexes: HubContext['indexes']) {
    this.#parts = parts;
    this.#hubContext = { ...parts, indexes };
  }

  get observer(): StreamObserver {
    return this.#parts.observer;
  }

  get errors(): ErrorReporter {
    return this.#parts.errors;
  }

  get clock(): Clock {
    return this.#parts.clock;
  }

  get store(): JobStore {
    return this.#parts.store;
  }

  now(): number {
    return this.#parts.store.now();
  }

  get streams(): number {
    return this.#hubs.size;
  }

  get size(): number {
    return this.#subscriptions.size;
  }

  /** Local followers of a stream. */
  count(key: StreamKey): number {
    return this.#hubs.get(key.id)?.followers ?? 0;
  }

  /** Follows a stream, or with `queueId` a run that waits there. @throws GenerationJobError `capacity_exceeded` */
  follow(key: StreamKey, options: SubscribeOptions): StreamFollower {
    const hub = this.#hubOf(key);
    if (hub.followers >= this.#parts.options.limits.followersPerStream) {
      throw new GenerationJobError('capacity_exceeded', 'The stream has too many followers here.');
    }
    const { queueId } = options;
    if (queueId === undefined) return this.#add(new HubSubscription(hub, options, this));
    const follower = new QueuedFollower(hub, { ...options, queueId }, this);
    if (follower.closedBy === undefined) this.#queued.add(follower);
    return this.#add(follower);
  }

  #add(follower: StreamFollower): StreamFollower {
    if (follower.closedBy !== undefined) return follower;
    follower.hub.add(follower);
    this.#subscriptions.add(follower);
    this.#parts.observer.subscriptions(this.#subscriptions.size);
    this.#timer ??= this.#schedule();
    return follower;
  }

  /** Puts a subscription to the generation in the place of one that has followed the run while it waited. */
  onStarted(follower: QueuedFollower, options: SubscribeOptions): StreamFollower {
    this.#queued.delete(follower);
    if (this.#subscriptions.delete(follower)) follower.hub.remove(follower);
    return this.#add(new HubSubscription(follower.hub, options, this));
  }

  /**
   * Waits until the settlement of a generation is over: settled, or set aside. A generation that runs is waited for as well.
   * @param input `timeoutMs` is `settledWaitMs` by default
   * @returns as `whenRecord` @throws as `whenRecord`
   */
  async whenSettled(key: StreamKey, input: SettledWaitInput = {}): Promise<JobRecord | null> {
    const { clock, options, observer } = this.#parts;
    const startedAt = clock.monotonic();
    const timeoutMs = input.timeoutMs ?? options.settledWaitMs;
    let result: SettlementWaitResult = 'failed';
    try {
      const record = await this.whenRecord(key, { ...input, timeoutMs, until: isSettlementOver });
      result = resultOf(record);
      return record;
    } finally {
      observer.settlementAwaited(result, clock.monotonic() - startedAt);
    }
  }

  /**
   * Waits until a generation's record is as `until` wants it. Costs one listening and a read for each announced change and
   * each poll that finds one; counts as no follower.
   * @returns the record as it is then, or after `timeoutMs`, when the signal fires or the process drains; null when the
   *   generation is not kept, or nothing was seen by then
   * @throws GenerationJobError `unavailable` when the store gave no answer in all the time; what else it refused with
   */
  async whenRecord(key: StreamKey, input: RecordWaitInput): Promise<JobRecord | null> {
    const hub = this.#hubOf(key);
    // Whoever comes once all has been closed is told what is there now.
    const timeoutMs = this.#isClosed ? 0 : input.timeoutMs;
    const wait = new RecordWait(hub, this.#parts.clock, { ...input, timeoutMs });
    hub.addWaiting(wait);
    this.#waits.add(wait);
    this.#timer ??= this.#schedule();
    this.#parts.background.run(wait.begin());
    try {
      return await wait.over;
    } finally {
      this.#waits.delete(wait);
      hub.remove(wait);
      this.#closeIfIdle(hub);
    }
  }

  /**
   * A stream's generation can't be ended: the store refuses it for good. Its log says nothing of it, so the followers of this
   * process are told by the error itself; those of other replicas when that replica's own upkeep is refused, or ends it.
   * A secret that this process can't open is no such refusal: another one may.
   */
  failUnlessPassing(key: StreamKey, error: unknown): void {
    if (!isUnanswered(error) && !isGenerationJobError(error, 'seal_unavailable'))
      this.#hubs.get(key.id)?.fail(error);
  }

  /** Closes every subscription, telling its reader why, and ends every wait, those to come as well. */
  closeAll(reason: DetachResult): void {
    this.#isClosed = true;
    for (const subscription of [...this.#subscriptions]) subscription.detach(reason);
    for (const wait of [...this.#waits]) wait.stop();
  }

  #hubOf(key: StreamKey): StreamHub {
    let hub = this.#hubs.get(key.id);
    if (hub === undefined) {
      hub = new StreamHub(key, this.#hubContext);
      this.#hubs.set(key.id, hub);
    }
    return hub;
  }

  /** Forgets a follower that has closed; called by it. */
  onClosed(follower: StreamFollower): void {
    const { hub } = follower;
    const { observer, background, hooks } = this.#parts;
    const waited = follower instanceof QueuedFollower;
    if (waited) this.#queued.delete(follower);
    if (!this.#subscriptions.delete(follower) && hub.followers > 0) return;
    hub.remove(follower);
    // One that has followed no generation was not told of as attached either.
    if (!waited) observer.detached(follower.closedBy ?? 'left');
    observer.subscriptions(this.#subscriptions.size);
    if (hub.followers > 0 || this.#hubs.get(hub.key.id) !== hub) return;
    this.#closeIfIdle(hub);
    if (hooks.onFollowersGone && !waited && !hub.ended && follower.closedBy === 'left') {
      const { streamId, tenantId } = hub.key;
      background.run(
        callHook(
          this.#parts,
          'onFollowersGone',
          () => hooks.onFollowersGone?.(streamId, tenantId),
          undefined,
          { record: hub.key },
        ),
      );
    }
  }

  #closeIfIdle(hub: StreamHub): void {
    if (!hub.isIdle || this.#hubs.get(hub.key.id) !== hub) return;
    this.#hubs.delete(hub.key.id);
    this.#parts.background.run(hub.close());
    if (this.#hubs.size > 0) return;
    this.#parts.clock.clearTimeout(this.#timer);
    this.#timer = undefined;
  }

  /** Reports what a reader threw; called by its subscription. */
  onReaderFailed(error: unknown, { hub }: StreamFollower): void {
    this.#parts.observer.hookFailed('onReadable');
    this.#parts.errors.report({ where: 'onReadable', error, record: hub.key });
  }

  /** Returns what clients may see of a record's metadata; nothing when the host fails to say. */
  publicMetadata(record: JobRecord): Promise<Json> {
    const { hooks } = this.#parts;
    return callHook<Json>(
      this.#parts,
      'publicMetadata',
      async () => (await hooks.publicMetadata?.(record)) ?? {},
      {},
      { record },
    );
  }

  #schedule(): TimerHandle {
    const { clock, entropy, options } = this.#parts;
    // Half the interval, so that a stream is looked at within the interval after it fell quiet.
    return clock.setTimeout(() => this.#poll(), options.logPollMs * (0.4 + entropy.random() / 10));
  }

  #poll(): void {
    const { clock, options, background } = this.#parts;
    const now = clock.monotonic();
    for (const hub of this.#hubs.values()) {
      if (hub.isQuietSince(now, options.logPollMs / 2)) background.run(hub.check('poll'));
    }
    for (const follower of this.#queued) follower.check(now, options.logPollMs / 2);
    this.#timer = this.#schedule();
  }
}

function resultOf(record: JobRecord | null): SettlementWaitResult {
  if (record === null) return 'gone';
  return isSettlementOver(record) ? record.settlement.state : 'open';
}
