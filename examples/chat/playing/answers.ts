/**
 * Makes answers: chooses the model, creates the generation, and runs it in the background. The job's metadata says what
 * plays and how fast, so that any replica can go on with it: after a person's decision, and when the one that began is
 * gone.
 */
import {
  type Continuation,
  type GenerationJob,
  type GenerationJobManager,
  type QueuedStart,
  streamIdFor,
} from 'generation-jobs';
import { resumeAgentProcess, runAgentProcess } from 'generation-jobs/worker';
import type { Conversations, Identity } from '../conversations/conversations.js';
import { type ChatContent, initialContent } from '../page/content/chat-content.js';
import type { Agent, Said } from './agent.js';
import { AGENT_LOST, type CommandName, processOptions } from './commands.js';
import {
  DEFAULT_SPEED,
  FROM_THE_START,
  type MakingContext,
  makeAnswer,
  type Playback,
  type Work,
} from './making.js';
import type { Answer } from './production.js';
import type { Script } from './scripts.js';
import type { Worker } from './worker.js';

export interface AnswerRequest {
  readonly text: string;
  readonly conversationId?: string | undefined;
  readonly recording?: string | undefined;
  readonly tokensPerSecond?: number | undefined;
  readonly idempotencyKey?: string | undefined;
  /** The newest answer of the conversation that the page shows; null for none. */
  readonly expects?: { readonly generation: number } | null | undefined;
  /** With `enqueue` the answer begins when the one that is being made is done. */
  readonly onConflict?: 'replace' | 'reject' | 'join' | 'enqueue' | undefined;
}

export type AnswerStarted = { readonly streamId: string; readonly conversationId: string } & (
  | { readonly generation: number; readonly status: 'started' | 'joined' }
  /** It waits for its turn, at this place. */
  | { readonly queueId: string; readonly position: number; readonly status: 'queued' }
);

export interface AnswersContext extends MakingContext {
  readonly manager: GenerationJobManager;
  readonly conversations: Conversations;
  readonly agent: Agent | undefined;
  /** The agent that is a command; answers when no recording is asked for. */
  readonly command: CommandName | undefined;
  /** Makes the answers instead of this process. */
  readonly worker: Worker | undefined;
}

export const DEFAULT_RECORDING = 'openai-chat.text';
/** Earlier turns sent along to a real model. */
const REMEMBERED_TURNS = 20;

export class UnknownRecordingError extends Error {}

export class Answers {
  readonly #context: AnswersContext;

  constructor(context: AnswersContext) {
    this.#context = context;
  }

  /**
   * Answers as soon as the generation is there; the answer itself goes on without the caller.
   * @throws UnknownRecordingError, and whatever `createJob` throws
   */
  async start(owner: Identity, request: AnswerRequest): Promise<AnswerStarted> {
    const { text, idempotencyKey, onConflict, expects } = request;
    const playback = this.#playbackOf(request);
    // The stream is the conversation. A retried request without a conversation must find the stream of its first try.
    const streamId =
      request.conversationId ??
      streamIdFor(owner.tenantId, owner.userId, idempotencyKey ?? crypto.randomUUID());
    const input = {
      ...owner,
      streamId,
      conversationId: streamId,
      idempotencyKey,
      expects,
      // The next prompt is made from the history: an answer that was stopped a moment ago has to be in it.
      waitFor: 'settled' as const,
      contentModel: 'chat',
      created: { text, conversationId: streamId },
      metadata: { ...playback },
    };
    const { manager } = this.#context;
    const created =
      onConflict === 'enqueue'
        ? await manager.createJob({ ...input, onConflict })
        : await manager.createJob({ ...input, onConflict });
    if (created.queued) {
      const { queueId, position, streamId: id, conversationId = id } = created.queued;
      return { streamId: id, conversationId, queueId, position, status: 'queued' };
    }
    const { record } = created;
    if (created.started) {
      const { job } = created;
      void job.run(() => this.#answer(job, playback, text));
      await this.#begin(owner, streamId, { ...initialContent(), prompt: text }, record.generation);
    }
    return {
      streamId: record.streamId,
      conversationId: record.conversationId ?? record.streamId,
      generation: record.generation,
      status: created.started ? 'started' : 'joined',
    };
  }

  /** Makes an answer whose turn has come, on whichever replica that is: for the library to run. */
  async startQueued(job: GenerationJob, { record }: QueuedStart): Promise<Answer | undefined> {
    const { streamId, generation, tenantId, userId } = record;
    const state = await this.#context.manager.getResumeState(streamId, { tenantId, generation });
    const prompt = (state?.content as ChatContent | null | undefined)?.prompt ?? '';
    await this.#begin({ tenantId, userId }, streamId, { ...initialContent(), prompt }, generation);
    return this.#answer(job, record.metadata, prompt);
  }

  async #answer(job: GenerationJob, playback: Playback, prompt: string): Promise<Answer | undefined> {
    if (playback.agent) return this.#runAgent(job, prompt);
    return this.#make(job, { playback, prompt, progress: FROM_THE_START });
  }

