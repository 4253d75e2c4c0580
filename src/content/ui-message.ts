/**
 * The content of a chat's answer, folded from events that hold the chunks of an AI SDK's UI message stream (6 or 7), one
 * each, and from the library's own: a pause makes the calls that are asked about wait for approval, a decision shows in
 * them, and a restart begins anew under the same message id. Events of other names are left alone.
 */
import { type ContentModel, defineContentModel } from '../stream/model/content-model.js';
import { fieldsOf, wordOf } from '../stream/model/fields.js';
import type { PublicAction } from '../stream/model/types.js';
import { foldDecision, foldPause } from './ui-message-actions.js';
import {
  isTextPart,
  type OwnUIMessage,
  type OwnUIPart,
  type UIMessageContent,
  type UIMessagePart,
} from './ui-message-content.js';
import { foldChunk } from './ui-message-fold.js';
import { mergedChunks } from './ui-message-merge.js';
import { chunkOfSent, SENT_PART } from './ui-message-sent.js';

/** The name of the events that hold the chunks of a UI message stream: their data is one chunk each, whole. */
export const UI_EVENT = 'ui';

/**
 * Makes a model named `ui-message` whose content is a `UIMessage` of the AI SDK as far as it has come. With `merge: true`, a job
 * stores neighbouring deltas as one event. The message's id is the `messageId` of what the job was created with
 * (`createJob({ created: { messageId } })`), else that of the first `start`; `parts` beside it are what the message begins
 * with, for an answer that goes on with an earlier message. What somebody sent meanwhile (`manager.inbox`) is a part
 * `data-inbox-message` where it took effect. A message is empty while it has nothing but blank text, the beginnings of steps and
 * what was sent to it.
 */
export function uiMessageContent(): ContentModel<UIMessageContent> {
  return defineContentModel<UIMessageContent>({
    name: 'ui-message',
    initial: () => ({ role: 'assistant', parts: [] }),
    restart: ({ id, begins, parts }) => ({
      ...(id !== undefined && { id }),
      role: 'assistant',
      parts: parts.slice(0, begins ?? 0),
      ...(begins !== undefined && { begins }),
    }),
    isEmpty: ({ parts }) => parts.every(isNothing),
    merge: (earlier, later) => mergedChunks(UI_EVENT, earlier, later),
    fold: (content, { event, data }) => {
      const message = content as OwnUIMessage;
      switch (event) {
        case UI_EVENT:
          foldChunk(message, data);
          break;
        case 'created': {
          const { messageId, parts } = fieldsOf(fieldsOf(data).created);
          const id = wordOf(messageId);
          if (id !== undefined) message.id = id;
          if (Array.isArray(parts)) message.parts.push(...parts.filter(isPart));
          if (message.parts.length > 0) message.begins = message.parts.length;
          break;
        }
        case 'requires_action':
          foldPause(message, (data as { readonly action: PublicAction }).action);
          break;
        case 'resumed':
          foldDecision(message, fieldsOf(data));
          break;
        case 'message': {
          const chunk = chunkOfSent(data);
          if (chunk !== undefined) foldChunk(message, chunk);
          break;
        }
        default:
          break;
      }
      return content;
    },
  });
}

function isPart(part: unknown): part is OwnUIPart {
  return typeof fieldsOf(part).type === 'string';
}

function isNothing(part: UIMessagePart): boolean {
  if (isTextPart(part)) return typeof part.text !== 'string' || part.text.trim() === '';
  return part.type === 'step-start' || part.type === SENT_PART;
}
