/**
 * Records, batches and snapshots are written to Redis and read back here. Each carries the number of its format; a
 * reader that does not know the number says so instead of guessing.
 *
 * A batch is a header line, `1 <generation> <attempt> <first> <last>`, then a line an event: name, `keep` key and data,
 * parted by tabs. JSON text holds neither a raw tab nor a line break, and names can't.
 */
import { GenerationJobError } from '../../../errors.js';
import { isActive } from '../../model/transitions.js';
import type {
  ActionQuestion,
  ActionRequest,
  JobFailure,
  JobRecord,
  JobStatus,
  LogEvent,
  PendingAction,
  Resolution,
  SerialisedEvent,
  Settlement,
  Snapshot,
  UsageEntry,
} from '../../model/types.js';
import { parsed, RedisFields, wholeNumber } from './fields.js';
import { unreadable } from './formats.js';
import { decodeHandOver } from './hand-overs.js';
import { decodeInbox } from './inbox.js';
import { decodeNotes } from './notes.js';

const FORMAT = '1';
/** Behind a settlement's numbers, where releases that do not know it read nothing. */
const CLAIMED = 'claimed';
const BATCH_START = `${FORMAT} `;

export interface DecodedBatch {
  readonly generation: number;
  readonly firstSequence: number;
  readonly lastSequence: number;
  /** Undefined in a frame that was too large to carry them. */
  readonly events: readonly LogEvent[] | undefined;
}

export function encodeLine(event: SerialisedEvent): string {
  return `${event.event}\t${event.keep ?? ''}\t${event.data}\n`;
}

export function encodeLines(events: readonly LogEvent[]): string {
  let lines = '';
  for (const event of events) lines += encodeLine(event);
  return lines;
}

export function encodeBatch(generation: number, attempt: number, events: readonly LogEvent[]): string {
  const first = events[0]?.sequence ?? 0;
  return `${FORMAT} ${generation} ${attempt} ${first} ${first + events.length - 1}\n${encodeLines(events)}`;
}

/** @throws GenerationJobError `internal` for a format this release can't read */
export function decodeBatch(text: string): DecodedBatch {
  if (!text.startsWith(BATCH_START)) throw unreadable('A batch', otherFormat(firstWord(text)));
  // In place: splitting the header takes several times as long as all the rest of a small frame.
  const attemptAt = text.indexOf(' ', BATCH_START.length) + 1;
  const firstAt = text.indexOf(' ', attemptAt) + 1;
  const lastAt = text.indexOf(' ', firstAt) + 1;
  const headerEnd = text.indexOf('\n', lastAt);
  const generation = wholeAt(text, BATCH_START.length, attemptAt - 1);
  const attempt = wholeAt(text, attemptAt, firstAt - 1);
  const firstSequence = wholeAt(text, firstAt, lastAt - 1);
  const lastSequence = wholeAt(text, lastAt, headerEnd);
  if (headerEnd === text.length - 1) return { generation, firstSequence, lastSequence, events: undefined };
  const events: LogEvent[] = [];
  let sequence = firstSequence;
  for (let at = headerEnd + 1; at < text.length; ) {
    const end = text.indexOf('\n', at);
    const nameEnd = text.indexOf('\t', at);
    const keepEnd = text.indexOf('\t', nameEnd + 1);
    // A damaged line must not send the search back to where it began: that would never end.
    if (nameEnd < at || keepEnd <= nameEnd || end < keepEnd) throw damagedBatch();
    const keep = keepEnd === nameEnd + 1 ? undefined : text.slice(nameEnd + 1, keepEnd);
    events.push({
      event: text.slice(at, nameEnd),
      data: text.slice(keepEnd + 1, end),
      keep,
      sequence,
      attempt,
    });
    sequence++;
    at = end + 1;
  }
  if (sequence !== lastSequence + 1) throw damagedBatch();
  return { generation, firstSequence, lastSequence, events };
}

const DIGIT_0 = 48;

