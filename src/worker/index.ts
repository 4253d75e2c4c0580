/**
 * The worker's side: it runs beside an agent outside the web process, such as on a machine that sees nothing but a gateway's
 * HTTP. It knows neither Redis nor the manager's parts.
 */

export type { CloseOptions, NextAttemptOptions, WorkerClientInput } from './client/client-options.js';
export type { Decision } from './client/decision-wait.js';
export type { Fetch, TokenSource } from './client/gateway-link.js';
export { createWorkerClient, type NextAttempt, type WorkerClient } from './client/worker-client.js';
export { type AgentLog, type AgentLogOptions, type LogLevel, openAgentLog } from './diagnostics/agent-log.js';
export {
  type ControlServer,
  type ControlServerOptions,
  type DeadHook,
  startControlServer,
} from './diagnostics/control-server.js';
export { type HookGuardOptions, hookGuard } from './diagnostics/hook-guard.js';
export { type CachedState, SnapshotCache, type SnapshotCacheOptions } from './diagnostics/snapshot-cache.js';
export { type AgentMapperName, agentMappers } from './mappers/index.js';
export type {
  AgentEnd,
  AgentMapper,
  AgentQuestion,
  ClosedLines,
  LineReader,
  MappedLine,
} from './mappers/mapper.js';
export { createMessageFile } from './message-file/message-file.js';
export type {
  ConversationEntry,
  ConversationPlace,
  MessageFile,
  MessageFileOptions,
  StoredMessage,
  UserMessage,
} from './message-file/message-types.js';
export { type Delivery, deliveryOf, type HttpAnswer } from './outbox/delivery.js';
export { openOutbox } from './outbox/outbox.js';
export type {
  LaneSummary,
  Outbox,
  OutboxEvent,
  OutboxInput,
  OutboxStats,
  Report,
  ReportLane,
  ReportLaneInput,
  ReportOptions,
  RunEnd,
  RunItem,
  RunLane,
  RunLaneInput,
  SetAside,
} from './outbox/outbox-types.js';
export type { SqliteDatabase, SqliteRow, SqliteStatement, SqliteValue } from './outbox/sqlite.js';
export type { ProcessDiagnosis } from './process/diagnosis.js';
export { AgentProcessError, PROCESS_FAILURES, type ProcessFailureCode } from './process/failures.js';
export type {
  AgentProcessEnd,
  AgentProcessOptions,
  AgentQuestions,
  QuestionManager,
} from './process/options.js';
export {
  type AgentProcessInfo,
  agentProcesses,
  resumeAgentProcess,
  runAgentProcess,
} from './process/run-agent-process.js';
