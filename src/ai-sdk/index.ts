/**
 * What the AI SDK's `useChat` speaks, in both directions: its streams into jobs, and jobs as its streams.
 */
export { UI_EVENT } from '../content/ui-message.js';
export { type FromUIMessageStreamOptions, fromUIMessageStream } from './from-ui-message-stream.js';
export type { UIChunk, UIVersion } from './ui-chunk.js';
export type { UIStreamOptions } from './ui-options.js';
export { pipeUIMessageStream, toUIMessageStreamResponse } from './ui-response.js';
