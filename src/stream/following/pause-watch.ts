/**
 * Watches a pause until it is over: decided, expired, stopped or gone. It is woken by the hub like a follower, counted as
 * none, and reads the record each time, since while a job waits for a person hardly anything happens on its stream.
 */
import { isUnanswered } from '../../errors.js';
import type { Follower } from './hub-context.js';
import type { StreamHub } from './stream-hub.js';

export interface WatchedPause {
  /** The generation that is paused. */
  readonly generation: number;
  /** The action it waits for. */
  readonly actionId: string;
}

export class PauseWatch implements Follower {
  readonly #hub: StreamHub;
  readonly #pause: WatchedPause;
  readonly #over: AbortController;
  #looks = 0;

  /** @param over is fired when the pause is over */
  constructor(hub: StreamHub, pause: WatchedPause, over: AbortController) {
    this.#hub = hub;
    this.#pause = pause;
    this.#over = over;
  }

  /** Looks for the first time, once the hub listens: what happens from then on is heard. */
  async begin(): Promise<void> {
    await this.#hub.listen();
    this.wake();
  }

  wake(): void {
    // What comes during a look is seen by the one after it.
    if (this.#looks++ === 0) void this.#lookWhileWoken();
  }

  fail(): void {
    this.#over.abort();
  }

  async #lookWhileWoken(): Promise<void> {
    const { generation, actionId } = this.#pause;
    while (this.#looks > 0 && !this.#over.signal.aborted) {
      this.#looks = 1;
      try {
        const record = await this.#hub.record(generation);
        if (record?.pendingAction?.actionId !== actionId) this.#over.abort();
      } catch (error) {
        // The next wake-up looks again, and so does the renewal of the claim.
        if (!isUnanswered(error)) this.#over.abort();
      }
      this.#looks--;
    }
  }
}
