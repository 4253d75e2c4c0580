/**
 * Streams of Anthropic's Messages API as the answers of jobs: a source for `job.pipe`, and the content model that folds its events.
 * `@anthropic-ai/sdk` itself is not loaded: what its calls give is taken as it is.
 */
export { anthropicContent } from '../../content/anthropic.js';
export type { AnthropicBlock, AnthropicContent, AnthropicMessage } from '../../content/anthropic-content.js';
export { ANTHROPIC_EVENT, type AnthropicEventLike, fromAnthropic } from '../anthropic.js';
export type { ProviderStream } from '../provider-stream.js';
export type { ProviderSource, ProviderStep, SourceOptions } from '../source.js';
