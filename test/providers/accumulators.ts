/**
 * What the providers' own accumulators make of a stream, from the SDKs' helpers that read one: the judge of our content. Only what
 * those add for whoever parses (`parsed`, `output_text`) is taken out again, and what no content is to hold (`obfuscation`).
 */
import { MessageStream } from '@anthropic-ai/sdk/lib/MessageStream';
import { ChatCompletionStream } from 'openai/lib/ChatCompletionStream';
import { accumulateResponse } from 'openai/lib/responses/ResponseAccumulator';
import type { Told } from './recordings.js';

/** The completion that OpenAI's helper gives at the end. */
export async function completionOf(chunks: readonly Told[]): Promise<unknown> {
  const completion = await ChatCompletionStream.fromReadableStream(linesOf(chunks)).finalChatCompletion();
  return asJson(
    completion,
    (name, value) => ['obfuscation', 'parsed'].includes(name) || (name === 'usage' && value === null),
  );
}

/** The responses that OpenAI's accumulator gives after each event. */
export function* responseAfterEach(events: readonly Told[]): Generator<unknown> {
  let response: Parameters<typeof accumulateResponse>[1];
  for (const event of events) {
    response = accumulateResponse(event as never, response);
    yield asJson(response, (name) => name === 'output_text');
  }
}

/** The message that Anthropic's helper gives at the end. */
export async function messageOf(events: readonly Told[]): Promise<unknown> {
  return asJson(
    await MessageStream.fromReadableStream(linesOf(events)).finalMessage(),
    (name) => name === 'parsed_output',
  );
}

function linesOf(events: readonly object[]): ReadableStream<Uint8Array> {
  const bytes = new TextEncoder().encode(events.map((event) => `${JSON.stringify(event)}\n`).join(''));
  return new ReadableStream({
    start(controller) {
      controller.enqueue(bytes);
      controller.close();
    },
  });
}

function asJson(value: unknown, isAdded: (name: string, value: unknown) => boolean): unknown {
  return JSON.parse(JSON.stringify(value, (name, inner) => (isAdded(name, inner) ? undefined : inner)));
}
