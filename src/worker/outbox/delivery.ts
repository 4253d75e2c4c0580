/** A delivery says what became of it; an answer over HTTP is turned into one. */
import { isObject } from '../../stream/model/plain-values.js';

/** The outcome of a delivery. A run's lane and a report go by it as each kind says. */
export type Delivery = Done | Gap | Over | Never | Again;

interface Done {
  /** Taken by the other side. */
  readonly kind: 'done';
  /** The last event of a run that was taken; left out, all that were given. */
  readonly upTo?: number | undefined;
}

interface Gap {
  /** Not taken, since something is missing before it: a run goes back, or on, to what is expected. */
  readonly kind: 'gap';
  /** The number of the event that the other side waits for: it has all before it, and nothing more. */
  readonly expected: number;
}

interface Over {
  /** Not wanted any more, which is an answer as well: what a run still has waiting is set aside, a report is done. */
  readonly kind: 'over';
  /** Says why: `fenced`, `replaced`, `ended` and so on. */
  readonly reason: string;
}

interface Never {
  /** Refused for ever: a run ends as `worker_events_lost`, a report is set aside. */
  readonly kind: 'never';
  /** The refusal, for whoever looks into it. */
  readonly error: unknown;
}

interface Again {
  /** Not taken, and to be tried again after a pause. */
  readonly kind: 'again';
  /** The failure, for whoever looks into it. */
  readonly error?: unknown;
  /** The shortest pause the other side asks for, in milliseconds; at most ten of the longest pauses are granted. */
  readonly afterMs?: number | undefined;
  /** False when it does not count as a try, such as for a token that was too old; default true. */
  readonly isTry?: boolean | undefined;
}

/** An answer over HTTP; `fetch` gives its parts. */
export interface HttpAnswer {
  /** The status code. */
  readonly status: number;
  /** The body as parsed JSON; undefined when it is none. */
  readonly body?: unknown;
  /** The header `retry-after`: seconds, or a date. */
  readonly retryAfter?: string | null | undefined;
}

const FOR_EVER: ReadonlySet<number> = new Set([400, 413, 422]);
/** A longer code is none of ours. */
const LONGEST_CODE = 64;
const SECOND = 1000;

/**
 * Returns what an answer of the gateway means for what was sent. 2xx with a JSON object is `done`, up to
 * the `sequence` it names. 401 asks
 * for a fresh token and is no try. 409 `gap` goes back to what is `expected`; any other 409 with a code is `over`, and
 * so is a stream that is gone. 400, 413
 * and 422 are for ever. 408, 429, 5xx and whatever else came, such as the page of a proxy, are tries.
 * @param now the wall time in milliseconds, for a `retry-after` that is a date
 */
export function deliveryOf(answer: HttpAnswer, now: number): Delivery {
  const { status } = answer;
  const body = isObject(answer.body) ? answer.body : {};
  const error = new Error(`The gateway answered ${status} ${codeOf(body) ?? '(no code)'}.`);
  if (status >= 200 && status < 300 && isObject(answer.body)) {
    return { kind: 'done', upTo: isSequence(body.sequence) ? body.sequence : undefined };
  }
  if (status === 401) return { kind: 'again', error, isTry: false };
  const conflict = isAnswer(status, body) ? conflictOf(body) : undefined;
  if (conflict !== undefined) return conflict;
  if (FOR_EVER.has(status)) return { kind: 'never', error };
  return { kind: 'again', error, afterMs: waitOf(answer.retryAfter, now) };
}

/** A stream that is gone is an answer; any other 404 is that of a gateway that is not there yet. */
function isAnswer(status: number, body: Readonly<Record<string, unknown>>): boolean {
  return status === 409 || (status === 404 && codeOf(body) === 'stream_not_found');
}

function conflictOf(body: Readonly<Record<string, unknown>>): Delivery | undefined {
  const code = codeOf(body);
  if (code === 'gap') {
    return isSequence(body.expected) ? { kind: 'gap', expected: body.expected } : undefined;
  }
  return code === undefined ? undefined : { kind: 'over', reason: code };
}

/** The code stands in the body, or in its `error`. */
function codeOf(body: Readonly<Record<string, unknown>>): string | undefined {
  const code = isObject(body.error) ? body.error.code : body.code;
  return typeof code === 'string' && code !== '' && code.length <= LONGEST_CODE ? code : undefined;
}

function isSequence(value: unknown): value is number {
  return typeof value === 'number' && Number.isSafeInteger(value) && value >= 0;
}

function waitOf(retryAfter: string | null | undefined, now: number): number | undefined {
  const text = retryAfter?.trim();
  if (!text || text.length > 64) return undefined;
  const seconds = Number(text);
  const ms = Number.isFinite(seconds) ? seconds * SECOND : Date.parse(text) - now;
  return Number.isFinite(ms) ? Math.max(0, ms) : undefined;
}

/** Returns what the host's code gave as an answer; anything that is none is tried again. */
export function asDelivery(given: unknown): Delivery {
  const { kind, upTo, expected, reason, error, afterMs, isTry } = isObject(given) ? given : {};
  if (kind === 'done' && upTo === undefined) return { kind };
  if (kind === 'done' && isSequence(upTo)) return { kind, upTo };
  if (kind === 'gap' && isSequence(expected)) return { kind, expected };
  if (kind === 'over' && typeof reason === 'string') return { kind, reason };
  if (kind === 'never') return { kind, error };
  if (kind !== 'again') return { kind: 'again', error: new TypeError('`deliver` gave no Delivery.') };
  const pause = typeof afterMs === 'number' && Number.isFinite(afterMs) ? afterMs : undefined;
  return { kind, error, afterMs: pause, isTry: isTry !== false };
}
