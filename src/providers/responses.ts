/**
 * Streams of OpenAI's Responses API as a source. A response ends with `response.completed`, `response.incomplete` or
 * `response.failed`, which hold it whole, with what it has used.
 */

import type { PipeFailure } from '../stream/interfaces/pipe.js';
import { fieldsOf, listOf } from '../stream/model/fields.js';
import { isObject } from '../stream/model/plain-values.js';
import type { UsageInput, UsageLabels } from '../stream/model/types.js';
import { countOf, usageOf } from './call-usage.js';
import { brokenOff, failureOf, providerFailure } from './failures.js';
import type { ProviderStream } from './provider-stream.js';
import {
  type ProviderSource,
  providerSource,
  type Reading,
  type SourceOptions,
  type Taken,
} from './source.js';

/** The name of the events that `fromResponses` emits: their data is one event of the API's each. */
export const RESPONSE_EVENT = 'response';

/** An event of the Responses API, as far as its type is looked at; the SDK's `ResponseStreamEvent` is one. */
export interface ResponseEventLike {
  /** The kind of event, such as `response.output_text.delta`. */
  readonly type: string;
}

/**
 * Makes a source of a stream of the Responses API, for `job.pipe`. Each event becomes one named `response`; usage is added by model
 * when the response is over; a refusal, a content filter, an error or a stream without its end fails the job by name
 * (`content_filtered`, `rate_limited`, `overloaded`, `context_exceeded`, `model_failed`).
 *
 * The API repeats the request in its events: `instructions`, tools and metadata reach whoever follows the job, unless `keep`
 * takes them out, as `withoutRequest` does.
 * @param stream what `client.responses.create({ stream: true, … })` gives, the promise of it, or a function that makes the call and
 *   gets the job's signal; `client.responses.stream(…)` as well, and any iterable of its events
 * @param options `keep` chooses what of an event is stored; `labels` are those of the usage, `provider` being `openai` by default
 * @throws GenerationJobError `invalid_argument` for what is no stream; when piped, for one of another kind · `invalid_options`
 * @example
 * const call = { model: 'gpt-5-mini', input: question, stream: true as const };
 * const open = (signal: AbortSignal) => openai.responses.create(call, { signal });
 * await job.pipe(fromResponses(open, { keep: withoutRequest }));
 */
export function fromResponses<Event extends ResponseEventLike, Kept = Event>(
  stream: ProviderStream<Event>,
  options: SourceOptions<Event, Kept> = {},
): ProviderSource<typeof RESPONSE_EVENT, NoInfer<Kept>> {
  const begin = (labels: UsageLabels) => new ResponsesReading({ provider: 'openai', ...labels });
  const maker = { name: 'fromResponses', event: RESPONSE_EVENT, begin } as const;
  return providerSource<typeof RESPONSE_EVENT, Event, Kept>(maker, stream, options);
}

/** Fields of a response that are the answer and its state. Any other repeats the request. */
const OF_THE_ANSWER = ['id', 'object', 'created_at', 'completed_at', 'status', 'incomplete_details', 'model'];
const ALSO_OF_THE_ANSWER = [
  'output',
  'usage',
  'service_tier',
  'previous_response_id',
  'conversation',
  'background',
];

/**
 * Takes out of an event what repeats the request (instructions, tools, metadata and settings) and, of an error, all but its code:
 * for `fromResponses(stream, { keep: withoutRequest })`. Events that hold no response stay as they are.
 * @example
 * const stream = await openai.responses.create({ model: 'gpt-5-mini', input: question, stream: true });
 * await job.pipe(fromResponses(stream, { keep: withoutRequest }));
 */
export function withoutRequest<Event extends ResponseEventLike>(event: Event): Event {
  const { response } = event as { readonly response?: unknown };
  if (!isObject(response)) return event;
  const kept = [...OF_THE_ANSWER, ...ALSO_OF_THE_ANSWER].flatMap((name) =>
    Object.hasOwn(response, name) ? [[name, response[name]]] : [],
  );
  const { code } = fieldsOf(response.error);
  return { ...event, response: { ...Object.fromEntries(kept), error: code === undefined ? null : { code } } };
}

class ResponsesReading implements Reading<ResponseEventLike> {
  readonly #labels: UsageLabels;
  #isEnded = false;
  #isRefused = false;
  #failure: PipeFailure | undefined;

  constructor(labels: UsageLabels) {
    this.#labels = labels;
  }

  take(event: ResponseEventLike): Taken {
    const fields = fieldsOf(event);
    const response = fieldsOf(fields.response);
    switch (event.type) {
      case 'error':
        return { failure: failureOf(isObject(fields.error) ? fields.error : event) };
      case 'response.created':
        this.#begin();
        return {};
      case 'response.refusal.delta':
      case 'response.refusal.done':
        this.#isRefused = true;
        return {};
      case 'response.failed':
      case 'response.cancelled':
        this.#failure = failureOfResponse(response);
        return this.#ended(response);
      case 'response.incomplete':
        if (fieldsOf(response.incomplete_details).reason === 'content_filter') this.#isRefused = true;
        return this.#ended(response);
      case 'response.completed':
        if (hasRefusal(response)) this.#isRefused = true;
        return this.#ended(response);
      default:
        return {};
    }
  }

  /** It comes with the end of a response, and is given then. */
  usage(): undefined {
    return undefined;
  }

  end(): PipeFailure | undefined {
    if (this.#failure !== undefined) return this.#failure;
    if (!this.#isEnded) return brokenOff();
    return this.#isRefused ? providerFailure('content_filtered') : undefined;
  }

  #begin(): void {
    this.#isEnded = false;
    this.#isRefused = false;
    this.#failure = undefined;
  }

  #ended(response: Readonly<Record<string, unknown>>): Taken {
    this.#isEnded = true;
    return { usage: usageOfResponse(response, this.#labels) };
  }
}

function usageOfResponse(
  { usage, model }: Readonly<Record<string, unknown>>,
  labels: UsageLabels,
): UsageInput | undefined {
  const { input_tokens, output_tokens, input_tokens_details, output_tokens_details } = fieldsOf(usage);
  const [input, output] = [countOf(input_tokens), countOf(output_tokens)];
  if (input === undefined && output === undefined) return undefined;
  const cacheRead = countOf(fieldsOf(input_tokens_details).cached_tokens);
  const reasoning = countOf(fieldsOf(output_tokens_details).reasoning_tokens);
  return usageOf({ input: input ?? 0, output: output ?? 0, cacheRead, reasoning }, model, labels);
}

function failureOfResponse({ error, status }: Readonly<Record<string, unknown>>): PipeFailure {
  if (status === 'cancelled')
    return providerFailure('model_failed', { cause: new Error('The response was cancelled.') });
  return isObject(error) ? failureOf(error) : providerFailure('model_failed', { retryable: true });
}

function hasRefusal({ output }: Readonly<Record<string, unknown>>): boolean {
  return listOf(output).some(({ content }) => listOf(content).some(({ type }) => type === 'refusal'));
}
