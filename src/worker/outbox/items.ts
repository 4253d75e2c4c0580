/**
 * The content of the outbox: each change of the table together with what it does to the room that is left, as one step. A change
 * that must survive a power cut is synced when its method returns; one that is found out again by delivering again is not.
 */
import { GenerationJobError } from '../../errors.js';
import type { Amount, ItemRow, NewItem } from './item-table.js';
import { loseRun, type Made, makeRoom } from './making-room.js';
import type { OutboxFile } from './outbox-file.js';
import { type Bounds, type Holding, Room } from './room.js';

export interface ItemsContext extends Bounds {
  /** Wall time in milliseconds. */
  now(): number;
  /** Called after the step with the room it cost. */
  onMadeRoom(made: Made): void;
}

/** Counts since the file was opened. */
export interface ItemCounts {
  delivered: number;
  failedTries: number;
  coalesced: number;
  dropped: number;
  discarded: number;
}

/** A SQLite integer above all ids. */
const AFTER_ALL = Number.MAX_SAFE_INTEGER;
/** The most rows that are put back in one step. */
const PUT_BACK_ROWS = 1_000;

export class Items {
  readonly counts: ItemCounts = { delivered: 0, failedTries: 0, coalesced: 0, dropped: 0, discarded: 0 };
  /** The reports that are being delivered. */
  readonly inFlight = new Set<number>();
  readonly #file: OutboxFile;
  readonly #context: ItemsContext;
  readonly #room: Room;

  constructor(file: OutboxFile, context: ItemsContext) {
    this.#file = file;
    this.#context = context;
    this.#room = new Room(context);
    file.relaxed(() => file.table.clearDue());
    for (const { lane, isAside, ...amount } of file.read(() => file.table.holdings())) {
      this.#room.add(lane, isAside ? 'aside' : 'waiting', amount);
    }
  }

  get total(): Holding {
    return this.#room.total;
  }

  holding(lane: string): Holding {
    return this.#room.holding(lane);
  }

  lanes(): string[] {
    return this.#room.lanes();
  }

  /** Takes a batch of a run. @throws GenerationJobError `outbox_full` when its run would be the one to give */
  addBatch(item: NewItem): void {
    this.#step(() => this.#insert(item));
  }

