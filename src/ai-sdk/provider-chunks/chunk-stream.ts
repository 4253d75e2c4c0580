/**
 * The chunks of an answer, made as they are asked for, one event of the provider at a time. What a provider's stream is, how it
 * is closed and how it fails is the business of the source below. Leaving closes it at once, also while an event is awaited: a
 * model that has fallen silent must not keep what reads it.
 */
import type { PipeUsage } from '../../stream/interfaces/pipe.js';
import type { UsageInput } from '../../stream/model/types.js';
import type { ChunkWriter } from './chunk-writer.js';
import type { ChunkMapper } from './mapper.js';
import type { ProviderChunk } from './provider-chunk.js';

/** A provider's source being read: it yields steps, and answers its leaving with one. */
interface ProviderSteps {
  next(): Promise<IteratorResult<object>>;
  return?(): Promise<IteratorResult<object>>;
}

export interface ChunkStreamInput {
  readonly steps: ProviderSteps;
  readonly writer: ChunkWriter;
  readonly mapper: ChunkMapper;
  readonly messageId: string | undefined;
  readonly sendStart: boolean;
  readonly sendFinish: boolean;
  readonly onUsage: ((usage: UsageInput) => unknown) | undefined;
}

export class ChunkStream implements AsyncIterableIterator<ProviderChunk> {
  readonly #input: ChunkStreamInput;
  #waiting: ProviderChunk[] = [];
  #taken = 0;
  #isOver = false;

  constructor(input: ChunkStreamInput) {
    this.#input = input;
    if (input.sendStart) input.writer.start(input.messageId);
    this.#waiting = input.writer.take();
  }

  [Symbol.asyncIterator](): this {
    return this;
  }

  async next(): Promise<IteratorResult<ProviderChunk>> {
    while (this.#taken === this.#waiting.length && !this.#isOver) await this.#read();
    const value = this.#waiting[this.#taken++];
    return value === undefined ? { done: true, value } : { done: false, value };
  }

  async return(): Promise<IteratorResult<ProviderChunk>> {
    this.#isOver = true;
    [this.#waiting, this.#taken] = [[], 0];
    const { value } = (await this.#input.steps.return?.()) ?? {};
    if (value !== undefined) this.#take(value);
    return { done: true, value: undefined };
  }

  async #read(): Promise<void> {
    const { steps, writer, mapper, sendFinish } = this.#input;
    const { done, value } = await steps.next();
    if (this.#isOver) return;
    if (!done) this.#take(value);
    else {
      this.#isOver = true;
      writer.endStep();
      if (sendFinish) writer.finish(mapper.finishReason() ?? 'other');
    }
    [this.#waiting, this.#taken] = [writer.take(), 0];
  }

  /** @throws JobFailureError when the step is the news of one */
  #take(step: object): void {
    if ('data' in step) this.#input.mapper.add(step.data);
    else if ('usage' in step) this.#input.onUsage?.((step as PipeUsage).usage);
    else if ('fail' in step) throw step.fail;
  }
}
