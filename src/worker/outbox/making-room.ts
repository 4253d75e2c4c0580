/**
 * The one rule for who gives when the outbox is full: what is set aside goes first, oldest first; then the lane that holds
 * most, so that a greedy one costs the others nothing. Reports give their oldest. A run gives everything, since nothing in it
 * may be skipped: it ends by name, and only a row without text stays.
 */
import type { Amount, ItemRow, ItemTable } from './item-table.js';
import { isRun } from './lane-names.js';
import { type Room, sum } from './room.js';

export interface RoomContext {
  readonly table: ItemTable;
  readonly room: Room;
  /** Reports that are being delivered are not dropped: they may have arrived. */
  readonly inFlight: ReadonlySet<number>;
  now(): number;
}

/** Rows that were dropped for room. */
interface Dropped extends Amount {
  readonly lane: string;
}

export interface Made {
  readonly dropped: readonly Dropped[];
  /** The runs that have ended for it, and what of each was discarded. */
  readonly lost: readonly Dropped[];
}

/**
 * Makes room for so much more in a lane, within a transaction.
 * @returns what it cost; undefined when the lane itself would have to give, or nothing is left to be given
 */
export function makeRoom(context: RoomContext, lane: string, need: Amount): Made | undefined {
  const { table, room } = context;
  const dropped: Dropped[] = [];
  const lost: Dropped[] = [];
  const spent = new Set<string>();
  while (!room.fits(need)) {
    const [aside] = room.total.aside.rows > 0 ? table.aside(0, 1) : [];
    if (aside) {
      dropped.push(drop(context, aside));
      continue;
    }
    const largest = largestLane(context, spent, lane, need);
    if (largest === undefined || (largest === lane && isRun(lane))) return undefined;
    if (isRun(largest)) {
      lost.push({ lane: largest, ...loseRun(context, largest) });
      continue;
    }
    const oldest = table.oldest(largest).find(({ id }) => !context.inFlight.has(id));
    if (oldest) dropped.push(drop(context, oldest));
    else if (largest === lane) return undefined;
    else spent.add(largest);
  }
  return { dropped: merged(dropped), lost };
}

/** Discards what waits of a run and leaves a row that says so, within a transaction; returns what was discarded. */
export function loseRun({ table, room, now }: Omit<RoomContext, 'inFlight'>, lane: string): Amount {
  const { waiting } = room.holding(lane);
  const span = table.span(lane);
  if (waiting.rows > 0) table.removeWaiting(lane);
  room.remove(lane, 'waiting', waiting);
  const range = { first: span?.first ?? 0, last: span?.last ?? 0 };
  table.addTombstone(lane, { ...range, reason: 'worker_events_lost', at: now() });
  room.add(lane, 'aside', { rows: 1, bytes: 0 });
  return waiting;
}

function drop({ table, room }: RoomContext, { id, lane, aside, bytes }: ItemRow): Dropped {
  table.remove(id);
  room.remove(lane, aside === null ? 'waiting' : 'aside', { rows: 1, bytes });
  return { lane, rows: 1, bytes };
}

/** The lane that holds most, with what the asking one needs; of two that hold as much, the first by name. */
function largestLane({ room }: RoomContext, spent: ReadonlySet<string>, asking: string, need: Amount) {
  let largest: string | undefined;
  let most = 0;
  for (const lane of new Set([...room.lanes(), asking])) {
    if (spent.has(lane)) continue;
    const { waiting } = room.holding(lane);
    const share = room.shareOf(lane === asking ? sum(waiting, need) : waiting);
    if (share > most || (share === most && largest !== undefined && lane < largest)) {
      largest = lane;
      most = share;
    }
  }
  return largest;
}

/** One entry a lane. */
function merged(dropped: readonly Dropped[]): Dropped[] {
  const byLane = new Map<string, Dropped>();
  for (const one of dropped) {
    const before = byLane.get(one.lane);
    byLane.set(one.lane, before ? { lane: one.lane, ...sum(before, one) } : one);
  }
  return [...byLane.values()];
}
