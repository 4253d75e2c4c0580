/**
 * The bridge to `@librechat/agents`: its runs as jobs, its interrupts as actions, its checkpoints. Nothing of the SDK is
 * imported here; the host passes it in.
 */

export {
  Checkpointer,
  type CheckpointerOptions,
  type CheckpointPlace,
  createCheckpointer,
  type MongooseConnection,
} from './checkpointer.js';
export type { OversizedPart, StoreOversized } from './cut-event.js';
export { CLIENT_EVENTS } from './graph-events.js';
export { hostContextOf, toPendingAction } from './interrupt.js';
export { type OnceSetup, onceTool, type ReceiptsOf, type ToolReceipts } from './once-tools.js';
export type { AgentOptions, RunHandlersOptions } from './options.js';
export { AGENT_FAILURES, type CreateRun, type RunSetup, resumeAgent, runAgent } from './run-agent.js';
export { createRunHandlers } from './run-handlers.js';
export type {
  CheckpointTuple,
  Durability,
  GraphHandler,
  GraphHandlers,
  RunConfig,
  RunLike,
  SaverLike,
  ToolCall,
  ToolExecuteRequest,
  ToolOutcome,
  ToolResult,
} from './shapes.js';
export type {
  HookMatcherLike,
  HookRegistryLike,
  PreemptionLike,
  Steering,
  ToMessageContent,
} from './steering.js';
export { threadIdOf } from './thread-ids.js';
export type { ToEvent, ToldEvent } from './told-events.js';
export {
  createToolPolicy,
  type ToolDecision,
  type ToolPolicy,
  type ToolPolicyEndpoint,
  type ToolPolicyInput,
  type ToolPolicyLayer,
  type ToolUse,
  type ToolUseAnswer,
} from './tool-policy.js';
export { addUsage, type UsageCallbacks, usageCallbacks } from './usage.js';
