/**
 * Everybody who reads events reads them here, because here is checked that they follow on. A store that has lost a log, or
 * an entry of one, answers with what it has left, and that looks like a log that begins later, or like one with nothing
 * new. What a page gives is therefore compared with what it says the log holds.
 *
 * A hole is a run of sequences that are not before a snapshot, were not trimmed, and are not there. Readers are told it
 * once, with the page at whose beginning it lies; what follows it in the page follows on. A page with another hole further
 * on ends before that one, so that a reader meets one at a time.
 */
import { GenerationJobError } from '../../errors.js';
import type { JobStore } from '../interfaces/job-store.js';
import type { FoundPage, MissingPage, ReadLogRequest } from '../interfaces/log-pages.js';
import type { StreamObserver } from '../interfaces/observer.js';
import type { Hole, LogEvent, StreamKey } from '../model/types.js';
import type { ErrorReporter } from './error-reports.js';

/** Beyond it holes are told once more: enough for those of a bad day. */
const MOST_REMEMBERED = 1_000;

/** A page whose events follow on from the place it was read at, or from the hole that begins there. */
export interface CheckedPage extends FoundPage {
  readonly missing?: Hole | undefined;
}

export class LogReader {
  readonly #store: Pick<JobStore, 'readLog'>;
  readonly #observer: Pick<StreamObserver, 'logRead'>;
  readonly #errors: Pick<ErrorReporter, 'report'>;
  /** Holes the host has been told of: each of the many who read across one meets it. */
  readonly #reported = new Set<string>();

  constructor(
    store: Pick<JobStore, 'readLog'>,
    observer: Pick<StreamObserver, 'logRead'>,
    errors: Pick<ErrorReporter, 'report'>,
  ) {
    this.#store = store;
    this.#observer = observer;
    this.#errors = errors;
  }

  /** @throws what the store throws; GenerationJobError `internal` for a page that is not in order */
  async read(request: ReadLogRequest): Promise<CheckedPage | MissingPage> {
    this.#observer.logRead();
    const page = await this.#store.readLog(request);
    if (!page.found) return page;
    const followed = checked(page, request.after);
    if (followed.missing) this.#reportOnce(request.key, page.generation, followed.missing);
    return followed;
  }

  #reportOnce(key: StreamKey, generation: number, { from, to }: Hole): void {
    const name = `${key.id} ${generation} ${to}`;
    if (this.#reported.has(name)) return;
    if (this.#reported.size >= MOST_REMEMBERED) this.#reported.clear();
    this.#reported.add(name);
    const error = new GenerationJobError('log_lost', `A log lacks events ${from} to ${to}.`);
    this.#errors.report({ where: 'log', error, record: { ...key, generation } });
  }
}

function checked(page: FoundPage, after: number | 'snapshot'): CheckedPage {
  const { firstSequence, lastSequence } = page;
  const place = after === 'snapshot' ? (page.snapshot?.sequence ?? 0) : after;
  const events = run(page.events);
  // A reader whose place was trimmed away is given content instead of what the page may have.
  if (after !== 'snapshot' && firstSequence > place + 1) return { ...page, events };
  const [first] = events;
  if (first !== undefined && first.sequence <= place) throw outOfOrder();
  const next = first?.sequence ?? lastSequence + 1;
  return next > place + 1
    ? { ...page, events, missing: { from: place + 1, to: next - 1 } }
    : { ...page, events };
}

/** The events up to the first that does not follow on. */
function run(events: readonly LogEvent[]): readonly LogEvent[] {
  for (let at = 1; at < events.length; at++) {
    const step = (events[at] as LogEvent).sequence - (events[at - 1] as LogEvent).sequence;
    if (step < 1) throw outOfOrder();
    if (step > 1) return events.slice(0, at);
  }
  return events;
}

function outOfOrder(): GenerationJobError {
  return new GenerationJobError('internal', 'The store gave a page whose events are not in order.');
}

/** A new attempt begins with its own lifecycle event; any other change of writer means the log was rewritten. */
export function isOfAnotherWriter({ attempt, event }: LogEvent, last: number): boolean {
  return last !== 0 && attempt !== last && event !== 'recovered' && event !== 'resumed';
}
