/**
 * A reader's request says where it begins, and how. `Last-Event-ID` wins over `?after=`: a browser that reconnects
 * sends the one it has read up to to the address it began with. Clients that can't set headers have other names for it.
 */
import { GenerationJobError } from '../errors.js';
import type { SubscribeOptions } from '../stream/interfaces/manager-types.js';
import { parseCursor, parsePlace } from '../stream/model/cursor.js';
import type { RouteRequest } from './route-types.js';

/** A heartbeat comes in one of two ways: a comment is for proxies, an event is seen by the page as well. */
export type Heartbeat = 'comment' | 'event';

export interface StreamQuery {
  readonly from: Pick<
    SubscribeOptions,
    'after' | 'generation' | 'follow' | 'resume' | 'settled' | 'notes' | 'queueId'
  >;
  readonly heartbeat: Heartbeat;
}

/** The longest id of a run that waits. */
const LONGEST_QUEUE_ID = 128;

/** These mean `after`, by its own name and those of polyfills of EventSource; the first that is there counts. */
const NAMES_OF_AFTER = ['after', 'lastEventId', 'last_event_id'];

/**
 * Reads where a follower begins.
 * @throws GenerationJobError `invalid_cursor`, or `invalid_argument` naming the parameter
 */
export function streamQueryOf(request: RouteRequest): StreamQuery {
  const { query } = request;
  const lastEventId = request.header('last-event-id');
  const after = afterOf(request);
  if (after !== undefined && (after !== 'tail' || lastEventId !== undefined)) parseCursor(after);
  const generation = generationOf(query.get('generation'));
  const follow = oneOf(query, 'follow', ['generation', 'stream']);
  const resume = oneOf(query, 'resume', ['true', 'false']);
  const settled = oneOf(query, 'settled', ['true', 'false']);
  const notes = revisionOf(query.get('notes'));
  const queueId = queueIdOf(query.get('queue'));
  // A cursor names its generation: what the address said first no longer counts.
  const hasCursor = after !== undefined && after !== 'tail';
  const place =
    queueId !== undefined && !hasCursor
      ? { queueId }
      : {
          ...(after !== undefined && { after }),
          ...(generation !== undefined && !hasCursor && { generation }),
          ...(notes !== undefined && { notes }),
        };
  const from = {
    ...place,
    ...(follow !== undefined && { follow }),
    ...(resume === 'true' && { resume: true }),
    ...(settled === 'true' && { settled: true }),
  };
  return { from, heartbeat: oneOf(query, 'heartbeat', ['comment', 'event']) ?? 'comment' };
}

/**
 * Reads where a reader of a feed begins.
 * @throws GenerationJobError `invalid_cursor`, or `invalid_argument` naming the parameter
 */
export function feedQueryOf(request: RouteRequest): {
  readonly after: string | undefined;
  readonly heartbeat: Heartbeat;
} {
  const after = afterOf(request);
  if (after !== undefined) parsePlace(after);
  return { after, heartbeat: oneOf(request.query, 'heartbeat', ['comment', 'event']) ?? 'comment' };
}

function afterOf(request: RouteRequest): string | undefined {
  const named = NAMES_OF_AFTER.find((name) => request.query.has(name));
  return request.header('last-event-id') ?? (named && request.query.get(named)) ?? undefined;
}

/** A generation is written as in a cursor. */
function generationOf(text: string | null): number | undefined {
  if (text === null) return undefined;
  try {
    return parseCursor(`${text}-0`).generation || refuse('generation');
  } catch {
    return refuse('generation');
  }
}

function queueIdOf(text: string | null): string | undefined {
  if (text === null) return undefined;
  return text !== '' && text.length <= LONGEST_QUEUE_ID ? text : refuse('queue');
}

/** A revision is written as the sequence of a cursor. */
function revisionOf(text: string | null): number | undefined {
  if (text === null) return undefined;
  try {
    return parseCursor(`1-${text}`).sequence;
  } catch {
    return refuse('notes');
  }
}

/** Reads a parameter of a few values; undefined when it is not there. @throws GenerationJobError `invalid_argument` naming it */
export function oneOf<Value extends string>(
  query: URLSearchParams,
  name: string,
  values: readonly Value[],
): Value | undefined {
  const given = query.get(name);
  if (given === null) return undefined;
  return values.find((value) => value === given) ?? refuse(name);
}

function refuse(name: string): never {
  throw new GenerationJobError('invalid_argument', `?${name}= has no such value.`);
}
