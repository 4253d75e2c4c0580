/**
 * An outbox against a model of it: random calls, answers and restarts, after each of which both hold the same; and in the end
 * the other side has each event once and in order, unless the run has ended by name.
 */
import { rmSync } from 'node:fs';
import { dirname } from 'node:path';
import fc from 'fast-check';
import { FakeClock } from 'generation-jobs/testing';
import { type Outbox, openOutbox, type ReportLane, type RunLane } from 'generation-jobs/worker';
import { expect, it } from 'vitest';
import { checkedAsync } from '../unit/property.js';
import { freshPath, type SqliteLibrary, sqliteLibraries } from './outbox-databases.js';
import { MOODS, type Mood, OtherSide, OutboxModel } from './outbox-model.js';

const LIMITS = { maxRows: 12, maxBytes: 1024 };
const SECOND = 1000;

type Command =
  | { readonly do: 'append'; readonly run: number; readonly count: number; readonly padding: number }
  | {
      readonly do: 'put';
      readonly lane: number;
      readonly key: string;
      readonly padding: number;
      readonly repeats: boolean;
    }
  | { readonly do: 'mood'; readonly mood: Mood }
  | { readonly do: 'acknowledge'; readonly run: number }
  | { readonly do: 'end'; readonly run: number }
  | { readonly do: 'retry' | 'discard' | 'restart' | 'flush' };

const run = fc.nat({ max: 2 });
const padding = fc.oneof(fc.nat({ max: 20 }), fc.constant(300), fc.constant(1100));
const command: fc.Arbitrary<Command> = fc.oneof(
  {
    weight: 6,
    arbitrary: fc.record({
      do: fc.constant('append' as const),
      run,
      count: fc.integer({ min: 1, max: 3 }),
      padding,
    }),
  },
  {
    weight: 5,
    arbitrary: fc.record({
      ...{ do: fc.constant('put' as const), lane: fc.nat({ max: 1 }), key: fc.constantFrom('x', 'y') },
      ...{ padding, repeats: fc.boolean() },
    }),
  },
  { weight: 6, arbitrary: fc.record({ do: fc.constant('mood' as const), mood: fc.constantFrom(...MOODS) }) },
  { weight: 1, arbitrary: fc.record({ do: fc.constant('acknowledge' as const), run }) },
  { weight: 1, arbitrary: fc.record({ do: fc.constant('end' as const), run }) },
  {
    weight: 3,
    arbitrary: fc.record({ do: fc.constantFrom('retry' as const, 'discard', 'restart', 'flush') }),
  },
);

class World {
  readonly model = new OutboxModel(LIMITS);
  readonly side = new OtherSide();
  readonly #clock = new FakeClock();
  readonly #library: SqliteLibrary;
  readonly #path = freshPath();
  readonly #ends = new Map<string, string>();
  readonly #appended = new Map<string, number>();
  #attempts = [1, 1, 1];
  #runs: RunLane[] = [];
  #reports: ReportLane[] = [];
  #outbox: Outbox;
  #puts = 0;

  constructor(library: SqliteLibrary) {
    this.#library = library;
    this.#outbox = this.#open();
  }

  async do(command: Command): Promise<void> {
    switch (command.do) {
      case 'append':
        this.#append(command);
        break;
      case 'put':
        this.#put(command);
        break;
      case 'mood':
        this.side.mood = command.mood;
        break;
      case 'acknowledge':
        this.#acknowledge(this.#runOf(command.run));
        break;
      case 'end':
        this.#end(this.#runOf(command.run));
        break;
      case 'retry':
        expect(this.#outbox.retry()).toBe(this.model.retry());
        break;
      case 'discard':
        this.#discard();
        break;
      case 'restart':
        await this.#restart();
        break;
      case 'flush':
        void this.#outbox.flush({ withinMs: SECOND });
        break;
      default:
        command satisfies never;
    }
    await this.#settle();
    this.#compare();
  }

  /** Heals the other side, and sees that nothing is left of what can be delivered. */
  async finish(): Promise<void> {
    await this.do({ do: 'mood', mood: 'up' });
    await this.do({ do: 'restart' });
    for (const [lane, last] of this.#appended) {
      const expected = Array.from({ length: last }, (_, index) => `${index + 1}`);
      const has = this.side.has(lane);
      expect(has, lane).toEqual(expected.slice(0, has.length));
      if (!this.model.ends.has(lane)) expect(has.length, `${lane} has all`).toBe(last);
    }
    await this.#outbox.close();
    rmSync(dirname(this.#path), { recursive: true, force: true });
  }

  #open(): Outbox {
    const outbox = openOutbox({
      ...{ database: this.#library.open(this.#path), clock: this.#clock, ...LIMITS },
      ...{ reportTries: 1_000_000, longestRetryMs: SECOND, batchItems: 2 },
      entropy: { id: () => `${++this.#puts}`, random: () => (this.#puts * 0.37) % 1 },
    });
    this.#outbox = outbox;
    this.#runs = [0, 1, 2].map((index) => this.#openRun(index));
    this.#reports = (['append', 'coalesce'] as const).map((mode) =>
      outbox.reports(mode, { mode, deliver: (report) => this.side.takeReport(report) }),
    );
    return outbox;
  }

  #openRun(index: number): RunLane {
    for (;;) {
      const lane = `run:${index}/${this.#attempts[index]}`;
      const opened = this.#outbox.run(lane.slice(4), {
        deliver: (items) => this.side.takeBatches(lane, items),
        onEnded: ({ reason }) => this.#ends.set(lane, reason),
      });
      if (opened.ended === undefined && !this.model.ends.has(lane)) return opened;
      opened.end('tried');
      this.#attempts[index] = (this.#attempts[index] ?? 0) + 1;
    }
  }

  /** The lane of a run, or of its next attempt when the run has ended. */
  #runOf(index: number): RunLane {
    const lane = this.#runs[index];
    if (lane && lane.ended === undefined && !this.model.ends.has(`run:${lane.name}`)) return lane;
    const next = this.#openRun(index);
    this.#runs[index] = next;
    return next;
  }

