/** The news of a run from its gateway, for those in this process who wait with its job while it is paused. */
import type { EndReason } from '../../errors.js';

/** An event of a run's life. */
export interface RunNews {
  /** The event's name: a lifecycle event, or `sync` with the status at the beginning. */
  readonly event: string;
  /** The event's data. */
  readonly data: unknown;
}

export class ControlNews {
  readonly #readers = new Set<(news: RunNews) => void>();
  #isDecided = false;
  #ended: RunNews | undefined;

  /** An event of the run's life. */
  tell(event: string, data: unknown): void {
    if (event === 'resumed') this.#isDecided = true;
    for (const reader of this.#readers) reader({ event, data });
  }

  /** The run is over, as the gateway says. */
  end(reason: EndReason): void {
    const event = reason === 'gone' || reason === 'completed' || reason === 'failed' ? reason : 'aborted';
    this.#ended ??= { event, data: { code: reason } };
    for (const reader of this.#readers) reader(this.#ended);
  }

  /** Follows a run from its status now; it ends with `signal`. */
  async *follow(
    reason: EndReason | undefined,
    signal: AbortSignal,
  ): AsyncGenerator<RunNews, void, undefined> {
    const status = reason === 'paused' && !this.#isDecided ? 'requires_action' : 'running';
    const queue: RunNews[] = [this.#ended ?? { event: 'sync', data: { status } }];
    let wake = (): void => {};
    const take = (news: RunNews) => {
      queue.push(news);
      wake();
    };
    const stop = () => wake();
    this.#readers.add(take);
    signal.addEventListener('abort', stop, { once: true });
    try {
      while (!signal.aborted) {
        const news = queue.shift();
        if (news) yield news;
        else
          await new Promise<void>((resolve) => {
            wake = resolve;
          });
      }
    } finally {
      this.#readers.delete(take);
      signal.removeEventListener('abort', stop);
    }
  }
}
