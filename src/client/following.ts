/**
 * A following, as its caller has it: events by a listener or a loop, the state of the connection, what is followed, and the
 * calls that belong to it. `follow-loop.ts` does the following.
 */
import type { HostTypes, Untyped } from '../stream/model/host-types.js';
import type { StreamEvent } from '../stream/model/lifecycle-payloads.js';
import { streamAddressIn } from './address.js';
import { StreamClientError } from './errors.js';
import { EventQueue } from './event-queue.js';
import { FollowLoop } from './follow-loop.js';
import { type FollowState, isLast, type LastState } from './follow-state.js';
import type { FollowedGeneration } from './followed-generation.js';
import type { FollowOptions } from './options.js';
import { isHidden, watchPage } from './page.js';
import {
  type AbortAnswer,
  type AbortStreamOptions,
  type DecideOptions,
  type Said,
  StreamCalls,
  type StreamStatus,
} from './stream-calls.js';
import { StreamReader } from './stream-reader.js';
import { reportUncaught } from './uncaught.js';

/** A stream that is followed. Iterate it for its events, unless `onEvent` gets them. */
export class Following<Types extends HostTypes = Untyped, Content = unknown>
  implements AsyncIterable<StreamEvent<Types>>
{
  /** Resolves with the last state, when nothing more comes; never rejects. */
  readonly done: Promise<LastState>;
  readonly #url: string;
  readonly #options: FollowOptions<Types, Content>;
  readonly #reader: StreamReader;
  readonly #loop: FollowLoop;
  readonly #queue: EventQueue<StreamEvent<Types>> | undefined;
  readonly #stopWatching: () => void;
  #settle: (state: LastState) => void = () => {};

  /** Is made by `followStream`. */
  constructor(url: string, options: FollowOptions<Types, Content>) {
    const { signal } = options;
    this.#url = url;
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
    this.#stopWatching = watchPage({
      onWake: () => this.#look(),
      onOffline: () => this.#loop.disconnect(),
      onHidden: () => this.#loop.restIfHidden(),
    });
    signal?.addEventListener('abort', this.#onSignal, { once: true });
    if (signal?.aborted) this.close();
    // A page that closes it at once, as React does in its strict mode, makes no request.
    else queueMicrotask(() => void this.#loop.run());
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

  /**
   * Stops the answer that is followed; one that has ended before is as good as stopped.
   * @throws StreamClientError (by rejecting) with code and remedy; `invalid_options` when the address is not that of a route
   */
  async abort(options: Omit<AbortStreamOptions, 'generation'> = {}): Promise<AbortAnswer> {
    const { calls, streamId } = this.#routes;
    return calls.abort(streamId, { ...options, generation: this.current.generation });
  }

  /**
   * Decides the action that waits, as it was shown. Resolves when the decision stands; what goes on comes as events.
   * @throws StreamClientError (by rejecting) `nothing_pending`; `action_decided` with the `outcome` when somebody was first
   */
  async decide(said: Said, options?: DecideOptions): Promise<void> {
    const { calls, streamId } = this.#routes;
    const { pendingAction } = this.current;
    if (pendingAction === null) throw new StreamClientError('nothing_pending', 'No action is pending.');
    await calls.decide(streamId, pendingAction, said, options);
  }

  /** Reads the state of the stream's current generation; null when nothing is there. @throws as `abort` */
  async status(
    options: { readonly signal?: AbortSignal | undefined } = {},
  ): Promise<StreamStatus<Types> | null> {
    const { calls, streamId } = this.#routes;
    return calls.status<Types>(streamId, options);
  }

  get #routes(): { readonly calls: StreamCalls; readonly streamId: string } {
    const { routes, streamId } = streamAddressIn(this.#url);
    return { calls: new StreamCalls(routes, this.#options), streamId };
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
    const queue = this.#queue;
    if (!queue) throw new StreamClientError('invalid_options', 'onEvent: gets the events already.');
    try {
      for (;;) {
        const { done, value } = await queue.next();
        if (done) return undefined;
        yield value;
      }
    } finally {
      this.close();
    }
  }

  readonly #onSignal = () => this.close();

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

  /** Somebody looks at the page again, or its network is back. */
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
    this.#stopWatching();
    this.#options.signal?.removeEventListener('abort', this.#onSignal);
    if (state.name === 'closed') this.#queue?.clear();
    else if (state.name === 'gone') this.#queue?.end(state.error);
    else this.#queue?.end();
    this.#settle(state);
  }
}
