/**
 * Counts what each lane holds, so that nobody has to ask the file. What a transaction has changed here is taken back when
 * the transaction fails.
 */
import type { Amount } from './item-table.js';

export interface Holding {
  readonly waiting: Amount;
  readonly aside: Amount;
}

export interface Bounds {
  readonly maxRows: number;
  readonly maxBytes: number;
}

type Part = keyof Holding;

const NOTHING: Amount = { rows: 0, bytes: 0 };
const EMPTY: Holding = { waiting: NOTHING, aside: NOTHING };

export class Room {
  readonly #bounds: Bounds;
  readonly #holdings = new Map<string, Holding>();
  #total: Holding = EMPTY;
  /** The holdings of each lane when the transaction under way began to change it. */
  #before: Map<string, Holding> | undefined;

  constructor(bounds: Bounds) {
    this.#bounds = bounds;
  }

  get total(): Holding {
    return this.#total;
  }

  /** The names of the lanes that hold something. */
  lanes(): string[] {
    return [...this.#holdings.keys()];
  }

  holding(lane: string): Holding {
    return this.#holdings.get(lane) ?? EMPTY;
  }

  add(lane: string, part: Part, { rows, bytes }: Amount): void {
    const held = this.holding(lane);
    this.#before?.set(lane, this.#before.get(lane) ?? held);
    this.#put(lane, { ...held, [part]: sum(held[part], { rows, bytes }) });
  }

  remove(lane: string, part: Part, { rows, bytes }: Amount): void {
    this.add(lane, part, { rows: -rows, bytes: -bytes });
  }

  /** Says whether there is room for so much more. */
  fits({ rows, bytes }: Amount): boolean {
    const { waiting, aside } = this.#total;
    const { maxRows, maxBytes } = this.#bounds;
    return waiting.rows + aside.rows + rows <= maxRows && waiting.bytes + aside.bytes + bytes <= maxBytes;
  }

  /** Returns which part of all there is, rows or text, so much takes. */
  shareOf({ rows, bytes }: Amount): number {
    return Math.max(rows / this.#bounds.maxRows, bytes / this.#bounds.maxBytes);
  }

  /** Takes back what `step` changes, when it throws. @throws what `step` throws */
  undoing<Result>(step: () => Result): Result {
    const before = new Map<string, Holding>();
    this.#before = before;
    try {
      return step();
    } catch (error) {
      for (const [lane, held] of before) this.#put(lane, held);
      throw error;
    } finally {
      this.#before = undefined;
    }
  }

  #put(lane: string, held: Holding): void {
    const old = this.holding(lane);
    this.#total = {
      waiting: sum(this.#total.waiting, held.waiting, old.waiting),
      aside: sum(this.#total.aside, held.aside, old.aside),
    };
    if (held.waiting.rows === 0 && held.aside.rows === 0) this.#holdings.delete(lane);
    else this.#holdings.set(lane, held);
  }
}

export function sum(one: Amount, other: Amount, less: Amount = NOTHING): Amount {
  return { rows: one.rows + other.rows - less.rows, bytes: one.bytes + other.bytes - less.bytes };
}
