/**
 * A provider's stream as a source for `job.pipe`: each of its events whole, or as the host wants it, what the call has used, and
 * how it failed, if it did. What is particular to a provider stands in a `Reading`.
 *
 * States
 * - `reading`  `next` opens the stream, then takes one event after the other. Its end, an error that it throws or that comes as a
 *              part leads to `over`, with the usage and the failure as last steps.
 * - `over`     `next` gives the steps that are left. `return`, from either state, leads here too: the stream is closed, and the
 *              answer holds what the call has used by then and nobody has been given.
 */
import { z } from 'zod';
import { GenerationJobError } from '../errors.js';
import type { PipeFailure, PipeUsage } from '../stream/interfaces/pipe.js';
import type { EmittedEvent } from '../stream/model/host-types.js';
import { callable } from '../stream/model/host-values.js';
import { JobFailureError } from '../stream/model/job-failure.js';
import { parseStrictly } from '../stream/model/strict.js';
import type { UsageInput, UsageLabels } from '../stream/model/types.js';
import { brokenOff, failureOf, isProviderError } from './failures.js';
import { checkStream, OpenStream, type ProviderStream } from './provider-stream.js';
import { checkEvent } from './right-source.js';

/** A step of a provider's source: an event, what the call has used, or its failure. */
export type ProviderStep<Name extends string, Data> = EmittedEvent<Name, Data> | PipeUsage | PipeFailure;

/** A source for `job.pipe`; the pipe opens it and gives it the job's signal. */
export type ProviderSource<Name extends string, Data> = (
  signal: AbortSignal,
) => AsyncIterable<ProviderStep<Name, Data>>;

/** The choices a host has for a provider's source. */
export interface SourceOptions<Event, Kept = Event> {
  /**
   * Makes of a provider's event what is stored and shown, or null to leave it out: a page may have no need of all of it, or no
   * business with it. Usage and failures are read from the event as it came. What it throws fails the job. Default: the event.
   */
  readonly keep?: ((event: Event) => Kept | null) | undefined;
  /**
   * The labels of the usage, each 1 to 256 characters, over these defaults: `kind` is `model`, `model` the one that the provider
   * names, `provider` the source's own.
   */
  readonly labels?: UsageLabels | undefined;
}

/** The news that an event of a provider brings beside being a part of the answer. */
export interface Taken {
  /** Set when the event is no part of the answer but the news of its failure. */
  readonly failure?: PipeFailure | undefined;
  /** The usage of a call that is over by this event. */
  readonly usage?: UsageInput | undefined;
}

/** One provider's stream, read for what it says of the call. */
export interface Reading<Event> {
  take(event: Event): Taken;
  /** Gives what the call under way has used, as far as it is known and was not given yet. */
  usage(): UsageInput | undefined;
  /** Gives the failure of a stream that is over; undefined when it has come to its end. */
  end(): PipeFailure | undefined;
}

interface SourceMaker<Name extends string, Event> {
  /** The function a host has called. */
  readonly name: string;
  readonly event: Name;
  readonly begin: (labels: UsageLabels) => Reading<Event>;
  /** The event as the provider sent it, where an SDK hands over another. Default: as it comes. */
  readonly asSent?: (event: Event) => Event;
  /** Throws for what is no event of this source. Default: for what is no object, and for another provider's stream. */
  readonly check?: (item: unknown, isFirst: boolean) => void;
}

const optionsSchema = z.strictObject({
  keep: callable,
  labels: z
    .strictObject({
      kind: z.string().min(1).max(256).optional(),
      model: z.string().min(1).max(256).optional(),
      provider: z.string().min(1).max(256).optional(),
      agentId: z.string().min(1).max(256).optional(),
    })
    .optional(),
});

/** @throws GenerationJobError `invalid_argument` for what is no stream · `invalid_options` */
export function providerSource<Name extends string, Event, Kept>(
  maker: SourceMaker<Name, Event>,
  stream: ProviderStream<Event>,
  options: SourceOptions<Event, Kept>,
): ProviderSource<Name, Kept> {
  checkStream(maker.name, stream);
  parseStrictly('invalid_options', optionsSchema, options, 'options');
  return (signal) => new ProviderSteps(maker, stream, options, signal);
}

