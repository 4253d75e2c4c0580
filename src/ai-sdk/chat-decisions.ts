/**
 * A chat's decisions on what its answer asks. One POST decides one action as a whole, once: whoever comes later, from another
 * tab or with the same POST again, is shown what became of it. A decision that comes when nobody may decide any more (the time
 * is over, something newer has begun) is told so in the stream, since the chat has shown the question and is to show this.
 */
import { GenerationJobError, isGenerationJobError } from '../errors.js';
import { ActionDecidedError, isDecidedAsSaid } from '../stream/approvals/action-decided-error.js';
import type { Resolved } from '../stream/interfaces/approvals.js';
import type { GenerationJobManager } from '../stream/interfaces/generation-job-manager.js';
import type { JobRecord } from '../stream/model/types.js';
import { type Internals, internalsOf } from '../stream/process/internals.js';
import { answeredActionOf, answerTo } from './chat-answer.js';
import type { ChatPost } from './chat-body.js';
import type { ChatCall } from './chat-call.js';
import type { ChatMessage } from './chat-messages.js';
import type { ChatOptions, ChatRequest } from './chat-options.js';
import { produce } from './chat-producer.js';
import { chatOf } from './chat-record.js';

/** The outcome of a POST that decides: the stream of what follows, or a word that it came too late. */
export type Decided =
  | { readonly generation: number; readonly continuation: { readonly actionId: string } }
  | { readonly refusal: GenerationJobError };

export class ChatDecisions {
  readonly #manager: GenerationJobManager;
  readonly #internals: Internals;
  readonly #onResume: ChatOptions['onResume'];

  constructor(manager: GenerationJobManager, { onResume }: Pick<ChatOptions, 'onResume'>) {
    this.#manager = manager;
    this.#internals = internalsOf(manager);
    this.#onResume = onResume;
  }

  /**
   * Decides what the message answers; undefined when it answers nothing that was asked here.
   * @throws GenerationJobError what is wrong with the answer, as `approvals.resolve`; `action_refused` without `onResume`
   */
  async decide(
    { caller, streamId, request }: ChatCall,
    post: ChatPost,
    message: ChatMessage,
    asked: ChatRequest,
  ): Promise<Decided | undefined> {
    const record = await this.#manager.getJob(streamId, caller);
    const actionId = answeredActionOf(message, askedBy(record));
    if (actionId === undefined) return unlessAsked(message, record);
    if (this.#onResume === undefined) {
      throw new GenerationJobError('action_refused', 'The chat’s routes have no onResume.');
    }
    const pending = record?.pendingAction;
    const said = pending?.actionId === actionId ? answerTo(pending, message, post.edits) : { actionId };
    const decision = { ...said, ...caller, by: caller.userId, context: request.hostRequest };
    try {
      const resolved = await this.#manager.approvals.resolve(streamId, decision);
      this.#goOn(resolved, asked);
    } catch (error) {
      if (isTooLate(error)) return { refusal: error };
      if (!(error instanceof ActionDecidedError) && !isDecidedAsSaid(error)) throw error;
    }
    return this.#followed(streamId, caller, actionId);
  }

  /** Nobody else holds this promise: a manager that closes waits for what it stands for. */
  #goOn({ job, continuation }: Resolved, asked: ChatRequest): void {
    const answer = () => this.#onResume?.(job, continuation, asked);
    this.#internals.background.run(job.run(() => produce(job, answer)));
  }

  /** Finds what follows a decision; another answer may have begun since. */
  async #followed(streamId: string, caller: ChatCall['caller'], actionId: string): Promise<Decided> {
    const record = await this.#manager.getJob(streamId, caller);
    if (record?.resolutions.some((one) => one.actionId === actionId)) {
      return { generation: record.generation, continuation: { actionId } };
    }
    return { refusal: new GenerationJobError('generation_ended', 'Another answer has begun since.') };
  }
}

/** Returns the actions that the current answer has asked, by the calls that are answered by an output. */
function askedBy(record: JobRecord | null): ReadonlyMap<string, string> {
  const { resolutions = [], pendingAction } = record ?? {};
  const pending = pendingAction && [{ ...pendingAction, answers: pendingAction.questions }];
  const calls = [...resolutions, ...(pending ?? [])].flatMap(({ actionId, answers }) =>
    [actionId, ...answers.map(({ id }) => id)].map((id) => [id, actionId] as const),
  );
  return new Map(calls);
}

/**
 * Answers undefined for a message that answers nothing, unless that is what an answer waits for.
 * @throws GenerationJobError `request_undecided`
 */
function unlessAsked({ id }: ChatMessage, record: JobRecord | null): undefined {
  if (record?.pendingAction === undefined || chatOf(record)?.messageId !== id) return undefined;
  throw new GenerationJobError('request_undecided', 'The message leaves undecided what it asks.');
}

function isTooLate(error: unknown): error is GenerationJobError {
  return isGenerationJobError(error, 'action_expired') || isGenerationJobError(error, 'generation_ended');
}
