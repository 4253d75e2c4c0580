/**
 * How records, batches and snapshots are written in Redis, and read back. Each carries the number of its format; a reader that does
 * not know the number says so instead of guessing.
 *
 * A batch is a header line, `1 <generation> <attempt> <first> <last>`, then a line an event: name, `keep` key and data,
 * parted by tabs. JSON text holds neither a raw tab nor a line break, and names can't.
 */
import { GenerationJobError } from '../../errors.js';
import { isActive } from '../transitions.js';
import type {
  JobFailure,
  JobRecord,
  JobStatus,
  LogEvent,
  PendingAction,
  Resolution,
  SerialisedEvent,
  Settlement,
  Snapshot,
} from '../types.js';
import { RedisFields } from './redis-fields.js';
import { NEWEST_FORMAT, newerFormat } from './redis-format.js';

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
  if (!text.startsWith(BATCH_START)) throw unreadable('A batch', text.slice(0, text.indexOf(' ')));
  // In place: splitting the header takes several times as long as all the rest of a small frame.
  const attemptAt = text.indexOf(' ', BATCH_START.length) + 1;
  const firstAt = text.indexOf(' ', attemptAt) + 1;
  const lastAt = text.indexOf(' ', firstAt) + 1;
  const headerEnd = text.indexOf('\n', lastAt);
  const generation = Number(text.slice(BATCH_START.length, attemptAt - 1));
  const attempt = Number(text.slice(attemptAt, firstAt - 1));
  const firstSequence = Number(text.slice(firstAt, lastAt - 1));
  const lastSequence = Number(text.slice(lastAt, headerEnd));
  if (headerEnd === text.length - 1) return { generation, firstSequence, lastSequence, events: undefined };
  const events: LogEvent[] = [];
  let sequence = firstSequence;
  for (let at = headerEnd + 1; at < text.length; ) {
    const end = text.indexOf('\n', at);
    const nameEnd = text.indexOf('\t', at);
    const keepEnd = text.indexOf('\t', nameEnd + 1);
    // A damaged line must not send the search back to where it began: that would never end.
    if (nameEnd < at || keepEnd <= nameEnd || end < keepEnd)
      throw new GenerationJobError('internal', 'A batch is cut off.');
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
  return { generation, firstSequence, lastSequence, events };
}

/** A format is a small number. */
const LONGEST_FORMAT = 10;

/**
 * The events of a log's entry; none when it has been damaged, which leaves a hole in the log.
 * @throws GenerationJobError `internal` for the format of another release: what it holds is not lost
 */
export function decodeEntry(text: string): readonly LogEvent[] {
  const [format = ''] = text.slice(0, LONGEST_FORMAT).split(' ', 1);
  if (
    !text.startsWith(BATCH_START) &&
    format.length < LONGEST_FORMAT &&
    Number.isSafeInteger(Number(format)) &&
    format !== ''
  )
    throw unreadable('A batch', format);
  try {
    const { firstSequence, lastSequence, events = [] } = decodeBatch(text);
    return lastSequence === firstSequence + events.length - 1 ? events : [];
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
  metadata: Readonly<Record<string, string>>;
}): string[] {
  const flat = ['format', FORMAT, 'userId', record.userId, 'createId', record.createId];
  flat.push('lifecycle', '1', 'recoveries', '0', 'settlement', 'settled 0 0 0');
  for (const name of ['conversationId', 'contentModel', 'idempotencyKey'] as const) {
    const value = record[name];
    if (value !== undefined) flat.push(name, value);
  }
  flat.push('order', JSON.stringify(Object.keys(record.metadata)));
  for (const [key, text] of Object.entries(record.metadata)) flat.push(`m:${key}`, text);
  return flat;
}

const FENCE = /^(\d{1,16}) (\d{1,16}) (running|requires_action|completed|failed|aborted) (\d{1,16})$/;

