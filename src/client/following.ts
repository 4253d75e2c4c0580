/**
 * A following, as its caller has it: events by a listener or a loop, the state of the connection, and what is followed.
 * `follow-loop.ts` does the following.
 */
import type { HostTypes, Untyped } from '../stream/model/host-types.js';
import type { StreamEvent } from '../stream/model/lifecycle-payloads.js';
import { StreamClientError } from './errors.js';
import { EventQueue } from './event-queue.js';
import { FollowLoop } from './follow-loop.js';
import { type FollowState, isLast, type LastState } from './follow-state.js';
import type { FollowedGeneration } from './followed-generation.js';
import type { FollowOptions } from './options.js';
import { isHidden, watchPage } from './page.js';
import { StreamReader } from './stream-reader.js';
import { reportUncaught } from './uncaught.js';

/** A stream that is followed. Iterate it for its events, unless `onEvent` gets them. */
export class Following<Types extends HostTypes = Untyped, Content = unknown>
  implements AsyncIterable<StreamEvent<Types>>
{
  /** Resolves with the last state, when nothing more comes; never rejects. */
  readonly done: Promise<LastState>;
  readonly #options: FollowOptions<Types, Content>;
  readonly #reader: StreamReader;
  readonly #loop: FollowLoop;
  readonly #queue: EventQueue<StreamEvent<Types>> | undefined;
  /** Fires when it is over: nobody listens to the page any more. */
  readonly #over = new AbortController();
  #settle: (state: LastState) => void = () => {};

  /** Is made by `followStream`. */
  constructor(url: string, options: FollowOptions<Types, Content>) {
    const { signal } = options;
    this.#options = options;
    this.#reader = new StreamReader(options);
    this.#queue = options.onEvent === undefined ? new EventQueue() : undefined;
    this.#loop = new FollowLoop(url, options, this.#reader, {
      onEvent: (event) => this.#tell(event as StreamEvent<Types>),
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

  /** The place after the last event, `<generation>-<sequence>`; empty before the first. */
  get cursor(): string {
    return this.#reader.cursor;
  }

  /** The generation that is followed, as far as its events have come. */
  get current(): FollowedGeneration<Content> {
    return this.#reader.current as FollowedGeneration<Content>;
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
  async *[Symbol.asyncIterator](): AsyncGenerator<StreamEvent<Types>, undefined> {
    if (!this.#queue) throw new StreamClientError('invalid_options', 'onEvent');
    void this.#loop.run();
    try {
      return yield* this.#queue.read();
    } finally {
      this.close();
    }
  }

  #tell(event: StreamEvent<Types>): Promise<unknown> | undefined {
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
