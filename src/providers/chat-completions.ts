/**
 * Chat completions of OpenAI, and of the many servers that speak like it, as a source. A choice ends with its `finish_reason`;
 * tokens come in the last chunk, when the call asks for them (`stream_options: { include_usage: true }`), and from some servers
 * with every chunk, as running totals.
 */

import type { PipeFailure } from '../stream/interfaces/pipe.js';
import { fieldsOf, listOf } from '../stream/model/fields.js';
import { isObject } from '../stream/model/plain-values.js';
import type { UsageInput, UsageLabels } from '../stream/model/types.js';
import { countOf, usageOf } from './call-usage.js';
import { brokenOff, failureOf, providerFailure } from './failures.js';
import type { ProviderStream } from './provider-stream.js';
import {
  type ProviderSource,
  providerSource,
  type Reading,
  type SourceOptions,
  type Taken,
} from './source.js';

/** The name of the events that `fromChatCompletions` emits: their data is one chunk each. */
export const CHAT_COMPLETION_EVENT = 'chat_completion';

/** A chunk of a chat completion, as far as its type is looked at; the SDK's `ChatCompletionChunk` is one. */
export interface ChatCompletionChunkLike {
  /** The choices that the chunk adds to; none in one that only counts tokens. */
  readonly choices: readonly unknown[];
}

/**
 * Makes a source of a stream of chat completion chunks, for `job.pipe`. Each chunk becomes an event named `chat_completion`; usage
 * is added by model when the stream is over, and with what is known when it is stopped; a refusal, a content filter, an error or a
 * stream without its end fails the job by name (`content_filtered`, `rate_limited`, `overloaded`, `context_exceeded`,
 * `model_failed`).
 * @param stream what `client.chat.completions.create({ stream: true, … })` gives, the promise of it, or a function that makes the
 *   call and gets the job's signal; `client.chat.completions.stream(…)` as well, and any iterable of chunks
 * @param options `keep` chooses what of a chunk is stored; `labels` are those of the usage, `provider` being `openai` by default
 * @throws GenerationJobError `invalid_argument` for what is no stream; when piped, for one of another kind · `invalid_options`
 * @example
 * const messages = [{ role: 'user' as const, content: question }];
 * const call = { model: 'gpt-5-mini', messages, stream: true as const, stream_options: { include_usage: true } };
 * await job.pipe(fromChatCompletions((signal) => openai.chat.completions.create(call, { signal })));
 */
export function fromChatCompletions<Chunk extends ChatCompletionChunkLike, Kept = Chunk>(
  stream: ProviderStream<Chunk>,
  options: SourceOptions<Chunk, Kept> = {},
): ProviderSource<typeof CHAT_COMPLETION_EVENT, NoInfer<Kept>> {
  const begin = (labels: UsageLabels) => new ChatReading({ provider: 'openai', ...labels });
  const maker = { name: 'fromChatCompletions', event: CHAT_COMPLETION_EVENT, begin } as const;
  return providerSource<typeof CHAT_COMPLETION_EVENT, Chunk, Kept>(maker, stream, options);
}

/** A choice, as far as its end goes. */
interface Choice {
  isFinished: boolean;
  isRefused: boolean;
  hasFailed: boolean;
}

class ChatReading implements Reading<ChatCompletionChunkLike> {
  readonly #labels: UsageLabels;
  readonly #choices = new Map<unknown, Choice>();
  #id = '';
  #model: unknown;
  #usage: unknown;

  constructor(labels: UsageLabels) {
    this.#labels = labels;
  }

  take(chunk: ChatCompletionChunkLike): Taken {
    const { error, id, model, usage, choices } = fieldsOf(chunk);
    if (isObject(error)) return { failure: failureOf(error) };
    const before = this.#isAnother(id) ? this.#begin() : undefined;
    if (typeof id === 'string' && id !== '') this.#id = id;
    if (typeof model === 'string' && model !== '') this.#model = model;
    if (isObject(usage)) this.#usage = usage;
    for (const choice of listOf(choices)) this.#takeChoice(choice);
    return { usage: before };
  }

  usage(): UsageInput | undefined {
    const { prompt_tokens, completion_tokens, prompt_tokens_details, completion_tokens_details } = fieldsOf(
      this.#usage,
    );
    const [input, output] = [countOf(prompt_tokens), countOf(completion_tokens)];
    this.#usage = undefined;
    if (input === undefined && output === undefined) return undefined;
    const cacheRead = countOf(fieldsOf(prompt_tokens_details).cached_tokens);
    const reasoning = countOf(fieldsOf(completion_tokens_details).reasoning_tokens);
    return usageOf(
      { input: input ?? 0, output: output ?? 0, cacheRead, reasoning },
      this.#model,
      this.#labels,
    );
  }

  end(): PipeFailure | undefined {
    const choices = [...this.#choices.values()];
    if (choices.some(({ hasFailed }) => hasFailed))
      return providerFailure('model_failed', { retryable: true });
    if (choices.length === 0 || choices.some(({ isFinished }) => !isFinished)) return brokenOff();
    return choices.every(({ isRefused }) => isRefused) ? providerFailure('content_filtered') : undefined;
  }

  /** Says whether a chunk is of the next call: a host's own generator may yield several, one after the other. */
  #isAnother(id: unknown): boolean {
    return typeof id === 'string' && id !== '' && this.#id !== '' && id !== this.#id;
  }

  #begin(): UsageInput | undefined {
    const usage = this.usage();
    this.#choices.clear();
    return usage;
  }

  #takeChoice({ index, finish_reason, delta }: Readonly<Record<string, unknown>>): void {
    const choice = this.#choices.get(index) ?? { isFinished: false, isRefused: false, hasFailed: false };
    this.#choices.set(index, choice);
    const { refusal, audio } = fieldsOf(delta);
    if (typeof refusal === 'string' && refusal !== '') choice.isRefused = true;
    // Sound may end with the time until which it can be referred to, and without a reason.
    if (typeof fieldsOf(audio).expires_at === 'number') choice.isFinished = true;
    if (typeof finish_reason !== 'string') return;
    choice.isFinished = true;
    if (finish_reason === 'content_filter') choice.isRefused = true;
    if (finish_reason === 'error') choice.hasFailed = true;
  }
}
