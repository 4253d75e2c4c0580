/**
 * The ways a response to a page begins:
 * - a *replay* with `start` and the message's id, then all there is of the answer, short;
 * - a *continuation* with `start` alone, then what came of a decision and what follows it;
 * - a *tail* with what follows a cursor, and nothing before it: the page goes on where it stood.
 */

import { approvalIdOf } from '../content/ui-approval-id.js';
import { uiMessageContent } from '../content/ui-message.js';
import type { UIMessageContent, UIMessagePart } from '../content/ui-message-content.js';
import { GenerationJobError } from '../errors.js';
import { fieldsOf } from '../stream/model/fields.js';
import { isObject, parsedJson } from '../stream/model/plain-values.js';
import type { Batch, LogEvent } from '../stream/model/types.js';
import { ChunkWriter, type Dialect } from './chunk-writer.js';
import { chunksOfDecision, chunksOfParts } from './content-chunks.js';
import type { PageState } from './page-state.js';
import type { UIChunk } from './ui-chunk.js';

export interface Opening {
  /** Says what the page is known to have before anything is read. Default: nothing. */
  begin?(state: PageState): void;
  /** Makes the text of a response's beginning, and says what of the first batch it leaves to be told. */
  open(first: Batch, state: PageState, dialect: Dialect): { readonly text: string; readonly rest?: Batch };
  /** Is told each event before it is written, as long as the state does not know all. */
  reach?(event: LogEvent, state: PageState): void;
}

const ENDS = ['completed', 'failed', 'aborted'] as const;
const NOTHING: UIMessageContent = { role: 'assistant', parts: [] };

/** Begins anew, with the message's id: `messageId` where neither the job nor its content names one. */
export function replay(messageId?: string): Opening {
  return {
    open(first, state, dialect) {
      const { content, rest, isPaused, kept, endedAs } = beginningOf(first);
      state.endedAs = endedAs;
      const id = content.id ?? messageId;
      const { metadata } = content;
      const start = {
        type: 'start',
        ...(id !== undefined && { messageId: id }),
        ...(metadata !== undefined && { messageMetadata: metadata }),
      };
      const shown = dialect.showEvents ? kept : [];
      state.take(content);
      return told([start, ...chunksOfParts(content, dialect.version), ...shown], state, dialect, {
        content,
        isPaused,
        rest,
      });
    },
  };
}

/** Goes on behind the decision of an action. */
export function continuation(actionId: string): Opening {
  return {
    open(first, state, dialect) {
      const { content, rest, isPaused, endedAs } = beginningOf(first);
      state.endedAs = endedAs;
      const pause = content.pauses?.find((one) => one.actionId === actionId);
      const parts = pause?.parts ?? content.begins ?? 0;
      const isOf = (part: UIMessagePart) =>
        fieldsOf(part.approval).id === approvalIdOf(actionId, String(part.toolCallId));
      const decided = chunksOfDecision(content, dialect.version, {
        parts,
        isOf,
        edited: pause?.edited ?? [],
      });
      state.take(content);
      const chunks = [{ type: 'start' }, ...decided, ...chunksOfParts(content, dialect.version, parts)];
      return told(chunks, state, dialect, { content, isPaused, rest });
    },
  };
}

/** A content, and the place it is true at. */
export interface Known {
  readonly content: UIMessageContent;
  readonly sequence: number;
  readonly isPaused: boolean;
}

/** Goes on behind a sequence. What the page has open is known once the place is reached at which the content is true. */
export function tail(after: number, { content, sequence, isPaused }: Known): Opening {
  const know = (state: PageState) => {
    state.take(content);
    state.knowsAll = true;
  };
  return {
    begin(state) {
      state.knowsAll = false;
      if (sequence > after) return;
      know(state);
      if (isPaused) state.pause = {};
    },
    open: (first) => ({ text: '', rest: first }),
    reach(event, state) {
      if (!state.knowsAll && event.sequence > sequence && event.attempt > 0) know(state);
    },
  };
}

interface Shown {
  readonly content: UIMessageContent;
  readonly isPaused: boolean;
  readonly rest: Batch | undefined;
}

function told(
  chunks: readonly UIChunk[],
  state: PageState,
  dialect: Dialect,
  { content, isPaused, rest }: Shown,
): { readonly text: string; readonly rest?: Batch } {
  const writer = new ChunkWriter(state, dialect);
  for (const chunk of chunks) writer.put(chunk);
  if (isPaused) state.pause = {};
  if (content.errorText !== undefined) {
    writer.close();
    writer.put({ type: 'error', errorText: content.errorText });
    writer.finish('error');
  }
  return { text: writer.text, ...(rest !== undefined && { rest }) };
}

interface Beginning {
  readonly content: UIMessageContent;
  readonly isPaused: boolean;
  readonly endedAs: PageState['endedAs'];
  /** The chunks of what stands under keys. */
  readonly kept: readonly UIChunk[];
  readonly rest: Batch | undefined;
}

/** A follower's first batch is a `sync`, or begins with `created`, which may name the message. */
function beginningOf(first: Batch): Beginning {
  const [event] = first.events;
  const said = fieldsOf(parsedJson(event?.data ?? 'null'));
  if (event?.event === 'sync') {
    // Without the content there would be a page with half an answer, that takes it for whole.
    if (!isUIMessage(said.content) && event.sequence > 1) {
      const message = 'The job has no content of a UI message: create it with contentModel: "ui-message".';
      throw new GenerationJobError('invalid_argument', message);
    }
    const content = isUIMessage(said.content) ? said.content : NOTHING;
    const entries = Array.isArray(said.kept) ? said.kept.filter(isObject) : [];
    const kept = entries.map((one) => ({
      type: `data-${one.event}`,
      data: one.data ?? null,
      transient: true,
    }));
    const endedAs = ENDS.find((status) => status === said.status);
    return { content, kept, isPaused: said.status === 'requires_action', endedAs, rest: undefined };
  }
  if (event?.event !== 'created') {
    const message = 'Follow an answer from its beginning, or with resume: true, for a page.';
    throw new GenerationJobError('invalid_cursor', message);
  }
  const content = uiMessageContent().fold(
    { ...NOTHING, parts: [] },
    { event: 'created', data: said, sequence: 1 },
  );
  return { content, kept: [], isPaused: false, endedAs: undefined, rest: first };
}

export function isUIMessage(content: unknown): content is UIMessageContent {
  return isObject(content) && content.role === 'assistant' && Array.isArray(content.parts);
}
