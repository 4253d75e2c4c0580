/**
 * How records, batches and snapshots are written in Redis, and read back. Each carries the number of its format; a reader that does
 * not know the number says so instead of guessing.
 *
 * A batch is a header line, `1 <generation> <attempt> <first> <last>`, then a line an event: name, `keep` key and data,
 * parted by tabs. JSON text holds neither a raw tab nor a line break, and names can't.
 */
import { GenerationJobError } from '../../errors.js';
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

/**
 * The events of a log's entry; none when it has been damaged, which leaves a hole in the log.
 * @throws GenerationJobError `internal` for the format of another release: what it holds is not lost
 */
export function decodeEntry(text: string): readonly LogEvent[] {
  if (!text.startsWith(BATCH_START) && /^\d{1,9} /.test(text))
    throw unreadable('A batch', text.split(' ', 1)[0]);
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

/** @throws GenerationJobError `internal` for a format this release can't read */
export function decodeRecord(
  flat: readonly string[],
  where: { streamId: string; tenantId: string | undefined },
): JobRecord {
  const fields = new Map<string, string>();
  const metadata: [string, unknown][] = [];
  for (let index = 0; index < flat.length; index += 2) {
    const field = flat[index] as string;
    const value = flat[index + 1] as string;
    if (field.startsWith('m:')) metadata.push([field.slice(2), JSON.parse(value)]);
    else fields.set(field, value);
  }
  if (fields.get('format') !== FORMAT) throw unreadable('A record', fields.get('format'));
  const [generation, attempt, status, lastSequence] = (fields.get('fence') ?? '').split(' ');
  const number = (name: string) => Number(fields.get(name) ?? 0);
  const optional = (name: string) => (fields.has(name) ? number(name) : undefined);
  const json = <Value>(name: string): Value | undefined => {
    const text = fields.get(name);
    return text === undefined ? undefined : (JSON.parse(text) as Value);
  };
  return {
    streamId: where.streamId,
    tenantId: where.tenantId,
    generation: Number(generation),
    attempt: Number(attempt),
    recoveries: number('recoveries'),
    status: status as JobStatus,
    userId: fields.get('userId') ?? '',
    conversationId: fields.get('conversationId'),
    contentModel: fields.get('contentModel'),
    idempotencyKey: fields.get('idempotencyKey'),
    createId: fields.get('createId') ?? '',
    createdAt: number('createdAt'),
    updatedAt: number('updatedAt'),
    endedAt: optional('endedAt'),
    lastSequence: Number(lastSequence),
    lifecycleEvents: number('lifecycle'),
    snapshotSequence: number('snapshotSequence'),
    leaseUntil: optional('leaseUntil'),
    leaseMs: decodeLease(fields.get('lease'), attempt),
    pendingAction: json<PendingAction>('action'),
    resumedAction: json<PendingAction>('resumed'),
    resolutions: json<Resolution[]>('resolutions') ?? [],
    error: json<JobFailure>('error'),
    usage: json<Record<string, number>>('usage') ?? {},
    metadata: Object.fromEntries(inOrder(metadata, json<string[]>('order'))),
    settlement: decodeSettlement(fields.get('settlement') ?? ''),
  };
}

/** Fields of a hash come in any order. Keys that it doesn’t name are of a release that kept no order: they go last. */
function inOrder(
  metadata: readonly [string, unknown][],
  order: readonly string[] | undefined,
): readonly [string, unknown][] {
  if (order === undefined) return metadata;
  const places = new Map(order.map((key, place) => [key, place]));
  const placeOf = ([key]: [string, unknown]) => places.get(key) ?? order.length;
  return [...metadata].sort((a, b) => placeOf(a) - placeOf(b));
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
  return of !== undefined && of === attempt && ms !== '0' ? Number(ms) : undefined;
}

function decodeSettlement(text: string): Settlement {
  const [state, revision, tries, notBefore, mark] = text.split(' ');
  return {
    state: state as Settlement['state'],
    revision: Number(revision),
    tries: Number(tries),
    notBefore: Number(notBefore),
    ...(mark === CLAIMED && { claimed: true }),
  };
}

function unreadable(what: string, format: string | undefined): GenerationJobError {
  if (format !== undefined && Number(format) > NEWEST_FORMAT) return newerFormat(what, format);
  return new GenerationJobError(
    'internal',
    `${what} has format ${format ?? 'none'}, which this release can’t read.`,
  );
}
