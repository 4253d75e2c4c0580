/** Content of answers that are streams of the Responses API, as `fromResponses` emits them. */
import { type ContentModel, defineContentModel } from '../stream/model/content-model.js';
import { isBlank, withCreated } from './growing.js';
import type { ResponseItem, ResponsesContent } from './responses-content.js';
import { foldResponseEvent } from './responses-fold.js';
import { mergedDeltas } from './responses-merge.js';

/** The name of the events that hold one event of the API each. */
const EVENT = 'response';

/**
 * Makes a model named `responses` whose content is `{ responses }`: each response as the API gives it whole, as far as it has come, with
 * its messages, reasoning, calls and questions for approval. With `merge: true`, a job stores neighbouring pieces of one text, or of
 * one call's arguments, as one event. It is empty while no item says anything: blank text, reasoning without a summary, lists of tools.
 * @example
 * const manager = new GenerationJobManager({ ...createStreamServices(), contentModels: [responsesContent()] });
 */
export function responsesContent(): ContentModel<ResponsesContent> {
  return defineContentModel<ResponsesContent>({
    name: 'responses',
    initial: () => ({ responses: [] }),
    restart: ({ created }) => ({ ...(created !== undefined && { created }), responses: [] }),
    isEmpty: ({ responses }) => responses.every(({ output }) => output.every(isNothing)),
    merge: (earlier, later) => {
      if (earlier.event !== EVENT || later.event !== EVENT) return null;
      const data = mergedDeltas(earlier.data, later.data);
      return data && { event: EVENT, data };
    },
    fold: (content, { event, data }) => {
      if (event === 'created') return withCreated(content, data);
      if (event === EVENT) foldResponseEvent(content, data);
      return content;
    },
  });
}

function isNothing({ type, content, summary }: ResponseItem): boolean {
  switch (type) {
    case 'message':
    case 'reasoning': {
      const parts = [...(content ?? []), ...(summary ?? [])];
      return parts.every(({ text, refusal }) => isBlank(text) && isBlank(refusal));
    }
    case 'mcp_list_tools':
    case 'compaction':
      return true;
    default:
      return false;
  }
}
