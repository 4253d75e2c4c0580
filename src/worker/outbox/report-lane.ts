/** A lane of reports, in which each stands alone: one that has failed waits for its own time, and others go meanwhile. */
import { GenerationJobError } from '../../errors.js';
import type { Json } from '../../stream/model/types.js';
import { backOff, scattered } from '../../stream/process/back-off.js';
import { checkOutboxCall, jsonOf } from './call-input.js';
import { type Cargo, Courier, type Settled } from './courier.js';
import type { Delivery } from './delivery.js';
import type { ItemRow } from './item-table.js';
import { nameOf } from './lane-names.js';
import type { Report, ReportLane, ReportLaneInput, ReportOptions } from './outbox-types.js';
import type { LaneContext } from './run-lane.js';

export interface ReportLaneContext extends LaneContext {
  /** Makes an idempotency key. */
  id(): string;
  onSetAside(lane: string, row: ItemRow, reason: string): void;
}

export class OutboxReportLane implements ReportLane {
  readonly lane: string;
  readonly courier: Courier;
  readonly #context: ReportLaneContext;
  readonly #input: ReportLaneInput;
  /** Says whether the last delivery has moved something. */
  #hasMoved = true;

  constructor(context: ReportLaneContext, lane: string, input: ReportLaneInput) {
    this.lane = lane;
    this.#context = context;
    this.#input = input;
    this.courier = new Courier(context, {
      next: () => this.#nextCargo(),
      onFailed: (error) => context.onFailed(lane, error),
    });
    this.courier.kick();
  }

  get name(): string {
    return nameOf(this.lane);
  }

  get pending(): number {
    return this.#context.items.holding(this.lane).waiting.rows;
  }

  put(data: Json | object, options: ReportOptions = {}): void {
    if (this.courier.isStopped) throw new GenerationJobError('closed', 'The outbox is closed.');
    const coalesces = this.#input.mode === 'coalesce';
    checkOutboxCall('report', options);
    const { key, at, idempotencyKey } = options;
    if (coalesces && key === undefined) {
      throw new GenerationJobError(
        'invalid_argument',
        'key: is asked for where the newest of a key is kept.',
      );
    }
    const text = jsonOf(data);
    const item = {
      ...{ lane: this.lane, first: null, last: null, key: key ?? null, at: at ?? this.#context.now(), text },
      ...{ idempotency: idempotencyKey ?? this.#context.id(), bytes: Buffer.byteLength(text) },
    };
    this.#context.items.addReport(item, coalesces);
    this.courier.kick();
  }

  async idle(): Promise<void> {
    await this.courier.rest();
  }

  close(): void {
    this.courier.stop();
  }

  #nextCargo(): Cargo | { readonly dueAt: number } | undefined {
    const { items, clock } = this.#context;
    const [tried, untried] = items.read((table) => [table.tried(this.lane), table.untried(this.lane, 1)[0]]);
    const isDue = tried !== undefined && tried.due <= clock.monotonic();
    // In turns: one that has failed goes first after a success, or it would wait for ever behind new ones; after a failure
    // others do, or it would hold them up.
    const row = isDue && (this.#hasMoved || untried === undefined) ? tried : untried;
    if (row) return this.#cargoOf(row);
    return tried && { dueAt: tried.due };
  }

  #cargoOf(row: ItemRow): Cargo {
    const { items } = this.#context;
    const deliver = this.#deliveryOf(row, items.read((table) => table.text(row.id)) ?? '');
    return {
      deliver: (signal) => {
        items.inFlight.add(row.id);
        return deliver(signal);
      },
      settle: (delivery) => {
        items.inFlight.delete(row.id);
        const settled = this.#settle(delivery, row);
        this.#hasMoved = settled.hasMoved;
        return settled;
      },
    };
  }

  /** A text that is no JSON any more will never be any: it was damaged in the file. */
  #deliveryOf(row: ItemRow, text: string): Cargo['deliver'] {
    try {
      const report = reportOf(row, text);
      return (signal) => this.#input.deliver(report, signal);
    } catch (error) {
      return async () => ({ kind: 'never', error });
    }
  }

  #settle(delivery: Delivery, row: ItemRow): Settled {
    switch (delivery.kind) {
      case 'done':
      case 'over':
        this.#context.items.removeDone(row);
        return { hasMoved: true };
      case 'never':
        return this.#setAside(row, delivery.error);
      case 'gap':
        return this.#failed(row);
      case 'again':
        if (delivery.isTry === false) return { hasMoved: false, afterMs: delivery.afterMs };
        return this.#failed(row, delivery.afterMs, delivery.error);
      default:
        return delivery satisfies never;
    }
  }

  #failed(row: ItemRow, afterMs?: number, error?: unknown): Settled {
    const { items, options, clock, pauses } = this.#context;
    if (this.#isSuperseded(row)) return { hasMoved: false, afterMs };
    const tries = row.tries + 1;
    items.failed(row, clock.monotonic() + scattered(backOff(pauses, tries), this.#context));
    if (tries >= options.reportTries)
      this.#setAside(row, error ?? new Error(`It has failed ${tries} times.`));
    return { hasMoved: false, afterMs };
  }

  #setAside(row: ItemRow, error: unknown): Settled {
    if (this.#isSuperseded(row)) return { hasMoved: true };
    const reason = reasonOf(error);
    this.#context.items.setAside(row, reason);
    this.#context.onSetAside(this.lane, row, reason);
    return { hasMoved: true };
  }

  /** Says whether a newer one of its key has come in meanwhile, to which one that has failed gives way. */
  #isSuperseded(row: ItemRow): boolean {
    return this.#input.mode === 'coalesce' && this.#context.items.removeSuperseded(row);
  }
}

const LONGEST_REASON = 500;

function reasonOf(error: unknown): string {
  const text = error instanceof Error ? error.message : String(error);
  return (text || 'refused').slice(0, LONGEST_REASON);
}

/** @throws SyntaxError when the text is no JSON */
function reportOf({ id, key, at, tries, idempotency }: ItemRow, text: string): Report {
  return {
    ...{ id, at, tries, key: key ?? undefined, idempotencyKey: idempotency ?? '' },
    data: JSON.parse(text) as Json,
  };
}
