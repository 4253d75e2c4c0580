/**
 * One per followed user per process: it listens once, reads what is new once, and wakes the local readers, each of which is only a
 * place in the feed. What has been read lately is the window; a reader whose place lies before it reads the feed from there, and
 * readers at the same place share that read, and its `sync`.
 *
 * A feed has one entry a stream, so what a reader missed is the newest state of what has changed since. A place before the feed's
 * floor, or beyond its end, can't be gone on from: there a `sync` comes. A look that finds the feed to end before what was
 * delivered (a failover, a lost key) has every reader begin anew.
 */
import type { FrameListener } from '../interfaces/event-transport.js';
import type { FeedPage } from '../interfaces/user-feeds.js';
import { type FeedNews, newsOf } from '../model/feed.js';
import { feedKey } from '../model/stream-key.js';
import type { Batch, Frame, LogEvent, StreamKey, UserKey } from '../model/types.js';
import type { Parts } from '../process/parts.js';
import { FeedSync } from './feed-sync.js';

/** A place before every other: from there a `sync` comes. */
export const NO_PLACE = -1;
/** The window holds as many events at most, each of a few hundred bytes; who is further behind reads the feed. */
const WINDOW_EVENTS = 256;
/** A larger page would hold the server up for longer than other calls of it like to wait. */
const PAGE_ENTRIES = 256;

export interface FeedReader {
  /** There may be something to read. */
  wake(): void;
  /** Its place is none any more: it begins anew. */
  startOver(): void;
}

/** The events that follow a place, if there are any. */
export interface FeedNext {
  readonly batch: Batch | undefined;
  /** The place behind it. */
  readonly place: number;
}

export class FeedHub implements FrameListener {
  readonly key: StreamKey;
  readonly user: UserKey;
  readonly #parts: Parts;
  readonly #sync: FeedSync;
  readonly #readers = new Set<FeedReader>();
  /** The place up to which everything was read; undefined before the first reader has attached. */
  #at: number | undefined;
  /** The place that the window begins behind. */
  #start = 0;
  #window: LogEvent[] = [];
  #newest: { readonly place: number; readonly batch: Batch } | undefined;
  /** Reads under way, by the place they are made from. */
  readonly #reads = new Map<number, Promise<FeedNext>>();
  #looking: Promise<void> | undefined;
  #isLookWanted = false;
  #isUnanswered = false;
  #heardAt: number;
  #stopListening: (() => Promise<void>) | undefined;
  #beginning: Promise<void> | undefined;
  #isClosed = false;

  constructor(user: UserKey, parts: Parts) {
    this.user = user;
    this.key = feedKey(user);
    this.#parts = parts;
    this.#sync = new FeedSync(user, parts);
    this.#heardAt = parts.clock.monotonic();
  }

  get size(): number {
    return this.#readers.size;
  }

  add(reader: FeedReader): void {
    this.#readers.add(reader);
  }

  remove(reader: FeedReader): void {
    this.#readers.delete(reader);
  }