  #append({ run, count, padding }: Extract<Command, { do: 'append' }>): void {
    const lane = this.#runOf(run);
    const name = `run:${lane.name}`;
    const first = (this.#appended.get(name) ?? 0) + 1;
    const numbers = Array.from({ length: count }, (_, index) => first + index);
    const text = numbers.join(' ') + ' '.repeat(padding);
    const isTaken = this.model.append(name, first, count, text.length);
    this.#appended.set(name, first + count - 1);
    if (isTaken) lane.append(first, count, text);
    else
      expect(() => lane.append(first, count, text)).toThrow(expect.objectContaining({ code: 'outbox_full' }));
  }

  #put({ lane, key, padding, repeats }: Extract<Command, { do: 'put' }>): void {
    const name = lane === 0 ? 'report:append' : 'report:coalesce';
    const data = `${key}${'p'.repeat(padding)}`;
    const idempotencyKey = `k${repeats ? this.#puts : ++this.#puts}`;
    const row = { bytes: data.length + 2, key, idempotencyKey };
    const put = () => this.#reports[lane]?.put(data, { key, idempotencyKey });
    if (this.model.put(name, row, lane === 1)) put();
    else expect(put).toThrow(expect.objectContaining({ code: 'outbox_full' }));
  }

  #acknowledge(lane: RunLane): void {
    const name = `run:${lane.name}`;
    const has = this.side.has(name).length;
    lane.acknowledged(has);
    this.model.remove(name, ({ last = 0 }) => last <= has);
  }

  #end(lane: RunLane): void {
    lane.end('aborted');
    this.model.setLaneAside(`run:${lane.name}`, 'aborted');
    this.#ends.set(`run:${lane.name}`, 'aborted');
  }

  #discard(): void {
    const [oldest] = this.#outbox.setAside({ limit: 1 });
    if (oldest === undefined) return expect(this.model.rows.some(({ isAside }) => isAside)).toBe(false);
    expect(this.#outbox.discard(oldest.id)).toBe(true);
    this.model.rows.splice(
      this.model.rows.findIndex(({ isAside }) => isAside),
      1,
    );
  }

  async #restart(): Promise<void> {
    await this.#outbox.close();
    this.#open();
  }

  /** Lets everything be tried, in the model too. */
  async #settle(): Promise<void> {
    const { mood } = this.side;
    const isTaken = ['up', 'half', 'strict'].includes(mood);
    const due = this.model.rows.filter(({ isAside }) => isTaken && !isAside);
    for (const lane of new Set(this.model.rows.map((row) => row.lane))) {
      if (this.model.waiting(lane).length === 0) continue;
      const isRun = lane.startsWith('run:');
      if (mood === 'never' && isRun) this.model.lose(lane);
      else if (mood === 'never') this.model.setLaneAside(lane);
      else if (mood === 'over' && isRun) this.model.setLaneAside(lane, 'ended');
      else if (['over', 'up', 'half', 'strict'].includes(mood)) this.model.remove(lane, () => true);
    }
    await this.#clock.advance(4 * SECOND);
    for (const { idempotencyKey } of due)
      if (idempotencyKey) expect(this.side.reports.has(idempotencyKey), idempotencyKey).toBe(true);
    if (mood === 'never') this.#orderTombstones();
  }

  /** Of runs that were lost at the same time, chance says which was first. */
  #orderTombstones(): void {
    const listed = this.#outbox.setAside().map(({ kind, lane }) => `${kind}:${lane}`);
    const isTombstone = ({ lane, last, isAside }: { lane: string; last?: number; isAside: boolean }) =>
      isAside && last === undefined && lane.startsWith('run:');
    const tombstones = this.model.rows.filter(isTombstone);
    tombstones.sort((a, b) => listed.indexOf(a.lane) - listed.indexOf(b.lane));
    this.model.rows = this.model.rows.map((row) => (isTombstone(row) ? (tombstones.shift() ?? row) : row));
  }

  #compare(): void {
    const held = this.#outbox.lanes().filter(({ waiting, setAside }) => waiting + setAside > 0);
    const lanes = held.map(({ kind, name, waiting, setAside, bytes }) => [
      `${kind}:${name}`,
      { waiting, setAside, bytes },
    ]);
    expect(new Map(lanes as [string, object][])).toEqual(this.model.lanes());
    expect(Object.fromEntries(this.#ends)).toEqual(Object.fromEntries(this.model.ends));
    const { rows, bytes } = this.#outbox.stats();
    expect(rows).toBeLessThanOrEqual(LIMITS.maxRows);
    expect(bytes).toBeLessThanOrEqual(LIMITS.maxBytes);
    const setAside = this.#outbox.setAside().map(({ kind, lane }) => `${kind}:${lane}`);
    expect(setAside).toEqual(this.model.rows.filter(({ isAside }) => isAside).map(({ lane }) => lane));
  }
}

it.each(sqliteLibraries)(
  'an outbox on $name holds what its model holds, whatever is called, answered and restarted',
  async (library) => {
    const commands = fc.array(command, { minLength: 1, maxLength: 30 });
    await checkedAsync(
      fc.asyncProperty(commands, async (list) => {
        const world = new World(library);
        for (const one of list) await world.do(one);
        await world.finish();
      }),
      800,
    );
  },
);