/**
 * What can't be read of a record is left out, unless it says which generation this is and how far it is.
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
  if (!fence) throw new GenerationJobError('store_damaged', 'Redis has a record without its fence.');
  const status = fence[3] as JobStatus;
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
    createdAt: fields.number('createdAt') ?? 0,
    updatedAt: fields.number('updatedAt') ?? 0,
    endedAt: fields.number('endedAt'),
    lastSequence: Number(fence[4]),
    lifecycleEvents: fields.number('lifecycle') ?? 0,
    snapshotSequence: fields.number('snapshotSequence') ?? 0,
    leaseUntil: fields.number('leaseUntil'),
    leaseMs: decodeLease(fields.text('lease'), fence[2]),
    pendingAction: fields.json<PendingAction>('action', isAction),
    resumedAction: fields.json<PendingAction>('resumed', isAction),
    resolutions: fields.json<Resolution[]>('resolutions', Array.isArray) ?? [],
    error: fields.json<JobFailure>('error', ({ code }) => typeof code === 'string'),
    usage: fields.json<Record<string, number>>('usage', isUsage) ?? {},
    metadata: fields.values('m:', fields.json<string[]>('order', Array.isArray)),
    settlement: decodeSettlement(fields.text('settlement') ?? '', !isActive(status)),
  };
}

function isAction({ actionId, expiresAt, requests }: Partial<PendingAction>): boolean {
  return typeof actionId === 'string' && Number.isSafeInteger(expiresAt) && Array.isArray(requests);
}

function isUsage(usage: object): boolean {
  return !Array.isArray(usage) && Object.values(usage).every((value) => typeof value === 'number');
}

export function encodeSnapshot(snapshot: Snapshot): string {
  return JSON.stringify({ format: FORMAT, ...snapshot });
}

/**
 * The snapshot; null when it has been damaged.
 * @throws GenerationJobError `internal` for the format of another release: what it holds is not lost
 */
export function decodeSnapshot(text: string): Snapshot | null {
  let read: Partial<Snapshot & { format: string }> | null;
  try {
    read = JSON.parse(text);
  } catch {
    return null;
  }
  const { format, sequence, content, kept, missing } = read ?? {};
  if (typeof format === 'string' && format !== FORMAT) throw unreadable('A snapshot', format);
  const isWhole = Number.isSafeInteger(sequence) && typeof content === 'string' && Array.isArray(kept);
  if (format === undefined || !isWhole) return null;
  return { sequence: sequence as number, content, kept, ...(missing && { missing }) };
}

/** Nothing, when it is an earlier attempt's. */
function decodeLease(text: string | undefined, attempt: string | undefined): number | undefined {
  const [of, ms] = text?.split(' ') ?? [];
  const lease = Number(ms);
  return of !== undefined && of === attempt && Number.isSafeInteger(lease) && lease > 0 ? lease : undefined;
}

const SETTLEMENT = /^(\w+) (\d{1,16}) (\d{1,16}) (\d{1,16})(?: (\w+))?$/;

/** One that can’t be read is still to come: the host is called once too often rather than never. */
function decodeSettlement(text: string, hasEnded: boolean): Settlement {
  const [, state, revision = 0, tries = 0, notBefore = 0, mark] =
    (text.length <= 100 && SETTLEMENT.exec(text)) || [];
  const isOver = state === 'settled' || state === 'set_aside';
  return {
    state: isOver ? state : hasEnded ? 'open' : 'settled',
    revision: Number(revision),
    tries: Number(tries),
    notBefore: Number(notBefore),
    ...(mark === CLAIMED && { claimed: true }),
  };
}

export function unreadable(what: string, format: string | undefined): GenerationJobError {
  if (format !== undefined && Number(format) > NEWEST_FORMAT) return newerFormat(what, format);
  return new GenerationJobError(
    'internal',
    `${what} has format ${format ?? 'none'}, which this release can’t read.`,
  );
}
