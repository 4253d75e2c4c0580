/**
 * Makes the chunks of a UI message stream out of what a provider sends, for hosts that call a provider by its own SDK and
 * serve `useChat`. The text is the provider's, delta for delta; each tool call, its input, what a tool of the provider's has
 * answered, and each source cited are told by the chunks that `ai` 6 and 7 both know. What a UI message has no part for is
 * left out.
 */
import { z } from 'zod';
import { type AnthropicEventLike, fromAnthropic } from '../../providers/anthropic.js';
import { type ChatCompletionChunkLike, fromChatCompletions } from '../../providers/chat-completions.js';
import type { ProviderStream } from '../../providers/provider-stream.js';
import { fromResponses, type ResponseEventLike } from '../../providers/responses.js';
import type { ProviderSource } from '../../providers/source.js';
import { callable } from '../../stream/model/host-values.js';
import { parseStrictly } from '../../stream/model/strict.js';
import type { UsageInput } from '../../stream/model/types.js';
import { anthropicMapper } from './anthropic.js';
import { chatCompletionsMapper } from './chat-completions.js';
import { ChunkStream } from './chunk-stream.js';
import { ChunkWriter } from './chunk-writer.js';
import type { ChunkMapper } from './mapper.js';
import type { ProviderChunk } from './provider-chunk.js';
import { responsesMapper } from './responses.js';

const optionsSchema = z.strictObject({
  messageId: z.string().min(1).max(256).optional(),
  sendStart: z.boolean().default(true),
  sendFinish: z.boolean().default(true),
  shownCalls: z.array(z.string()).default([]),
  signal: z.instanceof(AbortSignal).optional(),
  onUsage: callable,
});

/** The choices a host has for the chunks of an answer: how they begin and end, and who is told what they cost. */
export interface ProviderChunksOptions {
  /**
   * The id that `start` gives the message: 1 to 256 characters. Default: none, and the chat, or the job that the chunks are piped
   * into, has its own.
   */
  readonly messageId?: string | undefined;
  /** False leaves out `start`, for what goes on with a message. Default true. */
  readonly sendStart?: boolean | undefined;
  /** False leaves out `finish`, when more of the message follows. Default true. */
  readonly sendFinish?: boolean | undefined;
  /** The ids of calls that the message shows already, as one that was approved: their input is not shown again. Default none. */
  readonly shownCalls?: readonly string[] | undefined;
  /** The signal that a function that makes the call is given, as `job.signal`. Default: one that never fires. */
  readonly signal?: AbortSignal | undefined;
  /** Called with what each call has used, as `job.addUsage` takes it. What it throws ends the iterator. Default: nobody is told. */
  readonly onUsage?: ((usage: UsageInput) => unknown) | undefined;
}

/**
 * Turns a stream of chat completion chunks into the chunks of a UI message stream. Of several choices the first becomes the
 * message; each completion in a row is a step of it.
 *
 * @param stream as `fromChatCompletions` takes it: what `client.chat.completions.create({ stream: true, … })` gives
 * @returns an iterator; leaving it closes the provider's stream
 * @throws GenerationJobError `invalid_argument` for what is no stream; from the iterator for the events of another provider ·
 *   `invalid_options` · JobFailureError from the iterator, when the provider has failed or its stream broke off
 *   (`rate_limited`, `overloaded`, `content_filtered`, `context_exceeded`, `model_failed`)
 */
export function chunksFromChatCompletions<Chunk extends ChatCompletionChunkLike>(
  stream: ProviderStream<Chunk>,
  options: ProviderChunksOptions = {},
): AsyncIterableIterator<ProviderChunk> {
  return convert(fromChatCompletions(stream), chatCompletionsMapper, options);
}

/**
 * Turns the events of OpenAI's Responses into the chunks of a UI message stream; each response in a row is a step. A call that
 * waits for an approval is shown under the id of its request: the id to pause with.
 *
 * @param stream as `fromResponses` takes it: what `client.responses.create({ stream: true, … })` gives
 * @returns an iterator; leaving it closes the provider's stream
 * @throws as `chunksFromChatCompletions`
 * @example
 * app.use('/api/chat', createChatRouter(manager, {
 *   authorize: (request) => sessionOf(request),
 *   onMessage: ({ job }) =>
 *     chunksFromResponses((signal) => openai.responses.create({ model: 'gpt-5-mini', input, stream: true }, { signal }), {
 *       signal: job.signal,
 *       onUsage: (usage) => job.addUsage(usage),
 *     }),
 * }));
 */
export function chunksFromResponses<Event extends ResponseEventLike>(
  stream: ProviderStream<Event>,
  options: ProviderChunksOptions = {},
): AsyncIterableIterator<ProviderChunk> {
  return convert(fromResponses(stream), responsesMapper, options);
}

/**
 * Turns the events of Anthropic's messages into the chunks of a UI message stream; each message in a row is a step.
 *
 * @param stream as `fromAnthropic` takes it: what `client.messages.create({ stream: true, … })` gives
 * @returns an iterator; leaving it closes the provider's stream
 * @throws as `chunksFromChatCompletions`
 */
export function chunksFromAnthropic<Event extends AnthropicEventLike>(
  stream: ProviderStream<Event>,
  options: ProviderChunksOptions = {},
): AsyncIterableIterator<ProviderChunk> {
  return convert(fromAnthropic(stream), anthropicMapper, options);
}

function convert<Data>(
  source: ProviderSource<string, Data>,
  mapperOf: (writer: ChunkWriter) => ChunkMapper,
  given: ProviderChunksOptions,
): ChunkStream {
  const options = parseStrictly('invalid_options', optionsSchema, given, 'options');
  const { shownCalls, messageId, sendStart, sendFinish, signal = new AbortController().signal } = options;
  const { onUsage } = given;
  const writer = new ChunkWriter(shownCalls);
  const steps = source(signal)[Symbol.asyncIterator]();
  return new ChunkStream({
    steps,
    writer,
    mapper: mapperOf(writer),
    messageId,
    sendStart,
    sendFinish,
    onUsage,
  });
}
