/**
 * Sees to it that what an index has lost comes back. A stream whose due score is gone, or lies far ahead, is looked at by
 * nobody, and one that is gone from its user's index is listed for nobody. Three ways lead back, and each only brings
 * scores near, with the ordinary hold:
 *
 * - what runs is put right by the process that runs it, once a lease;
 * - what somebody reads, and should have been looked at long ago, is brought near at once;
 * - the rest is found by a walk over all streams: page by page with pauses, at most once each `repairMs`, by one replica at a
 *   time. Who walks holds a slot that belongs to no user; it expires, so a walk that dies is begun anew by another.
 *
 * A store that can't lose its indexes has no `repair`, and then nothing of this happens.
 */
import { MINUTE, sleep, type TimerHandle } from '../../clock.js';
import type { IndexRepair } from '../interfaces/job-store.js';
import { deadlineOf, earliestOf } from '../model/deadlines.js';
import { isActive } from '../model/transitions.js';
import type { JobRecord, StreamKey, UserKey } from '../model/types.js';
import type { Parts } from './parts.js';
import { Setbacks } from './setbacks.js';
import { reportUpkeepFailures } from './upkeep-failures.js';

/** Streams in a page of the walk, and the pause after it: some thousand streams a second at most, of no user's time. */
const PAGE_STREAMS = 100;
const PAGE_PAUSE_MS = 100;
/** The time for which a walk that has died keeps others from beginning anew; a page takes far less. */
const WALK_SLOT_MS = MINUTE;
/** Parts of `repairMs` between two tries to begin a walk. */
const TRIES = 4;
/** No user has this id: it is refused wherever a host gives one. */
const NOBODY: UserKey = { tenantId: undefined, userId: '' };

/** A job whose lease this process holds. */
interface RunningJob {
  readonly key: StreamKey;
  readonly userId: string;
}

export class IndexKeeper {
  readonly #parts: Parts;
  readonly #repair: IndexRepair | undefined;
  readonly #stopped = new AbortController();
  /** The time a job's place in the indexes was seen to last, on the monotonic clock. */
  readonly #renewed = new WeakMap<RunningJob, number>();
  /** The streams noticed a moment ago. */
  readonly #noticed: Setbacks;
  readonly #name: string;
  #walkedAt = Number.NEGATIVE_INFINITY;
  #timer: TimerHandle | undefined;

  constructor(parts: Parts) {
    this.#parts = parts;
    this.#repair = parts.store.repair;
    const { leaseMs } = parts.options;
    this.#noticed = new Setbacks(parts.clock, { firstMs: leaseMs, longestMs: leaseMs * 8 });
    this.#name = parts.entropy.id();
  }

  /** True when the store has something to put back into. */
  get canRepair(): boolean {
    return this.#repair !== undefined;
  }

