/**
 * Answers a page of the AI SDK with a job: as a reply for routes of this package, and as a response for hosts with routes of
 * their own. Sockets, back-pressure, stalls and keep-alives are those of the library's own stream.
 */
import { GenerationJobError, isGenerationJobError } from '../errors.js';
import { STREAM_HEADERS } from '../http/replies.js';
import type { Reply, ReplyHeaders } from '../http/route-types.js';
import { type SessionContext, SseSession } from '../http/sse-session.js';
import type { BatchReader } from '../stream/interfaces/batch-reader.js';
import type { GenerationJobManager } from '../stream/interfaces/generation-job-manager.js';
import { parseCursor } from '../stream/model/cursor.js';
import type { PublicState } from '../stream/model/lifecycle-payloads.js';
import { parsedJson } from '../stream/model/plain-values.js';
import { isActive } from '../stream/model/transitions.js';
import type { Batch } from '../stream/model/types.js';
import { type Internals, internalsOf } from '../stream/process/internals.js';
import type { Dialect } from './chunk-writer.js';
import { continuation, isUIMessage, type Opening, replay, tail } from './opening.js';
import type { UIVersion } from './ui-chunk.js';
import { dialectOf } from './ui-options.js';
import { UIWire } from './ui-wire.js';

/** The headers of a UI message stream: those of the AI SDK, and those that keep it out of caches. */
export const UI_STREAM_HEADERS: ReplyHeaders = {
  ...STREAM_HEADERS,
  'content-type': 'text/event-stream',
  'x-vercel-ai-ui-message-stream': 'v1',
};

export interface UIReplyOptions {
  /** Names whose stream it must be. */
  readonly access: { readonly userId?: string | undefined; readonly tenantId?: string | undefined };
  readonly generation?: number | undefined;
  /** Default 6. */
  readonly version?: UIVersion | undefined;
  readonly messageId?: string | undefined;
  readonly showEvents?: boolean | undefined;
  readonly cursors?: boolean | undefined;
  /** Goes on behind this cursor, without `start`: for a page that has what is before. */
  readonly after?: string | undefined;
  /** Goes on behind the decision of this action, with a `start` that names no message. */
  readonly continuation?: { readonly actionId: string } | undefined;
  /** Says what is told of a generation that has ended and is settled: nothing, by default. */
  readonly ended?: 'replay' | undefined;
  /** The sessions of a router share it. */
  readonly sessions: SessionContext;
  /** Asks again whether the reader may read. Default: yes. */
  readonly mayRead?: (() => Promise<boolean>) | undefined;
}

/**
 * Makes the reply of a job to a page; null when there is nothing to resume: no such stream for the caller, an end that is
 * settled, or nothing behind the cursor.
 * @throws GenerationJobError `draining`, `unavailable`, `capacity_exceeded` · `invalid_cursor` for one that can't be served
 */
export async function uiReplyFor(
  manager: GenerationJobManager,
  streamId: string,
  options: UIReplyOptions,
): Promise<Reply | null> {
  const internals = internalsOf(manager);
  try {
    return options.after === undefined
      ? await replyFromContent(internals, streamId, options)
      : await replyFromCursor(manager, internals, streamId, { ...options, after: options.after });
  } catch (error) {
    if (isGenerationJobError(error, 'stream_not_found')) return null;
    throw error;
  }
}

async function replyFromContent(
  internals: Internals,
  streamId: string,
  options: UIReplyOptions,
): Promise<Reply | null> {
  const { access, generation, messageId, continuation: decided, ended } = options;
  const reader = internals.follow(streamId, {
    ...access,
    resume: true,
    ...(generation !== undefined && { generation }),
  });
  await reader.ready;
  const first = reader.read();
  const state = stateIn(first);
  const isOver = state !== undefined && !isActive(state.status) && state.settlement === 'settled';
  if (reader.closedBy === 'draining')
    throw new GenerationJobError('draining', 'This replica takes its leave.');
  if (first === null || (isOver && ended === undefined)) {
    reader.detach('left');
    return null;
  }
  const opening = decided === undefined ? replay(messageId) : continuation(decided.actionId);
  return streamReply(withFirst(reader, first), opening, options);
}

async function replyFromCursor(
  manager: GenerationJobManager,
  internals: Internals,
  streamId: string,
  options: UIReplyOptions & { readonly after: string },
): Promise<Reply | null> {
  const { access, after } = options;
  const { generation, sequence } = parseCursor(after);
  const reader = internals.follow(streamId, { ...access, after });
  await reader.ready;
  if (reader.closedBy === 'ended') return null;
  const first = reader.read();
  const [event] = first?.events ?? [];
  if (event?.event === 'sync' || event?.event === 'gap') {
    reader.detach('left');
    throw new GenerationJobError('invalid_cursor', 'What follows the cursor is not kept any more.');
  }
  const state = await manager.getPublicState(streamId, { ...access, generation });
  const place = state === null ? undefined : parseCursor(state.cursor).sequence;
  const content = isUIMessage(state?.content) ? state.content : undefined;
  const known = { content: content ?? { role: 'assistant' as const, parts: [] } };
  const opening = tail(sequence, {
    ...known,
    sequence: place ?? Number.MAX_SAFE_INTEGER,
    isPaused: state?.status === 'requires_action',
  });
  return streamReply(first === null ? reader : withFirst(reader, first), opening, options);
}

function stateIn(batch: Batch | null): PublicState | undefined {
  const [event] = batch?.events ?? [];
  return event?.event === 'sync' ? (parsedJson(event.data) as PublicState) : undefined;
}

function streamReply(reader: BatchReader, opening: Opening, options: UIReplyOptions): Reply {
  const {
    version = 6,
    showEvents = false,
    cursors = false,
    sessions,
    mayRead,
    continuation: decided,
  } = options;
  const dialect = dialectOf({ version, showEvents, cursors }, decided !== undefined);
  return uiReply(reader, { dialect, opening, sessions, mayRead });
}

export interface UIReplyParts {
  readonly dialect: Dialect;
  readonly opening: Opening;
  readonly sessions: SessionContext;
  readonly mayRead?: (() => Promise<boolean>) | undefined;
  readonly headers?: ReplyHeaders;
}

/** Makes a reply of what a reader has. */
export function uiReply(
  reader: BatchReader,
  { dialect, opening, sessions, mayRead = async () => true, headers }: UIReplyParts,
): Reply {
  const wire = new UIWire(dialect, opening, sessions.onError);
  reader.ready.catch((error: unknown) => {
    wire.failure = error;
  });
  return {
    kind: 'stream',
    status: 200,
    headers: { ...UI_STREAM_HEADERS, ...headers },
    begin: (sink) => new SseSession(reader, sink, sessions, mayRead, wire).start(),
  };
}

/** Puts back what was read of a reader to look at it. */
function withFirst(reader: BatchReader, first: Batch): BatchReader {
  let ahead: Batch | null = first;
  return {
    ready: reader.ready,
    get onReadable() {
      return reader.onReadable;
    },
    set onReadable(listener) {
      reader.onReadable = listener;
    },
    get closedBy() {
      return ahead === null ? reader.closedBy : undefined;
    },
    get isCaughtUp() {
      return ahead === null && reader.isCaughtUp;
    },
    get cursor() {
      return reader.cursor;
    },
    read() {
      if (ahead === null) return reader.read();
      const batch = ahead;
      ahead = null;
      return batch;
    },
    detach: (reason) => reader.detach(reason),
  };
}
