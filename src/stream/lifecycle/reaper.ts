/**
 * All upkeep in one loop. Every `sweepMs` (jittered) each replica asks the due index which streams need a look, and does
 * for each of their generations what its state asks for: take over or fail a producer that fell silent, expire an
 * action nobody answered, settle an end, delete what has been kept long enough; and where nothing is active, start what waits in the
 * stream's queue. Each of these is a fenced commit, or an atomic create, so one reaper is enough and many are harmless.
 *
 * Each part of the index, each stream and each of its generations answers for itself. A stream whose look failed is due
 * still; this process looks at it again after a pause that doubles, and the sweep goes on past it until then.
 * A stream whose look came to nothing, which the store lists as due and the judge does not, comes after the others too.
 */

import type { TimerHandle } from '../../clock.js';
import type { Followers } from '../following/followers.js';
import type { DueEntry, DuePage, PageRequest } from '../interfaces/job-store.js';
import { booksMs, deadlineOf, earliestOf, expiryOf, isUntried, setAsideUntil } from '../model/deadlines.js';
import { ownerOf } from '../model/stream-key.js';
import { isActive } from '../model/transitions.js';
import type { JobRecord, StreamKey } from '../model/types.js';
import type { Parts } from '../process/parts.js';
import { Setbacks } from '../process/setbacks.js';
import { reportUpkeepFailures } from '../process/upkeep-failures.js';
import type { LeaseKeeper } from '../producing/lease-keeper.js';
import type { Ender } from './ender.js';
import { HandOverHints } from './hand-over-hints.js';
import type { PauseNotices } from './pause-notices.js';
import type { QueueLook, QueueStarts } from './queue-starts.js';
import type { Recovery } from './recovery.js';
import type { Settler } from './settlement.js';
import { StalledLeases } from './stalled-leases.js';

export interface Upkeep {
  readonly leases: LeaseKeeper;
  readonly ender: Ender;
  readonly recovery: Recovery;
  readonly settler: Settler;
  readonly notices: PauseNotices;
  readonly starts: Pick<QueueStarts, 'visit' | 'watched' | 'heardOfRun'>;
  readonly followers: Pick<Followers, 'failUnlessPassing'>;
}

/** Visits under way, in sweeps: what waits for a host’s hook keeps its place this long, and holds memory. */
const VISITS_FACTOR = 16;
/** The share of a sweep's places for streams whose last look did nothing: due for longest, they would take all. */
const RETRIES_SHARE = 0.25;
/** Streams whose scores are brought near in one turn. */
const AT_ONCE = 256;

const NO_QUEUE: QueueLook = {};

export class Reaper {
  readonly #parts: Parts;
  readonly #upkeep: Upkeep;
  #timer: TimerHandle | undefined;
  readonly #visiting = new Set<string>();
  readonly #stalled: StalledLeases;
  /** Streams, and parts of the index, that failed; and streams that a look has left as due as they were. */
  readonly #setbacks: Setbacks;
  readonly #hints: HandOverHints;
  #running = false;

