/** A stream that is followed, as its caller has it: its events, the state of the connection, and what is followed. */
import type { HostTypes, Untyped } from '../stream/model/host-types.js';
import type { StreamEvent } from '../stream/model/lifecycle-payloads.js';
import { FollowCore } from './follow-core.js';
import type { FollowState, LastState } from './follow-state.js';
import type { FollowedGeneration } from './followed-generation.js';
import type { FollowOptions } from './options.js';
import { StreamReader } from './stream-reader.js';

/** A stream that is followed. Iterate it for its events, unless `onEvent` gets them. */
export class Following<Types extends HostTypes = Untyped, Content = unknown>
  implements AsyncIterable<StreamEvent<Types>>
{
  /** Resolves with the last state, when nothing more comes; never rejects. */
  readonly done: Promise<LastState>;
  readonly #reader: StreamReader;
  readonly #core: FollowCore<StreamEvent<Types>>;

  /** Is made by `followStream`. */
  constructor(url: string, options: FollowOptions<Types, Content>) {
    this.#reader = new StreamReader(options);
    this.#core = new FollowCore(url, options, this.#reader);
    this.done = this.#core.done;
  }

  /** The state of the connection. */
  get state(): FollowState {
    return this.#core.state;
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
    this.#core.wake();
  }

  /** Lets go of the connection, and goes on from the same place by another one at once. */
  reconnect(): void {
    this.#core.reconnect();
  }

  /** Ends it. Safe to call at any time, any number of times. */
  close(): void {
    this.#core.close();
  }

  /**
   * Returns the events, from the first that nobody has read. Leaving the loop closes the following.
   * @throws StreamClientError (by rejecting) when there is nothing to follow: the error of the state `gone`;
   *   `invalid_options` when `onEvent` gets the events
   */
  [Symbol.asyncIterator](): AsyncGenerator<StreamEvent<Types>, undefined> {
    return this.#core.read();
  }
}
