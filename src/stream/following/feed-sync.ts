/**
 * The beginning of a feed: all that is active, waiting, or has ended unseen. What is active is read from the records themselves,
 * since an entry may not have been written: by a process that died, by a release that knows no feeds, before feeds were switched
 * on. Of the two the newer one counts, and what a record knows and the feed doesn't is told to the feed, so that its other readers
 * learn it too. An end that the feed has let go of is not told again. A stream on which runs wait, as the feed knows, is shown
 * with what its queue says of them: one whose time is over waits no longer, though nobody may have written that down. Those who
 * begin at the same moment share one.
 */
import { isGenerationJobError } from '../../errors.js';
import { entryOf, type FeedStream, isNewerVersion, isQueueAlone, queuedIn, streamOf } from '../model/feed.js';
import type { FeedEntry, StoredFeedEntry } from '../model/feed-entry.js';
import { waitingRuns } from '../model/queued-run.js';
import { streamKey } from '../model/stream-key.js';
import type { JobRecord, StreamKey, UserKey } from '../model/types.js';
import type { Parts } from '../process/parts.js';

const PAGE_ENTRIES = 256;
/** Streams in a page of the user's index, and pages: the index of a user with more is not walked to its end. */
const PAGE_STREAMS = 1_000;
const MOST_PAGES = 10;
/** Entries that are put right, or compared with their queues, at the same time. */
const AT_ONCE = 16;

export interface FeedBeginning {
  readonly data: { readonly streams: readonly FeedStream[]; readonly now: number };
  /** The place that it is true at. */
  readonly place: number;
}

type Known = Map<string, StoredFeedEntry>;
type Found = Map<string, { readonly key: StreamKey; readonly record: JobRecord }>;

export class FeedSync {
  readonly #user: UserKey;
  readonly #parts: Parts;
  #reading: Promise<FeedBeginning> | undefined;

  constructor(user: UserKey, parts: Parts) {
    this.#user = user;
    this.#parts = parts;
  }

