/**
 * The inbox of a record, as redis-lua/include/inbox.lua writes it: a line a message. A line that can't be read is left out, as
 * there; what can't be read of one that counts there is empty.
 */
import type { SenderCommit } from '../../interfaces/commits.js';
import type { EarlierMessage, InboxMessage, TakenMessage } from '../../model/inbox-message.js';
import { isActive } from '../../model/transitions.js';
import type { JobRecord, JobStatus } from '../../model/types.js';
import { parsed, wholeNumber } from './fields.js';

const LINE_PARTS = 7;

/** A script is told this of a message beside its data. */
interface Head {
  readonly kind?: unknown;
  readonly by?: unknown;
}

/** The inbox of a record: what waits while it is active, and what never took effect once it has ended. */
export function decodeInbox(
  stored: string | undefined,
  { status, attempt }: { readonly status: JobStatus; readonly attempt: number },
): Pick<JobRecord, 'inbox' | 'unsent'> {
  if (isActive(status)) return { inbox: decodeLines(stored, status === 'running' ? attempt : 0), unsent: [] };
  return { inbox: [], unsent: decodeLines(stored, 0) };
}

/** @param attempt the one that may be taking a message; 0 for none */
export function decodeLines(stored: string | undefined, attempt: number): readonly InboxMessage[] {
  return linesIn(stored).map(({ message, takenBy }) => ({
    ...message,
    ...(attempt > 0 && takenBy === attempt && { taking: true }),
  }));
}

/** Reads the lines of what was taken. */
export function decodeTaken(stored: string | undefined): readonly EarlierMessage[] {
  return linesIn(stored).map(({ message, takenBy }) => ({ ...message, attempt: takenBy }));
}

interface Line {
  readonly message: TakenMessage;
  /** The attempt that takes it, or has taken it; 0 for none. */
  readonly takenBy: number;
}

function linesIn(stored: string | undefined): readonly Line[] {
  if (stored === undefined || stored === '') return [];
  return stored.split('\n').flatMap((line) => decodeLine(line) ?? []);
}

function decodeLine(line: string): Line | undefined {
  const parts = line.split('\t', LINE_PARTS + 1);
  const [messageId = '', place, sentAt, edits, takenBy, head, message] = parts;
  const numbers = [place, sentAt, edits, takenBy].map(wholeNumber);
  if (parts.length !== LINE_PARTS || messageId === '' || numbers.includes(undefined)) return undefined;
  const { kind, by } = headIn(head);
  return {
    message: {
      messageId,
      kind: typeof kind === 'string' ? kind : 'steer',
      message: parsed(message) ?? null,
      ...(typeof by === 'string' && { by }),
      sentAt: Number(sentAt),
      edits: Number(edits),
    },
    takenBy: Number(takenBy),
  };
}

function headIn(text: string | undefined): Head {
  const head = parsed(text);
  return typeof head === 'object' && head !== null ? head : {};
}

/** The arguments of redis-lua/inbox.lua. */
export function inboxArguments(commit: SenderCommit): (string | number)[] {
  const { step, generation = '', ownedBy = '', isRepeat = false } = commit;
  const place = [step.name, generation, ownedBy];
  const again = isRepeat ? 1 : 0;
  switch (step.name) {
    case 'send': {
      const { messageId, kind, by, message, idempotencyKey = '', bounds } = step;
      const head = JSON.stringify({ kind, by });
      return [...place, messageId, head, message, idempotencyKey, bounds.waiting, bounds.accepted, '', again];
    }
    case 'edit':
      return [...place, step.messageId, '', step.message, '', '', '', '', again];
    case 'cancel':
      return [...place, step.messageId, '', '', '', '', '', '', again];
    case 'reserve':
    case 'recall':
      return [...place, '', '', '', '', '', '', step.attempt, again];
    case 'claim':
      return [...place, step.callId, '', '', '', '', '', '', again];
    default:
      return step satisfies never;
  }
}
