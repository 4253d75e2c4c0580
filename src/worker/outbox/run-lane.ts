/**
 * A run's lane: batches in strict order, of which none is ever skipped. It is open until it ends, once: by `end`; as
 * `worker_events_lost`, when a batch can't be delivered or has no room; or for a reason of the other side, which wants no more.
 */
import { GenerationJobError, isGenerationJobError } from '../../errors.js';
import { type Cargo, Courier, type CourierContext, type Settled } from './courier.js';
import type { Delivery } from './delivery.js';
import type { ItemRow } from './item-table.js';
import type { Items } from './items.js';
import { nameOf } from './lane-names.js';
import type { OutboxOptions } from './options.js';
import type { RunEnd, RunItem, RunLane, RunLaneInput } from './outbox-types.js';

export interface LaneContext extends CourierContext {
  readonly items: Items;
  readonly options: OutboxOptions;
  /** Wall time in milliseconds. */
  now(): number;
  /** Logs what has failed inside a lane. */
  onFailed(lane: string, error: unknown): void;
}

export interface RunLaneOwner {
  /** The lane has ended; `rows` were lost or set aside. Calls the lane's `onEnded` unless `isAsked`. */
  onRunEnded(
    lane: OutboxRunLane,
    end: { readonly rows: number; readonly isLost: boolean; readonly isAsked: boolean },
  ): void;
  /** The lane is nobody's any more; what waits in it stays. */
  onReleased(lane: OutboxRunLane): void;
}

const LOST = 'worker_events_lost';

export class OutboxRunLane implements RunLane {
  readonly lane: string;
  readonly input: RunLaneInput;
  readonly courier: Courier;
  readonly #context: LaneContext;
  readonly #owner: RunLaneOwner;
  #next: number | undefined;
  /** The last event that does not wait any more. */
  #gone = 0;
  #ended: RunEnd | undefined;

  constructor(context: LaneContext, owner: RunLaneOwner, lane: string, input: RunLaneInput) {
    this.lane = lane;
    this.input = input;
    this.#context = context;
    this.#owner = owner;
    this.courier = new Courier(context, {
      next: () => this.#nextCargo(),
      onFailed: (error) => context.onFailed(lane, error),
    });
    this.#takeOver();
  }

  get name(): string {
    return nameOf(this.lane);
  }

  get next(): number | undefined {
    return this.#next;
  }

  get pending(): number {
    const isEmpty = this.#context.items.holding(this.lane).waiting.rows === 0;
    return isEmpty || this.#next === undefined ? 0 : this.#next - 1 - this.#gone;
  }

  get ended(): RunEnd | undefined {
    return this.#ended;
  }