  /**
   * Takes a report, unless the same one is there.
   * @param coalesces whether it takes the place of another of its key, and with that its tries
   * @throws GenerationJobError `outbox_full` when it has no room though everything that may be is dropped
   */
  addReport(item: NewItem, coalesces: boolean): void {
    const { table } = this.#file;
    this.#step(() => {
      if (table.idempotent(item.lane, item.idempotency ?? '')) return NOTHING_MADE;
      const older = coalesces ? this.#olderOf(item) : undefined;
      if (older === undefined) return this.#insert(item);
      this.#remove(older);
      this.counts.coalesced++;
      return this.#insert(item, older.aside === null ? older : undefined);
    });
  }

  /** Removes a run's batches that end up to that number; returns the last event of them, 0 when there are none. */
  removeCovered(lane: string, upTo: number): number {
    const { table } = this.#file;
    return this.#relaxedly(() => {
      const next = table.uncovered(lane, upTo);
      const removed = table.removeBefore(lane, next?.id ?? AFTER_ALL);
      this.#room.remove(lane, 'waiting', removed);
      this.counts.delivered += removed.rows;
      return removed.last;
    });
  }

  /** Removes a report that was taken, or is not wanted. */
  removeDone(row: ItemRow): void {
    this.#relaxedly(() => this.#remove(row));
    this.counts.delivered++;
  }

  /** Counts a failed try of a row. @param due the time of the next one, on the monotonic clock; 0 for a run's */
  failed(row: ItemRow, due: number): void {
    this.#relaxedly(() => this.#file.table.failed(row.id, due));
    this.counts.failedTries++;
  }

  /** Removes a failed report of whose key a newer one waits; says whether it has. */
  removeSuperseded(row: ItemRow): boolean {
    const [newest] =
      row.key === null ? [] : this.#file.read(() => this.#file.table.keyed(row.lane, row.key ?? ''));
    if (newest === undefined || newest.id <= row.id) return false;
    this.#relaxedly(() => this.#remove(row));
    this.counts.coalesced++;
    return true;
  }

  setAside(row: ItemRow, reason: string): void {
    this.#durably(() => {
      this.#file.table.setAside(row.id, reason, this.#context.now());
      this.#room.remove(row.lane, 'waiting', amountOf(row));
      this.#room.add(row.lane, 'aside', amountOf(row));
    });
  }

  /** Sets aside all that waits in a lane; returns how much that is. */
  setLaneAside(lane: string, reason: string): Amount {
    const { waiting } = this.#room.holding(lane);
    if (waiting.rows === 0) return waiting;
    this.#durably(() => {
      this.#file.table.setAsideLane(lane, reason, this.#context.now());
      this.#room.remove(lane, 'waiting', waiting);
      this.#room.add(lane, 'aside', waiting);
    });
    return waiting;
  }

  /** Discards all that waits in a run's lane, and notes that; returns how much that is. */
  loseLane(lane: string): Amount {
    const { table } = this.#file;
    const lost = this.#durably(() => loseRun({ table, room: this.#room, now: this.#context.now }, lane));
    this.counts.discarded += lost.rows;
    return lost;
  }

  /** Lets a report that was set aside wait again; or all of them. Returns how many, and in which lanes. */
  putBack(id?: number): { readonly rows: number; readonly lanes: ReadonlySet<string> } {
    const lanes = new Set<string>();
    let rows = 0;
    for (let after = id === undefined ? 0 : id - 1; ; ) {
      const found = this.#file.read(() =>
        this.#file.table.asideReports(after, id === undefined ? PUT_BACK_ROWS : 1),
      );
      const page = found.filter((row) => id === undefined || row.id === id);
      if (page.length > 0) this.#durably(() => this.#putBackRows(page));
      for (const { lane } of page) lanes.add(lane);
      rows += page.length;
      after = page.at(-1)?.id ?? AFTER_ALL;
      if (page.length < PUT_BACK_ROWS) return { rows, lanes };
    }
  }

  /** Forgets a row that was set aside; false when there is none. */
  discard(id: number): boolean {
    const row = this.#file.read(() => this.#file.table.row(id));
    if (row === undefined || row.aside === null) return false;
    this.#durably(() => this.#remove(row));
    return true;
  }

  /** Ends all waiting for a next try. */
  clearDue(): void {
    this.#relaxedly(() => this.#file.table.clearDue());
  }

  /** Reads, without a change. */
  read<Result>(step: (table: OutboxFile['table']) => Result): Result {
    return this.#file.read(() => step(this.#file.table));
  }

  #olderOf({ lane, key }: NewItem): ItemRow | undefined {
    return this.#file.table.keyed(lane, key ?? '').find(({ id }) => !this.inFlight.has(id));
  }

  /** @param place the row whose place it takes */
  #insert(item: NewItem, place?: ItemRow): Made {
    const need = { rows: 1, bytes: item.bytes };
    const made = this.#room.fits(need) ? NOTHING_MADE : this.#makeRoom(item.lane, need);
    this.#file.table.add(item, place);
    this.#room.add(item.lane, 'waiting', need);
    return made;
  }

  #putBackRows(rows: readonly ItemRow[]): void {
    for (const row of rows) {
      this.#file.table.putBack(row.id);
      this.#room.remove(row.lane, 'aside', amountOf(row));
      this.#room.add(row.lane, 'waiting', amountOf(row));
    }
  }

  #remove(row: ItemRow): void {
    this.#file.table.remove(row.id);
    this.#room.remove(row.lane, partOf(row), amountOf(row));
  }

  #makeRoom(lane: string, need: Amount): Made {
    const { inFlight } = this;
    const context = { table: this.#file.table, room: this.#room, inFlight, now: this.#context.now };
    const made = makeRoom(context, lane, need);
    if (made) return made;
    throw new GenerationJobError('outbox_full', `${need.bytes} bytes more have no room in the outbox.`);
  }

  /** Runs a step that may cost room, and tells of that once it stands. */
  #step(step: () => Made): void {
    const made = this.#durably(step);
    if (made === NOTHING_MADE) return;
    for (const { rows } of made.dropped) this.counts.dropped += rows;
    for (const { rows } of made.lost) this.counts.discarded += rows;
    this.#context.onMadeRoom(made);
  }

  #durably<Result>(step: () => Result): Result {
    return this.#room.undoing(() => this.#file.transaction(step));
  }

  #relaxedly<Result>(step: () => Result): Result {
    return this.#room.undoing(() => this.#file.relaxed(step));
  }
}

const NOTHING_MADE: Made = { dropped: [], lost: [] };

function partOf(row: ItemRow): 'waiting' | 'aside' {
  return row.aside === null ? 'waiting' : 'aside';
}

function amountOf({ bytes }: ItemRow): Amount {
  return { rows: 1, bytes };
}
