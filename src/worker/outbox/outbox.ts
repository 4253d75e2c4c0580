/** Opens an outbox: its file, its lanes, and one timer that looks at all of them. */
import { type Clock, systemClock, systemEntropy, type TimerHandle } from '../../clock.js';
import { GenerationJobError } from '../../errors.js';
import type { Logger } from '../../stream/interfaces/logger.js';
import { callUnawaited } from '../../stream/process/host-code.js';
import { safeLogger } from '../../stream/process/safe-logger.js';
import { checkLane, checkOutboxCall } from './call-input.js';
import type { ItemRow } from './item-table.js';
import { Items } from './items.js';
import { isRun, kindOf, type LaneKind, laneOf, nameOf } from './lane-names.js';
import type { Made } from './making-room.js';
import { type OutboxOptions, parseOutboxInput } from './options.js';
import { OutboxFile } from './outbox-file.js';
import type {
  LaneSummary,
  Outbox,
  OutboxEvent,
  OutboxInput,
  OutboxStats,
  ReportLane,
  ReportLaneInput,
  RunLane,
  RunLaneInput,
  SetAside,
} from './outbox-types.js';
import { OutboxReportLane, type ReportLaneContext } from './report-lane.js';
import { OutboxRunLane, type RunLaneOwner } from './run-lane.js';

const PAGE = 100;

/**
 * Opens the outbox in a SQLite file, or makes it there, and takes the file for itself alone: in write-ahead mode, synced with
 * each `append` and `put`.
 *
 * @throws GenerationJobError `outbox_in_use` when another process, or another outbox here, has it open · `outbox_damaged` and
 *   `outbox_newer_format`, which leave the file as it is · `outbox_failed` when the disk refuses · `invalid_options`
 * @example
 * const outbox = openOutbox({ database: new Database('/var/lib/worker/outbox.db') });
 */
export function openOutbox(input: OutboxInput): Outbox {
  const options = parseOutboxInput(input);
  return new SqliteOutbox(input, options);
}

class SqliteOutbox implements Outbox, RunLaneOwner {
  readonly #options: OutboxOptions;
  readonly #file: OutboxFile;
  readonly #items: Items;
  readonly #clock: Clock;
  readonly #logger: Logger;
  readonly #onEvent: OutboxInput['onEvent'];
  readonly #context: ReportLaneContext;
  readonly #open = new Map<string, OutboxRunLane | OutboxReportLane>();
  #poll: TimerHandle;
  #isClosed = false;

  constructor(input: OutboxInput, options: OutboxOptions) {
    const { clock = systemClock, entropy = systemEntropy } = input;
    this.#options = options;
    this.#clock = clock;
    this.#logger = safeLogger(input.logger);
    this.#onEvent = input.onEvent;
    this.#file = new OutboxFile(input.database);
    const now = () => clock.now();
    const onMadeRoom = (made: Made) => this.#onMadeRoom(made);
    this.#items = new Items(this.#file, { ...options, now, onMadeRoom });
    this.#context = {
      ...{ clock, options, now, items: this.#items, deliveryMs: options.deliveryMs },
      pauses: { firstMs: options.retryMs, longestMs: options.longestRetryMs },
      random: () => entropy.random(),
      id: () => entropy.id(),
      onFailed: (lane, error) =>
        this.#logger.error({ lane: nameOf(lane), err: error }, 'the outbox could not go on with a lane'),
      onSetAside: (lane, row, reason) => this.#onSetAside(lane, row, reason),
    };
    this.#setPoll();
  }

