/**
 * A user's feed as its readers see it: where each stream stands, told by events of which each carries the whole of it. What of a
 * record goes into a feed is said here, and nowhere else.
 */
import type { FeedEntry, StoredFeedEntry } from './feed-entry.js';
import type { Options } from './options.js';
import { isObject, parsedJson } from './plain-values.js';
import { parseQueuedRequest } from './queued-request.js';
import { type QueueState, waitingRuns } from './queued-run.js';
import { publicAction } from './resume-state.js';
import { isActive } from './transitions.js';
import type { JobRecord, JobStatus, Json, PublicAction } from './types.js';

/** The larger of an action stays out of the feed (UTF-16 units): 500 of them are read at once. */
const LARGEST_ACTION = 8 * 1024;
/** A longer title is none (UTF-16 units). */
const LARGEST_TITLE = 1024;
/** Nothing of a stream that is gone is newer. */
const GONE_COUNT = Number.MAX_SAFE_INTEGER;

/** A stream as a feed tells it: where its newest generation stands, and how many runs wait behind it. */
export interface FeedStream {
  /** The stream, of the user's tenant. */
  readonly streamId: string;
  /** The newest generation; 0 with the status `queued`. */
  readonly generation: number;
  /** Says where the generation stands; `queued` of a stream on which runs wait and nothing has begun. */
  readonly status: JobStatus | 'queued';
  /** The number of runs that wait for their turn on the stream; absent when none does. */
  readonly queued?: number | undefined;
  /** The time since when it has stood so, by the store's clock in milliseconds since 1970. */
  readonly at: number;
  /** The conversation it belongs to; absent when none was named. */
  readonly conversationId?: string | undefined;
  /** The data of the note that names it (`feedTitle`), of whichever generation; absent without one. */
  readonly title?: Json | undefined;
  /** Says of what has ended whether its user has seen it; false before. */
  readonly seen: boolean;
  /** The action it waits for, while it waits; of one that is too large for a feed only the first four below. */
  readonly action?: (FeedAction & Partial<PublicAction>) | undefined;
  /** True when `action` lacks what is asked: the stream's status has it. */
  readonly actionOmitted?: true | undefined;
  /** The action that was decided last, once one was. */
  readonly decided?: { readonly actionId: string; readonly by?: string | undefined } | undefined;
  /** Says why it failed or was aborted, by the code in its end. */
  readonly code?: string | undefined;
}

/** The part of an action that every feed has. */
export type FeedAction = Pick<PublicAction, 'actionId' | 'type' | 'askedAt' | 'expiresAt'>;

/** The events of a feed, by name. Each but the first and the last has all there is of one stream. */
export interface FeedPayloads {
  /** All that is active, waiting, or has ended unseen: it takes the place of whatever was known. */
  readonly sync: { readonly streams: readonly FeedStream[]; readonly now: number };
  /** A generation runs. */
  readonly started: FeedStream;
  /** It waits for a person. */
  readonly waiting: FeedStream;
  /** It was decided, and runs. */
  readonly decided: FeedStream;
  /** It has ended. */
  readonly ended: FeedStream;
  /** The number of runs that wait on it has changed, and no state of a generation. */
  readonly queued: FeedStream;
  /** Its title has changed, and nothing else. */
  readonly renamed: FeedStream;
  /** Its end has been seen. */
  readonly seen: FeedStream;
  /** The stream was deleted. */
  readonly removed: { readonly streamId: string };
}

export type FeedEvent = {
  [Name in keyof FeedPayloads]: {
    /** Send it back as `after` to go on from here. */
    readonly cursor: string;
    /** The name of the event. */
    readonly event: Name;
    /** Holds what the event tells: `FeedPayloads`. */
    readonly data: FeedPayloads[Name];
  };
}[keyof FeedPayloads];

/** An event before it has its place. */
export interface FeedNews {
  readonly number: number;
  readonly event: keyof FeedPayloads;
  readonly data: object;
}

type FeedState = Omit<FeedStream, 'streamId' | 'generation' | 'title' | 'seen' | 'queued'>;

/** Returns the entry of a record; of a generation that another has replaced there is none: the newer one implies it. */
export function entryOf(record: JobRecord, { feedTitle }: Pick<Options, 'feedTitle'>): FeedEntry | undefined {
  if (isReplaced(record)) return undefined;
  const title = titleOf(record, feedTitle);
  return {
    streamId: record.streamId,
    generation: record.generation,
    count: record.lifecycleEvents,
    kind: isActive(record.status) ? 'active' : 'ended',
    state: JSON.stringify(stateOf(record)),
    ...(title && { title }),
  };
}

/** Returns the entry of a record whose title was written: of a generation that another has replaced, the title alone. */
export function entryOfTitled(record: JobRecord, options: Pick<Options, 'feedTitle'>): FeedEntry | undefined {
  const title = isReplaced(record) ? titleOf(record, options.feedTitle) : undefined;
  if (title === undefined) return entryOf(record, options);
  const { streamId, generation } = record;
  return { streamId, generation, count: 0, kind: 'ended', state: '{}', title, ifKnown: true };
}

/** Returns the entry that says that a stream is gone, of which this was the newest generation. */
export function entryOfRemoved(streamId: string, generation: number): FeedEntry {
  return { streamId, generation, count: GONE_COUNT, kind: 'removed', state: '{}' };
}

/**
 * Returns the entry that says how many runs wait on a stream. Where nothing else is known of it, they are its state; where none
 * waits, it is told only to a feed that knows the stream.
 */
