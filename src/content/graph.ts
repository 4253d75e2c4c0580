/**
 * The content of an agent run, folded from its events: the agent SDK's, under their own names, and the lifecycle's. Shapes
 * are checked here, the SDK is neither loaded nor named in a type.
 *
 * A finished run has the parts the SDK's own aggregator gives. Beyond that aggregator, whose result can't be folded on in
 * another process, this keeps all of a call's arguments while they stream, has no holes, keeps an image's address, and
 * shows on a call what was asked and decided about it, and what the sub-agents it started do. A message that was sent to the
 * run is a part of the type `message` where the run took it.
 *
 * A fold changes the content it is given, so that a run of thousands of calls costs no more for each. Not folded are
 * `on_context_usage` and the like, which have a newest state but no place in a message: emit them with `keep`.
 */
import { type ContentModel, defineContentModel } from '../stream/model/content-model.js';
import { fieldsOf } from '../stream/model/fields.js';
import { foldDecision, foldQuestion } from './graph-approvals.js';
import { emptyBranch, type GraphContent } from './graph-content.js';
import { mergedEvents } from './graph-merge.js';
import { foldSentMessage } from './graph-messages.js';
import { isNothing } from './graph-nothing.js';
import { foldRunEvent } from './graph-steps.js';
import { foldSubagentUpdate } from './graph-subagents.js';

/**
 * A model named `graph` whose content is `{ parts, … }`; clients show `parts` and leave `bookkeeping` alone. With
 * `merge: true`, a job stores neighbouring pieces of one text or of one call's arguments as one event. It is empty while no
 * part says anything: blank text, and a call that only asks to sign in.
 */
export function graphContent(): ContentModel<GraphContent> {
  return defineContentModel<GraphContent>({
    name: 'graph',
    initial: emptyBranch,
    restart: ({ created }) => ({ ...(created !== undefined && { created }), ...emptyBranch() }),
    isEmpty: ({ parts }) => parts.every(isNothing),
    merge: mergedEvents,
    fold: (content, { event, data }) => {
      switch (event) {
        case 'created': {
          const { created } = fieldsOf(data);
          return created === undefined || created === null ? content : { created, ...content };
        }
        case 'requires_action':
          foldQuestion(content, data);
          return content;
        case 'resumed':
          foldDecision(content, data);
          return content;
        case 'message':
          foldSentMessage(content, data);
          return content;
        case 'on_subagent_update':
          foldSubagentUpdate(content, data);
          return content;
        default:
          foldRunEvent(content, event, data);
          return content;
      }
    },
  });
}