/** The whole number that the text has from `start` to `end`. @throws GenerationJobError `internal` where it has none */
function wholeAt(text: string, start: number, end: number): number {
  let number = end > start ? 0 : Number.NaN;
  for (let at = start; at < end; at++) {
    const digit = text.charCodeAt(at) - DIGIT_0;
    number = digit >= 0 && digit <= 9 ? number * 10 + digit : Number.NaN;
    if (!(number <= Number.MAX_SAFE_INTEGER)) throw damagedBatch();
  }
  if (Number.isNaN(number)) throw damagedBatch();
  return number;
}

function damagedBatch(): GenerationJobError {
  return new GenerationJobError('internal', 'A batch is damaged.');
}

/** A format is a small number. */
const LONGEST_FORMAT = 10;
const WHOLE = /^\d+$/;

function firstWord(text: string): string {
  const [word = ''] = text.slice(0, LONGEST_FORMAT).split(' ', 1);
  return word;
}

/** The word, if another release may have written it as its format; anything else in its place is damage. */
function otherFormat(word: unknown): string | undefined {
  if (typeof word !== 'string' || word === FORMAT) return undefined;
  return word.length < LONGEST_FORMAT && WHOLE.test(word) ? word : undefined;
}

/**
 * The events of a log's entry; none when it has been damaged, which leaves a hole in the log.
 * @throws GenerationJobError `internal` for the format of another release: what it holds is not lost
 */
export function decodeEntry(text: string): readonly LogEvent[] {
  const format = otherFormat(firstWord(text));
  if (format !== undefined) throw unreadable('A batch', format);
  try {
    return decodeBatch(text).events ?? [];
  } catch {
    return [];
  }
}

/** The fields a new record begins with; the script adds what only it knows. */
export function encodeNewRecord(record: {
  userId: string;
  createId: string;
  conversationId?: string | undefined;
  contentModel?: string | undefined;
  idempotencyKey?: string | undefined;
  replicaId?: string | undefined;
  waits?: JobRecord['waits'];
  start?: { readonly startId: string } | undefined;
  metadata: Readonly<Record<string, string>>;
}): string[] {
  const flat = ['format', FORMAT, 'userId', record.userId, 'createId', record.createId];
  flat.push('lifecycle', '1', 'recoveries', '0', 'settlement', 'settled 0 0 0');
  for (const name of ['conversationId', 'contentModel', 'idempotencyKey', 'waits'] as const) {
    const value = record[name];
    if (value !== undefined) flat.push(name, value);
  }
  if (record.start !== undefined) flat.push('start', record.start.startId);
  if (record.replicaId !== undefined) flat.push('replica', `1 ${record.replicaId}`);
  flat.push('order', JSON.stringify(Object.keys(record.metadata)));
  for (const [key, text] of Object.entries(record.metadata)) flat.push(`m:${key}`, text);
  return flat;
}

const WAITS = ['settled', 'left'] as const;
const FENCE = /^(\d{1,16}) (\d{1,16}) (running|requires_action|completed|failed|aborted) (\d{1,16})$/;

/**
 * Reads a record; what can't be read of it is left out, unless it says which generation this is and how far it is.
 * @throws GenerationJobError `internal` for a format this release can't read · `store_damaged`
 */
