/**
 * Streams of OpenAI, and of those who speak like it, as the answers of jobs: sources for `job.pipe`, and the content models that
 * fold their events. `openai` itself is not loaded: what its calls give is taken as it is.
 */
export { chatCompletionsContent } from '../../content/chat-completions.js';
export type {
  ChatCompletionContent,
  ChatCompletionsContent,
  CompletionChoice,
  CompletionMessage,
  CompletionToolCall,
} from '../../content/chat-completions-content.js';
export { responsesContent } from '../../content/responses.js';
export type {
  ResponseContent,
  ResponseItem,
  ResponsePart,
  ResponsesContent,
} from '../../content/responses-content.js';
export {
  CHAT_COMPLETION_EVENT,
  type ChatCompletionChunkLike,
  fromChatCompletions,
} from '../chat-completions.js';
export type { ProviderStream } from '../provider-stream.js';
export { fromResponses, RESPONSE_EVENT, type ResponseEventLike, withoutRequest } from '../responses.js';
export type { ProviderSource, ProviderStep, SourceOptions } from '../source.js';
