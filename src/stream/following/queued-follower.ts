/**
 * A follower of a run that waits for its turn: it is told the run's position, and then follows the generation that the run has
 * become. A queue announces nothing by itself. So the queue is looked at when the stream's hub tells of another generation or an end, and
 * otherwise once in a poll: events of the generation before, which may come by the hundred, move nobody in the queue.
 *
 * States
 * - `attaching`  the hub begins to listen, then one look says where the run stands. Entered once. Fails with `stream_not_found` where
 *                no such run waits, was handed back or has started: `ready` rejects.
 * - `waiting`    one look is under way, or none; a wake-up that comes meanwhile makes another one follow it.
 * - `started`    a subscription to the generation has taken its place: everything goes there. Nothing leaves it.
 * - `closed`     for the reason in `closedBy`. Entered behind the last `queued`, which has position 0, when the reader leaves, when the process
 *                drains, and when the store refuses for good. Nothing leaves it.
 */
import type { Clock } from '../../clock.js';
import { GenerationJobError, isUnanswered } from '../../errors.js';
import type { JobStore } from '../interfaces/job-store.js';
import type { SubscribeOptions } from '../interfaces/manager-types.js';
import type { DetachResult } from '../interfaces/observer.js';
import { isOwnedBy } from '../model/access.js';
import { formatCursor } from '../model/cursor.js';
import type { FollowerPayloads } from '../model/lifecycle-payloads.js';
import { waitingRuns } from '../model/queued-run.js';
import type { Batch } from '../model/types.js';
import type { ErrorReporter } from '../process/error-reports.js';
import { handOut } from '../process/handed-out.js';
import { queuedBatch } from './follower-events.js';
import { IteratedReader } from './iterated-reader.js';
import type { StreamFollower } from './stream-follower.js';
import type { StreamHub } from './stream-hub.js';

/** The options of one that follows a run by its queue id. */
export type QueuedFollowOptions = SubscribeOptions & { readonly queueId: string };

export interface QueuedFollowerContext {
  readonly errors: ErrorReporter;
  readonly clock: Clock;
  readonly store: Pick<JobStore, 'queues' | 'read'>;
  /** Puts a subscription to the generation in the place of the follower. */
  onStarted(follower: QueuedFollower, options: SubscribeOptions): StreamFollower;
  /** Called once, when the follower has closed before its run has started. */
  onClosed(follower: QueuedFollower): void;
  onReaderFailed(error: unknown, follower: QueuedFollower): void;
}

type Told = FollowerPayloads['queued'];

/** The place where the run stands: it waits, has become a generation, or neither. */
type Standing = { readonly generation: number } | Omit<Told, 'queueId'>;

/** The place of a run that neither waits nor has run. */
const CANCELLED = { position: 0, reason: 'cancelled' } as const;

export class QueuedFollower extends IteratedReader implements StreamFollower {
  readonly ready: Promise<void>;
  readonly hub: StreamHub;
  readonly #context: QueuedFollowerContext;
  readonly #options: QueuedFollowOptions;
  #state: 'attaching' | 'waiting' | 'started' | 'closed' = 'attaching';
  #closedBy: DetachResult | undefined;
  /** The subscription to the generation that the run has become. */
  #run: StreamFollower | undefined;
  /** The newest position, until it is read. */
  #news: Told | undefined;
  /** The position that was found last; undefined before the first look. */
  #position: number | undefined;
  /** The generation that the hub had seen at the last look. */
  #generation = 0;
  #lookedAt = 0;
  #looking: Promise<void> | undefined;
  #looksAgain = false;
  #failure: unknown;
  /** Somebody reads, and so is told what goes wrong. */
  #isRead = false;
  #leave: (() => void) | undefined;

