/** A host gives this to a run of an agent, and to the handlers of one of its own. */
import type { Checkpointer } from './checkpointer.js';
import type { StoreOversized } from './cut-event.js';
import type { ReceiptsOf } from './once-tools.js';
import type { Durability, GraphHandlers, RunLike, ToolOutcome } from './shapes.js';
import type { ToMessageContent } from './steering.js';
import type { ToEvent } from './told-events.js';

export interface AgentOptions {
  /** The place of checkpoints. Without one an agent can't stop to ask. */
  readonly checkpointer?: Checkpointer | undefined;
  /** The host's own handlers; `on_tool_execute` among them for event-dispatched tools. */
  readonly handlers?: GraphHandlers | undefined;
  /**
   * Says which calls that `on_tool_execute` is given go through `job.once`, under their ids: `true` for all, or by call `once`,
   * `discreet` (asked about without the arguments), `idempotent` (made again when nobody knows the outcome) or `plain`. Those reach
   * the handler one by one. Default: none.
   */
  readonly receipts?: ReceiptsOf | undefined;
  /** Keeps what is too large for an event, such as a tool's result, and answers where, as for `createRunHandlers`. */
  readonly storeOversized?: StoreOversized | undefined;
  /** Says what clients are told of each SDK event, as for `createRunHandlers`. */
  readonly toEvent?: ToEvent | undefined;
  /** Goes into LangGraph's `configurable` as well. */
  readonly configurable?: Readonly<Record<string, unknown>> | undefined;
  /**
   * Default `exit`: one checkpoint, at the pause. The others write with every step, past the pause: such a run can't be
   * recovered after a resume, it then fails `checkpoint_lost`.
   */
  readonly durability?: Durability | undefined;
  /**
   * The SDK's version, kept with a pause; a run is not resumed by another. It is checked when it was given at the pause and
   * is at the resume.
   */
  readonly sdkVersion?: string | undefined;
  /** The longest wait of an action, in milliseconds. Default: the manager's `approvalWindowMs`. */
  readonly approvalWindowMs?: number | undefined;
  /** See `fingerprintOf`. */
  readonly fingerprint?: string | undefined;
  /** `createRun` builds the same run from this after a pause; it stays on the server. */
  readonly resumeContext?: unknown;
  /**
   * Gives the content of the model's message for one that was sent to the job: a text, or parts as LangChain has them. Default:
   * a text as it is, the `text` of an object that has one, else JSON.
   */
  readonly toMessageContent?: ToMessageContent | undefined;
  /** Gives what `completed` carries as `final`. Default: null, or `{ haltReason }` when a hook ended the run. */
  readonly final?: ((returned: unknown, run: RunLike) => unknown) | undefined;
  /**
   * Is told what `createRun` or the run threw, since clients only learn that the agent failed; also when a run's threads
   * could not be remembered or deleted, which fails nothing. The manager's own `onError` is told as well.
   */
  readonly onError?: ((error: unknown) => void) | undefined;
}

export interface RunHandlersOptions {
  /**
   * Handlers of the host's own, `on_tool_execute` among them. Of an event that is ours too, theirs is called after ours.
   */
  readonly handlers?: GraphHandlers | undefined;
  /** Is told that an event could not become a job event. It is called once; what follows is not taken any more. */
  readonly onRefused?: ((error: unknown) => void) | undefined;
  /**
   * Keeps elsewhere what is too large for an event, and answers where. Without it the event has a preview and the size
   * alone. One that throws or takes 30 s costs the reference.
   */
  readonly storeOversized?: StoreOversized | undefined;
  /**
   * Says what clients are told of each SDK event: something else, nothing (null), or what they would be (undefined). What it
   * throws, or what can't be an event, costs that event; the first time is told to the manager's `onError`. Default: as it came.
   */
  readonly toEvent?: ToEvent | undefined;
  /** Is told the result of each tool call; also inside a sub-agent. */
  readonly onToolResult?: ((result: ToolOutcome) => void) | undefined;
}
