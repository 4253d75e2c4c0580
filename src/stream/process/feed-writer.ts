/**
 * Writes what becomes of streams into their users' feeds, after the commit that made it so. Whoever commits tells it; whoever
 * visits a stream that is due tells it again, where nothing shows that it was told: an entry that is not newer is refused, so it
 * does not matter who comes first. Without the option `feed` nothing is called.
 *
 * What this process has told it does not tell again. A feed that can't be written to fails nobody: it is reported, and a reader's
 * `sync` says how it is.
 */
import { GenerationJobError, isUnanswered } from '../../errors.js';
import type { EventTransport } from '../interfaces/event-transport.js';
import type { JobStore } from '../interfaces/job-store.js';
import type { StreamObserver } from '../interfaces/observer.js';
import type { FeedReply } from '../interfaces/user-feeds.js';
import {
  entryOf,
  entryOfQueue,
  entryOfRemains,
  entryOfRemoved,
  entryOfTitled,
  isNewerVersion,
} from '../model/feed.js';
import type { FeedEntry } from '../model/feed-entry.js';
import type { Options } from '../model/options.js';
import type { QueueState } from '../model/queued-run.js';
import { ownerOf } from '../model/stream-key.js';
import { isActive } from '../model/transitions.js';
import type { JobRecord, StreamKey, UserKey } from '../model/types.js';
import type { Background } from './background.js';
import type { ErrorReporter } from './error-reports.js';
import { publishFrames } from './frames.js';
import { type RepeatContext, repeatUntilAnswered } from './repeat.js';

/** Streams whose newest telling is remembered; for one that is forgotten a visit costs a call that changes nothing. */
const MOST_REMEMBERED = 10_000;

interface Told {
  readonly version: Pick<FeedEntry, 'generation' | 'count'>;
  readonly titleRevision: number;
  readonly done: Promise<void>;
}

interface ToldQueue {
  readonly revision: number;
  readonly done: Promise<void>;
}

export interface FeedWriterContext extends RepeatContext {
  readonly store: Pick<JobStore, 'feeds'>;
  readonly transport: Pick<EventTransport, 'publish'>;
  readonly options: Options;
  readonly observer: Pick<StreamObserver, 'feedWritten'>;
  readonly errors: Pick<ErrorReporter, 'report'>;
  readonly background: Background;
}

export class FeedWriter {
  readonly #parts: FeedWriterContext;
  /** The streams, those told longest ago first. */
  readonly #told = new Map<string, Told>();
  /** The same of their queues. */
  readonly #toldQueues = new Map<string, ToldQueue>();

  constructor(parts: FeedWriterContext) {
    this.#parts = parts;
  }

  get isOn(): boolean {
    return this.#parts.options.feed;
  }

  /** Tells where a generation stands. Resolves when that is known in the feed, or can't be. Never rejects. */
  async tell(key: StreamKey, record: JobRecord): Promise<void> {
    await this.#tell(key, record).catch(() => undefined); // it was reported
  }

  /** Tells it behind whatever goes on. */
  tellSoon(key: StreamKey, record: JobRecord): void {
    if (this.isOn) this.#parts.background.run(this.tell(key, record));
  }

  /** Tells, behind whatever goes on, the title that a generation was given, also one that another has replaced. */
  renameSoon(key: StreamKey, record: JobRecord): void {
    if (!this.isOn) return;
    const telling = this.#tell(key, record, entryOfTitled).catch(() => undefined); // it was reported
    this.#parts.background.run(telling);
  }