  constructor(hub: StreamHub, options: QueuedFollowOptions, context: QueuedFollowerContext) {
    super(context, hub.key);
    this.hub = hub;
    this.#options = options;
    this.#context = context;
    const attached = this.#attach();
    this.ready = handOut(
      this.handOutContext,
      'subscribe',
      () => attached,
      () => this.#isRead,
    );
    attached.catch((error: unknown) => this.#fail(error));
    if (options.signal !== undefined) this.#obey(options.signal);
  }

  get closedBy(): DetachResult | undefined {
    return this.#run === undefined ? this.#closedBy : this.#run.closedBy;
  }

  /** The place in its generation; `0-0` while the run waits. */
  get cursor(): string {
    return this.#run?.cursor ?? formatCursor(0, 0);
  }

  get isCaughtUp(): boolean {
    if (this.#run !== undefined) return this.#run.isCaughtUp;
    return this.#state === 'waiting' && this.#news === undefined;
  }

  /** The next events, or null when there are none now. @throws what `ready` rejected with; what the subscription's `read` throws */
  read(): Batch | null {
    this.#isRead = true;
    if (this.#failure !== undefined) throw this.#failure;
    if (this.#run !== undefined) return this.#run.read();
    const news = this.#news;
    if (news === undefined || this.#state !== 'waiting') return null;
    this.#news = undefined;
    if (news.position === 0) this.#finish('ended');
    return queuedBatch(news);
  }

  wake(): void {
    const { generation, mayHaveEnded } = this.hub;
    if (generation !== this.#generation || generation === 0 || mayHaveEnded) this.#look();
  }

  seeRecord(generation: number): void {
    if (generation !== this.#generation) this.#look();
  }

  /** The generation before it can't go on: what becomes of the run is for its queue to say. */
  fail(): void {
    this.#look();
  }

  /** Looks if nobody has for the time of a poll. Called now and then. */
  check(monotonic: number, pollMs: number): void {
    if (monotonic - this.#lookedAt >= pollMs) this.#look();
  }

  close(): void {
    this.detach('left');
  }

  detach(reason: DetachResult): void {
    if (this.#run !== undefined) {
      if (reason === 'left') this.forget();
      return this.#run.detach(reason);
    }
    if (this.#state === 'closed') return;
    this.#finish(reason);
    this.announce();
  }

  protected onReaderFailed(error: unknown): void {
    this.#context.onReaderFailed(error, this);
  }

  #finish(reason: DetachResult): void {
    this.#state = 'closed';
    this.#closedBy = reason;
    this.#news = undefined;
    if (reason === 'left') this.forget();
    this.#obeyNobody();
    this.#context.onClosed(this);
  }

  #obey(signal: AbortSignal): void {
    this.#leave = () => this.detach('left');
    signal.addEventListener('abort', this.#leave, { once: true });
    if (signal.aborted) this.#leave();
  }

  #obeyNobody(): void {
    if (this.#leave !== undefined) this.#options.signal?.removeEventListener('abort', this.#leave);
  }

  #fail(error: unknown): void {
    if (this.#state === 'closed') return;
    this.#failure ??= error;
    this.detach('failed');
  }

  async #attach(): Promise<void> {
    await this.hub.listen();
    if (this.#closedBy !== undefined) return;
    const standing = await this.#find();
    if (this.#closedBy !== undefined) return;
    if (standing === undefined) {
      throw new GenerationJobError('stream_not_found', 'There is no such run.');
    }
    this.#state = 'waiting';
    this.#take(standing);
    // What came while it was attaching is looked at.
    if (this.#looksAgain) this.#look();
    await this.#run?.ready;
  }

  #look(): void {
    this.#looksAgain = true;
    if (this.#state === 'waiting') this.#looking ??= this.#lookWhileWoken();
  }

  async #lookWhileWoken(): Promise<void> {
    while (this.#looksAgain && this.#state === 'waiting') {
      try {
        const standing = (await this.#find()) ?? CANCELLED;
        if (this.#state === 'waiting') this.#take(standing);
      } catch (error) {
        // Without an answer it goes on waiting: the poll looks again.
        if (!isUnanswered(error)) this.#fail(error);
      }
    }
    this.#looking = undefined;
  }

  /** Says where the run stands; undefined when nobody knows of it, or it is another's. */
  async #find(): Promise<Standing | undefined> {
    const { store, clock } = this.#context;
    const { key, generation } = this.hub;
    const { queueId, userId } = this.#options;
    this.#looksAgain = false;
    this.#generation = generation;
    this.#lookedAt = clock.monotonic();
    // A start takes the run out of the queue as it makes the generation: one that is in no queue by now is a record, if it has started.
    const queue = await store.queues.read(key);
    if (userId === undefined || queue.userId === userId) {
      const at = waitingRuns(queue).findIndex((run) => run.queueId === queueId);
      if (at >= 0) return { position: at + 1 };
      const reason = queue.runs.find((run) => run.queueId === queueId)?.returned;
      if (reason !== undefined) return { position: 0, reason };
    }
    const kept = await store.read(key, 'kept');
    return kept.find((record) => record.createId === queueId && isOwnedBy(record, this.#options));
  }

  #take(standing: Standing): void {
    if ('generation' in standing) return this.#follow(standing.generation);
    if (standing.position === this.#position) return;
    this.#position = standing.position;
    const { position, reason } = standing;
    this.#news = { queueId: this.#options.queueId, position, ...(reason && { reason }) };
    this.announce();
  }

  #follow(generation: number): void {
    const { queueId: _, ...options } = this.#options;
    this.#state = 'started';
    this.#news = undefined;
    this.#obeyNobody();
    const run = this.#context.onStarted(this, { ...options, generation });
    this.#run = run;
    run.onReadable = () => this.announce();
    this.announce();
  }
}
