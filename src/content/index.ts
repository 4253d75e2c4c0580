/**
 * Content models: how a generation's events fold into what a late client needs.
 */
export { type ContentModel, defineContentModel, type FoldedEvent } from '../stream/model/content-model.js';
export { anthropicContent } from './anthropic.js';
export type { AnthropicBlock, AnthropicContent, AnthropicMessage } from './anthropic-content.js';
export { chatCompletionsContent } from './chat-completions.js';
export type {
  ChatCompletionContent,
  ChatCompletionsContent,
  CompletionChoice,
  CompletionMessage,
  CompletionToolCall,
} from './chat-completions-content.js';
export { graphContent } from './graph.js';
export type {
  ApprovalMark,
  ContentPart,
  GraphContent,
  SubagentContent,
  ToolCall,
} from './graph-content.js';
export { messageContent } from './message.js';
export {
  type FilePart,
  type MessageContent,
  type MessagePart,
  messageText,
  type PartApproval,
  type ReasoningPart,
  type StatusPart,
  type TextPart,
  type ToolPart,
} from './message-content.js';
export { responsesContent } from './responses.js';
export type { ResponseContent, ResponseItem, ResponsePart, ResponsesContent } from './responses-content.js';
export { type TextContentOptions, textContent } from './text.js';
export { uiMessageContent } from './ui-message.js';
export {
  type FinishedUIMessage,
  type OpenPart,
  type UIMessageContent,
  type UIMessagePart,
  type UIMessagePause,
  uiMessageOf,
} from './ui-message-content.js';
