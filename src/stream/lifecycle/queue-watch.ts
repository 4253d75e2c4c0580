/**
 * Streams on which something waits, as this process has seen last. Their due scores say when to look as well; but a replica that can
 * start nothing (one without the hook, or of a release that knows no queues) puts a score off to what it knows of, and behind an
 * active generation nobody looks at a queue.
 */
import type { Clock } from '../../clock.js';
import type { Options } from '../model/options.js';
import type { StreamKey } from '../model/types.js';

/** More are left to their due scores. */
const MOST_WATCHED = 10_000;
/** Leases between two looks of this process: a visit that is due comes first, and puts this one off. */
const LEASES_BETWEEN = 1.5;

export class QueueWatch {
  readonly #parts: { readonly clock: Clock; readonly options: Pick<Options, 'leaseMs'> };
  /** The times to look, on the monotonic clock; those seen longest ago first. */
  readonly #streams = new Map<string, { readonly key: StreamKey; readonly at: number }>();

  constructor(parts: { readonly clock: Clock; readonly options: Pick<Options, 'leaseMs'> }) {
    this.#parts = parts;
  }

  /** Something waits there, as this process has just seen. */
  saw(key: StreamKey): void {
    const { clock, options } = this.#parts;
    this.#streams.delete(key.id);
    this.#streams.set(key.id, { key, at: clock.monotonic() + LEASES_BETWEEN * options.leaseMs });
    if (this.#streams.size <= MOST_WATCHED) return;
    const [oldest] = this.#streams.keys();
    if (oldest !== undefined) this.#streams.delete(oldest);
  }

  /** Nothing waits there any more. */
  forget(key: StreamKey): void {
    this.#streams.delete(key.id);
  }

  /** The streams to look at now, each named once for each time it is due. */
  due(): readonly StreamKey[] {
    const now = this.#parts.clock.monotonic();
    const due: StreamKey[] = [];
    for (const { key, at } of this.#streams.values()) {
      if (at > now) break;
      due.push(key);
    }
    for (const key of due) this.saw(key);
    return due;
  }
}
