/**
 * generation-jobs: streamed answers that can be left, rejoined, stopped and continued, with no event lost or repeated.
 */
export { type Clock, type Entropy, systemClock, systemEntropy, type TimerHandle } from './clock.js';
export {
  ConflictError,
  DeletionIncompleteError,
  type EndReason,
  ERROR_TABLE,
  type ErrorCode,
  GenerationJobError,
  isGenerationJobError,
  JobEndedError,
} from './errors.js';
export type { ProviderStream } from './providers/provider-stream.js';
export type { ProviderSource, ProviderStep } from './providers/source.js';
export { fromTextStream, type TextPiece } from './providers/text.js';
export { createStreamServices, type StreamServices } from './services.js';
export { ActionDecidedError } from './stream/approvals/action-decided-error.js';
export { GenerationJobManager } from './stream/generation-job-manager.js';
export { InMemoryEventTransport } from './stream/implementations/memory/event-transport.js';
export { InMemoryJobStore } from './stream/implementations/memory/job-store.js';
export type {
  ApprovalInput,
  HistoryEntry,
  PauseInput,
  ResolveInput,
} from './stream/interfaces/action-input.js';
export type { Approvals, Resolved } from './stream/interfaces/approvals.js';
export type { Continuation } from './stream/interfaces/continuation.js';
export type {
  CreateJobInput,
  CreateJobResult,
  EnqueueJobInput,
  QueuedJobResult,
} from './stream/interfaces/create-job.js';
export type { FeedSubscription, MarkSeenInput, SubscribeUserInput } from './stream/interfaces/feed.js';
export type {
  AttemptEnd,
  CompleteOptions,
  GenerationJob,
  JobUpdate,
} from './stream/interfaces/generation-job.js';
export type { GenerationJobManagerConstructor } from './stream/interfaces/generation-job-manager.js';
export type {
  ClaimInput,
  EditInput,
  Inbox,
  MessageAccess,
  SendInput,
  SentMessage,
} from './stream/interfaces/inbox.js';
export type { JobInbox } from './stream/interfaces/job-inbox.js';
export type { GenerationSummary, StateAccess } from './stream/interfaces/kept-generations.js';
export type { Logger } from './stream/interfaces/logger.js';
export type {
  AnnotateInput,
  BeforeResolveResult,
  DeletedUser,
  DescribedEnd,
  GenerationAccess,
  Hooks,
  ManagerInput,
  PausedInput,
  ProgressInput,
  ProposedVerdict,
  QueuedStart,
  Stats,
  SubscribeOptions,
  SubscribeWithResumeResult,
} from './stream/interfaces/manager-types.js';
export type {
  ApprovalOutcome,
  AttachKind,
  DecisionLinkResult,
  DetachResult,
  EndResult,
  FeedWriteResult,
  FinalOmission,
  HandOverStep,
  MessageResult,
  OnceResult,
  QueuedRunResult,
  RuleUseOutcome,
  SettlementWaitResult,
  StreamObserver,
  SuccessionOutcome,
} from './stream/interfaces/observer.js';
export type { OnceMade, OnceOptions, OnceOutcome, OnceUnmade, Receipt } from './stream/interfaces/once.js';
export type {
  Health,
  JobSummary,
  JobSummaryPage,
  ListJobsInput,
  PartHealth,
} from './stream/interfaces/operators.js';
export type {
  PipeFailure,
  PipeItems,
  PipeMapper,
  PipeSource,
  PipeStep,
  PipeUsage,
} from './stream/interfaces/pipe.js';
export type { JobQueue, MoveInput, QueuedAccess, QueueListing } from './stream/interfaces/queue.js';
export type { AbortInput, AbortResult, DrainInput, SettledInput } from './stream/interfaces/stopping.js';
export type { Subscription } from './stream/interfaces/subscription.js';
export type { Upkeep } from './stream/interfaces/upkeep.js';
export type { Access } from './stream/model/access.js';
export type { ActionSchema, ActionType } from './stream/model/action-types.js';
export { createSeal, type SealInput, type SealKey } from './stream/model/aes-seal.js';
export { type ContentModel, defineContentModel, type FoldedEvent } from './stream/model/content-model.js';
export { type Cursor, formatCursor, parseCursor } from './stream/model/cursor.js';
export type { ErrorPlace, ErrorReport, ErrorSubject } from './stream/model/error-report.js';
export type { FeedAction, FeedEvent, FeedPayloads, FeedStream } from './stream/model/feed.js';
export { fingerprintOf } from './stream/model/fingerprint.js';
export type { TakeOver } from './stream/model/hand-over.js';
export type {
  ContentOf,
  CreatedOf,
  EmittedEvent,
  EventsOf,
  FinalOf,
  HostEvent,
  HostNote,
  HostTypes,
  MetadataOf,
  MetadataPatch,
  ReceivedEvent,
  ReceivedFrom,
  Untyped,
  WrittenNote,
} from './stream/model/host-types.js';
export type {
  EarlierMessage,
  InboxMessage,
  MessageKind,
  TakenMessage,
} from './stream/model/inbox-message.js';
export { JobFailureError } from './stream/model/job-failure.js';
export type {
  EndPayload,
  FoldablePayloads,
  FollowerPayloads,
  KeptState,
  LifecyclePayloads,
  PublicState,
  ResumeState,
  StreamEvent,
} from './stream/model/lifecycle-payloads.js';
export {
  type GenerationJobOptions,
  type GenerationLimits,
  type Options,
  optionsSchema,
} from './stream/model/options.js';
export type { Predecessor } from './stream/model/predecessor.js';
export type { QueuedRun, QueueReturnReason, ReturnedRun } from './stream/model/queued-run.js';
export type { Seal, SealContext } from './stream/model/seal.js';
export type { SettlementState } from './stream/model/settlement-state.js';
export { isStreamId, streamIdFor } from './stream/model/stream-key.js';
export {
  isActive,
  isReservedEvent,
  isTerminalEvent,
  LIFECYCLE_EVENTS,
  TRANSITIONS,
  type Transition,
  type TransitionName,
} from './stream/model/transitions.js';
export type {
  ActionOption,
  ActionQuestion,
  ActionRequest,
  Answer,
  ApprovalDecision,
  Decision,
  HandOver,
  Hole,
  JobFailure,
  JobRecord,
  JobStatus,
  Json,
  LogEvent,
  Note,
  PendingAction,
  PublicAction,
  Resolution,
  Settlement,
  StreamKey,
  Usage,
  UsageEntry,
  UsageInput,
  UsageLabels,
} from './stream/model/types.js';
export { ACTION_LIMITS } from './stream/producing/pending-action.js';
export { failWith } from './stream/producing/pipe.js';
