/** One hub's looks at its log, its records and its state: whoever asks for the same at once shares one call of the store. */
import type { MissingPage, ReadLogRequest } from '../interfaces/log-pages.js';
import type { FoldedState } from '../model/fold.js';
import type { Batch, JobRecord, StreamKey } from '../model/types.js';
import type { CheckedPage } from '../process/log-reader.js';
import type { HubContext } from './hub-context.js';

/** A hub takes what its followers' reads bring. */
interface Absorbing {
  readonly generation: number;
  after(generation: number, sequence: number): Batch | null | undefined;
  absorb(page: CheckedPage, isOfRecord: boolean): void;
}

/** A place behind every event. */
const BEYOND = Number.MAX_SAFE_INTEGER;

export class HubReads {
  readonly #key: StreamKey;
  readonly #context: HubContext;
  readonly #hub: Absorbing;
  #pages: Map<string, Promise<CheckedPage | MissingPage>> | undefined;
  #state: Promise<FoldedState | null> | undefined;
  #news = 0;
  /** A follower got no answer: on a quiet stream only the next poll wakes it. */
  #isUnanswered = false;
  /** The time of the last look at a record. Whole milliseconds: a fraction would cost a box in every idle hub. */
  #recordAt: number;

  constructor(key: StreamKey, context: HubContext, hub: Absorbing) {
    this.#key = key;
    this.#context = context;
    this.#hub = hub;
    this.#recordAt = Math.trunc(context.clock.monotonic()) - context.options.leaseMs;
  }

  /** Something has happened since the reads under way began: who asks for a record from now on is given a later one. */
  told(): void {
    this.#news++;
  }

  /** Says, once, whether somebody has got no answer since it was last asked. */
  takeUnanswered(): boolean {
    const was = this.#isUnanswered;
    this.#isUnanswered = false;
    return was;
  }

  page(generation: number | undefined, after: number): Promise<CheckedPage | MissingPage> {
    const { pageEvents: maxEvents, pageBytes: maxBytes } = this.#context.options.limits;
    return this.#share(`${generation}-${after}`, { key: this.#key, generation, after, maxEvents, maxBytes });
  }

  async look(generation: number | undefined, after: number): Promise<CheckedPage | MissingPage> {
    const known = this.#hub.generation;
    const held = known > 0 && (generation ?? known) === known && this.#hub.after(known, after);
    if (held) {
      const end = held.events.at(-1)?.sequence ?? after;
      const page = await this.page(generation, end);
      if (!page.found || page.generation === known) return page;
    }
    return this.page(generation, after);
  }

  /** A generation's (default: the current one's) record; null when it is not kept. */
  async record(generation?: number): Promise<JobRecord | null> {
    const request = { key: this.#key, generation, after: BEYOND, maxEvents: 1, maxBytes: 1, record: true };
    const page = await this.#share(`${generation} ${this.#news}`, request);
    return (page.found && page.record) || null;
  }

  /** Reads what the poll compares with what was delivered: the current generation's log behind `after`. */
  async end(after: number): Promise<CheckedPage | MissingPage> {
    const record = this.#wantsRecord();
    const page = await this.#context.log.read({ key: this.#key, after, maxEvents: 1, maxBytes: 1, record });
    this.#showRecord(page);
    return page;
  }

  /** A generation's (default: the current one's) content and lifecycle state. */
  state(generation?: number): Promise<FoldedState | null> {
    if (generation !== undefined && generation !== this.#hub.generation) return this.#fold(generation);
    this.#state ??= this.#fold(generation).finally(() => {
      this.#state = undefined;
    });
    return this.#state;
  }

  #fold(generation: number | undefined): Promise<FoldedState | null> {
    return this.#context.states.read(this.#key, generation).catch((error: unknown) => {
      this.#isUnanswered = true;
      throw error;
    });
  }

  #share(name: string, request: ReadLogRequest): Promise<CheckedPage | MissingPage> {
    this.#pages ??= new Map();
    const underWay = this.#pages.get(name);
    if (underWay) return underWay;
    const page = this.#context.log
      .read({ ...request, record: request.record ?? this.#wantsRecord() })
      .then(
        (answer) => {
          this.#showRecord(answer);
          if (answer.found) this.#hub.absorb(answer, request.record === true);
          return answer;
        },
        (error: unknown) => {
          this.#isUnanswered = true;
          throw error;
        },
      )
      .finally(() => {
        this.#pages?.delete(name);
        if (this.#pages?.size === 0) this.#pages = undefined;
      });
    this.#pages.set(name, page);
    return page;
  }

  /**
   * Says whether the record is read beside the log, which it is once a lease: a stream that no index names any more is
   * looked at by nobody else.
   */
  #wantsRecord(): boolean {
    const { indexes, clock, options } = this.#context;
    const now = Math.trunc(clock.monotonic());
    if (!indexes.canRepair || now - this.#recordAt < options.leaseMs) return false;
    this.#recordAt = now;
    return true;
  }

  #showRecord(page: CheckedPage | MissingPage): void {
    if (page.found && page.record) this.#context.indexes.noticed(this.#key, page.record);
  }
}
