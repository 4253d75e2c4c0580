/**
 * The bridge uses this of `@librechat/agents`, as shapes of our own: the SDK's declarations don't resolve under every
 * module setting, it weighs half a gigabyte, and nobody who imports this package should need either. No code.
 */

/** A handler as `Run.create({ customHandlers })` takes it. Awaited by the run, one event at a time. */
export interface GraphHandler {
  handle(event: string, data: unknown, metadata?: unknown, graph?: unknown): unknown;
}

export type GraphHandlers = Readonly<Record<string, GraphHandler>>;

/** A run of the SDK, new or rebuilt. */
export interface RunLike {
  processStream(input: unknown, config: RunConfig): Promise<unknown>;
  resume(value: unknown, config: RunConfig): Promise<unknown>;
  getInterrupt(): unknown;
  getHaltReason?(): string | undefined;
  /** Lists the deferred tools that the run has looked up. */
  getDiscoveredTools?(): readonly string[];
  /** Lists the threads of sub-agents that may stop to ask. */
  getChildCheckpointThreadIds?(): readonly string[];
}

/** LangGraph takes this with every call. */
export interface RunConfig {
  readonly version: 'v2';
  readonly configurable: Readonly<Record<string, unknown>>;
  readonly signal: AbortSignal;
  readonly durability?: Durability | undefined;
}

/** LangGraph writes checkpoints at the end or pause, or with every step. */
export type Durability = 'exit' | 'async' | 'sync';

/** A saver of LangGraph, as far as the bridge calls it. */
export interface SaverLike {
  getTuple(config: { configurable: Readonly<Record<string, unknown>> }): Promise<CheckpointTuple | undefined>;
  deleteThread(threadId: string): Promise<void>;
}

export interface CheckpointTuple {
  readonly config: { readonly configurable?: Readonly<Record<string, unknown>> | undefined };
  /** `[task id, channel, value]` */
  readonly pendingWrites?: readonly (readonly [string, string, unknown])[] | undefined;
}

/** An `on_tool_execute` handler is given this. */
export interface ToolExecuteRequest {
  readonly toolCalls: readonly ToolCall[];
  readonly signal?: AbortSignal | undefined;
  readonly resolve: (results: readonly ToolResult[]) => void;
  readonly reject: (error: unknown) => void;
}

export interface ToolCall {
  readonly id: string;
  readonly name: string;
  readonly args: unknown;
}

export interface ToolResult {
  readonly toolCallId: string;
  readonly status: 'success' | 'error';
  readonly content: unknown;
  /** A tool's result beyond what the model sees: of `tool_search`, say, the tools it has found. */
  readonly artifact?: unknown;
  readonly errorMessage?: string | undefined;
}

export interface ToolOutcome {
  readonly id: string;
  readonly output: unknown;
}

/** A field of what the SDK hands over, whose shape nobody promises; undefined when it is not there. */
export function fieldOf(value: unknown, name: string): unknown {
  return typeof value === 'object' && value !== null ? (value as Record<string, unknown>)[name] : undefined;
}
