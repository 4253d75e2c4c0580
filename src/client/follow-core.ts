/**
 * The core of every following, whatever it follows: events by a listener or a loop, a connection that is kept up, and its end.
 * `follow-loop.ts` keeps it up.
 */
import { StreamClientError } from './errors.js';
import { EventQueue } from './event-queue.js';
import { FollowLoop, type LoopOptions, type LoopReader } from './follow-loop.js';
import { type FollowState, isLast, type LastState } from './follow-state.js';
import { isHidden, watchPage } from './page.js';
import { reportUncaught } from './uncaught.js';

export interface CoreOptions<Event> extends LoopOptions {
  readonly signal?: AbortSignal | undefined;
  readonly onEvent?: ((event: Event) => unknown) | undefined;
  readonly onState?: ((state: FollowState) => void) | undefined;
}

/** A following, of whatever kind. Iterate it for its events, unless `onEvent` gets them. */
export abstract class FollowCore<Event> implements AsyncIterable<Event> {
  /** Resolves with the last state, when nothing more comes; never rejects. */
  readonly done: Promise<LastState>;
  readonly #options: CoreOptions<Event>;
  readonly #loop: FollowLoop;
  readonly #queue: EventQueue<Event> | undefined;
  /** Fires when it is over: nobody listens to the page any more. */
  readonly #over = new AbortController();
  #settle: (state: LastState) => void = () => {};

  /** Is made by `followStream` and `followFeed`. */
  constructor(url: string, options: CoreOptions<Event>, reader: LoopReader) {
    const { signal } = options;
    this.#options = options;
    this.#queue = options.onEvent === undefined ? new EventQueue() : undefined;
    this.#loop = new FollowLoop(url, options, reader, {
      onEvent: (event) => this.#tell(event as Event),
      onState: (state) => this.#enter(state),
    });
    this.done = new Promise((resolve) => {
      this.#settle = resolve;
    });
    const listeners = { onChange: () => this.#look(), onOffline: () => this.#loop.disconnect() };
    watchPage(listeners, this.#over.signal);
    signal?.addEventListener('abort', () => this.close(), { signal: this.#over.signal });
    if (signal?.aborted) this.close();
    // A page that closes it at once, as React does in its strict mode, makes no request.
    if (!this.#queue) queueMicrotask(() => void this.#loop.run());
  }

  /** The state of the connection. */
  get state(): FollowState {
    return this.#loop.state;
  }

  /** Tries now instead of later, and doubts a connection that has been silent. Changes nothing once it is over. */
  wake(): void {
    this.#loop.wake();
  }

  /** Lets go of the connection, and goes on from the same place by another one at once. */
  reconnect(): void {
    this.#loop.wake();
    this.#loop.disconnect();
  }

  /** Ends it. Safe to call at any time, any number of times. */
  close(): void {
    this.#loop.close();
  }

  /**
   * Returns the events, from the first that nobody has read. Leaving the loop closes the following.
   * @throws StreamClientError (by rejecting) when there is nothing to follow: the error of the state `gone`;
   *   `invalid_options` when `onEvent` gets the events
   */
  async *[Symbol.asyncIterator](): AsyncGenerator<Event, undefined> {
    if (!this.#queue) throw new StreamClientError('invalid_options', 'onEvent');
    void this.#loop.run();
    try {
      return yield* this.#queue.read();
    } finally {
      this.close();
    }
  }

  #tell(event: Event): Promise<unknown> | undefined {
    if (this.#queue) return this.#queue.push(event);
    try {
      const handled = this.#options.onEvent?.(event);
      const isPromise = typeof (handled as PromiseLike<unknown> | null | undefined)?.then === 'function';
      return isPromise ? Promise.resolve(handled).catch(reportUncaught) : undefined;
    } catch (error) {
      reportUncaught(error);
      return undefined;
    }
  }

  /** Somebody looks at the page again or leaves it, or its network is back. */
  #look(): void {
    this.#loop.restIfHidden();
    if (!isHidden()) this.wake();
  }

  #enter(state: FollowState): void {
    if (isLast(state)) this.#finish(state);
    try {
      this.#options.onState?.(state);
    } catch (error) {
      reportUncaught(error);
    }
  }

  #finish(state: LastState): void {
    this.#over.abort();
    if (state.name === 'closed') this.#queue?.clear();
    else if (state.name === 'gone') this.#queue?.end({ error: state.error });
    else this.#queue?.end();
    this.#settle(state);
  }
}
