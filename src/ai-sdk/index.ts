/**
 * The entry for chats of the AI SDK, in both directions: its streams into jobs, and jobs as its streams.
 */
export { UI_EVENT } from '../content/ui-message.js';
export type { ChatTrigger } from './chat-body.js';
export type { ChatMessage, ChatPart } from './chat-messages.js';
export type {
  ChatHandlerOptions,
  ChatInput,
  ChatRequest,
  ChatRouterOptions,
  OnChatResume,
  OnMessage,
} from './chat-options.js';
export { chatStreamId } from './chat-paths.js';
export { resumeChat } from './chat-producer.js';
export { type ChatFacts, chatOf } from './chat-record.js';
export { createChatRouter } from './express.js';
export { type FromUIMessageStreamOptions, fromUIMessageStream } from './from-ui-message-stream.js';
export {
  chunksFromAnthropic,
  chunksFromChatCompletions,
  chunksFromResponses,
  type ProviderChunksOptions,
} from './provider-chunks/index.js';
export type { ChunkFinishReason, ProviderChunk } from './provider-chunks/provider-chunk.js';
export type { UIChunk, UIVersion } from './ui-chunk.js';
export type { UIResponseOptions, UIStreamOptions } from './ui-options.js';
export { pipeUIMessageStream, toUIMessageStreamResponse } from './ui-response.js';
export { createChatHandler } from './web.js';
