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
export { createStreamServices, type StreamServices } from './services.js';
export { ActionDecidedError } from './stream/action-decided-error.js';
export type { ActionSchema, ActionType } from './stream/action-types.js';
export { type ContentModel, defineContentModel, type FoldedEvent } from './stream/content-model.js';
export { type Cursor, formatCursor, parseCursor } from './stream/cursor.js';
export type { ErrorPlace, ErrorReport, ErrorSubject } from './stream/error-reports.js';
export { fingerprintOf } from './stream/fingerprint.js';
export { GenerationJobManager } from './stream/generation-job-manager.js';
export { InMemoryEventTransport } from './stream/implementations/in-memory-event-transport.js';
export { InMemoryJobStore } from './stream/implementations/in-memory-job-store.js';
export type { Approvals, Resolved } from './stream/interfaces/approvals.js';
export type { ControlSignal, EventTransport, FrameListener } from './stream/interfaces/event-transport.js';
export type { AttemptEnd, GenerationJob, JobUpdate } from './stream/interfaces/generation-job.js';
export type { GenerationJobManagerConstructor } from './stream/interfaces/generation-job-manager.js';
export type {
  ContentOf,
  CreatedOf,
  EmittedEvent,
  FinalOf,
  HostEvent,
  HostTypes,
  MetadataOf,
  MetadataPatch,
  ReceivedEvent,
  ReceivedFrom,
  Untyped,
} from './stream/interfaces/host-types.js';
export type {
  Commit,
  CommitReply,
  CreateReply,
  CreateRequest,
  DueEntry,
  DueIndex,
  FoundPage,
  JobStore,
  LeaseClaim,
  LogPage,
  MissingPage,
  OtherCommit,
  ProducerCommit,
  ProducerTransition,
  ReadLogRequest,
  RecordPatch,
  Refusal,
  RememberedRun,
  SettlementCommit,
  UserSlots,
} from './stream/interfaces/job-store.js';
export type {
  EndPayload,
  FoldablePayloads,
  FollowerPayloads,
  LifecyclePayloads,
  PublicState,
  StreamEvent,
} from './stream/interfaces/lifecycle-payloads.js';
export type { Subscription } from './stream/interfaces/subscription.js';
export type { Upkeep } from './stream/interfaces/upkeep.js';
export { JobFailureError } from './stream/job-failure.js';
export type { Logger } from './stream/logger.js';
export type {
  AbortInput,
  AbortResult,
  Access,
  ApprovalInput,
  BeforeResolveResult,
  Continuation,
  CreateJobInput,
  CreateJobResult,
  DeletedUser,
  DescribedEnd,
  DrainInput,
  GenerationAccess,
  HistoryEntry,
  Hooks,
  ManagerInput,
  PauseInput,
  ProposedVerdict,
  ResolveInput,
  ResumeState,
  Stats,
  SubscribeOptions,
  SubscribeWithResumeResult,
} from './stream/manager-types.js';
export type {
  ApprovalOutcome,
  AttachKind,
  DetachResult,
  EndResult,
  FinalOmission,
  StreamObserver,
} from './stream/observer.js';
export { type GenerationJobOptions, type Options, optionsSchema } from './stream/options.js';
export { ACTION_LIMITS } from './stream/pending-action.js';
export {
  failWith,
  type PipeFailure,
  type PipeItems,
  type PipeMapper,
  type PipeSource,
  type PipeStep,
} from './stream/pipe.js';
export type { Batch } from './stream/stream-hub.js';
export { isStreamId, streamIdFor } from './stream/stream-key.js';
export {
  isActive,
  isReservedEvent,
  isTerminalEvent,
  LIFECYCLE_EVENTS,
  TRANSITIONS,
  type Transition,
  type TransitionName,
} from './stream/transitions.js';
export type {
  ActionOption,
  ActionQuestion,
  ActionRequest,
  Answer,
  ApprovalDecision,
  Decision,
  Frame,
  Hole,
  JobFailure,
  JobRecord,
  JobStatus,
  Json,
  LogEvent,
  PendingAction,
  PublicAction,
  Resolution,
  SerialisedEvent,
  Settlement,
  Snapshot,
  StreamKey,
  Usage,
  UserKey,
} from './stream/types.js';
