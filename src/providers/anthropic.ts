/**
 * Streams of Anthropic's Messages API as a source. A message ends with `message_stop`; what it has used is in `message_start`, all
 * of the input already, and as running totals in each `message_delta`.
 */

import type { PipeFailure } from '../stream/interfaces/pipe.js';
import { fieldsOf } from '../stream/model/fields.js';
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

/** The name of the events that `fromAnthropic` emits: their data is one event of the API's each. */
export const ANTHROPIC_EVENT = 'anthropic_message';

/** An event of the Messages API, as far as its type is looked at; the SDK's `MessageStreamEvent` is one. */
export interface AnthropicEventLike {
  /** The kind of event, such as `content_block_delta`. */
  readonly type: string;
}

/**
 * Makes a source of a stream of the Messages API, for `job.pipe`. Each event becomes one named `anthropic_message`; usage is added by
 * model when the message is over, and with what is known when it is stopped; a refusal, an error or a stream without its end fails
 * the job by name (`content_filtered`, `rate_limited`, `overloaded`, `context_exceeded`, `model_failed`).
 * @param stream what `client.messages.create({ stream: true, … })` gives, the promise of it, or a function that makes the call and
 *   gets the job's signal; `client.messages.stream(…)` as well, and any iterable of its events
 * @param options `keep` chooses what of an event is stored; `labels` are those of the usage, `provider` being `anthropic` by default
 * @throws GenerationJobError `invalid_argument` for what is no stream; when piped, for one of another kind · `invalid_options`
 * @example
 * const messages = [{ role: 'user' as const, content: question }];
 * const call = { model: 'claude-sonnet-4-5', max_tokens: 1024, messages, stream: true as const };
 * await job.pipe(fromAnthropic((signal) => anthropic.messages.create(call, { signal })));
 */
export function fromAnthropic<Event extends AnthropicEventLike, Kept = Event>(
  stream: ProviderStream<Event>,
  options: SourceOptions<Event, Kept> = {},
): ProviderSource<typeof ANTHROPIC_EVENT, NoInfer<Kept>> {
  const begin = (labels: UsageLabels) => new AnthropicReading({ provider: 'anthropic', ...labels });
  const maker = { name: 'fromAnthropic', event: ANTHROPIC_EVENT, begin, asSent: asSent<Event> } as const;
  return providerSource<typeof ANTHROPIC_EVENT, Event, Kept>(maker, stream, options);
}

/**
 * The SDK's helper builds its message in the very object of `message_start`, and may do so until the event is stored: here it is a copy,
 * as the API begins a message.
 */
function asSent<Event extends AnthropicEventLike>(event: Event): Event {
  const { message } = event as { readonly message?: unknown };
  if (event.type !== 'message_start' || !isObject(message)) return event;
  const begun = { ...message, ...(isObject(message.usage) && { usage: { ...message.usage } }), content: [] };
  const ends = ['stop_reason', 'stop_sequence'].filter((name) => name in message);
  return { ...event, message: { ...begun, ...Object.fromEntries(ends.map((name) => [name, null])) } };
}

class AnthropicReading implements Reading<AnthropicEventLike> {
  readonly #labels: UsageLabels;
  #isEnded = false;
  #stopReason: unknown;
  #model: unknown;
  #usage: Readonly<Record<string, unknown>> | undefined;

  constructor(labels: UsageLabels) {
    this.#labels = labels;
  }

  take(event: AnthropicEventLike): Taken {
    const { message, delta, usage, error } = fieldsOf(event);
    switch (event.type) {
      case 'error':
        return { failure: failureOf(isObject(error) ? error : event) };
      case 'message_start': {
        const before = this.usage();
        this.#isEnded = false;
        this.#stopReason = undefined;
        this.#model = fieldsOf(message).model;
        this.#usage = fieldsOf(fieldsOf(message).usage);
        return { usage: before };
      }
      case 'message_delta':
        this.#stopReason = fieldsOf(delta).stop_reason ?? this.#stopReason;
        this.#count(fieldsOf(usage));
        return {};
      case 'message_stop':
        this.#isEnded = true;
        return { usage: this.usage() };
      default:
        return {};
    }
  }

  usage(): UsageInput | undefined {
    const told = this.#usage;
    this.#usage = undefined;
    const input = countOf(told?.input_tokens);
    if (told === undefined || input === undefined) return undefined;
    const cacheRead = countOf(told.cache_read_input_tokens);
    const cacheCreation = countOf(told.cache_creation_input_tokens);
    const searches = countOf(fieldsOf(told.server_tool_use).web_search_requests);
    const counts = {
      // Anthropic counts beside its input what came from a cache and went to one.
      input: input + (cacheRead ?? 0) + (cacheCreation ?? 0),
      output: countOf(told.output_tokens) ?? 0,
      ...{ cacheRead, cacheCreation },
      reasoning: countOf(fieldsOf(told.output_tokens_details).thinking_tokens),
      others: searches === undefined || searches === 0 ? undefined : { web_search_requests: searches },
    };
    return usageOf(counts, this.#model, this.#labels);
  }

  end(): PipeFailure | undefined {
    if (!this.#isEnded) return brokenOff();
    switch (this.#stopReason) {
      case 'refusal':
        return providerFailure('content_filtered');
      case 'model_context_window_exceeded':
        return providerFailure('context_exceeded');
      default:
        return undefined;
    }
  }

  /** Running totals, of which one that is left out has not changed. */
  #count(totals: Readonly<Record<string, unknown>>): void {
    const known = Object.entries(totals).filter(([, total]) => total !== null && total !== undefined);
    this.#usage = { ...this.#usage, ...Object.fromEntries(known) };
  }
}
