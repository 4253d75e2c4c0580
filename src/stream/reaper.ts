/**
 * All upkeep in one loop. Every `sweepMs` (jittered) each replica asks the due index which streams need a look, and does
 * for each of their generations what its state asks for: take over or fail a producer that fell silent, expire an
 * action nobody answered, settle an end, delete what has been kept long enough. Each of these is a fenced commit, so
 * one reaper is enough and many are harmless.
 */
import type { TimerHandle } from '../clock.js';
import { deadlineOf } from './deadlines.js';
import type { Ender } from './ender.js';
import type { DueEntry } from './interfaces/job-store.js';
import type { LeaseKeeper } from './lease-keeper.js';
import type { Parts } from './parts.js';
import type { Recovery } from './recovery.js';
import type { Settler } from './settlement.js';
import { StalledLeases } from './stalled-leases.js';
import type { JobRecord, StreamKey } from './types.js';

export interface Upkeep {
  readonly leases: LeaseKeeper;
  readonly ender: Ender;
  readonly recovery: Recovery;
  readonly settler: Settler;
}

const ALL_STREAMS = 100_000;
/** Streams whose scores are brought near in one turn. */
const AT_ONCE = 256;

export class Reaper {
  readonly #parts: Parts;
  readonly #upkeep: Upkeep;
  #timer: TimerHandle | undefined;
  readonly #visiting = new Set<string>();
  readonly #stalled: StalledLeases;
  #running = false;

  constructor(parts: Parts, upkeep: Upkeep) {
    this.#parts = parts;
    this.#upkeep = upkeep;
    this.#stalled = new StalledLeases(parts);
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
  }

  /** One look at everything that is due, and all that comes of it. Never rejects: what failed is still due. */
  async sweep(): Promise<void> {
    await Promise.all(await this.#begin());
  }

  /** Visits what is due and is not being visited: a host's hook that hangs must not keep other streams waiting. */
  async #begin(): Promise<readonly Promise<void>[]> {
    const { store, storeClock, options, errors } = this.#parts;
    try {
      await this.#upkeep.leases.renewIfLate();
      this.#stalled.prune();
      // What is under visit takes no place from others.
      const due = await store.due.list({ limit: options.sweepStreams + this.#visiting.size });
      // What was put off by a clock that went back lies too far ahead.
      if (storeClock.observe() === 'back') this.#parts.background.run(this.#bringNear());
      return due.filter(({ key }) => !this.#visiting.has(key.id)).map((entry) => this.#visit(entry));
    } catch (error) {
      errors.report({ where: 'sweep', error });
      return [];
    }
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
    const { store, errors } = this.#parts;
    const { key } = entry;
    this.#visiting.add(key.id);
    try {
      const before = await store.read(key, 'kept');
      for (const record of before) await this.#look(key, record);
      const after = await store.read(key, 'kept');
      const next = after.map((record) => this.#nextLook(key, record));
      await store.due.later(entry, next.length > 0 ? Math.min(...next) : null);
    } catch (error) {
      errors.report({ where: 'upkeep', error, record: key });
    } finally {
      this.#visiting.delete(key.id);
    }
  }

  async #look(key: StreamKey, record: JobRecord): Promise<void> {
    const { storeClock, options, background } = this.#parts;
    const { leases, ender, recovery, settler } = this.#upkeep;
    if (record.status === 'running') {
      // A lease this process holds itself is for the keeper to judge, by the keeper's clock.
      if (leases.find(key, record.generation)?.attempt === record.attempt) return;
      if (this.#stalled.lostIn(key, record) === 0) return recovery.recover(key, record, record.leaseUntil);
    }
    if (deadlineOf(record, options) > storeClock.now()) return;
    if (record.status === 'requires_action') {
      await ender.expire(key, record);
      return;
    }
    if (record.status === 'running') {
      await recovery.recover(key, record);
      return;
    }
    // A settlement may take long: the sweep goes on meanwhile, and its claim keeps others away.
    if (record.settlement.state === 'open') background.run(settler.settle(key, record));
    else await this.#forget(key, record);
  }

  /** When a generation must be looked at again, by the store's clock as it shows itself: that is what lists by it. */
  #nextLook(key: StreamKey, record: JobRecord): number {
    const { store, options } = this.#parts;
    const deadline = deadlineOf(record, options);
    if (record.status !== 'running') return deadline;
    const lostInMs = this.#stalled.lostIn(key, record);
    return lostInMs === undefined ? deadline : Math.min(deadline, store.now() + lostInMs);
  }

  /** Has every stream looked at once, whatever its score. */
  async #bringNear(): Promise<void> {
    const { store } = this.#parts;
    const entries = await store.due.list({ limit: ALL_STREAMS, all: true });
    for (let at = 0; at < entries.length; at += AT_ONCE) {
      const some = entries.slice(at, at + AT_ONCE);
      await Promise.all(some.map(({ key }) => store.due.nearer(key, 0)));
    }
  }

  /** The generation goes; what its idempotency key led to stays known for as long as the key is. */
  async #forget(key: StreamKey, record: JobRecord): Promise<void> {
    const { store } = this.#parts;
    const { generation, idempotencyKey, streamId } = record;
    if (idempotencyKey !== undefined) {
      const user = { tenantId: key.tenantId, userId: record.userId };
      const run = { streamId, generation, record: { ...record, metadata: {}, resolutions: [] } };
      await store.slots.confirm(user, idempotencyKey, run);
    }
    await store.delete(key, generation);
  }
}
