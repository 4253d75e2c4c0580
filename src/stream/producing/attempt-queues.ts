/**
 * The queues of attempts that others produce: calls for one attempt are made one after the other, with what is known of it. A
 * bounded number of them is known, those used last; what is forgotten is read again.
 */
import type { LeaseClaim } from '../interfaces/job-store.js';

/** The most attempts that are known: as many folds as a busy process has jobs, each of which holds a content. */
const MOST_KNOWN = 512;

interface Entry<Known> {
  known: Known | undefined;
  /** The calls that have not been answered. */
  calls: number;
  last: Promise<unknown>;
}

export class AttemptQueues<Known> {
  readonly #entries = new Map<string, Entry<Known>>();

  /** Returns what is known of an attempt at this moment. */
  peek(claim: LeaseClaim): Known | undefined {
    return this.#entries.get(nameOf(claim))?.known;
  }

  /** Calls once all earlier calls for the attempt are over, with what is known of it then. */
  async run<Result>(claim: LeaseClaim, call: (known: Known | undefined) => Promise<Result>): Promise<Result> {
    const name = nameOf(claim);
    const entry: Entry<Known> = this.#entries.get(name) ?? {
      known: undefined,
      calls: 0,
      last: Promise.resolve(),
    };
    // The one used last is the last to go.
    this.#entries.delete(name);
    this.#entries.set(name, entry);
    entry.calls++;
    const result = entry.last.then(() => call(entry.known));
    entry.last = result.catch(() => undefined); // whoever called is told
    try {
      return await result;
    } finally {
      entry.calls--;
      if (entry.known === undefined && entry.calls === 0 && this.#entries.get(name) === entry)
        this.#entries.delete(name);
      this.#trim();
    }
  }

  keep(claim: LeaseClaim, known: Known): void {
    const entry = this.#entries.get(nameOf(claim));
    if (entry) entry.known = known;
  }

  forget(claim: LeaseClaim): void {
    const entry = this.#entries.get(nameOf(claim));
    if (entry) entry.known = undefined;
  }

  #trim(): void {
    for (const [name, { calls }] of this.#entries) {
      if (this.#entries.size <= MOST_KNOWN) return;
      if (calls === 0) this.#entries.delete(name);
    }
  }
}

function nameOf({ key, generation, attempt }: LeaseClaim): string {
  return `${key.id}/${generation}/${attempt}`;
}