class ProviderSteps<Name extends string, Event, Kept>
  implements AsyncIterableIterator<ProviderStep<Name, Kept>>
{
  readonly #maker: SourceMaker<Name, Event>;
  readonly #stream: ProviderStream<Event>;
  readonly #keep: ((event: Event) => Kept | null) | undefined;
  readonly #signal: AbortSignal;
  readonly #reading: Reading<Event>;
  #opening: Promise<OpenStream<Event>> | undefined;
  #opened: OpenStream<Event> | undefined;
  #isFirst = true;
  #isOver = false;
  /** Steps that nobody has taken yet. */
  #steps: ProviderStep<Name, Kept>[] = [];
  /** Usage that was given last: whoever asks for the next step has taken it. */
  #given: PipeUsage | undefined;

  constructor(
    maker: SourceMaker<Name, Event>,
    stream: ProviderStream<Event>,
    { keep, labels }: SourceOptions<Event, Kept>,
    signal: AbortSignal,
  ) {
    this.#maker = maker;
    this.#stream = stream;
    this.#keep = keep;
    this.#signal = signal;
    this.#reading = maker.begin(labels ?? {});
  }

  [Symbol.asyncIterator](): this {
    return this;
  }

  async next(): Promise<IteratorResult<ProviderStep<Name, Kept>>> {
    this.#given = undefined;
    while (this.#steps.length === 0 && !this.#isOver) await this.#read();
    const step = this.#steps.shift();
    if (step === undefined) return { done: true, value: undefined };
    if ('usage' in step) this.#given = step;
    return { done: false, value: step };
  }

  async return(): Promise<IteratorResult<ProviderStep<Name, Kept>>> {
    const waiting = this.#steps.find((step): step is PipeUsage => 'usage' in step);
    const usage = this.#given?.usage ?? waiting?.usage ?? (this.#isOver ? undefined : this.#reading.usage());
    this.#isOver = true;
    this.#steps = [];
    await this.#close();
    return { done: true, value: usage && { usage } };
  }

  async #read(): Promise<void> {
    const result = await this.#pull();
    if (result === undefined || this.#isOver) return;
    if (!result.done) return this.#take(result.value);
    const failure = this.#reading.end();
    const error = failure && (await this.#opened?.errorKept());
    this.#finish(error === undefined ? failure : failureOf(error));
  }

  /** Gives the stream's next event or its end; undefined when it was left meanwhile, or has thrown. */
  async #pull(): Promise<IteratorResult<Event> | undefined> {
    try {
      this.#opening ??= OpenStream.of(this.#stream, this.#signal);
      this.#opened ??= await this.#opening;
      return this.#isOver ? undefined : await this.#opened.next();
    } catch (error) {
      // Whoever has left is told nothing more, and that a call fails which was stopped is no news.
      if (!this.#isOver) this.#finish(failureOfThrown(error, this.#opened !== undefined));
      return undefined;
    }
  }

  #take(item: Event): void {
    const { name, check = (one, isFirst) => checkEvent(name, one, isFirst), asSent } = this.#maker;
    check(item, this.#isFirst);
    this.#isFirst = false;
    const event = asSent === undefined ? item : asSent(item);
    const { failure, usage } = this.#reading.take(event);
    if (failure !== undefined) return this.#finish(failure);
    const kept = this.#keep === undefined ? (event as unknown as Kept) : this.#keep(event);
    if (kept !== null && kept !== undefined) this.#steps.push({ event: this.#maker.event, data: kept });
    if (usage !== undefined) this.#steps.push({ usage });
  }

  #finish(failure: PipeFailure | undefined): void {
    const usage = this.#reading.usage();
    this.#isOver = true;
    if (usage !== undefined) this.#steps.push({ usage });
    if (failure !== undefined) this.#steps.push(failure);
  }

  async #close(): Promise<void> {
    if (this.#opened !== undefined) return this.#opened.close();
    // One that opens after all is closed then; nobody waits for it, nor hears that it failed.
    this.#opening?.then((late) => late.close()).catch(() => undefined);
  }
}

/**
 * The failure of what a stream has thrown. What is ours, and what the host's own code has thrown as it opened one, is thrown on.
 */
function failureOfThrown(error: unknown, isOpen: boolean): PipeFailure {
  if (error instanceof GenerationJobError || error instanceof JobFailureError) throw error;
  if (isProviderError(error)) return failureOf(error);
  if (!isOpen) throw error;
  return brokenOff(error);
}
