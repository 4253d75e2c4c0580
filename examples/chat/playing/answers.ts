/**
 * Makes answers: chooses the model, creates the generation, and runs it in the background. The job's metadata says what
 * plays and how fast, so that any replica can go on with it: after a person's decision, and when the one that began is
 * gone.
 */
import {
  type Continuation,
  fingerprintOf,
  type GenerationJob,
  type GenerationJobManager,
  type HostEvent,
  type Resolution,
  streamIdFor,
  type Usage,
} from 'generation-jobs';
import type { Logger } from 'pino';
import type { Conversations, Identity, Turn } from '../conversations/conversations.js';
import { type ChatContent, initialContent } from '../page/content/chat-content.js';
import type { Agent } from './agent.js';
import { askOpenAi, type Message, type OpenAiConfig } from './openai.js';
import { play } from './playback.js';
import { type Answer, produce } from './production.js';
import { providerEvent } from './recorded-scripts.js';
import { type Script, stretchesOf } from './scripts.js';

export interface AnswerRequest {
  readonly text: string;
  readonly conversationId?: string | undefined;
  readonly recording?: string | undefined;
  readonly tokensPerSecond?: number | undefined;
  readonly idempotencyKey?: string | undefined;
  /** The newest answer of the conversation that the page shows; null for none. */
  readonly expects?: { readonly generation: number } | null | undefined;
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
  /** What can be played, by name. */
  readonly scripts: ReadonlyMap<string, Script>;
  readonly conversations: Conversations;
  /** Without it there is no live model. */
  readonly openAi: OpenAiConfig | undefined;
  readonly agent: Agent | undefined;
  readonly logger: Logger;
}

/** A script at a speed; without one, the agent or the live model answers. */
interface Playback {
  readonly agent?: true;
  readonly recording?: string;
  readonly tokensPerSecond?: number;
}

/** How far an answer has got. */
interface Progress {
  /** Events of its stretches that are in the log. */
  readonly played: number;
  /** The usage that the record has already. */
  readonly recorded: Usage;
  readonly decided: readonly Resolution[];
}

export const DEFAULT_RECORDING = 'openai-chat.text';
/** Recorded events per second: about the pace at which people see models write. */
const DEFAULT_SPEED = 30;
const FROM_THE_START: Progress = { played: 0, recorded: {}, decided: [] };
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
    const created = await this.#context.manager.createJob({
      ...owner,
      streamId,
      conversationId: streamId,
      idempotencyKey,
      onConflict,
      expects,
      // The next prompt is made from the history: an answer that was stopped a moment ago has to be in it.
      waitFor: 'settled',
      contentModel: 'chat',
      created: { text, conversationId: streamId },
      metadata: { ...playback },
    });
    const { record } = created;
    if (created.started) {
      const { job } = created;
      void job.run(() => (playback.agent ? this.#runAgent(job, text) : this.#make(job, playback, text)));
      await this.#begin(owner, streamId, { ...initialContent(), prompt: text }, record.generation);
    }
    return {
      streamId: record.streamId,
      conversationId: record.conversationId ?? record.streamId,
      generation: record.generation,
      status: created.started ? 'started' : 'joined',
    };
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
    if (playback.recording === undefined)
      throw { code: 'producer_lost', message: 'The model was cut off in mid-answer.', retryable: true };
    return this.#make(job, playback, prompt, { played, recorded: record.usage, decided: record.resolutions });
  }

  /** The bridge sees to the job's end; what was cut off before it could ask starts over. */
  async #runAgent(job: GenerationJob, prompt: string): Promise<undefined> {
    const earlier = (await this.#earlierTurns(job)).map(({ prompt, text: answer }) => ({ prompt, answer }));
    await this.#context.agent?.run(job, prompt, earlier);
  }

  async #goOnWithAgent(job: GenerationJob, continuation: Continuation, prompt: string): Promise<undefined> {
    const { agent } = this.#context;
    if (agent === undefined)
      throw { code: 'no_agent', message: 'This server was started without an agent.', retryable: true };
    if (continuation.action === undefined) return this.#runAgent(job, prompt);
    await agent.resume(job, continuation);
    return undefined;
  }

  /** The finished answer, or nothing when it has stopped to ask. */
  async #make(
    job: GenerationJob,
    { recording: name, tokensPerSecond: eventsPerSecond = DEFAULT_SPEED }: Playback,
    prompt: string,
    { played, recorded, decided }: Progress = FROM_THE_START,
  ): Promise<Answer | undefined> {
    try {
      if (name === undefined) return await produce(job, liveEvents(await this.#askModel(job, prompt)));
      const script = this.#script(name);
      const stretches = stretchesOf(script, decided);
      const events = stretches.flatMap((stretch) => stretch.events);
      const source = play(events.slice(played), eventsPerSecond, job.signal);
      const answer = await produce(job, source, { earlier: events.slice(0, played), recorded });
      const ask = stretches.at(-1)?.ask;
      if (ask === undefined) return answer;
      await job.pause({ ...ask, fingerprint: fingerprintOf(script.run) });
      return undefined;
    } catch (error) {
      if (job.isOver) throw error;
      // What the model said is for the log; the client gets a code it can show.
      const { streamId, generation } = job;
      this.#context.logger.error({ err: error, streamId, generation }, 'the model failed');
      throw { code: 'model_failed', message: 'The model could not finish the answer.', retryable: true };
    }
  }

  #playbackOf({ recording, tokensPerSecond }: AnswerRequest): Playback {
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

  async #askModel(job: GenerationJob, prompt: string): Promise<AsyncIterable<unknown>> {
    const { openAi } = this.#context;
    if (!openAi) throw new Error('there is no live model here');
    const earlier = await this.#earlierTurns(job);
    const messages = earlier.flatMap((turn): Message[] => [
      { role: 'user', content: turn.prompt },
      { role: 'assistant', content: turn.text },
    ]);
    const said = messages.filter(({ content }) => content !== '');
    return askOpenAi(openAi, [...said, { role: 'user', content: prompt }], job.signal);
  }

  async #earlierTurns(job: GenerationJob): Promise<readonly Turn[]> {
    const owner = { userId: job.userId, tenantId: job.key.tenantId };
    const { turns = [] } = (await this.#context.conversations.get(owner, job.streamId)) ?? {};
    return turns.filter(({ generation }) => generation < job.generation).slice(-REMEMBERED_TURNS);
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

async function* liveEvents(chunks: AsyncIterable<unknown>): AsyncGenerator<HostEvent, void, undefined> {
  for await (const chunk of chunks) yield providerEvent(chunk);
}
