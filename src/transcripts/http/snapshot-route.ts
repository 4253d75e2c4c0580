/**
 * `GET`, `HEAD`, `POST` and `DELETE /transcript/snapshot`, without a framework: a gateway says who asks, which store the run's
 * token names, and whether the run has completed. Bytes are passed on as they come; none is held but a piece.
 */
import { type Clock, SECOND, systemClock } from '../../clock.js';
import { GenerationJobError } from '../../errors.js';
import { atMost, type Bytes, exactly, LARGEST_TRANSCRIPT, tooLarge, until } from '../bytes.js';
import type { RunTranscripts, TranscriptBytes, TranscriptStore } from '../transcript-store.js';
import { within } from '../within.js';
import { CLEARS_HEADER, countIn, headersOf } from './snapshot-form.js';

export interface SnapshotRequest {
  /** The method, in capitals. */
  readonly method: string;
  /** Returns a header by its lower-case name. */
  header(name: string): string | undefined;
  /** Gives the body as it comes. Called once at most; throws when it breaks off. */
  body(): AsyncIterable<Uint8Array>;
  /** Fires when the client has left. */
  readonly signal: AbortSignal;
}

export interface SnapshotAccess {
  /** The run's transcripts in the store that its token names; null when that names none, so that none are kept. */
  readonly transcripts: RunTranscripts | null;
  /** Says whether the run has completed: only then is its transcript taken. */
  isCompleted(): Promise<boolean>;
}

export interface SnapshotLimits {
  /** The most bytes of a transcript. Default 64 MiB. */
  readonly maxBytes?: number | undefined;
  /** The clock of the bounds in time. Default: the system's. */
  readonly clock?: Clock | undefined;
}

export interface SnapshotReply {
  /** The HTTP status. */
  readonly status: number;
  /** The headers, by their lower-case names. */
  readonly headers: Readonly<Record<string, string>>;
  /** JSON, the bytes of the transcript, or nothing. Bytes that throw are an answer that breaks off. */
  readonly body: string | AsyncIterable<Uint8Array> | null;
  /** Fires when bytes are to be given up, also by whoever has them waiting for a reader that takes none. */
  readonly over?: AbortSignal | undefined;
}

/** The same bounds as the worker's own, so that neither waits for the other in vain. */
const GET_MS = 30 * SECOND;
const POST_MS = 60 * SECOND;
const DELETE_MS = 30 * SECOND;
const NEVER_STORED = { 'cache-control': 'private, no-store', 'x-content-type-options': 'nosniff' };

/**
 * Answers a request.
 * @throws GenerationJobError `method_not_allowed`, `transcript_not_completed`, `transcript_too_large`, `transcript_damaged`,
 *   `transcript_timeout`, `invalid_argument`, `unavailable`
 */
export async function answerSnapshot(
  request: SnapshotRequest,
  access: SnapshotAccess,
  { maxBytes = LARGEST_TRANSCRIPT, clock = systemClock }: SnapshotLimits = {},
): Promise<SnapshotReply> {
  const { method, signal } = request;
  const bounded = <Value>(withinMs: number, work: (signal: AbortSignal) => Promise<Value>) =>
    within({ what: `${method} of a transcript`, withinMs, clock, signal }, work);
  const transcripts = access.transcripts ?? NONE_KEPT;
  switch (method) {
    case 'GET':
    case 'HEAD':
      return bounded(GET_MS, (over) => get(request, transcripts, over, clock));
    case 'POST':
      return bounded(POST_MS, (over) => post(request, { ...access, transcripts }, maxBytes, over));
    case 'DELETE':
      return bounded(DELETE_MS, async (over) => json(200, { clears: await transcripts.clear(over) }));
    default:
      throw new GenerationJobError('method_not_allowed', 'A transcript takes GET, POST and DELETE.');
  }
}

/**
 * Returns the store that a run's token names; null when it names none.
 * @throws GenerationJobError `transcripts_not_kept` when it names one that is not there
 */
export function namedStore(
  stores: Readonly<Record<string, TranscriptStore>>,
  name: string | undefined,
): TranscriptStore | null {
  if (name === undefined) return null;
  const store = Object.hasOwn(stores, name) ? stores[name] : undefined;
  if (store) return store;
  throw new GenerationJobError('transcripts_not_kept', 'The token names a store that this gateway has not.');
}

/** Transcripts of a run whose token names no store: each begins fresh. */
const NONE_KEPT: RunTranscripts = {
  latest: async () => ({ clears: 0, latest: null }),
  save: async () => 'nothing',
  clear: async () => 0,
};

/** An answer that is begun has as long again: then it breaks off, also for a reader that takes nothing of it. */
async function get(
  { method, signal: left }: SnapshotRequest,
  transcripts: RunTranscripts,
  asking: AbortSignal,
  clock: Clock,
): Promise<SnapshotReply> {
  const { clears, latest } = await transcripts.latest(asking);
  const headers = { ...NEVER_STORED, [CLEARS_HEADER]: String(clears) };
  if (latest === null) return { status: 204, headers, body: null };
  const begun = { status: 200, headers: { ...headers, ...headersOf(latest) } };
  if (method === 'HEAD') return { ...begun, body: null };
  const over = new AbortController();
  const giveUp = () => over.abort(left.reason);
  const late = new GenerationJobError('transcript_timeout', `The reader took more than ${GET_MS} ms.`);
  const timer = clock.setTimeout(() => over.abort(late), GET_MS);
  left.addEventListener('abort', giveUp, { once: true });
  const settled = () => {
    clock.clearTimeout(timer);
    left.removeEventListener('abort', giveUp);
  };
  over.signal.addEventListener('abort', settled, { once: true });
  return { ...begun, over: over.signal, body: ending(until(latest.read(), over.signal), settled) };
}

async function* ending(bytes: Bytes, settled: () => void): AsyncGenerator<Uint8Array> {
  try {
    yield* bytes;
  } finally {
    settled();
  }
}

async function post(
  request: SnapshotRequest,
  { transcripts, isCompleted }: SnapshotAccess & { readonly transcripts: RunTranscripts },
  maxBytes: number,
  signal: AbortSignal,
): Promise<SnapshotReply> {
  const clears = countOf(request, CLEARS_HEADER);
  const size = countOf(request, 'content-length');
  if (size !== undefined && size > maxBytes) throw tooLarge(maxBytes);
  if (!(await isCompleted()))
    throw new GenerationJobError('transcript_not_completed', 'The run has not completed.');
  const body = bodyOf(request, size, maxBytes);
  const result = await transcripts.save(body, { clears, signal });
  return json(result === 'saved' ? 201 : 200, { result });
}

function bodyOf(request: SnapshotRequest, size: number | undefined, maxBytes: number): TranscriptBytes {
  const read = (): Bytes => {
    const bytes = atMost(request.body(), maxBytes);
    return size === undefined ? bytes : exactly(bytes, { size });
  };
  return { size: size ?? maxBytes, read };
}

function countOf(request: SnapshotRequest, name: string): number | undefined {
  const text = request.header(name);
  const count = countIn(text);
  if (text !== undefined && count === undefined)
    throw new GenerationJobError('invalid_argument', `${name} must be a number.`);
  return count;
}

function json(status: number, value: object): SnapshotReply {
  const headers = { ...NEVER_STORED, 'content-type': 'application/json; charset=utf-8' };
  return { status, headers, body: JSON.stringify(value) };
}