  run(name: string, input: RunLaneInput): RunLane {
    checkLane('run', input);
    const lane = new OutboxRunLane(this.#context, this, this.#free('run', name), input);
    if (lane.ended === undefined) this.#open.set(lane.lane, lane);
    return lane;
  }

  reports(name: string, input: ReportLaneInput): ReportLane {
    checkLane('reports', input);
    const lane = new OutboxReportLane(this.#context, this.#free('report', name), input);
    this.#open.set(lane.lane, lane);
    return lane;
  }

  lanes(): LaneSummary[] {
    return [...new Set([...this.#open.keys(), ...this.#items.lanes()])].map((lane) => {
      const { waiting, aside } = this.#items.holding(lane);
      return {
        ...{ name: nameOf(lane), kind: kindOf(lane), isOpen: this.#open.has(lane) },
        ...{ waiting: waiting.rows, setAside: aside.rows, bytes: waiting.bytes + aside.bytes },
      };
    });
  }

  setAside(page: { after?: number | undefined; limit?: number | undefined } = {}): SetAside[] {
    this.#refuseClosed();
    checkOutboxCall('page', page);
    const { after = 0, limit = PAGE } = page;
    return this.#items.read((table) => table.aside(after, limit)).map(summaryOf);
  }

  setAsideText(id: number): string | undefined {
    this.#refuseClosed();
    checkId(id);
    return this.#items.read((table) =>
      typeof table.row(id)?.aside === 'string' ? table.text(id) : undefined,
    );
  }

  retry(id?: number): number {
    this.#refuseClosed();
    if (id !== undefined) checkId(id);
    const { rows, lanes } = this.#items.putBack(id);
    for (const lane of lanes) this.#open.get(lane)?.courier.kick();
    return rows;
  }

  discard(id: number): boolean {
    this.#refuseClosed();
    checkId(id);
    return this.#items.discard(id);
  }

  stats(): OutboxStats {
    const { waiting, aside } = this.#items.total;
    return {
      ...{ rows: waiting.rows + aside.rows, bytes: waiting.bytes + aside.bytes },
      ...{ waiting: waiting.rows, setAside: aside.rows, ...this.#items.counts },
    };
  }

  async flush(input: { readonly withinMs: number }): Promise<boolean> {
    this.#refuseClosed();
    checkOutboxCall('flush', input);
    this.#items.clearDue();
    const lanes = [...this.#open.values()];
    for (const { courier } of lanes) courier.hurry();
    let timer: TimerHandle;
    const late = new Promise<boolean>((resolve) => {
      timer = this.#clock.setTimeout(() => resolve(false), input.withinMs);
    });
    // A lane that nobody has open, such as one that was released, waits all the same.
    const isEmpty = () => !this.#isClosed && this.#items.total.waiting.rows === 0;
    const all = Promise.all(lanes.map((lane) => lane.idle())).then(isEmpty);
    try {
      return await Promise.race([all, late]);
    } finally {
      this.#clock.clearTimeout(timer);
    }
  }

  async close(): Promise<void> {
    if (this.#isClosed) return;
    this.#isClosed = true;
    this.#clock.clearTimeout(this.#poll);
    for (const lane of this.#open.values()) lane.close();
    this.#open.clear();
    this.#file.close();
  }

  [Symbol.asyncDispose](): Promise<void> {
    return this.close();
  }

  onRunEnded(lane: OutboxRunLane, how: Parameters<RunLaneOwner['onRunEnded']>[1]): void {
    const { ended, name } = lane;
    if (ended === undefined) return;
    this.#open.delete(lane.lane);
    const { rows, isLost, isAsked } = how;
    const fields = { lane: name, reason: ended.reason, rows, err: ended.error };
    if (isLost) this.#logger.error(fields, 'a run has lost events of its worker');
    else if (rows > 0) this.#logger.warn(fields, 'a run has ended with events waiting, which are set aside');
    if (rows > 0 || isLost) this.#tell({ kind: 'run_ended', lane: name, reason: ended.reason, rows, isLost });
    if (!isAsked) this.#clock.defer(() => this.#call(() => lane.input.onEnded?.(ended)));
  }

  onReleased({ lane }: OutboxRunLane): void {
    this.#open.delete(lane);
  }

  #onSetAside(lane: string, { id }: ItemRow, reason: string): void {
    this.#logger.warn({ lane: nameOf(lane), id, reason }, 'a report is set aside');
    this.#tell({ kind: 'set_aside', lane: nameOf(lane), id, reason });
  }

  #onMadeRoom({ dropped, lost }: Made): void {
    for (const { lane, rows, bytes } of dropped) {
      this.#logger.error({ lane: nameOf(lane), rows, bytes }, 'rows are dropped from a full outbox');
      this.#tell({ kind: 'dropped', lane: nameOf(lane), rows, bytes });
    }
    for (const { lane, rows } of lost) {
      const open = this.#open.get(lane);
      if (open instanceof OutboxRunLane) open.lostForRoom(rows);
      else this.#tellLostUnopened(lane, rows);
    }
  }

  /** A run of an earlier process that nobody has opened: its opener will be told. */
  #tellLostUnopened(lane: string, rows: number): void {
    const told = { lane: nameOf(lane), reason: 'worker_events_lost', rows };
    this.#logger.error(told, 'a run has lost events of its worker');
    this.#tell({ kind: 'run_ended', ...told, isLost: true });
  }

  #tell(event: OutboxEvent): void {
    this.#call(() => this.#onEvent?.(event));
  }

  #call(call: () => unknown): void {
    callUnawaited(call, (err) => this.#logger.error({ err }, 'a hook of the outbox has failed'));
  }

  #free(kind: LaneKind, name: string): string {
    this.#refuseClosed();
    const lane = laneOf(kind, name);
    if (!this.#open.has(lane)) return lane;
    throw new GenerationJobError('invalid_argument', `name: the lane ${name} is open already.`);
  }

  #refuseClosed(): void {
    if (this.#isClosed) throw new GenerationJobError('closed', 'The outbox is closed.');
  }

  #setPoll(): void {
    this.#poll = this.#clock.setTimeout(() => {
      for (const { courier } of [...this.#open.values()]) courier.poll();
      this.#setPoll();
    }, this.#options.pollMs);
  }
}

function checkId(id: unknown): void {
  if (Number.isSafeInteger(id)) return;
  throw new GenerationJobError('invalid_argument', 'id: must be one that the listing gave.');
}

function summaryOf(row: ItemRow): SetAside {
  const { id, lane, aside, asideAt, at, tries, bytes, first, last, key, idempotency } = row;
  return {
    ...{ id, lane: nameOf(lane), kind: isRun(lane) ? 'run' : 'report', at, tries, bytes },
    ...{ reason: aside ?? '', setAsideAt: asideAt ?? 0, first: first ?? undefined, last: last ?? undefined },
    ...{ key: key ?? undefined, idempotencyKey: idempotency ?? undefined },
  };
}