  append(first: number, count: number, text: string): void {
    this.#refuse(first, count, text);
    const last = first + count - 1;
    const item = {
      lane: this.lane,
      first,
      last,
      key: null,
      idempotency: null,
      at: this.#context.now(),
      text,
    };
    try {
      this.#context.items.addBatch({ ...item, bytes: Buffer.byteLength(text) });
    } catch (error) {
      if (isGenerationJobError(error, 'outbox_full')) this.lose(error);
      throw error;
    }
    if (this.#next === undefined) this.#gone = first - 1;
    this.#next = last + 1;
    this.courier.kick();
  }

  acknowledged(upTo: number): void {
    if (!Number.isSafeInteger(upTo) || upTo < 0) throw invalid('upTo: must be a number of an event.');
    if (this.#ended === undefined) this.#removeUpTo(upTo);
  }

  async idle(): Promise<void> {
    if (this.#ended === undefined) await this.courier.rest();
  }

  end(reason: string): void {
    if (typeof reason !== 'string' || reason === '') throw invalid('reason: must be a text.');
    this.#setRestAside({ reason }, true);
  }

  /** Ends the run by name, and discards what waits of it. */
  lose(error: unknown): void {
    if (this.#ended) return;
    const lost = this.#context.items.loseLane(this.lane);
    this.#finish({ reason: LOST, error }, { rows: lost.rows, isLost: true, isAsked: false });
  }

  /** Ends the run, whose rows others have discarded for room already. */
  lostForRoom(rows: number): void {
    const error = new GenerationJobError('outbox_full', 'The run held most of a full outbox.');
    this.#finish({ reason: LOST, error }, { rows, isLost: true, isAsked: false });
  }

  release(): void {
    if (this.courier.isStopped) return;
    this.courier.stop();
    this.#owner.onReleased(this);
  }

  /** Stops without an end: what waits is the next process's. */
  close(): void {
    this.courier.stop();
  }

  /** Goes on with what an earlier process has left. */
  #takeOver(): void {
    const { items } = this.#context;
    const { lastAside, span } = items.read((table) => ({
      lastAside: table.lastAside(this.lane),
      span: table.span(this.lane),
    }));
    if (lastAside) return this.#setRestAside({ reason: lastAside.aside ?? LOST }, false);
    if (span === undefined) return;
    this.#next = span.last + 1;
    this.#gone = span.first - 1;
    if (span.count === span.last - span.first + 1) this.courier.kick();
    else
      this.lose(new GenerationJobError('outbox_damaged', `Batches of ${this.name} are missing in the file.`));
  }

  #refuse(first: number, count: number, text: string): void {
    if (this.#ended?.reason === LOST) {
      throw new GenerationJobError(LOST, `The run ${this.name} has lost events.`, {
        cause: this.#ended.error,
      });
    }
    if (this.#ended)
      throw new GenerationJobError('job_ended', `The run ${this.name} has ended: ${this.#ended.reason}.`);
    if (this.courier.isStopped)
      throw new GenerationJobError('closed', `The lane ${this.name} has been let go, or its outbox closed.`);
    if (!Number.isSafeInteger(first) || first < 1 || (this.#next !== undefined && first !== this.#next)) {
      throw invalid(
        `first: must be ${this.#next ?? '1 or more'}, the event after the last one; got ${first}.`,
      );
    }
    if (!Number.isSafeInteger(count) || count < 1) throw invalid(`count: must be 1 or more; got ${count}.`);
    if (typeof text !== 'string') throw invalid('text: must be a text.');
  }

  #nextCargo(): Cargo | undefined {
    if (this.#ended) return undefined;
    const rows = this.#batch();
    const [head] = rows;
    if (head === undefined) return undefined;
    const given = this.#context.items.read((table) =>
      rows.map((row) => itemOf(row, table.text(row.id) ?? '')),
    );
    return {
      deliver: (signal) => this.input.deliver(given, signal),
      settle: (delivery) => this.#settle(delivery, head, given),
    };
  }

  /** The oldest batches, as many as one delivery may have. */
  #batch(): ItemRow[] {
    const { items, options } = this.#context;
    const rows = items.read((table) => table.untried(this.lane, options.batchItems));
    let bytes = 0;
    const tooMany = rows.findIndex((row, index) => {
      bytes += row.bytes;
      return index > 0 && bytes > options.batchBytes;
    });
    return tooMany < 0 ? rows : rows.slice(0, tooMany);
  }

  #settle(delivery: Delivery, head: ItemRow, given: readonly RunItem[]): Settled {
    if (this.#ended) return { hasMoved: false };
    switch (delivery.kind) {
      case 'done':
        return this.#removeUpTo(delivery.upTo ?? given.at(-1)?.last ?? 0)
          ? { hasMoved: true }
          : this.#failed(head);
      case 'gap':
        return this.#goTo(delivery.expected, head);
      case 'over':
        this.#setRestAside({ reason: delivery.reason }, false);
        return { hasMoved: true };
      case 'never':
        this.lose(delivery.error);
        return { hasMoved: true };
      case 'again':
        if (delivery.isTry === false) return { hasMoved: false, afterMs: delivery.afterMs };
        return this.#failed(head, delivery.afterMs);
      default:
        return delivery satisfies never;
    }
  }

  /** The other side expects that event next. One that is not there to be sent, or not the first of a batch, is lost. */
  #goTo(expected: number, head: ItemRow): Settled {
    if (expected === head.first) return this.#failed(head);
    this.#removeUpTo(expected - 1);
    const next = this.#context.items.read((table) => table.untried(this.lane, 1))[0]?.first ?? this.#next;
    if (next === expected) return { hasMoved: true };
    this.lose(
      new GenerationJobError(
        LOST,
        `Event ${expected} of ${this.name} is expected, and ${next} is the next there is.`,
      ),
    );
    return { hasMoved: true };
  }

  #failed(head: ItemRow, afterMs?: number): Settled {
    this.#context.items.failed(head, 0);
    return { hasMoved: false, tries: head.tries + 1, afterMs };
  }

  /** Says whether there was anything to remove. */
  #removeUpTo(upTo: number): boolean {
    const last = this.#context.items.removeCovered(this.lane, upTo);
    this.#gone = Math.max(this.#gone, last);
    return last > 0;
  }

  #setRestAside(end: RunEnd, isAsked: boolean): void {
    if (this.#ended) return;
    const { rows } = this.#context.items.setLaneAside(this.lane, end.reason);
    this.#finish(end, { rows, isLost: end.reason === LOST, isAsked });
  }

  #finish(end: RunEnd, how: Parameters<RunLaneOwner['onRunEnded']>[1]): void {
    if (this.#ended) return;
    this.#ended = end;
    this.courier.stop();
    this.#owner.onRunEnded(this, how);
  }
}

function itemOf({ first, last, at, tries }: ItemRow, text: string): RunItem {
  return { first: Number(first), last: Number(last), at, tries, text };
}

function invalid(text: string): GenerationJobError {
  return new GenerationJobError('invalid_argument', text);
}
