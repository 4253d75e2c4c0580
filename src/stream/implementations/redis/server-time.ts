/**
 * The time on the servers is known by their answers and this process's monotonic clock, which nobody sets. Of several
 * servers, the nodes of a cluster, the one that is furthest back counts: what is not over there is not over.
 */
import { performance } from 'node:perf_hooks';

/** Names what answers for all shards of the due index. */
export const WHOLE_SERVER = 'all';

export class ServerTime {
  readonly #slowMs: number;
  readonly #offsets = new Map<number | typeof WHOLE_SERVER, number>();

  /** @param timeoutMs the longest wait for an answer */
  constructor(timeoutMs: number) {
    this.#slowMs = timeoutMs / 2;
  }

  monotonic(): number {
    return performance.now();
  }

  /** Milliseconds since 1970; this process's own wall time until a server has told. */
  now(): number {
    const offset =
      this.#offsets.size === 0 ? Date.now() - this.monotonic() : Math.min(...this.#offsets.values());
    return Math.floor(this.monotonic() + offset);
  }

  /**
   * Takes down an answer, as if it had been given half-way between question and receipt. One that was long on its way
   * says too little to be taken for a jump of the clock.
   * @param source a shard of the due index, or all of them
   */
  tell(source: number | typeof WHOLE_SERVER, serverNow: number, askedAt: number): void {
    const answeredAt = this.monotonic();
    if (answeredAt - askedAt > this.#slowMs && this.#offsets.size > 0) return;
    if (source !== WHOLE_SERVER) this.#offsets.delete(WHOLE_SERVER);
    this.#offsets.set(source, serverNow - (askedAt + answeredAt) / 2);
  }
}
