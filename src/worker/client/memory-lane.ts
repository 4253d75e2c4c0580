/**
 * A run's lane without a file: batches wait in memory, in strict order, until the gateway has them. It is bounded by making its
 * writer wait for room, and what it holds is lost with the process.
 *
 * `resting` nothing waits · `delivering` one call of `deliver` is under way · `waiting` for a next try · `ended` for good.
 */
import { type Clock, type Entropy, MIB, SECOND, sleep } from '../../clock.js';
import { GenerationJobError } from '../../errors.js';
import { backOff, scattered } from '../../stream/process/back-off.js';
import type { Delivery } from '../outbox/delivery.js';
import type { RunEnd, RunItem, RunLane, RunLaneInput } from '../outbox/outbox-types.js';

/** Text that may wait before the writer does, in UTF-16 units: an outage of minutes for an agent that talks. */
const MOST_TEXT = 16 * MIB;
/** Batches, and text, of one delivery. */
const MOST_ITEMS = 64;
const MOST_DELIVERED = MIB;
const PAUSES = { firstMs: 100, longestMs: 10 * SECOND };

export class MemoryLane implements RunLane {
  readonly name: string;
  readonly #input: RunLaneInput;
  readonly #context: { readonly clock: Clock; readonly entropy: Entropy };
  readonly #stopped = new AbortController();
  #items: RunItem[] = [];
  #text = 0;
  #next = 1;
  #ended: RunEnd | undefined;
  #isPumping = false;
  #waiters: (() => void)[] = [];

  constructor(name: string, input: RunLaneInput, context: { clock: Clock; entropy: Entropy }) {
    this.name = name;
    this.#input = input;
    this.#context = context;
  }

  get pending(): number {
    return this.#items.length;
  }

  get next(): number | undefined {
    return this.#next;
  }

  get ended(): RunEnd | undefined {
    return this.#ended;
  }

  append(first: number, count: number, text: string): void {
    if (this.#ended) throw new GenerationJobError('job_ended', `The run has ended: ${this.#ended.reason}.`);
    this.#items.push({ first, last: first + count - 1, text, at: this.#context.clock.now(), tries: 0 });
    this.#text += text.length;
    this.#next = first + count;
    if (!this.#isPumping) void this.#pump();
  }

  acknowledged(upTo: number): void {
    while (this.#items[0] && this.#items[0].last <= upTo) this.#text -= this.#items.shift()?.text.length ?? 0;
    this.#wake();
  }

  /** Resolves when another batch may be appended. */
  async room(): Promise<void> {
    while (this.#text >= MOST_TEXT && !this.#ended) await this.#change();
  }

  async idle(): Promise<void> {
    while (this.#items.length > 0 && !this.#ended) await this.#change();
  }

  end(reason: string): void {
    this.#finish({ reason });
  }

  /** Nobody else can open it: what waits is lost. */
  release(): void {
    this.#finish({ reason: 'closed' });
  }

  async #pump(): Promise<void> {
    this.#isPumping = true;
    let failures = 0;
    while (this.#items.length > 0 && !this.#ended) {
      const given = this.#batch();
      const delivery = await this.#deliver(given);
      if (this.#ended) break;
      const pauseMs = this.#settle(delivery, given, failures + 1);
      failures = pauseMs === undefined ? 0 : failures + 1;
      if (pauseMs !== undefined) await sleep(this.#context.clock, pauseMs, this.#stopped.signal);
    }
    this.#isPumping = false;
  }

  /** Delivers a batch; an error that is thrown is a try. */
  async #deliver(given: readonly RunItem[]): Promise<Delivery> {
    try {
      return await this.#input.deliver(given, this.#stopped.signal);
    } catch (error) {
      return { kind: 'again', error };
    }
  }

  /** Returns the pause before the next try; undefined when it got on. */
  #settle(delivery: Delivery, given: readonly RunItem[], failures: number): number | undefined {
    switch (delivery.kind) {
      case 'done':
        this.acknowledged(delivery.upTo ?? given.at(-1)?.last ?? 0);
        return undefined;
      case 'gap':
        this.acknowledged(delivery.expected - 1);
        return this.#items[0]?.first === delivery.expected ? undefined : this.#lose(delivery);
      case 'over':
        this.#finish(delivery, true);
        return undefined;
      case 'never':
        return this.#lose(delivery.error);
      case 'again': {
        const pauseMs = scattered(backOff(PAUSES, failures), this.#context.entropy);
        return Math.max(delivery.afterMs ?? 0, pauseMs);
      }
      default:
        return delivery satisfies never;
    }
  }

  #batch(): RunItem[] {
    let text = 0;
    const end = this.#items.findIndex((item, at) => {
      text += item.text.length;
      return at >= MOST_ITEMS || (at > 0 && text > MOST_DELIVERED);
    });
    return this.#items.slice(0, end < 0 ? undefined : end);
  }

  #lose(error: unknown): undefined {
    this.#finish({ reason: 'worker_events_lost', error }, true);
  }

  #finish(end: RunEnd, isTold = false): void {
    if (this.#ended) return;
    this.#ended = { reason: end.reason, error: end.error };
    this.#items = [];
    this.#text = 0;
    this.#stopped.abort();
    this.#wake();
    if (isTold) this.#context.clock.defer(() => this.#input.onEnded?.(end));
  }

  #change(): Promise<void> {
    return new Promise((resolve) => this.#waiters.push(resolve));
  }

  #wake(): void {
    for (const resolve of this.#waiters.splice(0)) resolve();
  }
}
