/**
 * A follower's place in a stream, and what it takes to move on from it. It holds no queue: what is live comes from the
 * hub's window, the rest is pulled from the log as fast as its reader asks.
 *
 * States
 * - `attaching`  the hub begins to listen, then one look at the log decides where to begin: at the place asked for,
 *                at a `sync`, or after a `gap`. Entered once. Fails with `stream_not_found` and the like: `ready` rejects.
 * - `open`       `read` answers from the window; when the place is not there, one log read is under way and the reader
 *                is told when it is done. Wake-ups that come meanwhile are ignored.
 * - `waiting`    the generation is over, and the next one is awaited (`follow: 'stream'`), its settlement (`settled`), or
 *                both. Left to `open` by the next generation, which gives up the wait for the settlement, or by `settled`.
 * - `closed`     for the reason in `closedBy`. Entered after the terminal event was read, when the stream is gone, when
 *                the reader leaves, or when the process drains. Nothing leaves it.
 */
import { GenerationJobError, isGenerationJobError } from '../../errors.js';
import type { BatchReader } from '../interfaces/batch-reader.js';
import type { FoundPage, MissingPage } from '../interfaces/log-pages.js';
import type { SubscribeOptions } from '../interfaces/manager-types.js';
import type { AttachKind, DetachResult } from '../interfaces/observer.js';
import type { Subscription } from '../interfaces/subscription.js';
import { type Cursor, formatCursor, parseCursor } from '../model/cursor.js';
import type { FoldedState } from '../model/fold.js';
import type { PublicState } from '../model/lifecycle-payloads.js';
import { publicState } from '../model/resume-state.js';
import { isSettlementOver } from '../model/settlement-state.js';
import { isActive, isTerminalEvent } from '../model/transitions.js';
import type { Batch, LogEvent } from '../model/types.js';
import { handOut } from '../process/handed-out.js';
import { type CheckedPage, isOfAnotherWriter } from '../process/log-reader.js';
import { gapBatch, goneBatch, isSettledBatch, syncBatch } from './follower-events.js';
import type { Follower } from './hub-context.js';
import { IteratedReader } from './iterated-reader.js';
import { RecordFollowing } from './record-followings.js';
import { settlementNews } from './settlement-news.js';
import type { StreamHub } from './stream-hub.js';
import type { SubscriptionContext } from './subscription-context.js';

export class HubSubscription extends IteratedReader implements Subscription, BatchReader, Follower {
  readonly ready: Promise<void>;
  /** The hub of the stream it follows. */
  readonly hub: StreamHub;
  readonly #context: SubscriptionContext<HubSubscription>;
  readonly #options: SubscribeOptions;
  #state: 'attaching' | 'open' | 'waiting' | 'closed' = 'attaching';
  #closedBy: DetachResult | undefined;
  #generation = 0;
  #sequence = 0;
  /** The attempt that wrote the last event delivered; 0 when unknown. */
  #attempt = 0;
  #pulling = false;
  /** Losses met since the last event of the log. */
  #gaps = 0;
  /** The last `sync` stands for the terminal event too, which the log has lost. */
  #syncIsEnd = false;
  /** The log had nothing beyond this place: only a wake-up makes it worth another look. */
  #isUpToDate = false;
  #queue: Batch[] | undefined;
  readonly #record: RecordFollowing;
  /** The wait for the settlement of the generation; undefined before it began, null once it has been told. */
  #settlement: AbortController | null | undefined;
  #failure: unknown;
  /** Somebody reads, and so is told what goes wrong. */
  #isRead = false;
  #leave: (() => void) | undefined;

  constructor(hub: StreamHub, options: SubscribeOptions, context: SubscriptionContext<HubSubscription>) {
    super(context, hub.key);
    this.hub = hub;
    this.#options = options;
    this.#context = context;
    this.#record = new RecordFollowing(hub, context, () => this.#onLooked());
    const attached = this.#attach();
    this.ready = handOut(
      this.handOutContext,
      'subscribe',
      () => attached,
      () => this.#isRead,
    );
    attached.catch((error: unknown) => this.fail(error));
    if (options.signal !== undefined) this.#obey(options.signal);
  }

  get closedBy(): DetachResult | undefined {
    return this.#closedBy;
  }

