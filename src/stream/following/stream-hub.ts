/**
 * One per followed stream per process: it listens once, holds the newest part of the log once (the window), and wakes
 * the local subscriptions, each of which is only a place in the log. A subscription whose place is not in the window
 * reads the log, so there is nothing to repair: what the hub misses, its followers pull.
 *
 * The window
 * - is a run of events of one generation, the newest seen, without gaps; it ends at `tail`
 * - a frame that follows on extends it; one that doesn't replaces it; one that repeats it is dropped; one that
 *   contradicts it, or lies before it, makes the hub look at the log
 * - is cut from the front at `limits.liveBytes`
 * - a look at the log (`check`) that finds more than `tail` empties it; one that finds less means that the store lost
 *   acknowledged events: followers beyond the log's end learn it from their own next read
 *
 * Followers are woken once per turn of the event loop, so events that arrive together are written together; and before
 * the window is cut, so that a burst larger than the window is not read from the log.
 *
 * A frame that announces a change of the record has a revision and no events. It says where the log ends, too. Of the
 * newest generation a revision that is no newer is dropped; those who look at records are told of any other, and of the
 * one that each look at the log finds.
 */
import { isUnanswered } from '../../errors.js';
import type { FrameListener } from '../interfaces/event-transport.js';
import type { FoundPage, MissingPage } from '../interfaces/log-pages.js';
import type { FoldedState } from '../model/fold.js';
import { isActive, isTerminalEvent } from '../model/transitions.js';
import type { Batch, Frame, JobRecord, LogEvent, StreamKey } from '../model/types.js';
import type { CheckedPage } from '../process/log-reader.js';
import type { Follower, HubContext } from './hub-context.js';
import { HubFollowers } from './hub-followers.js';
import { HubReads } from './hub-reads.js';

type RecordNews = Pick<FoundPage, 'generation' | 'revision' | 'changedRevision'>;

export class StreamHub implements FrameListener {
  readonly key: StreamKey;
  readonly #context: HubContext;
  readonly #followers = new HubFollowers();
  #generation = 0;
  #tail = 0;
  /** The newest revision seen of the newest generation's record; -1 before the first. */
  #revision = -1;
  #window: LogEvent[] = [];
  #windowBytes = 0;
  #newest: Batch | undefined;
  /** Undefined while the log's last event has not been seen. */
  #ended: boolean | undefined = false;
  #resting = false;
  #wakeScheduled = false;
  #emittedAt: number | undefined;
  /** Whole milliseconds: a fraction would cost a box in every idle hub. */
  #heardAt: number;
  #beginning: Promise<void> | undefined;
  #stopListening: (() => Promise<void>) | undefined;
  #closed = false;
  readonly #reads: HubReads;

  constructor(key: StreamKey, context: HubContext) {
    this.key = key;
    this.#context = context;
    this.#heardAt = Math.trunc(context.clock.monotonic());
    this.#reads = new HubReads(key, context, this);
  }

  get followers(): number {
    return this.#followers.size;
  }

  /** True when nobody follows or waits. */
  get isIdle(): boolean {
    return this.#followers.isEmpty;
  }

  /** True once the newest generation seen has ended. */
  get ended(): boolean {
    return this.#ended === true;
  }

  /** True unless the newest generation seen is known to go on. */
  get mayHaveEnded(): boolean {
    return this.#ended !== false;
  }

  /** The newest generation seen; 0 before the first look. */
  get generation(): number {
    return this.#generation;
  }

  add(follower: Follower): void {
    this.#followers.add(follower);
  }

  /** Adds one that waits for a change of a record, and is no follower in any count. */
  addWaiting(follower: Follower): void {
    this.#followers.addWaiting(follower);
  }

  remove(follower: Follower): void {
    this.#followers.remove(follower);
  }

  /** Ends every follower with an error: the log would keep them waiting for what nobody can write. */
  fail(error: unknown): void {
    this.#followers.fail(error);
  }

