/**
 * Makes answers: chooses the model, creates the generation, and runs it in the background. The job's metadata says which
 * recording plays and how fast, so that any replica can go on with it when the one that began is gone.
 */
import {
  type Continuation,
  type GenerationJob,
  type GenerationJobManager,
  streamIdFor,
  type Usage,
} from 'generation-jobs';
import type { Logger } from 'pino';
import type { Config } from './config.js';
import type { Conversations } from './conversations.js';
import type { Identity } from './identity.js';
import { askOpenAi, type Message } from './openai.js';
import { type ChatContent, initialContent } from './page/chat-content.js';
import { play } from './playback.js';
import { produce } from './production.js';
import type { Recording } from './recordings.js';

export interface AnswerRequest {
  readonly text: string;
  readonly conversationId?: string | undefined;
  readonly recording?: string | undefined;
  readonly tokensPerSecond?: number | undefined;
  readonly idempotencyKey?: string | undefined;
  readonly onConflict?: 'replace' | 'reject' | 'join' | undefined;
}

export interface AnswerStarted {
  readonly streamId: string;
  readonly conversationId: string;
  readonly generation: number;
  readonly status: 'started' | 'joined';
}

export interface AnswersContext {
  readonly manager: GenerationJobManager;
  readonly recordings: ReadonlyMap<string, Recording>;
  readonly conversations: Conversations;
  readonly config: Pick<Config, 'openAi'>;
  readonly logger: Logger;
}

/** A recording at a speed; without one, the live model answers. */
interface Playback {
  readonly recording?: string;
  readonly tokensPerSecond?: number;
}

export const DEFAULT_RECORDING = 'openai-chat.text';
/** Recorded events per second: about the pace at which people see models write. */
const DEFAULT_SPEED = 30;
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
    const { text, idempotencyKey, onConflict } = request;
    const playback = this.#playbackOf(request);
    // The stream is the conversation. A retried request without a conversation must find the stream of its first try.
    const streamId =
      request.conversationId ??
      streamIdFor(owner.tenantId, owner.userId, idempotencyKey ?? crypto.randomUUID());
    const created = await this.#context.manager.createJob({
      ...owner,
      streamId,
      conversationId: streamId,
      idempotencyKey,
      onConflict,
      contentModel: 'chat',
      created: { text, conversationId: streamId },
      metadata: { ...playback },
    });
    const { record } = created;
    if (created.started) {
      const { job } = created;
      void job.run(() => this.#make(job, playback, text));
      await this.#begin(owner, streamId, { ...initialContent(), prompt: text }, record.generation);
    }
    return {
      streamId: record.streamId,
      conversationId: record.conversationId ?? record.streamId,
      generation: record.generation,
      status: created.started ? 'started' : 'joined',
    };
  }

  /** Goes on with an answer whose producer died, for the library to run. Nobody knows where a live model stood. */
  async goOn(job: GenerationJob, { record, content }: Continuation): Promise<unknown> {
    const playback: Playback = record.metadata;
    const { prompt, events: played } = content as ChatContent;
    if (playback.recording === undefined)
      throw { code: 'producer_lost', message: 'The model was cut off in mid-answer.', retryable: true };
    return this.#make(job, playback, prompt, { played, recorded: record.usage });
  }

  /** @param begun how far another producer had got */
  async #make(
    job: GenerationJob,
    { recording: name, tokensPerSecond: eventsPerSecond = DEFAULT_SPEED }: Playback,
    prompt: string,
    { played, recorded }: { played: number; recorded: Usage } = { played: 0, recorded: {} },
  ): Promise<unknown> {
    try {
      if (name === undefined) return await produce(job, await this.#askModel(job, prompt));
      const recording = this.#recording(name);
      const source = play(recording, { played, eventsPerSecond }, job.signal);
      return await produce(job, source, { earlier: recording.slice(0, played), recorded });
    } catch (error) {
      if (job.isOver) throw error;
      // What the model said is for the log; the client gets a code it can show.
      const { streamId, generation } = job;
      this.#context.logger.error({ err: error, streamId, generation }, 'the model failed');
      throw { code: 'model_failed', message: 'The model could not finish the answer.', retryable: true };
    }
  }

  #playbackOf({ recording, tokensPerSecond }: AnswerRequest): Playback {
    if (this.#context.config.openAi && recording === undefined) return {};
    const name = recording ?? DEFAULT_RECORDING;
    this.#recording(name);
    return { recording: name, tokensPerSecond: tokensPerSecond ?? DEFAULT_SPEED };
  }

  #recording(name: string): Recording {
    const { recordings } = this.#context;
    const recording = recordings.get(name);
    if (recording) return recording;
    throw new UnknownRecordingError(`The recording must be one of: ${[...recordings.keys()].join(', ')}.`);
  }

  async #askModel(job: GenerationJob, prompt: string): Promise<AsyncIterable<unknown>> {
    const { config, conversations } = this.#context;
    if (!config.openAi) throw new Error('there is no live model here');
    const owner = { userId: job.userId, tenantId: job.key.tenantId };
    const { turns = [] } = (await conversations.get(owner, job.streamId)) ?? {};
    const earlier = turns.filter(({ generation }) => generation < job.generation).slice(-REMEMBERED_TURNS);
    const messages = earlier.flatMap((turn): Message[] => [
      { role: 'user', content: turn.prompt },
      { role: 'assistant', content: turn.text },
    ]);
    const said = messages.filter(({ content }) => content !== '');
    return askOpenAi(config.openAi, [...said, { role: 'user', content: prompt }], job.signal);
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