export function decodeRecord(
  flat: readonly string[],
  where: { streamId: string; tenantId: string | undefined },
): JobRecord {
  const fields = new RedisFields(flat);
  const format = fields.number('format');
  if (format !== undefined && `${format}` !== FORMAT) throw unreadable('A record', `${format}`);
  const stored = fields.text('fence') ?? '';
  const fence = stored.length <= 80 && FENCE.exec(stored);
  if (!fence || ![fence[1], fence[2], fence[4]].every(isSafe))
    throw new GenerationJobError('store_damaged', 'Redis has a record without its fence.');
  const status = fence[3] as JobStatus;
  const lastSequence = Number(fence[4]);
  const lifecycleEvents = fields.number('lifecycle') ?? 0;
  const resolutions = fields.json<Resolution[]>('resolutions', areResolutions) ?? [];
  return {
    streamId: where.streamId,
    tenantId: where.tenantId,
    generation: Number(fence[1]),
    attempt: Number(fence[2]),
    recoveries: fields.number('recoveries') ?? 0,
    status,
    userId: fields.text('userId') ?? '',
    conversationId: fields.text('conversationId'),
    contentModel: fields.text('contentModel'),
    idempotencyKey: fields.text('idempotencyKey'),
    createId: fields.text('createId') ?? '',
    fromQueue: fields.text('start') === undefined ? undefined : true,
    waits: WAITS.find((one) => one === fields.text('waits')),
    createdAt: fields.number('createdAt') ?? 0,
    updatedAt: fields.number('updatedAt') ?? 0,
    endedAt: fields.number('endedAt'),
    lastSequence,
    lifecycleEvents,
    snapshotSequence: fields.number('snapshotSequence') ?? 0,
    changes: fields.number('patches'),
    leaseUntil: fields.number('leaseUntil'),
    leaseMs: decodeLease(fields.text('lease'), fence[2]),
    replicaId: decodeReplica(fields.text('replica'), fence[2]),
    pendingAction: fields.json<PendingAction>('action', isAction),
    pauseNotice: status === 'requires_action' ? decodeNotice(fields.text('notice')) : undefined,
    resumedAction: fields.json<PendingAction>('resumed', isAction),
    handOver: decodeHandOver(fields, { status, lastSequence, lifecycleEvents, resolutions }),
    resolutions,
    error: fields.json<JobFailure>('error', ({ code }) => typeof code === 'string'),
    usage: fields.json<Record<string, number>>('usage', isUsage) ?? {},
    usageEntries: fields.json<UsageEntry[]>('usageEntries', areUsageEntries) ?? [],
    metadata: fields.values('m:', fields.json<string[]>('order', Array.isArray)),
    notes: decodeNotes(fields),
    ...decodeInbox(fields.text('inbox'), { status, attempt: Number(fence[2]) }),
    // One that can't be read says that there are some, and not how many.
    receipts: fields.text('receipts') === undefined ? undefined : (fields.number('receipts') ?? 0),
    ...decodeSettled(fields.text('rev'), fields.text('settlement'), status),
    producerLeft: fields.text('left') === '1' ? true : undefined,
  };
}

/** Reads the settlement of a record and, with the count of its other changes, the record's revision. */
export function decodeSettled(
  changes: string | undefined,
  stored: string | undefined,
  status: JobStatus,
): Pick<JobRecord, 'settlement' | 'revision'> {
  const settlement = decodeSettlement(stored ?? '', !isActive(status));
  return { settlement, revision: (wholeNumber(changes) ?? 0) + settlement.revision };
}

function isSafe(digits: string | undefined): boolean {
  return Number.isSafeInteger(Number(digits));
}

function isAction({ actionId, type, expiresAt, requests, questions }: Partial<PendingAction>): boolean {
  if (typeof actionId !== 'string' || typeof type !== 'string' || !Number.isSafeInteger(expiresAt))
    return false;
  return (
    isListOf<ActionRequest>(requests, (one) => isNamed(one) && Array.isArray(one.allowedDecisions)) &&
    isListOf<ActionQuestion>(questions, (one) => isNamed(one) && isListOf(one.options, () => true))
  );
}

function areResolutions(resolutions: unknown): boolean {
  return isListOf<Resolution>(resolutions, ({ actionId }) => typeof actionId === 'string');
}

/** Says whether it is a list of objects, each of which is as said. */
function isListOf<Item extends object>(list: unknown, isWhole: (item: Partial<Item>) => boolean): boolean {
  if (!Array.isArray(list)) return false;
  return list.every((item) => typeof item === 'object' && item !== null && isWhole(item));
}

function isNamed({ id }: { readonly id?: unknown }): boolean {
  return typeof id === 'string';
}

