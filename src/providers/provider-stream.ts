/**
 * A provider's stream in the forms in which SDKs and hosts hand it over, and the two calls it needs: opened, and closed when
 * nobody reads it any more, so that the provider stops making what nobody sees. Taken structurally: no SDK is imported.
 */
import { GenerationJobError } from '../errors.js';
import type { PipeItems } from '../stream/interfaces/pipe.js';
import { isObject } from '../stream/model/plain-values.js';
import { type ItemReader, readerOf } from '../stream/process/item-reader.js';

/**
 * A provider's stream of events: what an SDK's call gives with `stream: true`, or the promise of it; or a function that makes
 * the call and is given the job's signal, for the SDK's own option `signal`.
 */
export type ProviderStream<Event> =
  | PipeItems<Event>
  | PromiseLike<PipeItems<Event>>
  | ((signal: AbortSignal) => PipeItems<Event> | PromiseLike<PipeItems<Event>>);

/** The stream of a call, being read. */
export class OpenStream<Event> {
  readonly #items: PipeItems<Event>;
  readonly #reader: ItemReader<Event>;

  private constructor(items: PipeItems<Event>) {
    this.#items = items;
    // An SDK's helper tells those who read it of its errors, and the process of those that nobody reads.
    this.#reader = readerOf(items);
  }

  /** @throws what the call throws · GenerationJobError `invalid_argument` for what is no stream */
  static async of<Event>(stream: ProviderStream<Event>, signal: AbortSignal): Promise<OpenStream<Event>> {
    return new OpenStream(await (typeof stream === 'function' ? stream(signal) : stream));
  }

  next(): PromiseLike<IteratorResult<Event>> | IteratorResult<Event> {
    return this.#reader.next();
  }

  /** Ends the call: an SDK's stream by its controller, which ends the request at once, then as any iterator. */
  async close(): Promise<void> {
    const { controller } = this.#items as { readonly controller?: unknown };
    if (controller instanceof AbortController) controller.abort();
    await this.#reader.close();
  }

  /**
   * The error of a stream that ended without a word of it. The SDKs' helpers throw an error to whoever is reading when it
   * comes; who was still busy with the event before finds a stream that is over.
   */
  async errorKept(): Promise<unknown> {
    const helper: unknown = this.#items;
    if (!isObject(helper) || typeof helper.done !== 'function') return undefined;
    if (helper.errored !== true && helper.aborted !== true) return undefined;
    try {
      await helper.done();
      return undefined;
    } catch (error) {
      return error;
    }
  }
}

/** @throws GenerationJobError `invalid_argument` for what can't be a stream, at the call and not when it is piped */
export function checkStream(name: string, stream: unknown): void {
  const isOpenable = typeof stream === 'function' || (typeof stream === 'object' && stream !== null);
  if (isOpenable) return;
  const message = `${name}: stream must be the provider’s stream, the promise of one, or a function that opens one.`;
  throw new GenerationJobError('invalid_argument', message);
}
