/** One mount of the library's routes: its streams to follow, and its calls. */
import type { HostTypes, Untyped } from '../stream/model/host-types.js';
import { routeAddress } from './address.js';
import { Following } from './following.js';
import {
  checkClientOptions,
  checkFollowOptions,
  type FollowOptions,
  type RequestOptions,
} from './options.js';
import { StreamCalls } from './stream-calls.js';

/** The settings of a client. */
export interface StreamClientOptions extends RequestOptions {
  /** The address that the routes are mounted at, such as `/api/chat`; absolute outside a page. */
  readonly url: string;
}

/** The routes of one mount. Calls reject with a `StreamClientError` that has a code and a remedy. */
export class StreamClient extends StreamCalls {
  readonly #options: StreamClientOptions;

  /** Is made by `createStreamClient`. */
  constructor(options: StreamClientOptions) {
    super(options.url, options);
    this.#options = options;
  }

  /** Follows a stream, as `followStream` does. @throws StreamClientError `invalid_options` */
  follow<Types extends HostTypes = Untyped, Content = unknown>(
    streamId: string,
    options: FollowOptions<Types, Content> = {},
  ): Following<Types, Content> {
    const { url, headers, credentials, fetch } = this.#options;
    const address = routeAddress(url, `/stream/${encodeURIComponent(streamId)}`);
    checkFollowOptions(address, options);
    return new Following(address, { headers, credentials, fetch, ...options });
  }
}

/**
 * Makes a client of the library's routes, for calls beside a following.
 * @throws StreamClientError `invalid_options`
 * @example
 * const client = createStreamClient({ url: '/api/chat' });
 * const following = client.follow(streamId, { onEvent: show });
 * const state = await client.status(streamId);
 * if (state?.pendingAction) await client.decide(streamId, state.pendingAction, 'approve');
 * await client.abort(streamId, { generation: following.current.generation });
 */
export function createStreamClient(options: StreamClientOptions): StreamClient {
  checkClientOptions(options);
  return new StreamClient(options);
}