  /**
   * Goes on with an answer that a person has decided about, or whose producer died, also right after the decision: for
   * the library to run. Nobody knows where a live model stood.
   */
  async goOn(job: GenerationJob, continuation: Continuation): Promise<Answer | undefined> {
    const { record, content } = continuation;
    const playback: Playback = record.metadata;
    const { prompt, events: played } = content as ChatContent;
    if (playback.agent) return this.#goOnWithAgent(job, continuation, prompt);
    if (playback.command !== undefined) return this.#goOnWithCommand(job, continuation);
    if (playback.recording === undefined)
      throw { code: 'producer_lost', message: 'The model was cut off in mid-answer.', retryable: true };
    const progress = { played, recorded: record.usage, decided: record.resolutions };
    return this.#make(job, { playback, prompt, progress });
  }

  /**
   * As `goOn`, when the producer has died: an agent that is a command has died with it, or nobody has its pipes any more.
   */
  async takeOver(job: GenerationJob, continuation: Continuation): Promise<Answer | undefined> {
    if ((continuation.record.metadata as Playback).command === undefined) return this.goOn(job, continuation);
    throw AGENT_LOST;
  }

  /** The bridge sees to the job's end; what was cut off before it could ask starts over. */
  async #runAgent(job: GenerationJob, prompt: string): Promise<undefined> {
    await this.#context.agent?.run(job, prompt, await this.#earlierTurns(job));
  }

  async #goOnWithAgent(job: GenerationJob, continuation: Continuation, prompt: string): Promise<undefined> {
    const { agent } = this.#context;
    if (agent === undefined)
      throw { code: 'no_agent', message: 'This server was started without an agent.', retryable: true };
    if (continuation.action === undefined) return this.#runAgent(job, prompt);
    await agent.resume(job, continuation);
    return undefined;
  }

  /** The finished answer, or nothing when it has stopped to ask, or is made by the worker. */
  async #make(job: GenerationJob, begun: Omit<Work, 'earlier'>): Promise<Answer | undefined> {
    const isLive = begun.playback.recording === undefined;
    const work = { ...begun, earlier: isLive ? await this.#earlierTurns(job) : [] };
    const { worker, manager } = this.#context;
    const { command, tokensPerSecond } = work.playback;
    if (worker) await worker.hand(job, work);
    else if (command === undefined) return makeAnswer(job, work, this.#context);
    else {
      const options = processOptions(command, work.prompt, tokensPerSecond);
      await runAgentProcess(job, { ...options, questions: { manager } });
    }
    return undefined;
  }

  /** The agent waits for the decision where it has asked: in this process, or in the worker that has paused. */
  async #goOnWithCommand(job: GenerationJob, continuation: Continuation): Promise<undefined> {
    const { worker } = this.#context;
    if (worker) await worker.giveBack(job);
    else await resumeAgentProcess(job, continuation);
  }

  #playbackOf({ recording, tokensPerSecond }: AnswerRequest): Playback {
    const { command } = this.#context;
    if (command && recording === undefined)
      return { command, ...(tokensPerSecond !== undefined && { tokensPerSecond }) };
    if (this.#context.agent && recording === undefined) return { agent: true };
    if (this.#context.openAi && recording === undefined) return {};
    const name = recording ?? DEFAULT_RECORDING;
    this.#script(name);
    return { recording: name, tokensPerSecond: tokensPerSecond ?? DEFAULT_SPEED };
  }

  #script(name: string): Script {
    const { scripts } = this.#context;
    const script = scripts.get(name);
    if (script) return script;
    throw new UnknownRecordingError(`The recording must be one of: ${[...scripts.keys()].join(', ')}.`);
  }

  async #earlierTurns(job: GenerationJob): Promise<readonly Said[]> {
    const owner = { userId: job.userId, tenantId: job.key.tenantId };
    const { turns = [] } = (await this.#context.conversations.get(owner, job.streamId)) ?? {};
    const earlier = turns.filter(({ generation }) => generation < job.generation).slice(-REMEMBERED_TURNS);
    return earlier.map(({ prompt, text: answer }) => ({ prompt, answer }));
  }

  /** Without it the history only lacks the answer until it ends, so a failure doesn't fail the answer. */
  async #begin(owner: Identity, id: string, content: ChatContent, generation: number): Promise<void> {
    try {
      const turn = { ...content, generation, status: 'running', code: '' };
      await this.#context.conversations.save(owner, id, turn);
    } catch (error) {
      this.#context.logger.warn({ err: error, streamId: id }, 'the beginning was not saved');
    }
  }
}