  /** Resolves when changes are being announced, or when they can't be: then the poll finds them. */
  listen(): Promise<void> {
    if (this.#stopListening !== undefined) return Promise.resolve();
    this.#beginning ??= this.#listen().finally(() => {
      this.#beginning = undefined;
    });
    return this.#beginning;
  }

  async #listen(): Promise<void> {
    try {
      const stop = await this.#parts.transport.subscribe(this.key, this);
      if (this.#isClosed) await stop();
      else this.#stopListening = stop;
    } catch {
      // Told by the transport. The poll looks, and tries again to listen.
    }
  }

  async close(): Promise<void> {
    this.#isClosed = true;
    await this.#stopListening?.();
  }

  /** Returns what follows a place: a batch, null when nothing does yet, or undefined when only the feed can tell. */
  after(place: number): FeedNext | null | undefined {
    if (this.#at === undefined || place < this.#start) return undefined;
    if (place >= this.#at) return null;
    if (this.#newest?.place !== place) {
      const events = this.#window.filter(({ sequence }) => sequence > place);
      if (events.length === 0) return { batch: undefined, place: this.#at };
      // Nearly all readers stand at the same place: they share one batch, and so one encoding of it.
      this.#newest = { place, batch: { generation: 0, events } };
    }
    return { batch: this.#newest.batch, place: this.#at };
  }

  /** Reads what follows a place. @throws GenerationJobError what the store could not do */
  read(place: number): Promise<FeedNext> {
    let reading = this.#reads.get(place);
    if (reading === undefined) {
      reading = this.#read(place).finally(() => this.#reads.delete(place));
      this.#reads.set(place, reading);
    }
    return reading;
  }

  onFrame({ revision = 0 }: Frame): void {
    this.#heardAt = this.#parts.clock.monotonic();
    if (this.#at !== undefined && revision > this.#at) this.#look();
  }

  onGone(): void {
    this.#look();
  }

  onReset(): void {
    this.#look();
  }

  isQuietSince(monotonic: number, pollMs: number): boolean {
    return monotonic - this.#heardAt >= pollMs;
  }

  /** A reader's own read got no answer: it tries again with the next poll. */
  wakeLater(): void {
    this.#isUnanswered = true;
  }

  /** Looks whether there is more than was announced. Never rejects: the next poll looks again. */
  async check(): Promise<void> {
    this.#heardAt = this.#parts.clock.monotonic();
    if (this.#stopListening === undefined) await this.listen();
    if (this.#isUnanswered) {
      this.#isUnanswered = false;
      for (const reader of this.#readers) reader.wake();
    }
    this.#look();
    await this.#looking;
  }

  /** Reads what is new; one look at a time, and another one behind it for what was announced meanwhile. */
  #look(): void {
    this.#isLookWanted = true;
    this.#looking ??= this.#lookOn().then((isAnswered) => {
      this.#looking = undefined;
      // Announced since it looked for the last time.
      if (isAnswered && this.#mayLook) this.#look();
    });
    this.#parts.background.run(this.#looking);
  }

  get #mayLook(): boolean {
    return this.#isLookWanted && this.#at !== undefined && !this.#isClosed;
  }

  /** Says whether the store has answered. Where it has not, readers go on waiting: the next poll looks, and who reads by itself is told. */
  async #lookOn(): Promise<boolean> {
    while (this.#mayLook) {
      this.#isLookWanted = false;
      try {
        await this.#lookFrom(this.#at as number);
      } catch {
        return false;
      }
    }
    return true;
  }

  async #lookFrom(at: number): Promise<void> {
    const page = await this.#page(at, PAGE_ENTRIES);
    if (at < page.floor || at > page.last) {
      this.#restart(page.last);
      for (const reader of this.#readers) reader.startOver();
      return;
    }
    const events = page.entries.flatMap((entry) => eventOf(newsOf(entry, at)));
    // Of a page in which nothing can be read the rest is passed over, or it would be read for ever.
    if (page.entries.length > 0 || page.goesOn) this.#extend(events, placeBehind(page, at));
    if (page.goesOn) this.#isLookWanted = true;
    if (events.length > 0) for (const reader of this.#readers) reader.wake();
  }

  async #read(place: number): Promise<FeedNext> {
    if (place === NO_PLACE) return this.#begin();
    const page = await this.#page(place, PAGE_ENTRIES);
    if (place < page.floor || place > page.last) return this.#begin();
    const events = page.entries.flatMap((entry) => eventOf(newsOf(entry, place)));
    const behind = placeBehind(page, place);
    if (this.#at !== undefined && page.last < this.#at) this.#look(); // its end was lost
    this.#note(behind);
    return { batch: events.length > 0 ? { generation: 0, events } : undefined, place: behind };
  }

  async #begin(): Promise<FeedNext> {
    const { data, place } = await this.#sync.read();
    this.#parts.observer.feedSynced();
    this.#note(place);
    const event = { event: 'sync', data: JSON.stringify(data), sequence: place, attempt: 1 };
    return { batch: { generation: 0, events: [event] }, place };
  }

  /** A reader is as far as this: where nobody was before, the window begins there. */
  #note(place: number): void {
    if (this.#at === undefined) this.#restart(place);
    else if (place > this.#at) this.#look();
  }

  #page(after: number, limit: number): Promise<FeedPage> {
    const { store, options } = this.#parts;
    const bounds = { entries: options.limits.feedEntries, keptMs: options.feedKeptMs };
    return store.feeds.read(this.user, { after, limit, bounds });
  }

  #restart(at: number): void {
    this.#at = this.#start = at;
    this.#window = [];
    this.#newest = undefined;
  }

  #extend(events: readonly LogEvent[], at: number): void {
    this.#window.push(...events);
    this.#at = at;
    this.#newest = undefined;
    const excess = this.#window.length - WINDOW_EVENTS;
    if (excess <= 0) return;
    const cut = this.#window.splice(0, excess);
    this.#start = cut.at(-1)?.sequence ?? this.#start;
  }
}

/** A page that was cut short ends with its last entry; any other one reaches the feed's end. */
function placeBehind(page: FeedPage, place: number): number {
  return Math.max(place, page.goesOn ? (page.entries.at(-1)?.number ?? page.last) : page.last);
}

function eventOf(news: FeedNews | undefined): readonly LogEvent[] {
  if (news === undefined) return [];
  return [{ event: news.event, data: JSON.stringify(news.data), sequence: news.number, attempt: 1 }];
}
