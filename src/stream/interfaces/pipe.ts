/** `job.pipe` takes these. */

import type { HostEvent, HostTypes, Untyped } from '../model/host-types.js';
import type { JobFailureError } from '../model/job-failure.js';
import type { UsageInput } from '../model/types.js';

/** The source of a pipe: an iterable, or a stream of the Web. */
export type PipeItems<Item> = AsyncIterable<Item> | Iterable<Item> | ReadableStream<Item>;

/**
 * A source, or a function that opens one: it gets the job's signal, to stop by itself what can't be cancelled.
 *
 * A source that is piped without a mapper, whose items are steps, may answer its `return` with the value `{ usage }`: so much the
 * call has used by the time the pipe leaves it, at a stop say. It is added as that of any other step.
 */
export type PipeSource<Item> =
  | PipeItems<Item>
  | ((signal: AbortSignal) => PipeItems<Item> | PromiseLike<PipeItems<Item>>);

/** A mapper's word that the job has failed. Made by `failWith`. */
export interface PipeFailure {
  /** The failure the job ends with. */
  readonly fail: JobFailureError;
}

/** A source's word of what a call has used, which the job adds as `addUsage` does. */
export interface PipeUsage {
  /** The counters and labels of one call. */
  readonly usage: UsageInput;
}

/** One item becomes this: an event, several, none, what a call has used, or the job's failure. */
export type PipeStep<Types extends HostTypes = Untyped> =
  | HostEvent<Types>
  | PipeFailure
  | PipeUsage
  | null
  | undefined;
/** Turns an item of a source into what the job emits. What it throws is thrown by `pipe`. */
export type PipeMapper<Item, Types extends HostTypes = Untyped> = (
  item: Item,
) => PipeStep<Types> | readonly PipeStep<Types>[];