  /** Resolves when frames are being delivered, or when they can't be: then the poll delivers. */
  listen(): Promise<void> {
    if (this.#stopListening !== undefined) return LISTENING;
    this.#beginning ??= this.#listen().finally(() => {
      this.#beginning = undefined;
    });
    return this.#beginning;
  }

  async #listen(): Promise<void> {
    try {
      const stop = await this.#context.transport.subscribe(this.key, this);
      if (this.#closed) await stop();
      else this.#stopListening = stop;
    } catch {
      // Told by the transport. The poll delivers, and tries again to listen.
    }
  }

  async close(): Promise<void> {
    this.#closed = true;
    await this.#stopListening?.();
  }

  /** Returns what follows a place: a batch, null when nothing does yet, or undefined when only the log can tell. */
  after(generation: number, sequence: number): Batch | null | undefined {
    if (generation !== this.#generation || sequence > this.#tail) return undefined;
    if (sequence === this.#tail) return null;
    const skip = sequence - (this.#tail - this.#window.length);
    if (skip < 0) return undefined;
    // Nearly all followers stand at the same place: they share one batch, and so one encoding of it.
    if (this.#newest?.events[0]?.sequence === sequence + 1) return this.#newest;
    this.#newest = { generation, events: this.#window.slice(skip) };
    return this.#newest;
  }

  /** Reads a page of the log; what it brings is kept in the window. */
  read(generation: number | undefined, after: number): Promise<CheckedPage | MissingPage> {
    return this.#reads.page(generation, after);
  }

  /** Reads a page for one that attaches: of what the window holds already, only the log's end. */
  look(generation: number | undefined, after: number): Promise<CheckedPage | MissingPage> {
    return this.#reads.look(generation, after);
  }

  /** Reads a generation's (default: the current one's) record; null when it is not kept. */
  record(generation?: number): Promise<JobRecord | null> {
    return this.#reads.record(generation);
  }

  /** Reads a generation's (default: the current one's) content and lifecycle state. */
  state(generation?: number): Promise<FoldedState | null> {
    return this.#reads.state(generation);
  }

  onFrame(given: Frame): void {
    this.#reads.told();
    if (given.revision !== undefined)
      return this.#onRecordFrame(given, given.revision, given.changedRevision);
    // Events that are not where the frame says are none: followers then read the log.
    const isWhole =
      given.events?.[0]?.sequence === given.firstSequence &&
      given.events.at(-1)?.sequence === given.lastSequence;
    const frame = isWhole || given.events === undefined ? given : { ...given, events: undefined };
    this.#emittedAt ??= frame.emittedAt;
    this.#heardAt = Math.trunc(this.#context.clock.monotonic());
    if (frame.generation < this.#generation) return; // its followers pull their rest from the log
    if (frame.generation > this.#generation) {
      this.#restart(frame.generation, frame.firstSequence - 1);
      // Followers of the generation before have their end in the log if they missed it here.
      this.#wakeAll();
    }
    if (frame.firstSequence <= this.#tail) return this.#compare(frame);
    if (frame.events === undefined || frame.firstSequence !== this.#tail + 1) {
      if (frame.firstSequence !== this.#tail + 1) this.#context.observer.repaired('frame');
      this.#restart(frame.generation, frame.events ? frame.firstSequence - 1 : frame.lastSequence);
    }
    this.#extend(frame.events ?? []);
    this.#wakeAll();
  }

  #onRecordFrame({ generation, lastSequence }: Frame, revision: number, changedRevision = 0): void {
    this.#heardAt = Math.trunc(this.#context.clock.monotonic());
    const isNewer = generation > this.#generation;
    if (isNewer || (generation === this.#generation && lastSequence > this.#tail)) {
      // Frames before it were lost: followers look at the log.
      if (!isNewer) this.#context.observer.repaired('frame');
      this.#restart(generation, lastSequence);
      this.#wakeAll();
    }
    this.#seeRevision({ generation, revision, changedRevision });
  }

  /** Takes what a frame or a page says of a record. */
  #seeRevision({ generation, revision, changedRevision }: RecordNews): void {
    if (generation === this.#generation) {
      if (revision <= this.#revision) return;
      this.#revision = revision;
    }
    this.#followers.seeRecord(generation, revision, changedRevision);
  }

  onGone(): void {
    this.#restart(0, 0);
    this.#wakeAll();
  }

  onReset(): void {
    void this.check('reset');
  }

  /** Says whether the poll should look at this stream: seldom while it waits for a person. */
  isQuietSince(monotonic: number, pollMs: number): boolean {
    return monotonic - this.#heardAt >= (this.#resting ? pollMs * RESTING_POLLS : pollMs);
  }

  /** Compares what was delivered with the log's end. Never throws: the next poll looks again. */
  async check(cause: 'frame' | 'reset' | 'poll'): Promise<void> {
    const { observer, clock } = this.#context;
    this.#heardAt = Math.trunc(clock.monotonic());
    if (this.#stopListening === undefined) await this.listen();
    const [generation, tail, revision] = [this.#generation, this.#tail, this.#revision];
    if (generation === 0) return this.#wakeAll();
    let page: CheckedPage | MissingPage;
    try {
      page = await this.#reads.end(tail);
    } catch (error) {
      // The store is away: followers keep waiting, the next poll looks again.
      if (isUnanswered(error)) return;
      // It has something that can't be read: followers read it too, and are told.
      if (generation === this.#generation) this.#restart(generation, this.#tail + 1);
      return this.#wakeAll();
    }
    if (page.found) {
      // A lower one than before: a failover lost a change that had been announced.
      if (page.generation === this.#generation && this.#revision === revision) this.#revision = page.revision;
      this.#reads.told();
      this.#followers.seeRecord(page.generation, page.revision, page.changedRevision);
    }
    if (this.#reads.takeUnanswered()) this.#wakeAll();
    if (generation !== this.#generation || this.#tail < tail) return this.#wakeAll();
    const same = page.found && page.generation === generation ? page : undefined;
    if (same?.lastSequence === tail && !this.#missedTheEnd(same)) {
      this.#resting = same.status === 'requires_action';
      return;
    }
    if (same && same.lastSequence > tail && same.lastSequence <= this.#tail) return; // frames came meanwhile
    observer.repaired(cause);
    if (page.found) {
      this.#restart(page.generation, page.lastSequence);
      this.#revision = page.revision;
      this.#ended = !isActive(page.status);
    } else this.#restart(0, 0);
    this.#wakeAll();
  }

  /** The log says the generation is over although its end was not the last event delivered. */
  #missedTheEnd(page: FoundPage): boolean {
    const last = this.#window.at(-1);
    const over = page.status !== 'running' && page.status !== 'requires_action';
    return over && last !== undefined && !isTerminalEvent(last.event);
  }

  /** A frame that begins at or before the tail repeats what is known, unless the log was rewritten by a failover. */
  #compare(frame: Frame): void {
    const start = this.#tail - this.#window.length + 1;
    const repeats = frame.events?.every((event) => {
      const known = event.sequence < start ? undefined : this.#window[event.sequence - start];
      return event.sequence > this.#tail || (known?.data === event.data && known.event === event.event);
    });
    if (!repeats) void this.check('frame');
    else if (frame.lastSequence > this.#tail) {
      this.#extend(frame.events?.filter((event) => event.sequence > this.#tail) ?? []);
      this.#wakeAll();
    }
  }

  /**
   * Keeps a page of the newest generation that reaches the log's end, or that joins the window from the left.
   * @param isOfRecord whether it was asked for the record: its events are no part of the log's end
   */
  absorb(page: CheckedPage, isOfRecord: boolean): void {
    if (page.generation < this.#generation) return;
    if (isOfRecord && page.generation === this.#generation) return this.#seeRevision(page);
    const [first] = page.events;
    const last = page.events.at(-1);
    const isAhead =
      page.lastSequence > this.#tail && (first?.sequence ?? page.lastSequence + 1) > this.#tail + 1;
    if (page.generation > this.#generation || isAhead) {
      // What lies between was not heard here: followers who are behind must look at the log, not at this window.
      const isWhole = last?.sequence === page.lastSequence;
      this.#restart(page.generation, page.lastSequence - (isWhole ? page.events.length : 0));
      if (isWhole) this.#extend(page.events);
      this.#resting = page.status === 'requires_action';
      this.#ended = !isActive(page.status);
      this.#wakeAll();
      this.#seeRevision(page);
      return;
    }
    this.#seeRevision(page);
    if (first === undefined || last === undefined) return;
    const start = this.#tail - this.#window.length + 1;
    if (first.sequence < start && last.sequence >= start - 1) {
      const earlier = page.events.slice(0, start - first.sequence);
      const bytes = sizeOf(earlier);
      if (this.#windowBytes + bytes <= this.#context.options.limits.liveBytes) {
        this.#window.unshift(...earlier);
        this.#windowBytes += bytes;
      }
    }
    if (last.sequence > this.#tail && first.sequence <= this.#tail + 1) {
      this.#extend(page.events.slice(this.#tail + 1 - first.sequence));
      this.#wakeAll();
    }
    if (last.sequence === this.#tail) this.#noteState(last); // its frame may have come without it
  }

  #restart(generation: number, tail: number): void {
    if (generation !== this.#generation) this.#revision = -1;
    this.#ended = undefined;
    this.#generation = generation;
    this.#tail = tail;
    this.#window = [];
    this.#windowBytes = 0;
    this.#newest = undefined;
  }

  #extend(events: readonly LogEvent[]): void {
    if (this.#window.length === 0) this.#window = [...events];
    else for (const event of events) this.#window.push(event);
    this.#windowBytes += sizeOf(events);
    this.#tail += events.length;
    this.#newest = undefined;
    const last = events.at(-1);
    if (last) this.#noteState(last);
    this.#cut();
  }

  #noteState({ event }: LogEvent): void {
    this.#ended = isTerminalEvent(event);
    this.#resting = event === 'requires_action';
  }

  #cut(): void {
    const most = this.#context.options.limits.liveBytes;
    if (this.#windowBytes <= most) return;
    // Much may have come in this turn: who reads it now need not fetch it from the log.
    this.#wakeNow();
    let cut = 0;
    // Half is cut at once, so that a long stream does not move the array for every event.
    while (cut < this.#window.length && this.#windowBytes > most / 2) {
      this.#windowBytes -= weigh(this.#window[cut] as LogEvent);
      cut++;
    }
    this.#window.splice(0, cut);
  }

  #wakeAll(): void {
    if (this.#wakeScheduled || this.#followers.isEmpty) return;
    this.#wakeScheduled = true;
    this.#context.clock.defer(() => {
      this.#wakeScheduled = false;
      this.#wakeNow();
    });
  }

  #wakeNow(): void {
    this.#followers.wake();
    this.#newest = undefined; // who reads later stands elsewhere
    if (this.#emittedAt !== undefined) {
      this.#context.observer.delivered(this.#context.clock.monotonic() - this.#emittedAt);
      this.#emittedAt = undefined;
    }
  }
}

const LISTENING = Promise.resolve();
/** A stream that waits for a person only changes by somebody's act, which a frame announces: polling it is only for lost frames. */
const RESTING_POLLS = 6;
/** The bytes an event costs beside its text. */
const EVENT_OVERHEAD = 64;

function weigh(event: LogEvent): number {
  return event.data.length + EVENT_OVERHEAD;
}

function sizeOf(events: readonly LogEvent[]): number {
  let size = 0;
  for (const event of events) size += weigh(event);
  return size;
}
