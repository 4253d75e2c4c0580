/**
 * Makes answers: chooses the model, creates the generation, and runs it in the background. Each provider event becomes
 * one job event, whole; everything else about an answer is folded from those.
 */
import {
  type CreateJobResult,
  type GenerationJob,
  type GenerationJobManager,
  streamIdFor,
} from 'generation-jobs';
import type { Logger } from 'pino';
import type { Config } from './config.js';
import type { Conversations } from './conversations.js';
import type { Identity } from './identity.js';
import { askOpenAi, type Message } from './openai.js';
import { initialContent } from './page/chat-content.js';
import { providerText } from './page/provider-text.js';
import { play } from './playback.js';
import { providerUsage } from './provider-usage.js';
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

type Source = (signal: AbortSignal) => AsyncIterable<unknown>;

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
    // The stream is the conversation. A retried request without a conversation must find the stream of its first try.
    const streamId =
      request.conversationId ??
      streamIdFor(owner.tenantId, owner.userId, idempotencyKey ?? crypto.randomUUID());
    const source = this.#source(owner, streamId, request);
    const created = await this.#context.manager.createJob({
      ...owner,
      streamId,
      conversationId: streamId,
      idempotencyKey,
      onConflict,
      contentModel: 'chat',
      created: { text, conversationId: streamId },
    });
    if (created.started) this.#begin(owner, text, created, source);
    const { record } = created;
    return {
      streamId: record.streamId,
      conversationId: record.conversationId ?? record.streamId,
      generation: record.generation,
      status: created.started ? 'started' : 'joined',
    };
  }

  #source(owner: Identity, conversationId: string, request: AnswerRequest): Source {
    const { openAi } = this.#context.config;
    if (openAi && request.recording === undefined) {
      const messages = this.#messages(owner, conversationId, request.text);
      return (signal) => askOpenAi(openAi, messages, signal);
    }
    const { recordings } = this.#context;
    const recording = recordings.get(request.recording ?? DEFAULT_RECORDING);
    if (!recording)
      throw new UnknownRecordingError(`The recording must be one of: ${[...recordings.keys()].join(', ')}.`);
    return (signal) => play(recording, request.tokensPerSecond ?? DEFAULT_SPEED, signal);
  }

  #messages(owner: Identity, conversationId: string, prompt: string): Message[] {
    const turns = this.#context.conversations.get(owner, conversationId)?.turns ?? [];
    const earlier = turns.slice(-REMEMBERED_TURNS).flatMap((turn): Message[] => [
      { role: 'user', content: turn.prompt },
      { role: 'assistant', content: turn.text },
    ]);
    return [...earlier.filter(({ content }) => content !== ''), { role: 'user', content: prompt }];
  }

  #begin(
    owner: Identity,
    prompt: string,
    { job }: CreateJobResult & { started: true },
    source: Source,
  ): void {
    const { conversations, logger } = this.#context;
    const { streamId, generation } = job;
    conversations.save(owner, streamId, {
      ...initialContent(),
      prompt,
      generation,
      status: 'running',
      code: '',
    });
    void job.run(async (running) => {
      try {
        return await produce(running, source(running.signal));
      } catch (error) {
        if (running.isOver) throw error;
        // What the model said is for the log; the client gets a code it can show.
        logger.error({ err: error, streamId, generation }, 'the model failed');
        throw { code: 'model_failed', message: 'The model could not finish the answer.', retryable: true };
      }
    });
  }
}

/** Emits everything the model sends; what it returns becomes the `final` of `completed`. */
async function produce(job: GenerationJob, source: AsyncIterable<unknown>) {
  let answer = '';
  const usage: Record<string, number> = {};
  for await (const event of source) {
    await job.emit({ event: 'provider', data: event });
    answer += providerText(event);
    const spent = providerUsage(event);
    if (spent) await job.addUsage(spent);
    for (const [name, tokens] of Object.entries(spent ?? {})) usage[name] = (usage[name] ?? 0) + tokens;
  }
  return { text: answer, usage };
}
