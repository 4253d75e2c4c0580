/** The calls about runs that wait for their turn on a stream. */
import type { QueueListing } from '../stream/interfaces/queue.js';
import type { QueuedRun, ReturnedRun } from '../stream/model/queued-run.js';
import { send } from './calls.js';
import { check } from './checks.js';
import type { RequestOptions } from './options.js';

/** The settings of a call about a queue. */
export interface QueueCallOptions {
  /** Ends the call when it fires. Default: none. */
  readonly signal?: AbortSignal | undefined;
}

/** The queues of the caller's streams. Calls reject with a `StreamClientError`; where the server queues nothing, always. */
export class QueueCalls {
  readonly #address: string;
  readonly #options: RequestOptions;

  /** Is made by `createStreamClient`. */
  constructor(url: string, options: RequestOptions) {
    this.#address = `${url}/queue/`;
    this.#options = options;
  }

  /** Lists what waits on a stream, in the order in which it starts, and what was handed back. */
  list(streamId: string, options: QueueCallOptions = {}): Promise<QueueListing> {
    return this.#call(encodeURIComponent(streamId), undefined, options);
  }

  /** Takes a run away before it starts. @throws StreamClientError (by rejecting) `run_not_queued` when it waits no longer */
  async cancel(
    streamId: string,
    queueId: string,
    options: QueueCallOptions = {},
  ): Promise<QueuedRun | ReturnedRun> {
    return (await this.#call<{ run: QueuedRun | ReturnedRun }>('cancel', { streamId, queueId }, options)).run;
  }

  /**
   * Gives a run that waits another place.
   * @param position from 1; beyond the last one it is the last
   * @throws StreamClientError (by rejecting) as `cancel`
   */
  move(
    streamId: string,
    queueId: string,
    position: number,
    options: QueueCallOptions = {},
  ): Promise<QueueListing> {
    return this.#call('move', { streamId, queueId, position }, options);
  }

  /** Goes on with a queue that a stop holds. Says whether it was held. */
  async resume(streamId: string, options: QueueCallOptions = {}): Promise<boolean> {
    return (await this.#call<{ resumed: boolean }>('resume', { streamId }, options)).resumed;
  }

  async #call<Answer>(path: string, body: object | undefined, options: QueueCallOptions): Promise<Answer> {
    check(options, { signal: 'object' });
    const { signal } = options;
    return send(this.#address + path, this.#options, { signal, ...(body && { body }) }) as Promise<Answer>;
  }
}