  constructor(parts: Parts, upkeep: Upkeep) {
    this.#parts = parts;
    const { sweepMs, leaseMs } = parts.options;
    this.#setbacks = new Setbacks(parts.clock, {
      firstMs: sweepMs,
      longestMs: leaseMs,
    });
    this.#upkeep = upkeep;
    this.#stalled = new StalledLeases(parts);
    this.#hints = new HandOverHints(parts, (keys) => this.#visitNow(keys));
  }

  start(): void {
    if (this.#running) return;
    this.#running = true;
    this.#parts.storeClock.observe();
    this.#schedule();
  }

  stop(): void {
    this.#running = false;
    this.#parts.clock.clearTimeout(this.#timer);
    this.#hints.stop();
  }

  /** One look at everything that is due, and all that comes of it. Never rejects: what failed is still due. */
  async sweep(): Promise<void> {
    await Promise.all(await this.#begin());
  }

  /** A producer has left a stream, so that it need not wait for the next sweep. */
  heardOfHandOver(key: StreamKey): void {
    this.#hints.heard(key);
  }

  /** A run waits on a stream, as another replica says. */
  heardOfRun(key: StreamKey): void {
    this.#upkeep.starts.heardOfRun(key);
  }

  /**
   * Visits those of the streams that are due; others have come first to the rest. What this process could not do a moment ago is
   * left to others, and to its own sweeps. Never rejects: the sweep finds them.
   */
  async #visitNow(keys: readonly StreamKey[]): Promise<void> {
    const ids = new Set(keys.flatMap(({ id }) => (this.#setbacks.isOver(id) ? id : [])));
    try {
      const { entries } = await this.#list({ limit: this.#parts.options.sweepStreams });
      await Promise.all(entries.filter(({ key }) => ids.has(key.id)).map((entry) => this.#visit(entry)));
    } catch (error) {
      reportUpkeepFailures(this.#parts, 'sweep', [{ error }]);
    }
  }

  async #begin(): Promise<readonly Promise<unknown>[]> {
    const { background, storeClock } = this.#parts;
    try {
      await this.#upkeep.leases.renewIfLate();
      this.#stalled.prune();
      const watched = this.#upkeep.starts.watched();
      const chosen = await this.#choose();
      // What was put off by a clock that went back lies too far ahead.
      if (storeClock.observe() === 'back') background.run(this.#bringNear());
      return [...chosen.map((entry) => this.#visit(entry)), ...watched];
    } catch (error) {
      reportUpkeepFailures(this.#parts, 'sweep', [{ error }]);
      return [];
    }
  }

  /**
   * The streams to visit now: those longest due first, page by page, past those that are being visited and those whose last
   * look failed or came to nothing; neither takes a place from the others, however many they are. Of the latter some come
   * on top, or as many as there are places left, those first whose pause has been over for longest.
   */
  async #choose(): Promise<readonly DueEntry[]> {
    const { sweepStreams } = this.#parts.options;
    const room = Math.min(sweepStreams, sweepStreams * VISITS_FACTOR - this.#visiting.size);
    const chosen: DueEntry[] = [];
    const again: DueEntry[] = [];
    for (let after: string | undefined; chosen.length < room; ) {
      const { entries, next } = await this.#list({ limit: sweepStreams, after });
      for (const entry of entries) {
        const { id } = entry.key;
        if (this.#visiting.has(id) || !this.#setbacks.isOver(id)) continue;
        if (this.#setbacks.has(id)) again.push(entry);
        else if (chosen.length < room) chosen.push(entry);
      }
      if (next === undefined || next === after) break;
      after = next;
    }
    again.sort((a, b) => this.#setbacks.until(a.key.id) - this.#setbacks.until(b.key.id));
    const retries = Math.max(Math.ceil(sweepStreams * RETRIES_SHARE), room - chosen.length);
    return [...chosen, ...again.slice(0, retries)];
  }

  #schedule(): void {
    if (!this.#running) return;
    const { clock, entropy, options, background } = this.#parts;
    const sweep = async () => {
      const visits = await this.#begin();
      this.#schedule();
      background.run(Promise.all(visits));
    };
    this.#timer = clock.setTimeout(() => void sweep(), options.sweepMs * (0.75 + entropy.random() / 4));
  }

  async #visit(entry: DueEntry): Promise<void> {
    const { store } = this.#parts;
    const { key } = entry;
    // Another sweep of this process may have chosen it in the same moment.
    if (this.#visiting.has(key.id)) return;
    this.#visiting.add(key.id);
    try {
      const before = await store.read(key, 'kept');
      const [current] = before;
      const isIdle = current === undefined || !isActive(current.status);
      const queue: QueueLook = isIdle ? await this.#upkeep.starts.visit(key) : NO_QUEUE;
      // What holds a queue is kept as long as it does: forgotten, it would let the queue go on.
      const looked = queue.holds && current?.settlement.state === 'settled' ? before.slice(1) : before;
      const done = await Promise.allSettled(looked.map((record) => this.#look(key, record)));
      for (const look of done) if (look.status === 'rejected') throw look.reason;
      if (current !== undefined) await this.#parts.feed.repair(key, current);
      const after = await store.read(key, 'kept');
      const others = queue.holds
        ? after.filter(({ generation }) => generation !== current?.generation)
        : after;
      const next = earlierOf(
        others.length > 0 ? earliestOf(others, (record) => this.#nextLook(key, record)) : null,
        queue.isLeft ? entry.at : queue.lookAt,
      );
      await store.due.later(entry, next);
      // What is due to the store and not to this judge would be the first in every sweep.
      if (next !== null && next <= entry.at) this.#setbacks.addIdle(key.id);
      else this.#setbacks.end(key.id);
    } catch (error) {
      this.#setbacks.add(key.id);
      reportUpkeepFailures(this.#parts, 'visit', [{ streamId: key.streamId, error }]);
    } finally {
      this.#visiting.delete(key.id);
    }
  }

  async #look(key: StreamKey, record: JobRecord): Promise<void> {
    const { storeClock, options, background, unknownModels } = this.#parts;
    const { leases, ender, recovery, settler, notices } = this.#upkeep;
    if (record.status === 'running') {
      // A lease this process holds itself is for the keeper to judge, by the keeper's clock.
      if (leases.find(key, record.generation)?.attempt === record.attempt) return;
      const hasLapsed = this.#stalled.lapsesInMs(key, record) === 0;
      if (hasLapsed && !unknownModels.leaves(record)) {
        return this.#bring(key, () => recovery.recover(key, record, record.leaseUntil));
      }
    }
    // The first settlement waits for no clock but that of a stopped producer's books, which the settler judges.
    if (!isUntried(record) && deadlineOf(record, options) > storeClock.now()) return;
    if (needsContent(record) && unknownModels.leaves(record)) return;
    if (record.status === 'requires_action') {
      const isExpired = expiryOf(record) <= storeClock.now();
      if (isExpired) return this.#bring(key, async () => void (await ender.expire(key, record)));
      // The host may take its time, as for a settlement.
      return background.run(notices.tell(key, record));
    }
    if (record.status === 'running') return this.#bring(key, () => recovery.recover(key, record));
    const { state } = record.settlement;
    if (state === 'settled') await this.#forget(key, record);
    else if (state === 'set_aside' && setAsideUntil(record, options) <= storeClock.now()) {
      await settler.drop(key, record, 'Nobody settled it in the time it was kept for (setAsideMs).');
    }
    // A settlement may take long: the sweep goes on meanwhile, and its claim keeps others away.
    else background.run(settler.settle(key, record));
  }

  /** Brings a generation on that nobody else does. What the store refuses for good, its followers here are told. */
  async #bring(key: StreamKey, on: () => Promise<void>): Promise<void> {
    try {
      await on();
    } catch (error) {
      this.#upkeep.followers.failUnlessPassing(key, error);
      throw error;
    }
  }

  /**
   * Returns when a generation must be looked at again, by the store's clock as it shows itself: that is what lists by
   * it.
   */
  #nextLook(key: StreamKey, record: JobRecord): number {
    const { store, options, hooks } = this.#parts;
    const deadline = deadlineOf(record, options);
    // A replica without the hook can do nothing for it but look whether its time is over.
    if (record.settlement.state === 'set_aside' && hooks.settle === undefined) {
      return Math.min(setAsideUntil(record, options), store.now() + options.setAsideRetryMs);
    }
    // A clock that went back shows the end of a producer's books far ahead.
    if (isUntried(record))
      return Math.min(deadline, store.now() + Math.max(booksMs(record), options.settleBackoffMs));
    const lapsesInMs = record.status === 'running' ? this.#stalled.lapsesInMs(key, record) : undefined;
    // What is left to others stays due: a score put off here would hide it from those who can.
    return lapsesInMs === undefined ? deadline : Math.min(deadline, store.now() + lapsesInMs);
  }

  /** Has every stream looked at once, whatever its score. */
  async #bringNear(): Promise<void> {
    const { store } = this.#parts;
    const bring = ({ key }: DueEntry) =>
      store.due.nearer(key, 0).catch((error: unknown) => {
        reportUpkeepFailures(this.#parts, 'sweep', [{ streamId: key.streamId, error }]);
      });
    for (let after: string | undefined; ; ) {
      const { entries, next } = await this.#list({ limit: AT_ONCE, after, all: true });
      await Promise.all(entries.map(bring));
      if (next === undefined || next === after) return;
      after = next;
    }
  }

  /** A page of the due index; what of it could not be listed is told once, and again after a pause. */
  async #list(request: PageRequest & { all?: boolean }): Promise<DuePage> {
    const { store, watches } = this.#parts;
    const page = await store.due.list(request).catch((error: unknown) => {
      watches.store.failed(error);
      throw error;
    });
    watches.store.answered();
    const untold = page.failures.filter(({ message }) => this.#setbacks.isOver(message));
    for (const { message } of untold) this.#setbacks.add(message);
    const failures = untold.map((error) => ({ error }));
    reportUpkeepFailures(this.#parts, 'sweep', failures);
    return page;
  }

  /** The generation goes; what its idempotency key led to stays known for as long as the key is. */
  async #forget(key: StreamKey, record: JobRecord): Promise<void> {
    const { store } = this.#parts;
    const { generation, idempotencyKey, streamId } = record;
    if (idempotencyKey !== undefined) {
      const user = ownerOf(key, record.userId);
      const nothing = { metadata: {}, notes: [], resolutions: [], inbox: [], unsent: [] };
      const run = { streamId, generation, record: { ...record, ...nothing } };
      await store.slots.confirm(user, idempotencyKey, run);
    }
    await store.delete(key, { endedGeneration: generation });
  }
}

/** Says whether what a generation waits for goes by what it has said. */
function needsContent({ status, settlement }: JobRecord): boolean {
  return status === 'running' || status === 'requires_action' || settlement.state === 'open';
}

function earlierOf(one: number | null, other: number | undefined): number | null {
  return one === null || other === undefined ? (other ?? one) : Math.min(one, other);
}
