/** A UI message stream of the AI SDK as a source for `job.pipe`: each chunk whole, what it has used, and how it failed, if it did. */
import { z } from 'zod';
import { UI_EVENT } from '../content/ui-message.js';
import { brokenOff, failureOf } from '../providers/failures.js';
import type { ProviderStream } from '../providers/provider-stream.js';
import {
  type ProviderSource,
  providerSource,
  type Reading,
  type SourceOptions,
  type Taken,
} from '../providers/source.js';
import type { PipeFailure } from '../stream/interfaces/pipe.js';
import { callable } from '../stream/model/host-values.js';
import { JobFailureError } from '../stream/model/job-failure.js';
import { isObject, parsedJson } from '../stream/model/plain-values.js';
import { parseStrictly } from '../stream/model/strict.js';
import type { UsageInput, UsageLabels } from '../stream/model/types.js';
import type { UIChunk } from './ui-chunk.js';

export interface FromUIMessageStreamOptions extends SourceOptions<UIChunk, UIChunk> {
  /**
   * Reads what the call has used out of the metadata that `finish`, or a `message-metadata` before it, carries: a UI message
   * stream says it nowhere else. The newest counts. What it throws fails the job. Default: nothing is counted.
   */
  readonly usage?: ((metadata: unknown) => UsageInput | null | undefined) | undefined;
  /**
   * Says whether a stream that ends without `finish` has broken off. False for one that was made with `sendFinish: false`.
   * Default true.
   */
  readonly requiresFinish?: boolean | undefined;
}

const optionsSchema = z.strictObject({
  keep: callable,
  labels: z.unknown().optional(),
  usage: callable,
  requiresFinish: z.boolean().optional(),
});

/**
 * Makes a source of a UI message stream, for `job.pipe`: what `toUIMessageStream()` of the AI SDK 6 or 7 gives. Each chunk
 * becomes an event named `ui`, which is what `uiMessageContent()` folds. An `error` chunk fails the job by name (`rate_limited`,
 * `overloaded`, `content_filtered`, `context_exceeded`, `model_failed`) with its text for a message; a stream that is aborted, or ends
 * without `finish`, fails it as `model_failed`, to be tried again.
 * @param stream an iterable or `ReadableStream` of chunks, the promise of one, or a function that opens one and gets the job's
 *   signal
 * @throws GenerationJobError `invalid_options` · `invalid_argument` for what is no stream; when piped, for one that yields
 *   something else
 * @example
 * await job.pipe(
 *   fromUIMessageStream((signal) => streamText({ model, messages, abortSignal: signal }).toUIMessageStream()),
 * );
 */
export function fromUIMessageStream(
  stream: ProviderStream<UIChunk>,
  options: FromUIMessageStreamOptions = {},
): ProviderSource<typeof UI_EVENT, UIChunk> {
  parseStrictly('invalid_options', optionsSchema, options, 'options');
  const { keep, labels, ...settings } = options;
  const begin = (given: UsageLabels) => new ChunkReading(given, settings);
  return providerSource({ name: 'fromUIMessageStream', event: UI_EVENT, begin }, stream, { keep, labels });
}

class ChunkReading implements Reading<UIChunk> {
  readonly #labels: UsageLabels;
  readonly #usageOf: FromUIMessageStreamOptions['usage'];
  readonly #requiresFinish: boolean;
  #used: UsageInput | undefined;
  #hasFinished = false;

  constructor(
    labels: UsageLabels,
    { usage, requiresFinish = true }: Pick<FromUIMessageStreamOptions, 'usage' | 'requiresFinish'>,
  ) {
    this.#labels = labels;
    this.#usageOf = usage;
    this.#requiresFinish = requiresFinish;
  }

  take(chunk: UIChunk): Taken {
    switch (chunk.type) {
      case 'error':
        return { failure: failureOfChunk(chunk.errorText) };
      case 'abort':
        return { failure: brokenOff(new Error('The UI message stream was aborted.')) };
      case 'message-metadata':
        this.#note(chunk.messageMetadata);
        return {};
      case 'finish':
        this.#hasFinished = true;
        this.#note(chunk.messageMetadata);
        return { usage: this.usage() };
      default:
        return {};
    }
  }

  usage(): UsageInput | undefined {
    const used = this.#used;
    this.#used = undefined;
    return used;
  }

  end(): PipeFailure | undefined {
    return this.#hasFinished || !this.#requiresFinish ? undefined : brokenOff();
  }

  #note(metadata: unknown): void {
    if (metadata === undefined || metadata === null) return;
    const used = this.#usageOf?.(metadata);
    if (used !== undefined && used !== null) this.#used = { kind: 'model', ...used, ...this.#labels };
  }
}

/** The text of an error is meant for the page; where it is a provider's JSON, only what it means is told. */
function failureOfChunk(errorText: unknown): PipeFailure {
  const text = typeof errorText === 'string' ? errorText : '';
  const said = parsedJson(text);
  const failure = failureOf(isObject(said) ? said : { message: text });
  if (isObject(said) || text === '') return failure;
  const { code, retryable } = failure.fail;
  return { fail: new JobFailureError({ code, message: text, retryable }) };
}
