/** The hook: a store for each stream, and the newest render's functions in it. */
import { useEffect, useMemo, useRef, useSyncExternalStore } from 'react';
import {
  type AbortAnswer,
  type AbortStreamOptions,
  createStreamClient,
  type DecideOptions,
  type FollowOptions,
  type HeadersRequest,
  type HostTypes,
  type Json,
  type RequestOptions,
  type Said,
  type SendOptions,
  type SentMessage,
  StreamClientError,
  type Untyped,
} from '../client/index.js';
import { checkFollowOptions } from '../client/options.js';
import { GenerationStore, type ShownGeneration } from './generation-store.js';

/** The settings of `useGeneration`. Functions may be others at each rendering; the rest counts as it was with the stream's first. */
export interface UseGenerationOptions<Types extends HostTypes = Untyped, Content = unknown>
  extends RequestOptions,
    Pick<
      FollowOptions<Types, Content>,
      | ('contentModel' | 'follow' | 'queueId' | 'settled' | 'state')
      | ('stallMs' | 'longestPauseMs' | 'onEvent' | 'mayRest')
    > {
  /** The address that the routes are mounted at, such as `/api/chat`. */
  readonly url: string;
  /** The shortest time between two renderings for events (ms). 0 to 10,000; default 30. */
  readonly throttleMs?: number | undefined;
}

/** `useGeneration` gives this: what to show of the answer, and what to do about it. */
export interface UsedGeneration<Content = unknown> extends ShownGeneration<Content> {
  /**
   * Stops the answer that is shown, and nothing newer. One that has ended is as good as stopped.
   * @throws StreamClientError (by rejecting) which `error` also has
   */
  readonly stop: (options?: Omit<AbortStreamOptions, 'generation'>) => Promise<AbortAnswer>;
  /**
   * Decides the pending action, as it is shown. What goes on comes by the stream.
   * @throws StreamClientError (by rejecting) which `error` also has: `nothing_pending`, or PROTOCOL, 6.7
   */
  readonly decide: (said: Said, options?: DecideOptions) => Promise<void>;
  /**
   * Sends a message to the answer that is shown: it waits in `inbox` until the producer takes it.
   * @throws StreamClientError (by rejecting) which `error` also has: `generation_ended`, `inbox_full`
   */
  readonly send: (message: Json, options?: Omit<SendOptions, 'generation'>) => Promise<SentMessage>;
  /** Changes a message that waits. @throws StreamClientError (by rejecting) which `error` also has: `message_taken` */
  readonly editMessage: (messageId: string, message: Json) => Promise<void>;
  /** Takes a message that waits away. @throws StreamClientError (by rejecting) as `editMessage` */
  readonly cancelMessage: (messageId: string) => Promise<void>;
}

const THROTTLE_MS = 30;
const MOST_THROTTLE_MS = 10_000;

/**
 * Follows a stream for as long as the component is mounted, and renders what it knows of the current generation. A `state`
 * that the server has read is rendered there, and gone on from in the page.
 *
 * @param streamId the stream; null or undefined while there is none
 * @throws StreamClientError `invalid_options` naming each option that is unknown or of another kind
 * @example
 * const { content, status, pendingAction, connection, stop, decide } = useGeneration(streamId, {
 *   url: '/api/chat',
 *   contentModel: textContent(),
 * });
 * show([content?.text, status, pendingAction, connection?.name, stop, decide]);
 */
export function useGeneration<Types extends HostTypes = Untyped, Content = unknown>(
  streamId: string | null | undefined,
  options: UseGenerationOptions<Types, Content>,
): UsedGeneration<Content> {
  const latest = useRef(options);
  useEffect(() => {
    latest.current = options;
  });
  const { url, follow, queueId, credentials } = options;
  // biome-ignore lint/correctness/useExhaustiveDependencies: functions are read from `latest`, the rest is the stream's own
  const store = useMemo(
    () => storeFor(streamId ?? null, options, () => latest.current),
    [streamId, url, follow, queueId, credentials],
  );
  const shown = useSyncExternalStore(store.subscribe, store.getSnapshot, store.getServerSnapshot);
  return useMemo(() => {
    const { stop, decide, send, editMessage, cancelMessage } = store;
    return { ...shown, stop, decide, send, editMessage, cancelMessage };
  }, [shown, store]);
}

function storeFor<Types extends HostTypes, Content>(
  streamId: string | null,
  options: UseGenerationOptions<Types, Content>,
  latest: () => UseGenerationOptions<Types, Content>,
): GenerationStore<Types, Content> {
  const { url, headers, credentials, fetch, throttleMs = THROTTLE_MS, onEvent, mayRest, ...follow } = options;
  if (!Number.isInteger(throttleMs) || throttleMs < 0 || throttleMs > MOST_THROTTLE_MS) {
    const message = `options.throttleMs: must be whole milliseconds from 0 to ${MOST_THROTTLE_MS}.`;
    throw new StreamClientError('invalid_options', message);
  }
  checkFollowOptions(follow);
  const client = createStreamClient({
    url,
    credentials,
    fetch,
    headers: typeof headers === 'function' ? (request) => headersOf(latest(), request) : headers,
  });
  return new GenerationStore({
    client,
    streamId,
    throttleMs,
    follow: {
      ...follow,
      onEvent: (event) => latest().onEvent?.(event),
      ...(mayRest !== undefined && { mayRest: () => latest().mayRest?.() === true }),
    },
  });
}

async function headersOf({ headers }: RequestOptions, request: HeadersRequest) {
  return typeof headers === 'function' ? headers(request) : (headers ?? {});
}
