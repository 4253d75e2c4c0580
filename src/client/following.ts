/** A stream that is followed, as its caller has it: its events, the state of the connection, and what is followed. */
import type { HostTypes, Untyped } from '../stream/model/host-types.js';
import type { StreamEvent } from '../stream/model/lifecycle-payloads.js';
import { FollowCore } from './follow-core.js';
import type { FollowedGeneration } from './followed-generation.js';
import type { FollowOptions } from './options.js';
import { StreamReader } from './stream-reader.js';

/** A stream that is followed. Iterate it for its events, unless `onEvent` gets them. */
export class Following<Types extends HostTypes = Untyped, Content = unknown> extends FollowCore<
  StreamEvent<Types>
> {
  readonly #reader: StreamReader;

  /** Is made by `followStream`. */
  constructor(url: string, options: FollowOptions<Types, Content>) {
    const reader = new StreamReader(options);
    super(url, options, reader);
    this.#reader = reader;
  }

  /** The place after the last event, `<generation>-<sequence>`; empty before the first. */
  get cursor(): string {
    return this.#reader.cursor;
  }

  /** The generation that is followed, as far as its events have come. */
  get current(): FollowedGeneration<Content> {
    return this.#reader.current as FollowedGeneration<Content>;
  }
}
