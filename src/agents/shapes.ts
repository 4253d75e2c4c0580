/**
 * The bridge uses this of `@librechat/agents`, as shapes of our own: the SDK's declarations don't resolve under every
 * module setting, it weighs half a gigabyte, and nobody who imports this package should need either. No code.
 */

/** A handler as `Run.create({ customHandlers })` takes it. Awaited by the run, one event at a time. */
export interface GraphHandler {
  /** Is given one event of the run, which waits for what it returns. */
  handle(event: string, data: unknown, metadata?: unknown, graph?: unknown): unknown;
}

export type GraphHandlers = Readonly<Record<string, GraphHandler>>;

/** A run of the SDK, new or rebuilt. */
export interface RunLike {
  /** Runs the agent from its beginning. */
  processStream(input: unknown, config: RunConfig): Promise<unknown>;
  /** Goes on with the agent after an interrupt. */
  resume(value: unknown, config: RunConfig): Promise<unknown>;
  /** Gives what the run stopped to ask; undefined when it did not. */
  getInterrupt(): unknown;
  /** Gives why a hook ended the run; undefined when none did. */
  getHaltReason?(): string | undefined;
  /** Lists the deferred tools that the run has looked up. */
  getDiscoveredTools?(): readonly string[];
  /** Lists the threads of sub-agents that may stop to ask. */
  getChildCheckpointThreadIds?(): readonly string[];
}

/** LangGraph takes this with every call. */
export interface RunConfig {
  /** The version of the SDK's event stream. */
  readonly version: 'v2';
  /** LangGraph's own place for ids and a host's values. */
  readonly configurable: Readonly<Record<string, unknown>>;
  /** Ends the run. */
  readonly signal: AbortSignal;
  /** Says when checkpoints are written. */
  readonly durability?: Durability | undefined;
}

/** LangGraph writes checkpoints at the end or pause, or with every step. */
export type Durability = 'exit' | 'async' | 'sync';

/** A saver of LangGraph, as far as the bridge calls it. */
export interface SaverLike {
  /** Reads the newest checkpoint of a thread, or the named one. */
  getTuple(config: { configurable: Readonly<Record<string, unknown>> }): Promise<CheckpointTuple | undefined>;
  /** Deletes the checkpoints of a thread. */
  deleteThread(threadId: string): Promise<void>;
}

export interface CheckpointTuple {
  /** Says where the checkpoint stands. */
  readonly config: { readonly configurable?: Readonly<Record<string, unknown>> | undefined };
  /** `[task id, channel, value]` */
  readonly pendingWrites?: readonly (readonly [string, string, unknown])[] | undefined;
}

/** An `on_tool_execute` handler is given this. */
export interface ToolExecuteRequest {
  /** The calls to make. */
  readonly toolCalls: readonly ToolCall[];
  /** Fires when nobody waits for the results any more. */
  readonly signal?: AbortSignal | undefined;
  /** Takes the results, one for each call. */
  readonly resolve: (results: readonly ToolResult[]) => void;
  /** Takes what makes the whole step fail. */
  readonly reject: (error: unknown) => void;
}

export interface ToolCall {
  /** Names the call in its result. */
  readonly id: string;
  /** The name of the tool. */
  readonly name: string;
  /** The arguments of the call. */
  readonly args: unknown;
}

export interface ToolResult {
  /** The call whose result it is. */
  readonly toolCallId: string;
  /** Says whether the tool did what it was asked. */
  readonly status: 'success' | 'error';
  /** Holds what the model is told. */
  readonly content: unknown;
  /** A tool's result beyond what the model sees: of `tool_search`, say, the tools it has found. */
  readonly artifact?: unknown;
  /** Holds what went wrong, for `error`. */
  readonly errorMessage?: string | undefined;
}

export interface ToolOutcome {
  /** The call whose result it is. */
  readonly id: string;
  /** Holds what the tool gave back. */
  readonly output: unknown;
}

/** A field of what the SDK hands over, whose shape nobody promises; undefined when it is not there. */
export function fieldOf(value: unknown, name: string): unknown {
  return typeof value === 'object' && value !== null ? (value as Record<string, unknown>)[name] : undefined;
}
