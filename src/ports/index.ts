/**
 * The two ports, for those who write a store or a transport of their own: what each must do stands at its interface, and
 * `generation-jobs/ports/contract` has the tests that find out whether it does.
 */
export type {
  AnnotationBounds,
  AnnotationCommit,
  Commit,
  CommitReply,
  CreateReply,
  CreateRequest,
  HoldCommit,
  InboxBounds,
  InboxStep,
  LeaverCommit,
  OtherCommit,
  Place,
  ProducerCommit,
  ProducerTransition,
  RecordPatch,
  Refusal,
  SenderCommit,
  SettlementCommit,
} from '../stream/interfaces/commits.js';
export type { ControlSignal, EventTransport, FrameListener } from '../stream/interfaces/event-transport.js';
export type { AddToQueue, JobQueues, QueueReply, QueueStep } from '../stream/interfaces/job-queues.js';
export type {
  DueEntry,
  DueIndex,
  DuePage,
  HeldWithInbox,
  IndexRepair,
  JobStore,
  KeptPage,
  LeaseClaim,
  OwnedStream,
  Page,
  PageRequest,
  RememberedRun,
  RenewAnswer,
  RepairedIndex,
  SlotRequest,
  UserSlots,
} from '../stream/interfaces/job-store.js';
export type { FoundPage, LogPage, MissingPage, ReadLogRequest } from '../stream/interfaces/log-pages.js';
export type { ReceiptCommit } from '../stream/interfaces/receipt-commits.js';
export type { Report } from '../stream/interfaces/report.js';
export type {
  FeedBounds,
  FeedPage,
  FeedReply,
  ReadFeedRequest,
  UserFeeds,
} from '../stream/interfaces/user-feeds.js';
export type { FeedEntry, FeedKind, StoredFeedEntry } from '../stream/model/feed-entry.js';
export { type KeptHandOver, standingHandOver } from '../stream/model/hand-over.js';
export type { QueueReturnReason, QueueState, StoredQueuedRun } from '../stream/model/queued-run.js';
export type { ReceiptState, StoredReceipt } from '../stream/model/receipt.js';
export { feedKey, streamKey, userKey } from '../stream/model/stream-key.js';
export type {
  Frame,
  SerialisedEvent,
  SerialisedNote,
  Snapshot,
  StreamKey,
  UserKey,
} from '../stream/model/types.js';