  /**
   * Tells what a feed was seen without, though this process may have told it: the store can have lost it since. Resolves as `tell`,
   * and never rejects.
   */
  async correct(key: StreamKey, record: JobRecord): Promise<void> {
    const known = this.#told.get(key.id);
    await known?.done.catch(() => undefined); // it was reported
    if (this.#told.get(key.id) === known) this.#told.delete(key.id);
    await this.tell(key, record);
  }

  /**
   * Tells how many runs wait on a stream, whoever has changed its queue. Resolves when that is known in the feed, or can't be. Never
   * rejects.
   * @param userId names whose the queue is, for a state that no longer says so: nothing is left of it
   */
  async tellQueue(key: StreamKey, queue: QueueState, userId = queue.userId): Promise<void> {
    if (!this.isOn || userId === undefined || userId === '') return;
    const { revision } = queue;
    const known = this.#toldQueues.get(key.id);
    if (known !== undefined && known.revision >= revision) return known.done;
    const told: ToldQueue = {
      revision,
      done: this.#append(ownerOf(key, userId), entryOfQueue(key.streamId, queue)).catch(() => {
        // It was reported.
        if (this.#toldQueues.get(key.id) === told) this.#toldQueues.delete(key.id);
      }),
    };
    remember(this.#toldQueues, key.id, told);
    return told.done;
  }

  /**
   * Tells where a generation stands whose telling may have been lost with the process that owed it. What has a notice or a
   * settlement was told before that was over, or the feed could not be written to for a lease.
   * @throws GenerationJobError what the store could not do: somebody must look again
   */
  async repair(key: StreamKey, record: JobRecord): Promise<void> {
    if (!this.isOn || record.status === 'running') return;
    const wasTold = isActive(record.status)
      ? record.pauseNotice?.state === 'settled'
      : record.settlement.tries > 0;
    if (wasTold) return;
    await this.#tell(key, record).catch((error: unknown) => {
      if (isUnanswered(error)) throw error;
    });
  }

  /** Tells that a stream is gone, of which this was the newest generation. @throws GenerationJobError what the store could not do */
  async remove(key: StreamKey, owner: UserKey, generation: number): Promise<void> {
    await this.#remove(key, owner, entryOfRemoved(key.streamId, generation));
  }

  /**
   * Tells that a stream is gone of which nothing was kept any more at the store's time `at`: what has begun since stays.
   * @throws GenerationJobError what the store could not do
   */
  async removeRemains(key: StreamKey, owner: UserKey, at: number): Promise<void> {
    await this.#remove(key, owner, entryOfRemains(key.streamId, at));
  }

  /** Removes all of a user's feed. @throws GenerationJobError what the store could not do */
  async clear(owner: UserKey): Promise<void> {
    if (!this.isOn) return;
    publishFrames(this.#parts, (await this.#repeat(() => this.#parts.store.feeds.clear(owner))).frames);
  }

  /** Marks as seen, and says how many were. @throws GenerationJobError `unavailable`, `store_damaged` */
  async markSeen(
    owner: UserKey,
    which:
      | { readonly streamId: string; readonly generation?: number | undefined }
      | { readonly upTo: number },
  ): Promise<number> {
    const { changed, frames } = await this.#repeat(() => this.#parts.store.feeds.markSeen(owner, which));
    publishFrames(this.#parts, frames);
    return changed;
  }

  async #remove(key: StreamKey, owner: UserKey, entry: FeedEntry): Promise<void> {
    if (!this.isOn) return;
    this.#told.delete(key.id);
    this.#toldQueues.delete(key.id);
    await this.#append(owner, entry);
  }

  #tell(key: StreamKey, record: JobRecord, entryFrom = entryOf): Promise<void> {
    const entry = this.isOn && record.userId !== '' ? entryFrom(record, this.#parts.options) : undefined;
    if (entry === undefined) return Promise.resolve();
    const known = this.#told.get(key.id);
    const titleRevision = entry.title?.revision ?? 0;
    const isNews =
      known === undefined || isNewerVersion(entry, known.version) || titleRevision > known.titleRevision;
    if (!isNews) return known.done;
    const { generation, count } = entry;
    const told: Told = {
      version: { generation, count },
      titleRevision,
      done: this.#append(ownerOf(key, record.userId), entry, record).catch((error: unknown) => {
        if (this.#told.get(key.id) === told) this.#told.delete(key.id);
        throw error;
      }),
    };
    remember(this.#told, key.id, told);
    return told.done;
  }

  async #append(owner: UserKey, entry: FeedEntry, record?: JobRecord): Promise<void> {
    const { store, options, observer, errors } = this.#parts;
    const bounds = { entries: options.limits.feedEntries, keptMs: options.feedKeptMs };
    try {
      const { changed, frames } = await this.#repeat(() => store.feeds.append(owner, entry, bounds));
      publishFrames(this.#parts, frames);
      observer.feedWritten(changed > 0 ? 'written' : 'known');
    } catch (error) {
      observer.feedWritten('failed');
      errors.report({ where: 'upkeep', error, record, details: { step: 'feed' } });
      throw error;
    }
  }

  #repeat(call: () => Promise<FeedReply>): Promise<FeedReply> {
    const { clock, options } = this.#parts;
    return repeatUntilAnswered(this.#parts, call, clock.monotonic() + options.leaseMs);
  }
}

/** Keeps what was told last of a stream; what was told longest ago is forgotten. */
function remember<What>(all: Map<string, What>, id: string, told: What): void {
  all.delete(id);
  all.set(id, told);
  if (all.size <= MOST_REMEMBERED) return;
  const [oldest] = all.keys();
  if (oldest !== undefined) all.delete(oldest);
}

/** @throws GenerationJobError `invalid_argument` where there is no feed */
export function throwUnlessFed(options: Pick<Options, 'feed'>): void {
  if (options.feed) return;
  throw new GenerationJobError('invalid_argument', 'There are no feeds: set options.feed on every replica.');
}
