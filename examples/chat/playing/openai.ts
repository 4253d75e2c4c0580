/**
 * A model behind an OpenAI-compatible endpoint: chat completions, streamed. Each chunk is handed on as it came, parsed.
 * An answer counts as whole only when the endpoint says so, by a finish reason or `[DONE]`: a connection that just
 * ends in between is an error, not an end.
 */
import { EventSourceParserStream } from 'eventsource-parser/stream';
import { field } from '../page/content/provider-text.js';

export interface OpenAiConfig {
  readonly baseUrl: string;
  readonly apiKey: string;
  readonly model: string;
}

export interface Message {
  readonly role: 'user' | 'assistant';
  readonly content: string;
}

/** How long the endpoint may take until its headers: beyond, it is down rather than thinking. */
const HEADERS_MS = 60_000;

/** @throws when the endpoint can't be reached, refuses, reports an error, or stops in the middle */
export async function* askOpenAi(
  { baseUrl, apiKey, model }: OpenAiConfig,
  messages: readonly Message[],
  signal: AbortSignal,
): AsyncGenerator<unknown, void, undefined> {
  const body = await openStream(
    `${baseUrl.replace(/\/+$/, '')}/chat/completions`,
    apiKey,
    JSON.stringify({ model, messages, stream: true, stream_options: { include_usage: true } }),
    signal,
  );
  const parsed = body.pipeThrough(new TextDecoderStream()).pipeThrough(new EventSourceParserStream());
  let isFinished = false;
  for await (const { data } of parsed) {
    if (data === '[DONE]') return;
    const chunk: unknown = JSON.parse(data);
    yield chunk;
    if (field(chunk, 'error')) throw new Error('the model endpoint reported an error in the stream');
    const reason = field(field(field(chunk, 'choices'), 0), 'finish_reason');
    isFinished ||= typeof reason === 'string';
  }
  if (!isFinished) throw new Error('the model endpoint ended the stream in the middle of the answer');
}

async function openStream(url: string, apiKey: string, body: string, signal: AbortSignal) {
  const headersLate = new AbortController();
  const timer = setTimeout(
    () => headersLate.abort(new Error('the model endpoint does not answer')),
    HEADERS_MS,
  );
  try {
    const response = await fetch(url, {
      method: 'POST',
      headers: { 'content-type': 'application/json', authorization: `Bearer ${apiKey}` },
      body,
      signal: AbortSignal.any([signal, headersLate.signal]),
    });
    if (response.ok && response.body) return response.body;
    await response.body?.cancel();
    throw new Error(`the model endpoint answered ${response.status}`);
  } finally {
    clearTimeout(timer);
  }
}
