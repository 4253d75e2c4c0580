/**
 * Events tell enough of the generation that is followed to show it, to stop it, and to decide what it asks. Its
 * content is folded on in the page from where a `sync` left it, by the same model as the server's and by the rules of the
 * server's own fold, so both come to the same.
 */
import type { Cursor } from '../stream/model/cursor.js';
import type { InboxMessage } from '../stream/model/inbox-message.js';
import type { FollowerPayloads } from '../stream/model/lifecycle-payloads.js';
import type { JobStatus, PublicAction } from '../stream/model/types.js';
import { reportUncaught } from './uncaught.js';

/** The generation that is followed, as far as its events have come. */
export interface FollowedGeneration<Content = unknown> {
  /** The generation; undefined before the first event. */
  readonly generation: number | undefined;
  /** The status; undefined before the first event, and after a `gap` until the `sync`. */
  readonly status: JobStatus | undefined;
  /** The action that waits for a decision; null when none does. */
  readonly pendingAction: PublicAction | null;
  /** The messages that wait for the producer, oldest first. Behind the end, those that never took effect. */
  readonly inbox: readonly InboxMessage[];
  /** The run that is followed by its queue id, while it waits, and where it was handed back or cancelled; undefined otherwise. */
  readonly queued: FollowerPayloads['queued'] | undefined;
  /** The data of the end; undefined before it. */
  readonly end: unknown;
  /**
   * The content; undefined without a content model, and while events are missing. The model may change it in place: copy
   * it to keep it.
   */
  readonly content: Content | undefined;
}

/** The part of a content model that folds; every `ContentModel` has it. */
export interface ContentFold<Content = unknown> {
  /** Returns the content before the first event, a new object each time. */
  initial(): Content;
  /** Returns the content after one more event; it may change what it is given. */
  fold(
    content: Content,
    event: { readonly event: string; readonly data: unknown; readonly sequence: number },
  ): Content;
  /** Returns what is left when another producer starts the answer over. Default: `initial()`. */
  restart?(content: Content): Content;
}

type Fields = Readonly<Record<string, unknown>>;

/** Nobody knows anything yet, or events are missing that only a `sync` can make up for. */
export const NOTHING_KNOWN: FollowedGeneration = {
  generation: undefined,
  status: undefined,
  pendingAction: null,
  inbox: [],
  queued: undefined,
  end: undefined,
  content: undefined,
};

/** Says whether an event or a status of this name is the end of its generation. */
export function isEnd(name: string | undefined): boolean {
  return name === 'completed' || name === 'failed' || name === 'aborted';
}

/** Returns what is known after an event of the log, or a `sync`, at its place. */
export function generationAfter(
  before: FollowedGeneration,
  model: ContentFold | undefined,
  { event, data, generation, sequence }: Cursor & { readonly event: string; readonly data: unknown },
): FollowedGeneration {
  const fields = (data ?? {}) as Fields;
  if (event === 'sync') return { ...NOTHING_KNOWN, ...knownBy(fields), generation };
  const { content } = before;
  return {
    ...before,
    ...changeBy(event, fields, before.status),
    inbox: inboxAfter(before.inbox, event, fields),
    queued: undefined,
    generation,
    // A model that fails is the host's to mend: without the event the content would be another.
    content: model && !isEnd(event) ? contentAfter(content, model, { event, data, sequence }) : content,
  };
}

/** Returns what waits after an event of the log; what has changed without one comes as the event `inbox`. */
export function inboxAfter(
  before: readonly InboxMessage[],
  event: string,
  { messages, messageId }: Fields,
): readonly InboxMessage[] {
  if (event === 'inbox' && Array.isArray(messages)) return messages;
  if (event === 'created') return [];
  return event === 'message' ? before.filter((one) => one.messageId !== messageId) : before;
}

function knownBy({ status, pendingAction, end, content, inbox, unsent }: Fields) {
  const waits = isEnd(status as string) ? (unsent ?? inbox) : inbox;
  return {
    inbox: (waits ?? []) as readonly InboxMessage[], // a server of the release before has none
    status: status as JobStatus,
    pendingAction: (pendingAction ?? null) as PublicAction | null,
    end: end ?? undefined,
    // A copy, since a fold may change it and the event is the host's.
    content: structuredClone(content ?? undefined),
  };
}

function changeBy(event: string, data: Fields, status: JobStatus = 'running'): Partial<FollowedGeneration> {
  switch (event) {
    case 'created':
    case 'resumed':
    case 'recovered':
      return { status: 'running', pendingAction: null, end: undefined };
    case 'requires_action':
      return { status: event, pendingAction: (data.action ?? null) as PublicAction | null };
    default:
      return isEnd(event) ? { status: event as JobStatus, pendingAction: null, end: data } : { status };
  }
}

/** Undefined while nobody knows what came before. */
function contentAfter(
  before: unknown,
  model: ContentFold,
  event: { readonly event: string; readonly data: unknown; readonly sequence: number },
): unknown {
  try {
    const content = event.event === 'created' ? model.initial() : before;
    if (content === undefined) return undefined;
    const isRestart =
      event.event === 'recovered' && (event.data as { readonly restart?: unknown } | null)?.restart === true;
    return model.fold(isRestart ? (model.restart?.(content) ?? model.initial()) : content, event);
  } catch (error) {
    reportUncaught(error);
    return undefined;
  }
}
