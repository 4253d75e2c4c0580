/**
 * What an outbox holds, said in arrays: rows in the order of their ids, and the rule for who gives when there is no room.
 * The other side is part of it: it keeps what it was given, and answers by its mood.
 */
import type { Delivery, Report, RunItem } from 'generation-jobs/worker';
import { expect } from 'vitest';

export const MOODS = ['up', 'down', 'throws', 'token', 'lossy', 'half', 'strict', 'over', 'never'] as const;
export type Mood = (typeof MOODS)[number];

interface Row {
  readonly lane: string;
  readonly bytes: number;
  readonly first?: number;
  readonly last?: number;
  readonly key?: string | undefined;
  readonly idempotencyKey?: string;
  isAside: boolean;
}

export interface Limits {
  readonly maxRows: number;
  readonly maxBytes: number;
}

export class OutboxModel {
  rows: Row[] = [];
  /** The ends that runs have come to, by name. */
  readonly ends = new Map<string, string>();
  readonly dropped: Row[] = [];
  readonly #limits: Limits;

  constructor(limits: Limits) {
    this.#limits = limits;
  }

  /** Says whether there was room; when not, the run has ended. */
  append(lane: string, first: number, count: number, bytes: number): boolean {
    const { rows } = this;
    const before = rows.map((row) => ({ ...row }));
    if (this.#makeRoom(lane, bytes)) {
      this.rows.push({ lane, first, last: first + count - 1, bytes, isAside: false });
      return true;
    }
    this.rows = before;
    this.lose(lane);
    return false;
  }

  put(lane: string, row: Pick<Row, 'bytes' | 'key' | 'idempotencyKey'>, coalesces: boolean): boolean {
    if (this.rows.some((one) => one.lane === lane && one.idempotencyKey === row.idempotencyKey)) return true;
    const before = this.rows.map((one) => ({ ...one }));
    const index = coalesces ? this.rows.findLastIndex((one) => one.lane === lane && one.key === row.key) : -1;
    const [older] = index < 0 ? [] : this.rows.splice(index, 1);
    const mark = older && !older.isAside ? this.rows[index] : undefined;
    if (!this.#makeRoom(lane, row.bytes)) {
      this.rows = before;
      return false;
    }
    // In the place of the older one, or of what followed it, if that is still there.
    const place = mark === undefined ? -1 : this.rows.indexOf(mark);
    const isInPlace = older !== undefined && !older.isAside && place >= 0;
    this.rows.splice(isInPlace ? place : this.rows.length, 0, { lane, ...row, isAside: false });
    return true;
  }

  /** Discards what waits of a run, and leaves a row that says so. */
  lose(lane: string): void {
    this.rows = this.rows.filter((row) => row.lane !== lane || row.isAside);
    this.rows.push({ lane, bytes: 0, isAside: true });
    this.ends.set(lane, 'worker_events_lost');
  }

  setLaneAside(lane: string, reason?: string): void {
    for (const row of this.rows) if (row.lane === lane) row.isAside = true;
    if (reason) this.ends.set(lane, reason);
  }

  remove(lane: string, isGone: (row: Row) => boolean): void {
    this.rows = this.rows.filter((row) => row.lane !== lane || row.isAside || !isGone(row));
  }

  retry(): number {
    const aside = this.rows.filter((row) => row.isAside && row.lane.startsWith('report:'));
    for (const row of aside) row.isAside = false;
    return aside.length;
  }

  waiting(lane: string): Row[] {
    return this.rows.filter((row) => row.lane === lane && !row.isAside);
  }

  lanes(): Map<string, { waiting: number; setAside: number; bytes: number }> {
    const lanes = new Map<string, { waiting: number; setAside: number; bytes: number }>();
    for (const { lane, isAside, bytes } of this.rows) {
      const held = lanes.get(lane) ?? { waiting: 0, setAside: 0, bytes: 0 };
      held[isAside ? 'setAside' : 'waiting']++;
      held.bytes += bytes;
      lanes.set(lane, held);
    }
    return lanes;
  }

  #makeRoom(asking: string, bytes: number): boolean {
    const { maxRows, maxBytes } = this.#limits;
    for (;;) {
      const held = this.rows.reduce((sum, row) => sum + row.bytes, 0);
      if (this.rows.length + 1 <= maxRows && held + bytes <= maxBytes) return true;
      const aside = this.rows.findIndex(({ isAside }) => isAside);
      if (aside >= 0) {
        this.dropped.push(...this.rows.splice(aside, 1));
        continue;
      }
      const lane = this.#largest(asking, bytes);
      const oldest = this.rows.findIndex((row) => row.lane === lane);
      if (lane === asking && (lane.startsWith('run:') || oldest < 0)) return false;
      if (lane.startsWith('run:')) this.lose(lane);
      else this.dropped.push(...this.rows.splice(oldest, 1));
    }
  }

  #largest(asking: string, bytes: number): string {
    const share = (lane: string) => {
      const rows = this.waiting(lane);
      const need = lane === asking ? { rows: 1, bytes } : { rows: 0, bytes: 0 };
      const sum = rows.reduce((total, row) => total + row.bytes, need.bytes);
      return Math.max((rows.length + need.rows) / this.#limits.maxRows, sum / this.#limits.maxBytes);
    };
    const lanes = [...new Set([asking, ...this.rows.map(({ lane }) => lane)])];
    return lanes.sort((a, b) => share(b) - share(a) || (a < b ? -1 : 1))[0] ?? asking;
  }
}

/** The other side: what it has of each run, and of reports. */
export class OtherSide {
  mood: Mood = 'up';
  readonly runs = new Map<string, string[]>();
  readonly reports = new Map<string, unknown>();

  /** The events that it has of a run. */
  has(run: string): string[] {
    return this.runs.get(run) ?? [];
  }

  async takeBatches(run: string, items: readonly RunItem[]): Promise<Delivery> {
    const refusal = refusalOf(this.mood);
    if (refusal) return refusal;
    const expected = this.has(run).length + 1;
    const first = items[0]?.first ?? 0;
    expect(first, `${run} skips nothing`).toBeLessThanOrEqual(expected);
    if (this.mood === 'strict' && first !== expected) return { kind: 'gap', expected };
    const taken = this.mood === 'half' ? items.slice(0, 1) : items;
    for (const item of taken) this.#takeBatch(run, item);
    if (this.mood === 'lossy') throw new Error('the answer was lost');
    if (this.mood === 'half') return { kind: 'done', upTo: taken[0]?.last };
    return { kind: 'done' };
  }

  async takeReport({ idempotencyKey, data }: Report): Promise<Delivery> {
    const refusal = refusalOf(this.mood);
    if (refusal) return refusal;
    this.reports.set(idempotencyKey, data);
    if (this.mood === 'lossy') throw new Error('the answer was lost');
    return { kind: 'done' };
  }

  /** An event's text is its number, so the order shows. */
  #takeBatch(run: string, { first, last, text }: RunItem): void {
    const events = text.trim().split(' ');
    expect(events).toEqual(Array.from({ length: last - first + 1 }, (_, index) => `${first + index}`));
    const known = this.has(run);
    this.runs.set(run, [...known, ...events.slice(Math.max(0, known.length - first + 1))]);
  }
}

function refusalOf(mood: Mood): Delivery | undefined {
  if (mood === 'down') return { kind: 'again' };
  if (mood === 'throws') throw new Error('no answer');
  if (mood === 'token') return { kind: 'again', isTry: false };
  if (mood === 'over') return { kind: 'over', reason: 'ended' };
  return mood === 'never' ? { kind: 'never', error: new Error('refused') } : undefined;
}
