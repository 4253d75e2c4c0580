/**
 * The client of the library's routes, for pages and for Node: it follows a stream over every loss of its connection, and
 * calls the routes beside it. It needs `fetch` and nothing else.
 */
export type { SentMessage } from '../stream/interfaces/inbox.js';
export type { QueueListing } from '../stream/interfaces/queue.js';
export type { ExactMatch, HostMatch, PrefixMatch, PublicMatch } from '../stream/interfaces/rules.js';
export type { FeedAction, FeedEvent, FeedPayloads, FeedStream } from '../stream/model/feed.js';
export type { HostTypes, Untyped } from '../stream/model/host-types.js';
export type { InboxMessage, MessageKind } from '../stream/model/inbox-message.js';
export type { StreamEvent } from '../stream/model/lifecycle-payloads.js';
export type { QueuedRun, QueueReturnReason, ReturnedRun } from '../stream/model/queued-run.js';
export type { Answer, Decision, JobStatus, Json, PublicAction } from '../stream/model/types.js';
export { type ClientErrorCode, StreamClientError, type StreamErrorCode } from './errors.js';
export type { FollowCore } from './follow-core.js';
export { type FeedFollowing, followFeed } from './follow-feed.js';
export type { FollowState, LastState } from './follow-state.js';
export { followStream } from './follow-stream.js';
export type { ContentFold, FollowedGeneration } from './followed-generation.js';
export type { Following } from './following.js';
export type {
  ConnectionOptions,
  FeedOptions,
  FollowedState,
  FollowOptions,
  HeadersRequest,
  RequestHeaders,
  RequestOptions,
} from './options.js';
export type { QueueCallOptions, QueueCalls } from './queue-calls.js';
export {
  type AbortAnswer,
  type AbortStreamOptions,
  createStreamClient,
  type DecideOptions,
  type MessageOptions,
  type Remember,
  type Said,
  type SeenOptions,
  type SendOptions,
  type ShownAction,
  type ShownRule,
  type StreamClient,
  type StreamClientOptions,
  type StreamStatus,
} from './stream-client.js';
