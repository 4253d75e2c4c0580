/** What became of a delivery, and how an answer over HTTP says it. */
import { isObject } from '../../stream/model/plain-values.js';

/**
 * - `done`: taken. For a run, all events up to `upTo`; left out, all that were given.
 * - `gap`: the other side has everything before `expected` and nothing more: a run goes back, or on, to there.
 * - `over`: an answer as well: nobody wants more of it, for that reason. What a run still has waiting is set aside.
 * - `never`: refused for ever. A run ends by name (`worker_events_lost`); a report is set aside.
 * - `again`: to be tried again, after `afterMs` at the soonest. It counts as a try unless `isTry` is false.
 */
export type Delivery =
  | { readonly kind: 'done'; readonly upTo?: number | undefined }
  | { readonly kind: 'gap'; readonly expected: number }
  | { readonly kind: 'over'; readonly reason: string }
  | { readonly kind: 'never'; readonly error: unknown }
  | {
      readonly kind: 'again';
      readonly error?: unknown;
      readonly afterMs?: number | undefined;
      readonly isTry?: boolean | undefined;
    };

/** An answer over HTTP; `fetch` gives its parts. */
export interface HttpAnswer {
  readonly status: number;
  /** The body as parsed JSON; undefined when it is none. */
  readonly body?: unknown;
  /** The header `retry-after`: seconds, or a date. */
  readonly retryAfter?: string | null | undefined;
}

const FOR_EVER: ReadonlySet<number> = new Set([400, 413, 422]);
const OVER = /^[a-z_]{1,64}$/;
const SECOND = 1000;

/**
 * Returns what an answer of the gateway means for what was sent. 2xx with a JSON object is `done`, up to
 * the `sequence` it names. 401 asks
 * for a fresh token and is no try. 409 `gap` goes back to what is `expected`; any other 409 with a code is `over`. 400, 413
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
  const conflict = status === 409 ? conflictOf(body) : undefined;
  if (conflict !== undefined) return conflict;
  if (FOR_EVER.has(status)) return { kind: 'never', error };
  return { kind: 'again', error, afterMs: waitOf(answer.retryAfter, now) };
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
  return typeof code === 'string' && OVER.test(code) ? code : undefined;
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
  if (isObject(given)) {
    if (given.kind === 'done' && (given.upTo === undefined || isSequence(given.upTo))) return given as Delivery;
    if (given.kind === 'gap' && isSequence(given.expected)) return given as Delivery;
    if (given.kind === 'over' && typeof given.reason === 'string') return given as Delivery;
    if (given.kind === 'never' || given.kind === 'again') return given as Delivery;
  }
  return { kind: 'again', error: new TypeError('`deliver` gave no Delivery.') };
}
