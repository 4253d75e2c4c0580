/**
 * A reader's place in a user's feed, and what it takes to move on from it. It holds one read at most: what is live comes from the
 * hub's window, the rest is read from the feed as fast as its reader asks.
 *
 * States
 * - `attaching`  the hub begins to listen, then the first read says what follows the place, or begins with a `sync`. Entered once.
 *                Fails with what the store could not do: `ready` rejects.
 * - `open`       `read` answers from the window; when the place is not there, one read is under way and the reader is told when
 *                it is done.
 * - `closed`     for the reason in `closedBy`. Nothing leaves it.
 */
import type { Clock } from '../../clock.js';
import { isUnanswered } from '../../errors.js';
import type { BatchReader } from '../interfaces/batch-reader.js';
import type { DetachResult } from '../interfaces/observer.js';
import { formatCursor } from '../model/cursor.js';
import type { Batch } from '../model/types.js';
import type { ErrorReporter } from '../process/error-reports.js';
import { handOut } from '../process/handed-out.js';
import { type FeedHub, type FeedNext, type FeedReader, NO_PLACE } from './feed-hub.js';
import { IteratedReader } from './iterated-reader.js';

export interface FeedFollowerContext {
  readonly errors: ErrorReporter;
  readonly clock: Clock;
  /** Called once, when it has closed. */
  onClosed(follower: FeedFollower): void;
  onReaderFailed(error: unknown, follower: FeedFollower): void;
}

export class FeedFollower extends IteratedReader implements BatchReader, FeedReader {
  readonly ready: Promise<void>;
  readonly hub: FeedHub;
  readonly #context: FeedFollowerContext;
  #state: 'attaching' | 'open' | 'closed' = 'attaching';
  #closedBy: DetachResult | undefined;
  /** The place behind what was read, and that behind what is held. */
  #read = 0;
  #place: number;
  #held: FeedNext | undefined;
  #isReading = false;
  /** A read found nothing behind this place: only a wake-up makes it worth another. */
  #nothingBehind: number | undefined;
  #failure: unknown;
  /** Somebody reads, and so is told what goes wrong. */
  #isRead = false;
  #leave: (() => void) | undefined;

  /** @param after the place to go on behind; undefined begins with a `sync` */
  constructor(
    hub: FeedHub,
    after: number | undefined,
    context: FeedFollowerContext,
    signal: AbortSignal | undefined,
  ) {
    super(context, hub.key);
    this.hub = hub;
    this.#context = context;
    this.#place = after ?? NO_PLACE;
    const attached = this.#attach();
    this.ready = handOut(
      this.handOutContext,
      'subscribeUser',
      () => attached,
      () => this.#isRead,
    );
    attached.catch((error: unknown) => this.#fail(error));
    if (signal !== undefined) this.#obey(signal);
  }

  get closedBy(): DetachResult | undefined {
    return this.#closedBy;
  }

  /** The place of the last event that was read. */
  get cursor(): string {
    return formatCursor(0, this.#read);
  }

  get isCaughtUp(): boolean {
    return this.#state === 'open' && !this.#isReading && this.#held === undefined;
  }

  /** The next events, or null when there are none now. @throws what `ready` rejected with */
  read(): Batch | null {
    this.#isRead = true;
    if (this.#failure !== undefined) throw this.#failure;
    if (this.#state !== 'open' || this.#isReading) return null;
    for (;;) {
      const next = this.#held ?? this.hub.after(this.#place);
      this.#held = undefined;
      if (next === undefined && this.#place !== this.#nothingBehind) void this.#pull();
      if (next === null || next === undefined) return null;
      this.#place = next.place;
      if (next.batch === undefined) continue;
      this.#read = next.batch.events.at(-1)?.sequence ?? this.#read;
      return next.batch;
    }
  }

  wake(): void {
    this.#nothingBehind = undefined;
    if (this.#state === 'open' && !this.#isReading) this.announce();
  }

  startOver(): void {
    if (this.#state === 'closed') return;
    this.#place = NO_PLACE;
    this.#held = undefined;
    this.wake();
  }

  close(): void {
    this.detach('left');
  }

  detach(reason: DetachResult): void {
    if (this.#state === 'closed') return;
    this.#state = 'closed';
    this.#closedBy = reason;
    this.#held = undefined;
    this.#leave?.();
    if (reason === 'left') this.forget();
    this.#context.onClosed(this);
    this.announce();
  }

  protected onReaderFailed(error: unknown): void {
    this.#context.onReaderFailed(error, this);
  }

  async #attach(): Promise<void> {
    await this.hub.listen();
    const next = await this.hub.read(this.#place);
    if (this.#state !== 'attaching') return;
    this.#state = 'open';
    this.#held = next;
    this.announce();
  }

  /** Reads what follows the place. What got no answer is asked again when the reader is woken next. */
  async #pull(): Promise<void> {
    this.#isReading = true;
    const place = this.#place;
    try {
      const next = await this.hub.read(place);
      if (this.#place === place) this.#held = next;
      if (next.batch === undefined) this.#nothingBehind = next.place;
    } catch (error) {
      this.#isReading = false;
      if (isUnanswered(error)) return this.hub.wakeLater();
      return this.#fail(error);
    }
    this.#isReading = false;
    if (this.#state === 'open') this.announce();
  }

  #fail(error: unknown): void {
    if (this.#state === 'closed') return;
    this.#failure = error;
    this.detach('failed');
  }

  #obey(signal: AbortSignal): void {
    const leave = () => this.detach('left');
    if (signal.aborted) return leave();
    signal.addEventListener('abort', leave, { once: true });
    this.#leave = () => signal.removeEventListener('abort', leave);
  }
}