  start(): void {
    if (this.#repair === undefined || this.#timer !== undefined) return;
    this.#schedule(this.#parts.entropy.random() / TRIES);
  }

  stop(): void {
    this.#stopped.abort();
    this.#parts.clock.clearTimeout(this.#timer);
  }

  /** A job of this process holds its lease: once a lease, its place in the indexes is put right. */
  renewed(job: RunningJob): void {
    if (this.#repair === undefined) return;
    const { clock, options, background } = this.#parts;
    const now = clock.monotonic();
    const last = this.#renewed.get(job);
    if (last !== undefined && now - last < options.leaseMs) return;
    this.#renewed.set(job, now);
    // Its create, or its take-over, has just seen to it.
    if (last !== undefined) background.run(this.#restore(job.key, job.userId, options.leaseMs));
  }

  /** Somebody has read a record. One that should have been looked at a lease ago has no place in the due index. */
  noticed(key: StreamKey, record: JobRecord): void {
    if (this.#repair === undefined) return;
    const { storeClock, options, background } = this.#parts;
    if (!isActive(record.status) && record.settlement.state !== 'open') return;
    if (deadlineOf(record, options) + options.leaseMs > storeClock.now()) return;
    if (!this.#noticed.isOver(key.id)) return;
    this.#noticed.add(key.id);
    background.run(this.#restore(key, record.userId, 0));
  }

  /** Walks over all streams, if no other replica does or has done so within `repairMs`. Says whether it did. */
  async walk(): Promise<boolean> {
    const { clock, options } = this.#parts;
    const startedAt = clock.monotonic();
    if (this.#repair === undefined || startedAt - this.#walkedAt < options.repairMs) return false;
    if (!(await this.#takeWalk(WALK_SLOT_MS))) {
      this.#parts.setAside.counted(undefined); // another replica walks, or has
      return false;
    }
    this.#walkedAt = startedAt;
    let takenAt = startedAt;
    let setAside = 0;
    for (let after: string | undefined; !this.#stopped.signal.aborted; ) {
      const page = await this.#repair.list({ limit: PAGE_STREAMS, after });
      reportUpkeepFailures(
        this.#parts,
        'repair',
        page.failures.map((error) => ({ error })),
      );
      const found = await Promise.all(page.entries.map((key) => this.#repairOne(key)));
      setAside += found.reduce((sum, count) => sum + count, 0);
      const now = clock.monotonic();
      if (page.next === undefined || page.next === after) break;
      if (now - takenAt > WALK_SLOT_MS / 2) {
        if (!(await this.#takeWalk(WALK_SLOT_MS))) return true; // it was too slow: another one walks
        takenAt = now;
      }
      after = page.next;
      await sleep(clock, PAGE_PAUSE_MS, this.#stopped.signal);
    }
    const leftMs = options.repairMs - (clock.monotonic() - startedAt);
    if (this.#stopped.signal.aborted) return true;
    this.#parts.setAside.counted(setAside);
    await this.#takeWalk(Math.max(1, Math.ceil(leftMs)));
    return true;
  }

  #schedule(share: number): void {
    const { clock, options, background } = this.#parts;
    this.#timer = clock.setTimeout(() => {
      const walking = this.walk().catch((error: unknown) => {
        reportUpkeepFailures(this.#parts, 'repair', [{ error }]);
      });
      background.run(
        walking.then(() => {
          if (!this.#stopped.signal.aborted) this.#schedule((1 + this.#parts.entropy.random()) / TRIES);
        }),
      );
    }, options.repairMs * share);
  }

  #takeWalk(forMs: number): Promise<boolean> {
    const slot = { streamId: this.#name, holder: this.#name, limit: 1, forMs };
    return this.#parts.store.slots.take(NOBODY, slot);
  }

  /** Puts back what the indexes lack of one stream; returns how many of its settlements are set aside. */
  async #repairOne(key: StreamKey): Promise<number> {
    const { store, options } = this.#parts;
    try {
      const kept = await store.read(key, 'kept');
      const [current] = kept;
      if (current === undefined) return 0;
      const deadline = earliestOf(kept, (record) => deadlineOf(record, options));
      const inMs = Math.max(0, Math.ceil(deadline - store.now()));
      await this.#restore(key, current.userId, inMs, () => this.#hasMovedOn(key, deadline));
      return kept.filter(isSetAside).length;
    } catch (error) {
      reportUpkeepFailures(this.#parts, 'repair', [{ streamId: key.streamId, error }]);
      return 0;
    }
  }

  /** Says whether somebody has put the next look off since `deadline` was read: then its score was not lost. */
  async #hasMovedOn(key: StreamKey, deadline: number): Promise<boolean> {
    const { store, options } = this.#parts;
    const kept = await store.read(key, 'kept');
    return kept.length === 0 || earliestOf(kept, (record) => deadlineOf(record, options)) > deadline;
  }

  /** @param hasMovedOn asked when the due score was put back: what another step has just put off is brought near, not repaired */
  async #restore(
    key: StreamKey,
    userId: string,
    inMs: number,
    hasMovedOn: () => Promise<boolean> = async () => false,
  ): Promise<void> {
    try {
      const restored = (await this.#repair?.restore(key, { userId, inMs })) ?? [];
      for (const index of restored) {
        if (index === 'due' && (await hasMovedOn())) continue;
        this.#parts.observer.indexRepaired(index);
      }
    } catch (error) {
      reportUpkeepFailures(this.#parts, 'repair', [{ streamId: key.streamId, error }]);
    }
  }
}

function isSetAside({ status, settlement }: JobRecord): boolean {
  return !isActive(status) && settlement.state === 'set_aside';
}