function isUsage(usage: object): boolean {
  return !Array.isArray(usage) && Object.values(usage).every((value) => typeof value === 'number');
}

const LABELS = ['kind', 'model', 'provider', 'agentId'] as const;

function areUsageEntries(entries: unknown): boolean {
  return isListOf<UsageEntry>(entries, ({ calls, usage, ...labels }) => {
    const isCounted = Number.isSafeInteger(calls) && typeof usage === 'object' && usage !== null;
    const isNamed = LABELS.every((name) => labels[name] === undefined || typeof labels[name] === 'string');
    return isCounted && isUsage(usage) && isNamed;
  });
}

export function encodeSnapshot(snapshot: Snapshot): string {
  return JSON.stringify({ format: FORMAT, ...snapshot });
}

/**
 * The snapshot; null when it has been damaged.
 * @throws GenerationJobError `internal` for the format of another release: what it holds is not lost
 */
export function decodeSnapshot(text: string): Snapshot | null {
  const { format, sequence, content, kept, missing } =
    (parsed(text) as Partial<Snapshot & { format: string }> | null | undefined) ?? {};
  const other = otherFormat(format);
  if (other !== undefined) throw unreadable('A snapshot', other);
  if (format !== FORMAT || !isPlace(sequence) || !isJson(content) || !isListOf(kept, isLogEvent)) return null;
  if (missing !== undefined && !(isPlace(missing.from) && isPlace(missing.to))) return null;
  return { sequence, content, kept: kept as readonly LogEvent[], ...(missing && { missing }) };
}

function isPlace(sequence: unknown): sequence is number {
  return Number.isSafeInteger(sequence) && (sequence as number) >= 0;
}

function isJson(text: unknown): text is string {
  return typeof text === 'string' && parsed(text) !== undefined;
}

function isLogEvent({ event, data, keep, sequence, attempt }: Partial<LogEvent>): boolean {
  const isTold =
    typeof event === 'string' && isJson(data) && (keep === undefined || typeof keep === 'string');
  return isTold && isPlace(sequence) && isPlace(attempt);
}

/** Nothing, when it is an earlier attempt's. */
function decodeLease(text: string | undefined, attempt: string | undefined): number | undefined {
  const [of, ms] = text?.split(' ') ?? [];
  const lease = Number(ms);
  return of !== undefined && of === attempt && Number.isSafeInteger(lease) && lease > 0 ? lease : undefined;
}

/** Nothing, when it is an earlier attempt's: a release that does not know the field leaves it when it takes over. */
function decodeReplica(text: string | undefined, attempt = ''): string | undefined {
  const name = text?.startsWith(`${attempt} `) ? text.slice(attempt.length + 1) : '';
  return name === '' ? undefined : name;
}

/** Nothing, where nobody has to be told. */
function decodeNotice(text: string | undefined): Settlement | undefined {
  return text === undefined ? undefined : decodeSettlement(text, true);
}

const LONGEST_SETTLEMENT = 100;
const STATE = /^[a-z][a-z_]*$/;

/**
 * One that can’t be read is still to come: the host is called once too often rather than never. The scripts read it in the
 * same way (redis-lua/include/settlement.lua): what only one of the two could read would be settled by nobody.
 */
function decodeSettlement(text: string, hasEnded: boolean): Settlement {
  const [state = '', ...rest] = text.length <= LONGEST_SETTLEMENT ? text.split(' ') : [];
  const isState = state.length <= LONGEST_SETTLEMENT && STATE.test(state);
  const [revision, tries, notBefore] = rest.slice(0, 3).map(wholeNumber);
  if (!isState || revision === undefined || tries === undefined || notBefore === undefined)
    return { state: hasEnded ? 'open' : 'settled', revision: 0, tries: 0, notBefore: 0 };
  const isOver = state === 'settled' || state === 'set_aside';
  return {
    state: isOver ? state : hasEnded ? 'open' : 'settled',
    ...{ revision, tries, notBefore },
    ...(rest.includes(CLAIMED, 3) && { claimed: true }),
  };
}
