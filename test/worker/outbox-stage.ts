/** An outbox on a fake clock, what it has told, and the other side, which answers as a test says. */
import { FakeClock } from 'generation-jobs/testing';
import {
  type Delivery,
  type Outbox,
  type OutboxEvent,
  type OutboxInput,
  openOutbox,
  type Report,
  type RunEnd,
  type RunItem,
} from 'generation-jobs/worker';
import { onTestFinished } from 'vitest';
import { freshPath, type SqliteLibrary } from './outbox-databases.js';

export interface Logged {
  readonly level: string;
  readonly fields: Readonly<Record<string, unknown>>;
  readonly message: string;
}

/** Jitter is left out: every pause is as long as it may be. */
const NO_JITTER = 1 - Number.EPSILON;

export class OutboxStage {
  readonly clock = new FakeClock();
  readonly path = freshPath();
  readonly events: OutboxEvent[] = [];
  readonly logged: Logged[] = [];
  outbox: Outbox;
  readonly #library: SqliteLibrary;
  readonly #settings: Partial<OutboxInput>;
  #ids = 0;

  constructor(library: SqliteLibrary, settings: Partial<OutboxInput> = {}) {
    this.#library = library;
    this.#settings = settings;
    this.outbox = this.open();
    onTestFinished(() => this.outbox.close());
  }

  open(): Outbox {
    const log = (level: string) => (fields: object, message: string) => {
      this.logged.push({ level, fields: { ...fields }, message });
    };
    return openOutbox({
      database: this.#library.open(this.path),
      clock: this.clock,
      entropy: { id: () => `id-${++this.#ids}`, random: () => NO_JITTER },
      logger: { debug: log('debug'), info: log('info'), warn: log('warn'), error: log('error') },
      onEvent: (event) => this.events.push(event),
      ...this.#settings,
    });
  }

  /** Closes the outbox and opens the file again, as the next process does. */
  async restart(): Promise<Outbox> {
    await this.outbox.close();
    this.outbox = this.open();
    return this.outbox;
  }
}

/** Answers each delivery of a run as `answers` says in turn, and takes everything from then on. */
export class RunSide {
  readonly calls: string[][] = [];
  readonly items: RunItem[] = [];
  readonly ends: RunEnd[] = [];
  readonly answers: (Delivery | Error | 'silence')[];

  constructor(...answers: (Delivery | Error | 'silence')[]) {
    this.answers = answers;
  }

  readonly deliver = (items: readonly RunItem[]): Promise<Delivery> => {
    this.calls.push(items.map(({ text }) => text));
    this.items.push(...items);
    return answer(this.answers);
  };

  readonly onEnded = (end: RunEnd): void => {
    this.ends.push(end);
  };
}

/** Answers each report as `answers` says in turn, and takes everything from then on. */
export class ReportSide {
  readonly reports: Report[] = [];
  readonly answers: (Delivery | Error | 'silence')[];

  constructor(...answers: (Delivery | Error | 'silence')[]) {
    this.answers = answers;
  }

  get data(): unknown[] {
    return this.reports.map(({ data }) => data);
  }

  readonly deliver = (report: Report): Promise<Delivery> => {
    this.reports.push(report);
    return answer(this.answers);
  };
}

async function answer(answers: (Delivery | Error | 'silence')[]): Promise<Delivery> {
  const next = answers.shift() ?? { kind: 'done' };
  if (next === 'silence') return new Promise(() => {});
  if (next instanceof Error) throw next;
  return next;
}

export const again: Delivery = { kind: 'again' };
