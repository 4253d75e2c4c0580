/**
 * The request of a create that waits, as the text that a store keeps. Its metadata is sealed already where there is a seal, for the
 * generation that it will become. A form that this release does not know is left to a newer one.
 */
import { isObject, parsedJson } from './plain-values.js';
import type { QueuedRun, ReturnedRun, StoredQueuedRun } from './queued-run.js';
import type { JobRecord, Json, SerialisedEvent, StreamKey } from './types.js';

/** The form of the text. A release that can't do without something new in it needs another one. */
const FORMAT = 1;

export interface QueuedRequest {
  readonly conversationId?: string | undefined;
  readonly contentModel?: string | undefined;
  /** Values as JSON text. */
  readonly metadata: Readonly<Record<string, string>>;
  readonly created: SerialisedEvent;
  readonly waits?: JobRecord['waits'];
  readonly merge: boolean;
}

export function serialiseQueuedRequest({ created, ...request }: QueuedRequest): string {
  return JSON.stringify({ format: FORMAT, ...request, created: created.data });
}

/** Returns the request in a text: `newer` for one of a later release, undefined for what is none. */
export function parseQueuedRequest(text: string): QueuedRequest | 'newer' | undefined {
  const given = parsedJson(text);
  if (!isObject(given)) return undefined;
  const { format, conversationId, contentModel, metadata, created, waits, merge } = given;
  if (typeof format === 'number' && format > FORMAT) return 'newer';
  const isWhole =
    format === FORMAT &&
    isTextOrAbsent(conversationId) &&
    isTextOrAbsent(contentModel) &&
    isMetadata(metadata) &&
    isJsonLine(created) &&
    (waits === undefined || waits === 'settled' || waits === 'left') &&
    typeof merge === 'boolean';
  if (!isWhole) return undefined;
  return {
    conversationId,
    contentModel,
    metadata,
    created: { event: 'created', data: created },
    waits,
    merge,
  };
}

/** Returns the payload that a `created` event carries for the host; undefined when there is none, or it can't be read. */
export function createdPayloadOf({ data }: Pick<SerialisedEvent, 'data'>): Json | undefined {
  const parsed = parsedJson(data);
  return isObject(parsed) ? ((parsed.created ?? undefined) as Json | undefined) : undefined;
}

/** Returns a run as its user sees it. @param position its place among those that wait, from 1 */
export function queuedRunOf(key: StreamKey, run: StoredQueuedRun, position: number): QueuedRun {
  return { ...shownOf(key, run), position };
}

/** Returns a run that was handed back as its user sees it. */
export function returnedRunOf(
  key: StreamKey,
  run: StoredQueuedRun,
  reason: ReturnedRun['reason'],
): ReturnedRun {
  return { ...shownOf(key, run), reason };
}

function shownOf({ streamId }: StreamKey, run: StoredQueuedRun): Omit<QueuedRun, 'position'> {
  const { queueId, queuedAt, expiresAt } = run;
  const request = parseQueuedRequest(run.request);
  const known = typeof request === 'object' ? request : undefined;
  const created = known && createdPayloadOf(known.created);
  return {
    ...{ queueId, streamId, queuedAt, expiresAt },
    ...(known?.conversationId !== undefined && { conversationId: known.conversationId }),
    ...(created !== undefined && { created }),
  };
}

function isTextOrAbsent(value: unknown): value is string | undefined {
  return value === undefined || typeof value === 'string';
}

function isMetadata(value: unknown): value is Readonly<Record<string, string>> {
  return isObject(value) && Object.values(value).every(isJsonLine);
}

/** Says whether it is the JSON text of something, as it goes into a line of a log. */
function isJsonLine(value: unknown): value is string {
  return typeof value === 'string' && !value.includes('\n') && parsedJson(value) !== undefined;
}
