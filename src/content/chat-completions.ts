/** Content of answers that are streams of chat completions, as `fromChatCompletions` emits them. */
import { type ContentModel, defineContentModel } from '../stream/model/content-model.js';
import type { ChatCompletionsContent, CompletionMessage } from './chat-completions-content.js';
import { foldChunk } from './chat-completions-fold.js';
import { mergedChunks } from './chat-completions-merge.js';
import { isBlank, withCreated } from './growing.js';

/** The name of the events that hold one chunk each. */
const EVENT = 'chat_completion';

/**
 * Makes a model named `chat-completions` whose content is `{ completions, … }`: each completion as the API gives it whole, as far as
 * it has come. Clients show `completions` and leave `bookkeeping` alone. With `merge: true`, a job stores neighbouring pieces of one
 * text, or of one call's arguments, as one event. It is empty while no message has text, a refusal or a call.
 * @example
 * const manager = new GenerationJobManager({ ...createStreamServices(), contentModels: [chatCompletionsContent()] });
 */
export function chatCompletionsContent(): ContentModel<ChatCompletionsContent> {
  const initial = (): ChatCompletionsContent => ({ completions: [], bookkeeping: { calls: [] } });
  return defineContentModel<ChatCompletionsContent>({
    name: 'chat-completions',
    initial,
    restart: ({ created }) => ({ ...(created !== undefined && { created }), ...initial() }),
    isEmpty: ({ completions }) =>
      completions.every(({ choices }) => choices.every(({ message }) => isNothing(message))),
    merge: (earlier, later) => {
      if (earlier.event !== EVENT || later.event !== EVENT) return null;
      const data = mergedChunks(earlier.data, later.data);
      return data && { event: EVENT, data };
    },
    fold: (content, { event, data }) => {
      if (event === 'created') return withCreated(content, data);
      if (event === EVENT) foldChunk(content, data);
      return content;
    },
  });
}

function isNothing({ content, refusal, tool_calls, function_call, audio }: CompletionMessage): boolean {
  const hasText = !isBlank(content) || !isBlank(refusal);
  return !hasText && tool_calls === undefined && function_call === undefined && audio === undefined;
}