  get cursor(): string {
    return formatCursor(this.#generation, this.#sequence);
  }

  get isCaughtUp(): boolean {
    return this.#state !== 'attaching' && !this.#pulling && this.#queue === undefined;
  }

  get #place(): Cursor {
    return { generation: this.#generation, sequence: this.#sequence };
  }

  /** The next events, or null when there are none now. @throws what `ready` rejected with; `unavailable` for the log */
  read(): Batch | null {
    this.#isRead = true;
    if (this.#failure !== undefined) throw this.#failure;
    const news = this.#takeNews();
    if (news) return news;
    if (this.#record.holds(this.#queue?.[0])) return null;
    const queued = this.#queue?.shift();
    if (queued) {
      if (this.#queue?.length === 0) this.#queue = undefined;
      return this.#deliver(queued);
    }
    if (this.#state !== 'open' || this.#pulling) return null;
    const batch = this.hub.after(this.#generation, this.#sequence);
    if (batch === null || (batch === undefined && this.#isUpToDate)) return null;
    if (batch && this.#record.holds(batch)) return null;
    if (batch && !this.#contradicts(batch.events)) return this.#deliver(batch);
    void this.#pull();
    return null;
  }

  seeRecord(generation: number, _revision: number, changedRevision: number): void {
    if (this.#state !== 'attaching' && this.#state !== 'closed')
      this.#record.see(generation, changedRevision);
  }

  /** Returns what has changed of the record; it comes before what is queued, but behind a `gap` and a `sync`. */
  #takeNews(): Batch | undefined {
    const [next] = this.#queue?.[0]?.events ?? [];
    const isLater = next !== undefined && (next.attempt === 0 || next.event === 'sync');
    if (this.#state === 'closed' || this.#pulling || isLater) return undefined;
    const news = this.#record.take(this.#place);
    if (news && this.#state === 'waiting' && !this.#isAwaiting()) this.#finish('ended');
    return news;
  }

  #onLooked(): void {
    if (this.#state === 'waiting' && !this.#isAwaiting()) this.detach('ended');
    else if (this.#state !== 'closed') this.announce();
  }

  wake(): void {
    if (this.#pulling || this.#state === 'attaching' || this.#state === 'closed') return;
    this.#isUpToDate = false;
    if (this.#state === 'open') this.announce();
    else if (this.#options.follow === 'stream') void this.#pull();
  }

  close(): void {
    this.detach('left');
  }

  detach(reason: DetachResult): void {
    if (this.#state === 'closed') return;
    this.#finish(reason);
    this.announce();
  }

  /** Closes without a word: to a reader that is reading right now and will look at `closedBy`. */
  #finish(reason: DetachResult): void {
    this.#state = 'closed';
    this.#closedBy = reason;
    this.#queue = undefined;
    this.#settlement?.abort();
    if (reason === 'left') this.forget();
    if (this.#leave !== undefined) this.#options.signal?.removeEventListener('abort', this.#leave);
    this.#context.onClosed(this);
  }

  #obey(signal: AbortSignal): void {
    this.#leave = () => this.detach('left');
    signal.addEventListener('abort', this.#leave, { once: true });
    if (signal.aborted) this.#leave();
  }

  // --- attaching

  async #attach(): Promise<void> {
    const { after, generation, resume } = this.#options;
    const from = after === undefined || after === 'tail' ? undefined : parseCursor(after);
    await this.hub.listen();
    if (this.#state === 'closed') return;
    const wanted = generation ?? from?.generation;
    const begin = from && from.generation === wanted ? from.sequence : 0;
    const kind: AttachKind = from ? 'cursor' : after === 'tail' ? 'tail' : resume ? 'resume' : 'start';
    const page = await this.hub.look(wanted, after === 'tail' ? Number.MAX_SAFE_INTEGER : begin);
    if (this.#closedBy !== undefined) return;
    this.#state = 'open';
    this.#pulling = true;
    await this.#settleIn(kind, from, page);
    this.#pulling = false;
    if (this.#closedBy !== undefined) return;
    this.#context.observer.attached(kind);
    this.announce();
  }

  async #settleIn(
    kind: AttachKind,
    from: Cursor | undefined,
    page: CheckedPage | MissingPage,
  ): Promise<void> {
    if (!page.found) {
      const current = page.currentGeneration;
      const asked = this.#options.generation;
      if (current === undefined || asked !== undefined || !this.#isAllowed(page)) {
        throw new GenerationJobError('stream_not_found', 'There is no such stream or generation.');
      }
      // The cursor's generation is gone; one that is newer than any can only be lost or foreign.
      return from && from.generation > current ? this.#reportGap(from) : this.#sync();
    }
    if (!this.#isAllowed(page)) {
      throw new GenerationJobError('stream_not_found', 'There is no such stream or generation.');
    }
    this.#generation = page.generation;
    // Who comes back with the cursor of an end has nothing to come, unless it says what it knows.
    const isOver = !isActive(page.status) && from?.sequence === page.lastSequence;
    const told = this.#options.notes ?? (isOver ? page.revision : 0);
    this.#record.begin(page.generation, told, kind === 'resume' ? 0 : page.changedRevision);
    await this.#record.looked;
    if (this.#closedBy !== undefined) return;
    if (kind === 'tail') {
      this.#sequence = page.lastSequence;
      this.#closeIfOver(page);
      return undefined;
    }
    if (kind === 'resume') return this.#sync(page.generation);
    // A place in another generation than the one asked for is no place in it.
    if (from && from.generation !== page.generation) return this.#reportGap(from, page.generation);
    this.#sequence = from?.generation === page.generation ? from.sequence : 0;
    if (this.#sequence > page.lastSequence && from) return this.#reportGap(from, page.generation);
    if (this.#sequence < page.firstSequence - 1) return this.#sync(page.generation);
    if (page.missing?.from === this.#sequence + 1) return this.#reportGap(this.#place, page.generation);
    if (page.events[0]?.sequence === this.#sequence + 1) this.#enqueue(page);
    else this.#closeIfOver(page);
    return undefined;
  }

  // --- moving on

  /** Takes one page from the log, and whatever it says about the place. */
  async #pull(): Promise<void> {
    this.#pulling = true;
    try {
      await this.#take(await this.hub.read(this.#generation, this.#sequence));
    } catch (error) {
      // While the store is away its followers wait; the hub wakes them when it answers again.
      if (isGenerationJobError(error, 'unavailable')) this.#isUpToDate = true;
      else this.fail(error);
    } finally {
      this.#pulling = false;
    }
    if (this.#state !== 'closed') this.announce();
  }

  async #take(page: CheckedPage | MissingPage): Promise<void> {
    if (this.#closedBy !== undefined) return;
    if (!page.found) {
      const goesOn = page.currentGeneration !== undefined && this.#options.follow === 'stream';
      if (!goesOn || !this.#isAllowed(page)) return this.#vanish();
      return this.#sync();
    }
    if (!this.#isAllowed(page)) return this.#vanish(); // the stream is another user's now
    if (page.lastSequence < this.#sequence || this.#contradicts(page.events))
      return this.#reportGap(this.#place, page.generation);
    if (this.#sequence < page.firstSequence - 1) return this.#sync(page.generation);
    if (page.missing) return this.#reportGap(this.#place, page.generation);
    this.#record.see(page.generation, page.changedRevision);
    if (page.events.length > 0) this.#enqueue(page);
    else if (this.#state === 'waiting' || !isActive(page.status)) this.#goOn(page);
    else this.#isUpToDate = true;
  }

  #isAllowed(owned: { readonly userId?: string | undefined }): boolean {
    const { userId } = this.#options;
    return userId === undefined || userId === owned.userId;
  }

  /** Goes on with the next generation at the end of one, or closes, when there is nothing else to tell. */
  #closeIfOver(page: FoundPage): void {
    if (isActive(page.status) || this.#sequence < page.lastSequence) return;
    if (isSettlementOver(page)) this.#settlement = null;
    this.#goOn(page);
  }

  #goOn({ nextGeneration }: FoundPage): void {
    const goesOn = this.#options.follow === 'stream';
    if (!goesOn || nextGeneration === undefined) {
      if (!this.#isAwaiting()) this.detach('ended');
      return;
    }
    this.#settlement?.abort();
    this.#settlement = undefined;
    this.#queue = undefined;
    this.#generation = nextGeneration;
    this.#sequence = 0;
    this.#attempt = 0;
    this.#state = 'open';
    this.#record.begin(nextGeneration, 0, 0);
  }

  /** Says, when all of the generation was delivered, whether something is awaited: its settlement, or the next one. */
  #isAwaiting(): boolean {
    const isTold = this.#options.settled !== true || this.#settlement === null;
    if (isTold && this.#options.follow !== 'stream' && !this.#record.isPending) return false;
    this.#state = 'waiting';
    if (!isTold && this.#settlement === undefined) void this.#awaitSettlement();
    return true;
  }

  async #awaitSettlement(): Promise<void> {
    const wait = new AbortController();
    const { signal } = wait;
    this.#settlement = wait;
    try {
      const news = await settlementNews(this.hub, this.#context, this.#place, this.#options, signal);
      if (signal.aborted || news === undefined) return;
      this.#enqueue(news);
      this.announce();
    } catch (error) {
      if (!signal.aborted) this.fail(error);
    }
  }

  #contradicts(events: readonly LogEvent[]): boolean {
    const [first] = events;
    return first?.sequence === this.#sequence + 1 && isOfAnotherWriter(first, this.#attempt);
  }

  #deliver(batch: Batch): Batch {
    const last = batch.events.at(-1) as LogEvent;
    this.#generation = batch.generation;
    this.#sequence = last.sequence;
    this.#attempt = last.attempt;
    if (last.event !== 'gap' && last.event !== 'sync') this.#gaps = 0;
    const isSettled = isSettledBatch(batch);
    if (isSettled) this.#settlement = null;
    const isEnd = isTerminalEvent(last.event) || (last.event === 'sync' && this.#syncIsEnd);
    if (last.event === 'gone') this.#finish('gone');
    else if (isEnd || isSettled) {
      if (!this.#isAwaiting()) this.#finish('ended');
      else if (this.#options.follow === 'stream') void this.#pull();
    }
    return batch;
  }

  /** Content and lifecycle state instead of the events before it. */
  async #sync(generation?: number, lost?: Batch): Promise<void> {
    let state: FoldedState | null = await this.hub.state(generation);
    if (state === null && generation !== undefined) state = await this.hub.state();
    if (this.#closedBy !== undefined) return;
    const kept = state !== null && this.#isAllowed(state.record) ? state : undefined;
    const shown = kept && (await publicState(kept, (record) => this.#context.publicMetadata(record)));
    if (this.#closedBy !== undefined) return;
    if (lost !== undefined) this.#enqueueGap(lost);
    if (kept === undefined) return this.#vanish();
    this.#generation = kept.record.generation;
    this.#sequence = kept.sequence;
    this.#syncIsEnd = !isActive(kept.record.status) && kept.sequence >= kept.record.lastSequence;
    this.#record.synced(kept.record, shown?.metadata);
    this.#enqueue(syncBatch(kept, shown as PublicState));
  }

  /**
   * The place, or what follows it, is not in the log and never will be: say so, then give what there is. Both are said
   * together, once they can be: a store that is away meanwhile makes no second loss of the first.
   */
  #reportGap(place: Cursor, generation?: number): Promise<void> {
    return this.#sync(generation, gapBatch(place));
  }

  #enqueueGap(gap: Batch): void {
    if (++this.#gaps > MOST_GAPS) throw new GenerationJobError('internal', 'The log contradicts itself.');
    this.#context.observer.gap();
    this.#attempt = 0;
    this.#enqueue(gap);
  }

  #vanish(): void {
    this.#enqueue(goneBatch(this.#place, this.hub.key.streamId));
  }

  #enqueue(batch: Batch): void {
    if (this.#queue === undefined) this.#queue = [batch];
    else this.#queue.push(batch);
    this.#state = 'open';
  }

  /** Ends it with an error for its reader; called by its hub, and by itself. */
  fail(error: unknown): void {
    this.#failure ??= error;
    this.detach('failed');
  }

  protected onReaderFailed(error: unknown): void {
    this.#context.onReaderFailed(error, this);
  }
}

/** A failover loses a place once; a store that does it again and again would keep a follower busy for ever. */
const MOST_GAPS = 3;
