/**
 * A question of an agent, from the pause of its job until the job goes on or is over.
 *
 * States
 * - `asking`   the pause is on its way; a decision may come before its answer does.
 * - `asked`    the stream is followed. The decision's handle, or the generation's end, closes it.
 * - `closed`   nothing more is heard of it.
 */
import { MINUTE, SECOND, sleep, systemClock } from '../../clock.js';
import { isGenerationJobError, isUnanswered } from '../../errors.js';
import type { ResolveInput } from '../../stream/interfaces/action-input.js';
import type { GenerationJob } from '../../stream/interfaces/generation-job.js';
import type { AgentQuestion } from '../mappers/mapper.js';
import type { AgentQuestions } from './options.js';
import { watchPause } from './pause-watch.js';

/** The time in which a decision made elsewhere must bring its handle here. */
const HANDLE_MS = 30 * SECOND;
/** The store ends what has expired; this is for a store that can't be followed. */
const EXPIRY_MARGIN_MS = MINUTE;
const AGAIN_MS = SECOND;
/** The name that decides what an agent has taken back. */
const BY_AGENT = 'agent';

interface QuestionListener {
  /** Nobody will decide any more, or nobody who has the agent. */
  onRefuse(why: string): void;
  /** The question was taken back: this attempt goes on. */
  onTaken(job: GenerationJob): void;
}

export class OpenQuestion {
  readonly question: AgentQuestion;
  readonly #job: GenerationJob;
  readonly #with: AgentQuestions;
  readonly #listener: QuestionListener;
  readonly #closed = new AbortController();
  /** The action's id, once the job is paused; undefined when it could not be. */
  readonly actionId: Promise<string | undefined>;
  #isAsked = false;
  #isTakenBack = false;

  constructor(
    job: GenerationJob,
    question: AgentQuestion,
    with_: AgentQuestions,
    listener: QuestionListener,
  ) {
    this.#job = job;
    this.question = question;
    this.#with = with_;
    this.#listener = listener;
    this.actionId = this.#ask();
  }

  /** True once the job is paused for it. */
  get isAsked(): boolean {
    return this.#isAsked;
  }

  get isClosed(): boolean {
    return this.#closed.signal.aborted;
  }

  /** True when the agent does not wait for an answer any more. */
  get isTakenBack(): boolean {
    return this.#isTakenBack;
  }

  /** Hears no more of it. Safe to call again. */
  close(): void {
    this.#closed.abort();
  }

  /** Refuses the action in the agent's name, which makes the next attempt; somebody who has decided meanwhile makes it instead. */
  takeBack(why: string): void {
    if (this.#isTakenBack || this.isClosed) return;
    this.#isTakenBack = true;
    void this.#refuseAction(why);
  }

  async #ask(): Promise<string | undefined> {
    const { expiresInMs = this.#job.approvalWindowMs } = this.#with;
    try {
      const { actionId } = await this.#job.pause({ ...this.question.action, expiresInMs });
      this.#isAsked = true;
      if (!this.isClosed) this.#watch(expiresInMs + EXPIRY_MARGIN_MS);
      return actionId;
    } catch (error) {
      if (!this.#job.isOver) this.#job.report('agent', error);
      return undefined;
    }
  }

  #watch(expiryMs: number): void {
    const { signal } = this.#closed;
    const refuseAfter = (ms: number, why: string) =>
      void sleep(systemClock, ms, signal).then(() => {
        if (!signal.aborted) this.#listener.onRefuse(why);
      });
    refuseAfter(expiryMs, 'expired');
    let isDecided = false;
    const onDecided = () => {
      if (!isDecided) refuseAfter(HANDLE_MS, 'decided where this agent is not');
      isDecided = true;
    };
    const news = { onDecided, onOver: this.#listener.onRefuse };
    void watchPause(this.#with.manager, this.#job, news, signal);
  }

  async #refuseAction(reason: string): Promise<void> {
    const { requests = [], questions = [] } = this.question.action;
    const actionId = (await this.actionId) ?? '';
    const { key, userId } = this.#job;
    const input: ResolveInput = {
      ...{ actionId, userId, tenantId: key.tenantId, by: BY_AGENT, idempotencyKey: `agent/${actionId}` },
      decisions: requests.map(({ id }) => ({ id, decision: 'reject', reason })),
      answers: questions.map(({ id }) => ({ id, text: reason })),
    };
    while (!this.isClosed) {
      try {
        const { job } = await this.#with.manager.approvals.resolve(key.streamId, input);
        return this.#listener.onTaken(job);
      } catch (error) {
        // Decided meanwhile, expired, or ended: whoever did that is heard by the watch.
        if (isUnanswered(error)) await sleep(systemClock, AGAIN_MS, this.#closed.signal);
        else
          return isGenerationJobError(error, 'action_decided') ? undefined : this.#job.report('agent', error);
      }
    }
  }
}
