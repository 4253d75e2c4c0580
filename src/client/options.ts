/** The options of a following, checked by hand: schemas would weigh more than the client. */
import type { FeedEvent } from '../stream/model/feed.js';
import type { ContentOf, HostTypes, Untyped } from '../stream/model/host-types.js';
import type { InboxMessage } from '../stream/model/inbox-message.js';
import type { StreamEvent } from '../stream/model/lifecycle-payloads.js';
import type { JobStatus, PublicAction } from '../stream/model/types.js';
import { check, type Rule } from './checks.js';
import type { FollowState } from './follow-state.js';
import type { ContentFold } from './followed-generation.js';
import { placeIn } from './place.js';

/** The circumstances in which headers are asked for. */
export interface HeadersRequest {
  /**
   * The status by which the server has just refused the ones before: 401, 403 or 404, of which each may mean that a token has
   * expired. Undefined at an ordinary try.
   */
  readonly refused?: number | undefined;
  /** Fires when the try is over, by a close or for want of an answer. */
  readonly signal: AbortSignal;
}

/** The headers of a request: as they are, or asked for anew at each try. */
export type RequestHeaders =
  | Readonly<Record<string, string>>
  | ((
      request: HeadersRequest,
    ) => Readonly<Record<string, string>> | Promise<Readonly<Record<string, string>>>);

/** The settings of requests. */
export interface RequestOptions {
  /**
   * The headers of each request, or a function that is called for them before each try: what it gives is not kept. After a
   * 401 it is asked again up to three times, after a 403 or 404 once, and told so. What it throws counts as a lost
   * connection. Default: none.
   */
  readonly headers?: RequestHeaders | undefined;
  /** Says whether cookies go along, as for `fetch`. Default `same-origin`. */
  readonly credentials?: 'omit' | 'same-origin' | 'include' | undefined;
  /** Stands in for the platform's `fetch`. Default: that. */
  readonly fetch?: typeof fetch | undefined;
}

/** The settings of a connection that is kept up. */
export interface ConnectionOptions {
  /**
   * The longest silence of a connection before it is taken for dead (ms), more than two heartbeats of the routes. 50 ms to
   * 1 h; default 35 s.
   */
  readonly stallMs?: number | undefined;
  /** The longest pause before a try (ms); the server's `retry` is the shortest. 10 ms to 1 h; default 15 s. */
  readonly longestPauseMs?: number | undefined;
  /**
   * Is asked while the page is hidden: true lets go of the connection until the page is shown, or `wake` is called. A
   * browser has six connections to a server over HTTP/1.1, all tabs together. Default: never.
   */
  readonly mayRest?: (() => boolean) | undefined;
}

/** The part of a resume state that a following goes on from; a resume state has all of it. */
export interface FollowedState {
  /** The place that it is true at. */
  readonly cursor: string;
  /** The status of the generation. */
  readonly status: JobStatus;
  /** The content; null without a content model. */
  readonly content?: unknown;
  /** The action that waits for a decision, or null. */
  readonly pendingAction?: PublicAction | null | undefined;
  /** The data of the end, or null. */
  readonly end?: unknown;
  /** The messages that wait. Default: none. */
  readonly inbox?: readonly InboxMessage[] | undefined;
}

/** The settings of a following. */
export interface FollowOptions<Types extends HostTypes = Untyped, Content = ContentOf<Types>>
  extends RequestOptions,
    ConnectionOptions {
  /** Ends the following when it fires, as `close` does. Default: none. */
  readonly signal?: AbortSignal | undefined;
  /** The cursor of the last event that was handled: what follows it comes. Default: none, and then `resume` decides. */
  readonly cursor?: string | undefined;
  /**
   * True begins with one `sync` that has all there is so far, false with the first event. A cursor wins. Default: true
   * with a `contentModel`, else false.
   */
  readonly resume?: boolean | undefined;
  /** `generation` ends with the answer, `stream` goes on with the next ones. Default `generation`. */
  readonly follow?: 'generation' | 'stream' | undefined;
  /**
   * Follows the run that the server has queued under this id: `queued` events while it waits, then its answer. With position 0 it
   * has not run and will not, and the following ends. A cursor wins. Default: none.
   */
  readonly queueId?: string | undefined;
  /** Stays, behind the end, until the answer is saved: the event `settled` tells. Default false. */
  readonly settled?: boolean | undefined;
  /**
   * Is called for each event, once and in order. A promise holds the next event up; what it throws is reported as an
   * uncaught error, as of an event listener, and stops nothing. Without it the following begins when it is iterated.
   */
  readonly onEvent?: ((event: StreamEvent<Types>) => unknown) | undefined;
  /** Is called when the state of the connection changes; errors as with `onEvent`. */
  readonly onState?: ((state: FollowState) => void) | undefined;
  /** The content model that folds on what the `sync` had; one of `generation-jobs/content`, say. Default: none. */
  readonly contentModel?: ContentFold<Content> | undefined;
  /**
   * The state that the page was rendered with: a resume state, as `status` and a `sync` give it. The events after its cursor
   * come; it wins over `cursor`. Default: none, so that all of it comes.
   */
  readonly state?: FollowedState | undefined;
}

/** The settings of a feed that is followed. */
export interface FeedOptions extends RequestOptions, ConnectionOptions {
  /** Ends the following when it fires, as `close` does. Default: none. */
  readonly signal?: AbortSignal | undefined;
  /** Is called for each event, once `streams` has it; promises and errors as with `followStream`. */
  readonly onEvent?: ((event: FeedEvent) => unknown) | undefined;
  /** Is called when the state of the connection changes; errors as with `onEvent`. */
  readonly onState?: ((state: FollowState) => void) | undefined;
}

const REQUEST = {
  headers: 'object function',
  credentials: 'omit same-origin include',
  fetch: 'function',
} satisfies Record<keyof RequestOptions, Rule>;

const HOUR_MS = 60 * 60 * 1000;
const CONNECTION = {
  stallMs: [50, HOUR_MS],
  longestPauseMs: [10, HOUR_MS],
  mayRest: 'function',
} satisfies Record<keyof ConnectionOptions, Rule>;
const FEED = {
  ...REQUEST,
  ...CONNECTION,
  signal: 'object',
  onEvent: 'function',
  onState: 'function',
} satisfies Record<keyof FeedOptions, Rule>;
const FOLLOW = {
  ...FEED,
  cursor: (value) => placeIn(String(value)),
  resume: 'boolean',
  follow: 'generation stream',
  settled: 'boolean',
  queueId: 'string',
  contentModel: 'object',
  state: (value) => placeIn(String((value as Partial<FollowedState> | null)?.cursor)),
} satisfies Record<keyof FollowOptions, Rule>;

/** @throws StreamClientError `invalid_options` naming an option that is unknown or of another kind */
export function checkFollowOptions(options: unknown): void {
  check(options, FOLLOW);
}

/** @throws StreamClientError `invalid_options` naming an option that is unknown or of another kind */
export function checkFeedOptions(options: unknown): void {
  check(options, FEED);
}

/** @throws StreamClientError `invalid_options` naming an option that is missing, unknown or of another kind */
export function checkClientOptions(options: unknown): void {
  check(options, { url: 'string', ...REQUEST }, ['url']);
}
