/**
 * Clients are told an SDK event as it came, as the host's `toEvent` makes it, or not at all. None of it can cost the run: an event that the job can't take as `toEvent` made it is left out, and one that there is no `keep` key left for
 * goes without. The host is told of the first of each.
 */
import { z } from 'zod';
import { GenerationJobError, isGenerationJobError } from '../errors.js';
import type { GenerationJob } from '../stream/interfaces/generation-job.js';
import type { HostEvent } from '../stream/model/host-types.js';
import { parseStrictly } from '../stream/model/strict.js';
import { callUnawaited } from '../stream/process/host-code.js';
import { CONTEXT_USAGE, SUBAGENT_UPDATE } from './graph-events.js';
import { fieldOf } from './shapes.js';

/** An event that clients are told instead of an SDK event. What is left out is as the bridge would have it. */
export interface ToldEvent {
  /** The name of the event. Default: the SDK's. */
  readonly event?: string | undefined;
  /** The event's data, anything JSON can carry. Default: the SDK's. */
  readonly data?: unknown;
  /** The key under which late clients find the newest one. Default: `on_context_usage` for that event, none for others. */
  readonly keep?: string | undefined;
}

/**
 * Says what clients are told of an SDK event: undefined for what the bridge would tell, null for nothing. Called for every
 * event that would be told, each token among them, and answers at once. `data` belongs to the SDK: give another object
 * instead of changing it. `metadata` is the SDK's, with `langgraph_node` and `activeAgentId`.
 */
export type ToEvent = (name: string, data: unknown, metadata: unknown) => ToldEvent | null | undefined;

const toldSchema = z.strictObject({
  event: z.string().optional(),
  data: z.unknown().optional(),
  keep: z.string().optional(),
});

const SUBAGENT_FAILED = 'The sub-agent failed.';

/** The events of which only the newest says anything; all others are folded, or are moments. */
const NEWEST_COUNTS: ReadonlySet<string> = new Set([CONTEXT_USAGE]);

const BAD_EVENTS: ReadonlySet<string> = new Set(['invalid_event', 'reserved_event', 'json_too_deep']);

export class ToldEvents {
  readonly #job: Pick<GenerationJob, 'emit' | 'report'>;
  readonly #toEvent: ToEvent | undefined;
  /** The events as `toEvent` made them. */
  readonly #made = new WeakSet<HostEvent>();
  /** The kinds of trouble that the host has been told of. */
  readonly #reported = new Set<string>();

  constructor(job: Pick<GenerationJob, 'emit' | 'report'>, toEvent: ToEvent | undefined) {
    this.#job = job;
    this.#toEvent = toEvent;
  }

  /** Returns the job's event, or undefined for none. Never throws. */
  of(name: string, data: unknown, metadata: unknown): HostEvent | undefined {
    const shown = clientDataOf(name, data) ?? null;
    const plain: HostEvent = NEWEST_COUNTS.has(name)
      ? { event: name, data: shown, keep: name }
      : { event: name, data: shown };
    if (this.#toEvent === undefined) return plain;
    try {
      const answer: unknown = this.#toEvent(name, shown, metadata);
      if (answer === undefined) return plain;
      if (answer === null) return undefined;
      const made = { ...plain, ...defined(toldOf(answer)) };
      this.#made.add(made);
      return made;
    } catch (error) {
      this.#reportFirst('toEvent', error);
      return undefined;
    }
  }

  /** Emits an event; without its `keep` when there is no key left. @throws what `job.emit` throws */
  emit(event: HostEvent): Promise<void> {
    try {
      return this.#job.emit(event);
    } catch (error) {
      if (!isGenerationJobError(error, 'kept_limit')) throw error;
      this.#reportFirst('kept_limit', error);
      return this.#job.emit({ event: event.event, data: event.data });
    }
  }

  /** Says whether the job refused an event for what `toEvent` made of it: then it is left out, and that is told once. */
  leavesOut(event: HostEvent | undefined, error: unknown): boolean {
    if (event === undefined || !this.#made.has(event)) return false;
    if (!isGenerationJobError(error) || !BAD_EVENTS.has(error.code)) return false;
    this.#reportFirst('toEvent', error);
    return true;
  }

  #reportFirst(kind: string, error: unknown): void {
    if (this.#reported.has(kind)) return;
    this.#reported.add(kind);
    this.#job.report('agent', error);
  }
}

/** @throws GenerationJobError `invalid_event` for what is no event; a promise is none */
function toldOf(answer: unknown): ToldEvent {
  if (typeof fieldOf(answer, 'then') === 'function') {
    // Its rejection is nobody's: the mistake is that it is a promise, and that is told.
    callUnawaited(
      () => answer,
      () => undefined,
    );
    throw new GenerationJobError('invalid_event', 'What toEvent gave is a promise: it must answer at once.');
  }
  return parseStrictly('invalid_event', toldSchema, answer, 'what toEvent gave');
}

function defined(told: ToldEvent): Partial<HostEvent> {
  return Object.fromEntries(Object.entries(told).filter(([, value]) => value !== undefined));
}

/** Leaves out what a sub-agent threw: that is for the host alone, like what its agent throws; all else is told as it is. */
function clientDataOf(event: string, data: unknown): unknown {
  if (event !== SUBAGENT_UPDATE || fieldOf(data, 'phase') !== 'error') return data;
  return { ...(data as object), label: SUBAGENT_FAILED, data: { message: SUBAGENT_FAILED } };
}