  /** @throws GenerationJobError what the store could not do */
  read(): Promise<FeedBeginning> {
    this.#reading ??= this.#read().finally(() => {
      this.#reading = undefined;
    });
    return this.#reading;
  }

  async #read(): Promise<FeedBeginning> {
    // The place comes first: what changes meanwhile is told behind it.
    const { known, place } = await this.#entries();
    const { found, unread } = await this.#records();
    const wrong: (() => Promise<void>)[] = [];
    await this.#readQueues(known, wrong);
    const streams: FeedStream[] = [];
    for (const { key, record } of found.values()) {
      const entry = entryOf(record, this.#parts.options);
      const stored = known.get(record.streamId);
      if (entry === undefined || (stored && !lacks(stored, entry))) continue;
      const isPushedOut = stored === undefined && this.#isBeyond(record, known.size);
      if (isPushedOut && entry.kind === 'ended') continue;
      known.set(record.streamId, asStored(entry, stored));
      if (!isPushedOut) wrong.push(() => this.#parts.feed.correct(key, record));
    }
    for (const entry of known.values()) {
      const stream = streamOf(entry);
      const isOld = entry.kind === 'ended' && entry.isSeen && stream?.queued === undefined;
      if (stream === undefined || isOld) continue;
      const { streamId } = entry;
      const isGeneration = entry.kind === 'active' && !isQueueAlone(entry);
      if (isGeneration && !found.has(streamId) && !unread.has(streamId)) {
        if (await this.#isGone(streamId)) {
          wrong.push(() => this.#remove(streamId, entry.generation));
          continue;
        }
      }
      streams.push(stream);
    }
    if (wrong.length > 0) this.#parts.background.run(inParts(wrong, (tell) => tell()));
    return { data: { streams, now: this.#parts.store.now() }, place };
  }

  async #entries(): Promise<{ known: Known; place: number }> {
    const { store, options } = this.#parts;
    const bounds = { entries: options.limits.feedEntries, keptMs: options.feedKeptMs };
    const known: Known = new Map();
    for (let after = 0; ; ) {
      const request = { after, limit: PAGE_ENTRIES, bounds, begins: true } as const;
      const page = await store.feeds.read(this.#user, request);
      for (const entry of page.entries) known.set(entry.streamId, entry);
      const last = page.entries.at(-1)?.number;
      if (!page.goesOn || last === undefined || last <= after) return { known, place: page.last };
      after = last;
    }
  }

  /** The streams of the user that are kept, and those that could not be read. */
  async #records(): Promise<{ found: Found; unread: ReadonlySet<string> }> {
    const found: Found = new Map();
    const unread = new Set<string>();
    let after: string | undefined;
    for (let pages = 0; pages < MOST_PAGES; pages++) {
      const page = await this.#parts.store.listByUser(this.#user, { limit: PAGE_STREAMS, after });
      for (const { key, current } of page.entries) {
        if (isGenerationJobError(current)) unread.add(key.streamId);
        else if (current?.userId === this.#user.userId) found.set(key.streamId, { key, record: current });
      }
      if (page.next === undefined || page.next === after) break;
      after = page.next;
    }
    return { found, unread };
  }

  /** Says whether a feed with so many entries has let go of a record that it lacks: it is full, or the record too old. */
  #isBeyond({ endedAt }: JobRecord, entries: number): boolean {
    const { store, options } = this.#parts;
    const isFull = entries >= options.limits.feedEntries;
    return isFull || (endedAt !== undefined && endedAt < store.now() - options.feedKeptMs);
  }

  /** An index may have lost it: the record itself says whether it is there. */
  async #isGone(streamId: string): Promise<boolean> {
    const [record] = await this.#parts.store.read(streamKey(streamId, this.#user.tenantId), 'current');
    return record?.userId !== this.#user.userId;
  }

  /** Removes the generation that is gone: the stream may have another one by now. */
  async #remove(streamId: string, generation: number): Promise<void> {
    const key = streamKey(streamId, this.#user.tenantId);
    await this.#parts.feed.remove(key, this.#user, generation).catch(() => undefined); // it was reported
  }

  /** Puts in what the queues say of those that wait. @param wrong gets what the feed has to be told */
  async #readQueues(known: Known, wrong: (() => Promise<void>)[]): Promise<void> {
    const { store, feed } = this.#parts;
    const queued = [...known.values()].filter((entry) => entry.kind !== 'removed' && queuedIn(entry) > 0);
    await inParts(queued, async (entry) => {
      const key = streamKey(entry.streamId, this.#user.tenantId);
      const queue = await store.queues.read(key);
      const isTheirs = queue.userId === undefined || queue.userId === this.#user.userId;
      const waiting = isTheirs ? waitingRuns(queue).length : 0;
      if (waiting === queuedIn(entry)) return;
      known.set(entry.streamId, { ...entry, queue: waiting > 0 ? JSON.stringify(waiting) : undefined });
      if (isTheirs) wrong.push(() => feed.tellQueue(key, queue, this.#user.userId));
    });
  }
}

async function inParts<One>(all: readonly One[], work: (one: One) => Promise<void>): Promise<void> {
  for (let at = 0; at < all.length; at += AT_ONCE) {
    await Promise.all(all.slice(at, at + AT_ONCE).map((one) => work(one)));
  }
}

/** Says whether a stored entry is older than the record's, or lacks the title that the same generation has. */
function lacks(stored: StoredFeedEntry, entry: FeedEntry): boolean {
  if (isNewerVersion(entry, stored)) return true;
  const isSame = stored.generation === entry.generation && stored.kind !== 'removed';
  return isSame && entry.title !== undefined && entry.title.text !== stored.title;
}

/** An entry as it will be stored, with the title that stands. */
function asStored(entry: FeedEntry, stored: StoredFeedEntry | undefined): StoredFeedEntry {
  if (stored && !isNewerVersion(entry, stored))
    return { ...stored, title: entry.title?.text ?? stored.title };
  const { streamId, generation, count, kind, state, title } = entry;
  const places = { number: 0, stateNumber: 0, titleNumber: 0, queueNumber: 0 };
  return {
    ...{ streamId, generation, count, kind, state, ...places },
    isSeen: false,
    title: title?.text ?? stored?.title,
    queue: stored?.queue,
  };
}
