/** The answers of the scripts that read or change a stream become what the port gives. */
import { GenerationJobError } from '../../../errors.js';
import type { CommitReply, CreateReply, Refusal, SenderCommit } from '../../interfaces/commits.js';
import type { RenewAnswer } from '../../interfaces/job-store.js';
import type { LogPage, ReadLogRequest } from '../../interfaces/log-pages.js';
import type { Frame, JobRecord, LogEvent, StreamKey } from '../../model/types.js';
import { decodeEntry, decodeRecord, decodeSettled, decodeSnapshot } from './codec.js';
import { wholeNumber } from './fields.js';
import { decodeLines, decodeTaken } from './inbox.js';
import { decodeReceipt } from './receipts.js';

/** The scripts publish by themselves. */
export const NO_FRAMES: readonly Frame[] = [];

export function createReply(reply: unknown, key: StreamKey): CreateReply {
  const [outcome, flat, replaced] = reply as [string, string[]?, string[]?];
  switch (outcome) {
    case 'created':
      return {
        outcome,
        record: decodeRecord(flat ?? [], key),
        replaced: replaced ? decodeRecord(replaced, key) : undefined,
        frames: NO_FRAMES,
      };
    case 'started':
    case 'joined':
    case 'unexpected':
    case 'conflict':
      return { outcome, record: decodeRecord(flat ?? [], key) };
    case 'taken':
    case 'unqueued':
      return { outcome };
    case 'expired':
      return { outcome, now: Number(flat) };
    default:
      throw new GenerationJobError('internal', 'A script gave an answer this release does not know.');
  }
}

export function commitReply(reply: unknown, key: StreamKey): CommitReply {
  const [code, second, third] = reply as [string, (string | string[])?, string[]?];
  if (code === 'ok') {
    const record = third && third.length > 0 ? decodeRecord(third, key) : undefined;
    return { ok: true, lastSequence: Number(second), frames: NO_FRAMES, record };
  }
  const record = Array.isArray(second) ? decodeRecord(second, key) : undefined;
  return { ok: false, refusal: code as Refusal, record };
}

/** A sender's, which says beside it what became of a message, or what was claimed or recalled. */
export function senderReply(reply: unknown, { key, step }: SenderCommit): CommitReply {
  const answer = commitReply(reply, key);
  if (!answer.ok) return answer;
  const [messageId = '', isNew, lines] = (reply as string[]).slice(3);
  if (step.name === 'recall') return { ...answer, taken: decodeTaken(lines) };
  const claimed = decodeLines(lines, 0);
  return {
    ...answer,
    ...(messageId !== '' && { sent: { messageId, isNew: isNew === '1' } }),
    ...(claimed.length > 0 && { claimed }),
  };
}

const HELD = 'held';

/** Behind `held` stands how many messages wait, when any does. */
export function renewAnswer(reply: unknown): RenewAnswer {
  const [word, count] = String(reply).split(' ');
  const waiting = wholeNumber(count);
  return word === HELD && waiting ? { held: true, waiting } : (word as RenewAnswer);
}

export function receiptReply(reply: unknown, key: StreamKey, name: string): CommitReply {
  const [code, sequence, receipt] = reply as [string, string, string?];
  if (code !== 'ok') return commitReply(reply, key);
  return {
    ok: true,
    lastSequence: Number(sequence),
    frames: NO_FRAMES,
    receipt: decodeReceipt(name, receipt ?? ''),
  };
}

/** The page a reply holds; null when it holds a snapshot that can't be read. */
export function logPageOf(given: unknown, request: ReadLogRequest): LogPage | null {
  const reply = given as [string, ...string[]];
  if (reply[0] === '') return { found: false };
  if (reply[0] === 'missing') return { found: false, currentGeneration: Number(reply[1]), userId: reply[2] };
  const [, own, current, next, userId, status, first, last, snapshotSequence, snapshotText] = reply;
  const snapshot = snapshotText ? decodeSnapshot(snapshotText) : undefined;
  if (snapshot === null) return null;
  const flat = reply[10] as unknown as string[];
  const [changes, settlement, changedRevision] = reply.slice(11);
  const place = request.after === 'snapshot' ? (snapshot?.sequence ?? 0) : request.after;
  return {
    found: true,
    generation: Number(own),
    currentGeneration: Number(current),
    nextGeneration: next ? Number(next) : undefined,
    userId: userId as string,
    status: status as JobRecord['status'],
    ...decodeSettled(changes, settlement, status as JobRecord['status']),
    changedRevision: wholeNumber(changedRevision) ?? 0,
    // An entry can hold events that were trimmed with a snapshot beside some that were not.
    events: eventsOf(reply.slice(14), Math.max(place, Number(first) - 1), request),
    firstSequence: Number(first),
    lastSequence: Number(last),
    snapshotSequence: Number(snapshotSequence),
    snapshot,
    record: flat.length > 0 ? decodeRecord(flat, request.key) : undefined,
  };
}

/** Entries hold whole batches: what lies before the place and what exceeds the page is left out, and what can't be read. */
function eventsOf(entries: readonly string[], after: number, request: ReadLogRequest): readonly LogEvent[] {
  const events: LogEvent[] = [];
  let size = 0;
  for (const entry of entries) {
    for (const event of decodeEntry(entry)) {
      if (event.sequence <= after) continue;
      size += event.data.length;
      const isFull = events.length >= request.maxEvents || size > request.maxBytes;
      if (isFull && events.length > 0) return events;
      events.push(event);
    }
  }
  return events;
}
