/**
 * The content of an agent's message, folded from the events that `./worker`'s mappers make of what agents print. A host
 * may emit the same events itself; those of other names are left alone.
 *
 * | event | data |
 * | --- | --- |
 * | `text`, `reasoning` | `text`; with `id` a piece of that name, without one more of the newest; `replace` for all of it |
 * | `tool` | `id`, and what is new: `name`, `input` or `inputText`, `output` or `outputText`, `error`, `state` |
 * | `file` | `url`, `mediaType`, `name`; with `id` once |
 * | `status` | `id`, `text`, `state`: `active` or `done` |
 * | `withdrawn` | `ids` of texts, calls and files that no longer count |
 *
 * Each may name, as `parent`, the call whose sub-agent says it. A message that somebody sent meanwhile is a part of its own where
 * the agent took it (the library's event `message`).
 */
import { type ContentModel, defineContentModel } from '../stream/model/content-model.js';
import { fieldsOf } from '../stream/model/fields.js';
import type { MessageContent, MessagePart, OwnContent } from './message-content.js';
import { foldMessageEvent } from './message-fold.js';
import { mergedPieces } from './message-merge.js';

/**
 * Makes a model named `message` whose content is `{ parts }`: text, reasoning, tool calls with input, output and error,
 * sub-agents within the calls that run them, files and statuses, in the order they came. With `merge: true`, a job stores
 * neighbouring pieces as one event. A message is empty while it has nothing but blank text, statuses and what was sent to it.
 */
export function messageContent(): ContentModel<MessageContent> {
  return defineContentModel<MessageContent>({
    name: 'message',
    initial: () => ({ parts: [] }),
    restart: ({ created }) => ({ ...(created !== undefined && { created }), parts: [] }),
    isEmpty: ({ parts }) => parts.every(isNothing),
    merge: mergedPieces,
    fold: (content, { event, data }) => {
      const { created } = fieldsOf(data);
      if (event === 'created')
        return created === undefined || created === null ? content : { created, ...content };
      foldMessageEvent(content as OwnContent, event, data);
      return content;
    },
  });
}

function isNothing(part: MessagePart): boolean {
  switch (part.type) {
    case 'text':
    case 'reasoning':
      return part.text.trim() === '';
    case 'status':
    case 'message':
      return true;
    case 'tool':
    case 'file':
      return false;
    default:
      return part satisfies never;
  }
}
