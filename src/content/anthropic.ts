/** Content of answers that are streams of Anthropic's Messages API, as `fromAnthropic` emits them. */
import { type ContentModel, defineContentModel } from '../stream/model/content-model.js';
import type { AnthropicBlock, AnthropicContent } from './anthropic-content.js';
import { foldAnthropicEvent } from './anthropic-fold.js';
import { mergedBlockDeltas } from './anthropic-merge.js';
import { isBlank, withCreated } from './growing.js';

/** The name of the events that hold one event of the API each. */
const EVENT = 'anthropic_message';

/**
 * Makes a model named `anthropic-messages` whose content is `{ messages, … }`: each message as the API gives it whole, as far as it has
 * come, with its text, thinking, calls and their results. Clients show `messages` and leave `bookkeeping` alone. With `merge: true`, a
 * job stores neighbouring pieces of one block as one event. It is empty while no block says anything: blank text, hidden thinking.
 * @example
 * const manager = new GenerationJobManager({ ...createStreamServices(), contentModels: [anthropicContent()] });
 */
export function anthropicContent(): ContentModel<AnthropicContent> {
  const initial = (): AnthropicContent => ({ messages: [], bookkeeping: { blocks: [] } });
  return defineContentModel<AnthropicContent>({
    name: 'anthropic-messages',
    initial,
    restart: ({ created }) => ({ ...(created !== undefined && { created }), ...initial() }),
    isEmpty: ({ messages }) => messages.every(({ content }) => content.every(isNothing)),
    merge: (earlier, later) => {
      if (earlier.event !== EVENT || later.event !== EVENT) return null;
      const data = mergedBlockDeltas(earlier.data, later.data);
      return data && { event: EVENT, data };
    },
    fold: (content, { event, data }) => {
      if (event === 'created') return withCreated(content, data);
      if (event === EVENT) foldAnthropicEvent(content, data);
      return content;
    },
  });
}

function isNothing({ type, text, thinking }: AnthropicBlock): boolean {
  switch (type) {
    case 'text':
      return isBlank(text);
    case 'thinking':
      return isBlank(thinking);
    case 'redacted_thinking':
    case 'compaction':
      return true;
    default:
      return false;
  }
}
