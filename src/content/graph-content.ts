/**
 * The content of an agent run: message parts in the shapes the agent SDK's own aggregator gives them, and what is needed
 * to fold on from them in another process. Plain JSON: no key is undefined, no place in a list is empty.
 */

/** A run's parts so far, or a sub-agent's. */
export interface Branch {
  /** The parts of the message, in order. */
  readonly parts: readonly ContentPart[];
  /** The fold's own notes; clients need not look. */
  readonly bookkeeping: Bookkeeping;
}

export interface GraphContent extends Branch {
  /** The host's data to show the start, from the `created` event; survives a restart of the answer. */
  readonly created?: unknown;
}

/**
 * One part of a message. `text`, `think`, `tool_call`, `agent_update`, `summary` and `image_url` parts have the field of
 * that name (a summary: `content`); parts of other types have what their provider gave them.
 */
export interface ContentPart {
  /** Names the kind of part: `text`, `think`, `tool_call` or another of the SDK's. */
  readonly type: string;
  /** The text, of a part of that kind. */
  readonly text?: string;
  /** The thinking, of a part of that kind. */
  readonly think?: string;
  /** The tool call, of a part of that kind. */
  readonly tool_call?: ToolCall;
  /** The agent that says it, where several take part; agents of one group run side by side. */
  readonly agentId?: string;
  /** The group of agents that ran at once, when the part is of one. */
  readonly groupId?: number;
  /** Ours: that somebody was asked about this call, and what was decided. */
  readonly approval?: ApprovalMark;
  /** Ours: the runs this call started, oldest first; more than one only if it was tried again. */
  readonly subagents?: readonly SubagentContent[];
  readonly [field: string]: unknown;
}

export interface ToolCall {
  /** Always `tool_call`. */
  readonly type: 'tool_call';
  /** Empty while the provider has not said it. */
  readonly id: string;
  /** The name of the tool. */
  readonly name: string;
  /** The JSON text the model writes, cut off while it streams. An object where one was announced and no text has come. */
  readonly args?: unknown;
  /** 1 once there is a result. */
  readonly progress?: number;
  /** Holds what the tool gave back, once it has. */
  readonly output?: unknown;
  /** Says how the call ended, as the SDK says it. */
  readonly outcome?: unknown;
  /** The place to sign in before the call can go on, and until when. */
  readonly auth?: unknown;
  /** Says when a sign-in for the call is over, as the SDK says it. */
  readonly expires_at?: unknown;
}

export interface ApprovalMark {
  /** The action that asks, or asked. */
  readonly actionId: string;
  /** Absent while it is pending. */
  readonly decision?: string;
  /** Names who decided; absent while it is pending. */
  readonly by?: string;
  /** Says why, when it was said. */
  readonly reason?: string;
}

export interface SubagentContent extends Branch {
  /** The sub-agent's run. */
  readonly runId: string;
  /** The sub-agent's type, as the agent that started it calls it. */
  readonly type?: string;
  /** The sub-agent's id. */
  readonly agentId?: string;
  /** Running, or how it ended. */
  readonly status: 'running' | 'completed' | 'failed';
  /** Holds what clients may know of its failure. */
  readonly error?: string;
}

/**
 * Events find their part by it. A step and a call have a *slot*, a number in the order of the content; a slot without
 * content has no part, so `parts` has no holes, and `slots` tells which slot each part has.
 */
interface Bookkeeping {
  readonly next: number;
  /** The slot of each part, ascending. */
  readonly slots: readonly number[];
  /** Steps that may still be spoken of: the open ones, and closed ones with a call that has no result. */
  readonly steps: readonly Step[];
}

export interface Step {
  readonly id: string;
  readonly slot: number;
  readonly agentId?: string;
  readonly groupId?: number;
  readonly closed?: true;
  /** Only of a step that calls tools; the first may be the place of a call not announced yet. */
  readonly calls?: readonly StepCall[];
}

export interface StepCall {
  readonly slot: number;
  readonly id?: string;
  /** The index its argument chunks carry. */
  readonly chunk?: number;
}

/** A new one each time: a host that was handed it may write on it. */
export function emptyBranch(): Branch {
  return { parts: [], bookkeeping: { next: 0, slots: [], steps: [] } };
}
