/**
 * Messages to a running agent: what was sent to its job goes into the SDK's own channel for injected messages, at the places
 * the SDK has for it. Each message is taken from the job's inbox there, so clients see it where the model is given it.
 *
 * - after a batch of tool calls (`PostToolBatch`): everything that waits
 * - in the middle of a model's turn (`PreemptBoundary`), when a message of the kind `preempt` waits: the SDK ends the turn at the
 *   next place its provider bears, keeps what was said, and calls the model again; a turn that has said nothing is made anew
 * - at the end of the run (`StopFinalize`): the run goes on with what waits, as often as the SDK allows (`maxStopContinuations`)
 *
 * A run that goes on from a checkpoint is older than what earlier attempts have taken since: that is given to it again, at the
 * first of these places, and not taken again.
 *
 * The SDK has limits: a message that steers has to wait for one of these places, so an answer without tools gets it at its
 * end; sub-agents are not steered; a turn whose `on_chat_model_stream` handler is the SDK's own dispatcher is not preempted.
 * A message that comes behind the end of the run is left unsent, and handed back.
 */
import { JobEndedError } from '../errors.js';
import type { GenerationJob } from '../stream/interfaces/generation-job.js';
import type { EarlierMessage, TakenMessage } from '../stream/model/inbox-message.js';
import { fieldOf } from './shapes.js';

/** The SDK's registry of hooks, as far as the bridge calls it. */
export interface HookRegistryLike {
  /** Adds hooks to an event of the run. */
  register(event: string, matcher: HookMatcherLike): unknown;
}

export interface HookMatcherLike {
  /** The hooks; each is given the event's input. */
  hooks: ((input: unknown) => Promise<object>)[];
  /** The longest time the hooks may take, in milliseconds. */
  timeout: number;
}

/** The SDK's `preemption` of a run. */
export interface PreemptionLike {
  /** Says whether a message waits that should end the model's turn. */
  readonly shouldPreempt: () => boolean;
  /** Wakes the SDK when one comes; the returned function ends that. */
  readonly subscribe: (wake: () => void) => () => void;
}

/** A run is given the messages that are sent to its job by these, which go into `Run.create`. */
export interface Steering {
  /** Goes into `Run.create({ preemption })`; needs the hooks as well. */
  readonly preemption: PreemptionLike;
  /** Adds the bridge's hooks to the registry that goes into `Run.create({ hooks })`. */
  register(registry: HookRegistryLike): void;
}

/** Gives the content of the model's message for one that was sent: a text, or parts as LangChain has them. */
export type ToMessageContent = (message: TakenMessage) => string | readonly object[];

/** A take is waited for as long as it takes: what was taken must reach the model. */
const HOOK_MS = 24 * 60 * 60 * 1000;

export class RunSteering implements Steering {
  readonly preemption: PreemptionLike;
  readonly #job: GenerationJob;
  readonly #toContent: ToMessageContent;
  readonly #wakes = new Set<() => void>();
  readonly #leave: () => void;
  #preempts = false;
  /** Counts what has been drained: what was seen before that may wait no longer. */
  #drains = 0;
  /** The newest attempt whose messages the checkpoint has that the run goes on from. */
  #heardBefore = 1;
  /** The messages that earlier attempts took, and that this run has still to be given. */
  #untold: readonly EarlierMessage[] = [];

  constructor(job: GenerationJob, toContent: ToMessageContent = contentOf) {
    this.#job = job;
    this.#toContent = toContent;
    this.preemption = {
      shouldPreempt: () => this.#preempts,
      subscribe: (wake) => {
        this.#wakes.add(wake);
        return () => this.#wakes.delete(wake);
      },
    };
    this.#leave = job.inbox.watch(() => void this.#look());
    if (job.inbox.waiting > 0) void this.#look();
  }

  register(registry: HookRegistryLike): void {
    const hooks = {
      PostToolBatch: (input: unknown) => this.#inject(input),
      PreemptBoundary: (input: unknown) => this.#inject(input),
      StopFinalize: (input: unknown) => this.#goOn(input),
    };
    for (const [event, hook] of Object.entries(hooks))
      registry.register(event, { hooks: [hook], timeout: HOOK_MS });
  }

  /** The newest attempt whose messages the model has been given, all of them. */
  get heard(): number {
    return this.#untold.length > 0 ? this.#heardBefore : this.#job.attempt;
  }

  /** Has everything given to the model that was taken after this attempt (default: the first) and before this one. */
  async recall(heard = 1): Promise<void> {
    const taken = await this.#job.inbox.taken();
    this.#heardBefore = heard;
    this.#untold = taken.filter(({ attempt }) => attempt > heard);
    await this.#look();
  }

  /** The run is over: nothing is looked at any more. */
  close(): void {
    this.#leave();
    this.#wakes.clear();
  }

  /** Looks whether what has come should end the model's turn. */
  async #look(): Promise<void> {
    try {
      const drains = this.#drains;
      const waiting = await this.#job.inbox.peek();
      if (drains !== this.#drains) return this.#look();
      this.#preempts = [...this.#untold, ...waiting].some(({ kind }) => kind === 'preempt');
    } catch (error) {
      this.#tell(error); // it is taken at the next tool boundary all the same
    }
    if (this.#preempts) for (const wake of this.#wakes) wake();
  }

  async #inject(input: unknown): Promise<object> {
    if (isOfSubagent(input)) return {};
    const injectedMessages = await this.#drained();
    return injectedMessages.length > 0 ? { injectedMessages } : {};
  }

  /** Keeps a run going that would end, if it may and something waits. */
  async #goOn(input: unknown): Promise<object> {
    const mayGoOn =
      fieldOf(input, 'continuationPrevented') !== true &&
      Number(fieldOf(input, 'continuationBudgetRemaining') ?? 0) > 0;
    if (!mayGoOn) return {}; // that of a sub-agent is another event
    const injectedMessages = await this.#drained();
    return injectedMessages.length > 0 ? { decision: 'block', injectedMessages } : {};
  }

  /** Takes everything that waits, as messages of the SDK, behind what is to be given again. */
  async #drained(): Promise<object[]> {
    const { inbox } = this.#job;
    const injected = this.#untold.map(({ attempt: _, ...message }) => this.#injected(message));
    this.#untold = [];
    try {
      for (let taken = await inbox.take(); taken !== null; taken = await inbox.take())
        injected.push(this.#injected(taken));
      this.#preempts = false;
    } catch (error) {
      this.#tell(error); // what was taken before is in the log, and goes to the model
    }
    this.#drains++;
    if (inbox.waiting > 0) void this.#look();
    return injected;
  }

  #injected(message: TakenMessage): object {
    return { role: 'user', content: this.#contentOf(message), source: 'steer' };
  }

  #contentOf(taken: TakenMessage): string | readonly object[] {
    try {
      return this.#toContent(taken);
    } catch (error) {
      this.#job.report('agent', error);
      return contentOf(taken);
    }
  }

  #tell(error: unknown): void {
    if (!(error instanceof JobEndedError)) this.#job.report('agent', error);
  }
}

function isOfSubagent(input: unknown): boolean {
  return fieldOf(input, 'agentId') !== undefined;
}

/** The text of a message that is one, or has one as `text`; else its JSON. */
function contentOf({ message }: TakenMessage): string {
  const text = typeof message === 'string' ? message : fieldOf(message, 'text');
  return typeof text === 'string' ? text : JSON.stringify(message);
}