export function entryOfQueue(streamId: string, queue: QueueState): FeedEntry {
  const [first, ...others] = waitingRuns(queue);
  const entry = { streamId, generation: 0, count: 0, kind: 'active' } as const;
  const { revision } = queue;
  if (first === undefined) return { ...entry, state: '{}', queue: { revision, text: '' }, ifKnown: true };
  const request = parseQueuedRequest(first.request);
  const conversationId = typeof request === 'object' ? request.conversationId : undefined;
  const state = {
    status: 'queued',
    at: first.queuedAt,
    ...(conversationId !== undefined && { conversationId }),
  } satisfies FeedState;
  const text = JSON.stringify(1 + others.length);
  return { ...entry, state: JSON.stringify(state), queue: { revision, text } };
}

/**
 * Returns the entry that says that a stream is gone of which nothing is kept: whichever generation the feed knows, unless it began
 * after the store's time `at`, when somebody looked.
 */
export function entryOfRemains(streamId: string, at: number): FeedEntry {
  return { ...entryOfRemoved(streamId, 0), ifKnown: true, upTo: at };
}

/** Says whether one version of a stream is newer than another. */
export function isNewerVersion(
  one: Pick<FeedEntry, 'generation' | 'count'>,
  other: Pick<FeedEntry, 'generation' | 'count'>,
): boolean {
  if (one.generation !== other.generation) return one.generation > other.generation;
  return one.count > other.count;
}

/** A job may fail with a code of the host's own, which says nothing of another generation. */
function isReplaced({ status, error }: JobRecord): boolean {
  return status === 'aborted' && error?.code === 'replaced';
}

function titleOf({ notes }: JobRecord, feedTitle: string): FeedEntry['title'] {
  const note = notes.find(({ key }) => key === feedTitle);
  const text = note && JSON.stringify(note.data);
  return note && text && text.length <= LARGEST_TITLE ? { revision: note.revision, text } : undefined;
}

function stateOf(record: JobRecord): FeedState {
  const { status, conversationId, resolutions, error, pendingAction: action } = record;
  const decided = resolutions.findLast(({ outcome }) => outcome === 'decided');
  return {
    status,
    at: action?.askedAt ?? record.endedAt ?? decided?.at ?? record.createdAt,
    ...(conversationId !== undefined && { conversationId }),
    ...(action && shownAction(publicAction(action))),
    ...(decided && { decided: { actionId: decided.actionId, by: decided.by } }),
    ...(error && { code: error.code }),
  };
}

function shownAction(action: PublicAction): Pick<FeedState, 'action' | 'actionOmitted'> {
  if (JSON.stringify(action).length <= LARGEST_ACTION) return { action };
  const { actionId, type, askedAt, expiresAt } = action;
  return { action: { actionId, type, askedAt, expiresAt }, actionOmitted: true };
}

/** Returns the stream as an entry tells it; undefined for an entry that can't be read, or a stream that is gone. */
export function streamOf(
  entry: Pick<StoredFeedEntry, 'streamId' | 'generation' | 'kind' | 'isSeen' | 'state' | 'title' | 'queue'>,
): FeedStream | undefined {
  const { streamId, generation, kind, isSeen, title } = entry;
  const state = parsedJson(entry.state) as Partial<FeedState> | null | undefined;
  if (kind === 'removed' || typeof state?.status !== 'string' || typeof state.at !== 'number')
    return undefined;
  const named = title === undefined ? undefined : (parsedJson(title) as Json | undefined);
  const queued = queuedIn(entry);
  const isQueue = state.status === 'queued';
  if (isQueue && queued === 0) return undefined;
  return {
    ...(state as FeedState),
    ...{ streamId, generation: isQueue ? 0 : generation, seen: isSeen },
    ...(named !== undefined && named !== null && { title: named }),
    ...(queued > 0 && { queued }),
  };
}

/** Returns how many runs wait on a stream, by its entry. */
export function queuedIn({ queue }: Pick<StoredFeedEntry, 'queue'>): number {
  const queued = queue === undefined ? 0 : parsedJson(queue);
  return typeof queued === 'number' && queued > 0 ? queued : 0;
}

/** Says whether an entry has the state of a queue, and nothing of a generation. */
export function isQueueAlone({ kind, state }: Pick<StoredFeedEntry, 'kind' | 'state'>): boolean {
  const read = kind === 'active' ? parsedJson(state) : undefined;
  return isObject(read) && read.status === 'queued';
}

/** Returns what an entry tells a reader at a place; undefined for one that can't be read. */
export function newsOf(entry: StoredFeedEntry, place: number): FeedNews | undefined {
  const { number, stateNumber, titleNumber, queueNumber, streamId, kind } = entry;
  const isEmptied = isQueueAlone(entry) && queuedIn(entry) === 0;
  if (kind === 'removed' || isEmptied) return { number, event: 'removed', data: { streamId } };
  const stream = streamOf(entry);
  if (stream === undefined) return undefined;
  if (stateNumber > place) return { number, event: nameOf(stream), data: stream };
  if (queueNumber > place) return { number, event: 'queued', data: stream };
  return { number, event: titleNumber > place ? 'renamed' : 'seen', data: stream };
}

function nameOf({ status, decided }: FeedStream): 'started' | 'waiting' | 'decided' | 'ended' | 'queued' {
  if (status === 'queued') return status;
  if (!isActive(status)) return 'ended';
  if (status === 'requires_action') return 'waiting';
  return decided ? 'decided' : 'started';
}
