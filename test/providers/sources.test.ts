/** What sources make of providers' streams: events, usage, and failures by their names. */
import { fromTextStream, isGenerationJobError, type PipeStep } from 'generation-jobs';
import { fromAnthropic } from 'generation-jobs/anthropic';
import { fromChatCompletions, fromResponses, withoutRequest } from 'generation-jobs/openai';
import { describe, expect, it, vi } from 'vitest';
import { piped } from './piping.js';
import {
  ANTHROPIC,
  CHAT,
  RESPONSES,
  recording,
  SEVERAL_RESPONSES,
  streamOf,
  type Told,
} from './recordings.js';

type Source = (
  stream: AsyncIterable<Told>,
  options?: object,
) => (signal: AbortSignal) => AsyncIterable<PipeStep>;
const chat = fromChatCompletions as unknown as Source;
const responses = fromResponses as unknown as Source;
const anthropic = fromAnthropic as unknown as Source;

const [chatRecording, anthropicRecording] = [recording(CHAT[0] as string), recording(ANTHROPIC[0] as string)];
const responsesRecording = recording(RESPONSES[0] as string);

/** Yields the events, then throws. */
async function* breaking(events: readonly Told[], error: unknown): AsyncGenerator<Told> {
  yield* structuredClone(events) as Told[];
  throw error;
}

describe('a stream that has come to its end', () => {
  it.each([
    [chat, 'chat_completion', 'chat-completions', CHAT[0]],
    ...RESPONSES.map((name) => [responses, 'response', 'responses', name] as const),
    [responses, 'response', 'responses', SEVERAL_RESPONSES],
    ...ANTHROPIC.map((name) => [anthropic, 'anthropic_message', 'anthropic-messages', name] as const),
  ] as [Source, string, string, string][])(
    '%o completes the job with every event whole: %s, %s, %s',
    async (source, event, contentModel, name) => {
      const { end, events, state, reports } = await piped(source(streamOf(recording(name))), {
        contentModel,
      });
      expect(end).toEqual({ reason: 'completed' });
      expect(events).toEqual(recording(name).map((data) => ({ event, data })));
      expect(state.content).not.toEqual(null);
      expect(reports).toEqual([]);
    },
  );

  it('adds what the call has used, once, by model, under the same counters whichever provider it was', async () => {
    const usageOf = async (source: Source, events: readonly Told[], options?: object) =>
      (await piped(source(streamOf(events), options))).state.usageEntries;
    expect(await usageOf(chat, chatRecording)).toEqual([
      {
        ...{ kind: 'model', model: 'gpt-4.1-nano-2025-04-14', provider: 'openai', calls: 1 },
        usage: {
          ...{ input_tokens: 16, output_tokens: 300, total_tokens: 316 },
          ...{ 'input_token_details.cache_read': 0, 'output_token_details.reasoning': 0 },
        },
      },
    ]);
    const [told] = responsesRecording.slice(-1) as unknown as [
      { response: { usage: Record<string, number> } },
    ];
    expect(await usageOf(responses, responsesRecording)).toMatchObject([
      {
        ...{ model: 'gpt-5-mini-2025-08-07', provider: 'openai', calls: 1 },
        usage: {
          input_tokens: told.response.usage.input_tokens,
          output_tokens: told.response.usage.output_tokens,
        },
      },
    ]);
    expect(
      await usageOf(anthropic, anthropicRecording, {
        labels: { kind: 'title', provider: 'proxy', agentId: 'a' },
      }),
    ).toEqual([
      {
        ...{ kind: 'title', model: 'claude-sonnet-4-20250514', provider: 'proxy', agentId: 'a', calls: 1 },
        usage: {
          ...{ input_tokens: 15_665, output_tokens: 795, total_tokens: 16_460, web_search_requests: 1 },
          ...{ 'input_token_details.cache_read': 0, 'input_token_details.cache_creation': 0 },
        },
      },
    ]);
  });

  it('counts tokens from a cache as part of the input, as Anthropic does not', async () => {
    const usage = {
      input_tokens: 5,
      cache_read_input_tokens: 100,
      cache_creation_input_tokens: 20,
      output_tokens: 1,
    };
    const events = [
      { type: 'message_start', message: { id: 'm', model: 'claude', content: [], usage } },
      {
        type: 'message_delta',
        delta: { stop_reason: 'end_turn' },
        usage: { output_tokens: 9, input_tokens: null },
      },
      { type: 'message_stop' },
    ];
    const { state } = await piped(anthropic(streamOf(events as unknown as Told[])));
    expect(state.usage).toEqual({
      ...{ input_tokens: 125, output_tokens: 9, total_tokens: 134 },
      ...{ 'input_token_details.cache_read': 100, 'input_token_details.cache_creation': 20 },
    });
  });

  it('counts running totals once, and each call of a stream that holds several', async () => {
    const chunk = (id: string, total: number, reason: string | null) =>
      ({
        id,
        model: 'm',
        choices: [{ index: 0, delta: { content: 'x' }, finish_reason: reason }],
        usage: { prompt_tokens: 10, completion_tokens: total },
      }) as unknown as Told;
    const two = [chunk('a', 1, null), chunk('a', 2, 'stop'), chunk('b', 5, null), chunk('b', 6, 'stop')];
    expect(
      (await piped(chat(streamOf(two)))).state.usageEntries.map(({ usage }) => usage.output_tokens),
    ).toEqual([2, 6]);
    expect((await piped(responses(streamOf(recording(SEVERAL_RESPONSES))))).state.usageEntries).toHaveLength(
      4,
    );
    const both = [...anthropicRecording, ...recording(ANTHROPIC[1] as string)];
    expect((await piped(anthropic(streamOf(both)))).state.usageEntries.map(({ model }) => model)).toEqual([
      ...['claude-sonnet-4-20250514', 'claude-sonnet-4-5-20250929'],
    ]);
  });

  it('keeps of each event what the host wants, and counts and fails by the event as it came', async () => {
    const keep = ({ type, delta }: Told) => (type === 'response.output_text.delta' ? { type, delta } : null);
    const { events, state } = await piped(responses(streamOf(responsesRecording), { keep }), {
      contentModel: 'responses',
    });
    expect(events.every(({ data }) => Object.keys(data as object).length === 2)).toBe(true);
    expect(state.usage.output_tokens).toBeGreaterThan(0);
    const text = events.map(({ data }) => (data as { delta: string }).delta).join('');
    expect(state.content).toMatchObject({
      responses: [{ output: [{ content: [{ type: 'output_text', text }] }] }],
    });
    const nothing = await piped(chat(streamOf([]), { keep: () => null }));
    expect(nothing.end).toMatchObject({ reason: 'failed', error: { code: 'model_failed' } });
  });

  it('leaves out what repeats the request, instructions and tools among it, with `withoutRequest`', async () => {
    const { events, state } = await piped(responses(streamOf(responsesRecording), { keep: withoutRequest }), {
      contentModel: 'responses',
    });
    const all = JSON.stringify(events);
    for (const name of ['instructions', 'tools', 'metadata', 'tool_choice', 'temperature'])
      expect(all).not.toContain(`"${name}":`);
    expect(events).toHaveLength(responsesRecording.length);
    const whole = responsesRecording.at(-1) as unknown as { response: { output: unknown } };
    expect(state.content).toMatchObject({
      responses: [{ status: 'completed', output: whole.response.output }],
    });
    const failed = {
      type: 'response.failed',
      response: { id: 'r', error: { code: 'server_error', message: 'org-123' } },
    };
    expect(withoutRequest(failed)).toEqual({
      ...failed,
      response: { id: 'r', error: { code: 'server_error' } },
    });
  });
});

/** An error as the SDKs make them: told by what it holds, not by its class. */
function apiError(status: number | undefined, fields: object, headers: Record<string, string> = {}): Error {
  return Object.assign(
    new Error('org-123 has reached its limit'),
    { status, headers: new Headers(headers) },
    fields,
  );
}
const openai = (status: number | undefined, code: string | null, type = '') =>
  apiError(status, { code, type, error: { code, type, message: 'secret' } });
const ofAnthropic = (status: number | undefined, type: string, message = 'secret') =>
  apiError(status, { type, error: { type: 'error', error: { type, message } } });

it('a job that merges has the same content, of events that are no more', async () => {
  for (const [source, contentModel, events] of [
    [chat, 'chat-completions', chatRecording],
    [responses, 'responses', responsesRecording],
    [anthropic, 'anthropic-messages', anthropicRecording],
  ] as const) {
    const whole = await piped(source(streamOf(events)), { contentModel });
    const merged = await piped(source(streamOf(events)), { contentModel, merge: true });
    expect(merged.state.content).toEqual(whole.state.content);
    expect(merged.events.length).toBeLessThanOrEqual(whole.events.length);
  }
});

describe('a failure has its name', () => {
  it.each([
    ['openai 429', openai(429, 'rate_limit_exceeded', 'tokens'), 'rate_limited', true],
    [
      'openai 429, quota used up',
      openai(429, 'insufficient_quota', 'insufficient_quota'),
      'rate_limited',
      false,
    ],
    ['openai 503', openai(503, null), 'overloaded', true],
    ['openai 500', openai(500, 'server_error'), 'model_failed', true],
    ['openai 401', openai(401, 'invalid_api_key', 'invalid_request_error'), 'model_failed', false],
    ['openai 404', openai(404, 'model_not_found'), 'model_failed', false],
    ['openai 409', openai(409, null), 'model_failed', true],
    [
      'openai, prompt too long',
      openai(400, 'context_length_exceeded', 'invalid_request_error'),
      'context_exceeded',
      false,
    ],
    ['openai, prompt filtered', openai(400, 'content_filter'), 'content_filtered', false],
    ['openai, policy', openai(400, 'content_policy_violation'), 'content_filtered', false],
    ['openai, no connection', openai(undefined, null), 'model_failed', true],
    ['openai 500, told not to try', apiError(500, {}, { 'x-should-retry': 'false' }), 'model_failed', false],
    ['openai 400, told to try', apiError(400, {}, { 'x-should-retry': 'true' }), 'model_failed', true],
    ['anthropic 429', ofAnthropic(429, 'rate_limit_error'), 'rate_limited', true],
    ['anthropic 529', ofAnthropic(529, 'overloaded_error'), 'overloaded', true],
    ['anthropic, overloaded in mid-stream', ofAnthropic(undefined, 'overloaded_error'), 'overloaded', true],
    ['anthropic 500', ofAnthropic(500, 'api_error'), 'model_failed', true],
    ['anthropic 402', ofAnthropic(402, 'billing_error'), 'model_failed', false],
    ['anthropic 413', ofAnthropic(413, 'request_too_large'), 'context_exceeded', false],
    [
      'anthropic, prompt too long',
      ofAnthropic(400, 'invalid_request_error', 'prompt is too long: 300000 tokens'),
      'context_exceeded',
      false,
    ],
    [
      'a proxy’s numeric code',
      apiError(undefined, { error: { code: 502, message: 'bad gateway' } }),
      'model_failed',
      true,
    ],
    [
      'fetch',
      Object.assign(new TypeError('terminated'), {
        cause: Object.assign(new Error('closed'), { code: 'UND_ERR_SOCKET' }),
      }),
      'model_failed',
      true,
    ],
    ['anything else that a stream throws', new Error('Unexpected end of JSON input'), 'model_failed', true],
  ])('that a stream throws: %s', async (_, error, code, retryable) => {
    for (const [source, events] of [
      [chat, chatRecording],
      [responses, responsesRecording],
      [anthropic, anthropicRecording],
    ] as const) {
      const { end, state, events: told, reports } = await piped(source(breaking(events.slice(0, 5), error)));
      expect(end).toMatchObject({ reason: 'failed', error: { code, retryable, cause: error } });
      expect(told).toHaveLength(5);
      expect(state.end).toMatchObject({ code, retryable });
      expect(JSON.stringify(state.end)).not.toMatch(/org-123|secret/);
      expect(reports.map(({ error: reported }) => (reported as Error).cause)).toEqual([error]);
    }
  });

  it.each([
    [chat, { error: { code: 'rate_limit_exceeded', message: 'secret' } }, 'rate_limited', true],
    [chat, { error: { code: 502, message: 'secret' }, choices: [] }, 'model_failed', true],
    [responses, { type: 'error', code: 'server_error', message: 'secret' }, 'model_failed', true],
    [
      responses,
      { type: 'error', error: { type: 'invalid_request_error', code: 'context_length_exceeded' } },
      'context_exceeded',
      false,
    ],
    [
      anthropic,
      { type: 'error', error: { type: 'overloaded_error', message: 'secret' } },
      'overloaded',
      true,
    ],
    [
      anthropic,
      { type: 'error', error: { type: 'invalid_request_error', message: 'secret' } },
      'model_failed',
      false,
    ],
  ] as [Source, object, string, boolean][])(
    'that comes as a part, which is no event of the answer: %o %j',
    async (source, part, code, retryable) => {
      const begun =
        source === chat ? chatRecording : source === responses ? responsesRecording : anthropicRecording;
      const read: number[] = [];
      const stream = (async function* () {
        for (const [index, event] of [...begun.slice(0, 3), part as Told, ...begun.slice(3)].entries()) {
          read.push(index);
          yield event;
        }
      })();
      const { end, events, state } = await piped(source(stream));
      expect(end).toMatchObject({ reason: 'failed', error: { code, retryable } });
      expect(events.map(({ data }) => data)).toEqual(begun.slice(0, 3));
      expect(JSON.stringify(state)).not.toContain('secret');
      expect(read).toEqual([0, 1, 2, 3]);
    },
  );

  const finished = (choices: object[]) => [{ id: 'c', model: 'm', choices }] as unknown as Told[];
  const failed = (response: object) =>
    [
      { type: 'response.created', response: { id: 'r' } },
      { type: 'response.failed', response },
    ] as unknown as Told[];
  const stopped = (stop_reason: string) =>
    [
      { type: 'message_start', message: { id: 'm', content: [], usage: { input_tokens: 1 } } },
      { type: 'message_delta', delta: { stop_reason }, usage: { output_tokens: 1 } },
      { type: 'message_stop' },
    ] as unknown as Told[];
  it.each([
    [
      'a filter',
      chat,
      finished([{ index: 0, delta: {}, finish_reason: 'content_filter' }]),
      'content_filtered',
      false,
    ],
    [
      'a refusal',
      chat,
      finished([{ index: 0, delta: { refusal: 'No.' }, finish_reason: 'stop' }]),
      'content_filtered',
      false,
    ],
    [
      'a router’s error',
      chat,
      finished([{ index: 0, delta: {}, finish_reason: 'error' }]),
      'model_failed',
      true,
    ],
    [
      'a failed response',
      responses,
      failed({ id: 'r', status: 'failed', error: { code: 'rate_limit_exceeded' } }),
      'rate_limited',
      true,
    ],
    [
      'a response with a prompt it does not take',
      responses,
      failed({ status: 'failed', error: { code: 'invalid_prompt' } }),
      'content_filtered',
      false,
    ],
    ['a cancelled response', responses, failed({ status: 'cancelled' }), 'model_failed', false],
    [
      'a response cut by a filter',
      responses,
      [
        { type: 'response.incomplete', response: { incomplete_details: { reason: 'content_filter' } } },
      ] as unknown as Told[],
      'content_filtered',
      false,
    ],
    [
      'a response that refuses',
      responses,
      [
        { type: 'response.refusal.delta', delta: 'No.' },
        { type: 'response.completed', response: {} },
      ] as unknown as Told[],
      'content_filtered',
      false,
    ],
    ['a refusal of Claude', anthropic, stopped('refusal'), 'content_filtered', false],
    [
      'a full window of Claude',
      anthropic,
      stopped('model_context_window_exceeded'),
      'context_exceeded',
      false,
    ],
  ] as [string, Source, Told[], string, boolean][])(
    'that an answer ends with: %s; all its events are there',
    async (_, source, events, code, retryable) => {
      const { end, events: told } = await piped(source(streamOf(events)));
      expect(end).toMatchObject({ reason: 'failed', error: { code, retryable } });
      expect(told.map(({ data }) => data)).toEqual(events);
    },
  );

  it('of a stream that breaks off: wherever that is, but for behind its end', async () => {
    const short = (events: readonly Told[]) => [...events.slice(0, 4), ...events.slice(-4)];
    for (const [source, events, tail] of [
      // The last chunk only counts tokens.
      [chat, short(chatRecording), 1],
      [responses, short(responsesRecording), 0],
      [anthropic, short(anthropicRecording), 0],
    ] as const) {
      for (let length = 0; length < events.length; length++) {
        const { end } = await piped(source(streamOf(events.slice(0, length))));
        if (length >= events.length - tail) expect(end).toEqual({ reason: 'completed' });
        else
          expect(end).toMatchObject({ reason: 'failed', error: { code: 'model_failed', retryable: true } });
      }
    }
  });

  it('is none where a model stopped for another reason: length, calls, one refusal of several choices', async () => {
    const choices = [
      { index: 0, delta: { content: 'Yes.' }, finish_reason: 'length' },
      { index: 1, delta: { refusal: 'No.' }, finish_reason: 'stop' },
      { index: 2, delta: {}, finish_reason: 'tool_calls' },
    ];
    expect((await piped(chat(streamOf(finished(choices))))).end).toEqual({ reason: 'completed' });
    for (const reason of ['max_tokens', 'pause_turn', 'tool_use', 'stop_sequence'])
      expect((await piped(anthropic(streamOf(stopped(reason))))).end).toEqual({ reason: 'completed' });
    const long = [
      { type: 'response.incomplete', response: { incomplete_details: { reason: 'max_output_tokens' } } },
    ];
    expect((await piped(responses(streamOf(long as unknown as Told[])))).end).toEqual({
      reason: 'completed',
    });
  });

  it('is not given to a mistake of the host’s: it is thrown as it is', async () => {
    const mistake = new TypeError('messages is undefined');
    const opening = () => {
      throw mistake;
    };
    expect((await piped(fromChatCompletions(opening))).end).toEqual({ reason: 'failed', error: mistake });
    const keep = () => {
      throw mistake;
    };
    expect((await piped(chat(streamOf(chatRecording), { keep }))).end).toEqual({
      reason: 'failed',
      error: mistake,
    });
    const refused = openai(429, 'rate_limit_exceeded');
    const rejected = () => Promise.reject(refused);
    expect((await piped(fromChatCompletions(rejected))).end).toMatchObject({
      error: { code: 'rate_limited', cause: refused },
    });
  });
});

describe('a stop', () => {
  it('closes the stream, and counts what Anthropic has told of the call by then', async () => {
    let closed = 0;
    const open = async function* (signal: AbortSignal) {
      try {
        yield* anthropicRecording.slice(0, 5);
        await new Promise<void>((resolve) => signal.addEventListener('abort', () => resolve()));
        yield* anthropicRecording.slice(5);
      } finally {
        closed++;
      }
    };
    const { end, state } = await piped(anthropic(open as never), {
      onEvent: (count, manager) => (count === 5 ? manager.abortJob('s') : undefined),
    });
    expect(end).toEqual({ reason: 'aborted' });
    expect(closed).toBe(1);
    expect(state.usage).toMatchObject({ input_tokens: 2_037, output_tokens: 1 });
  });

  it('aborts the controller of an SDK’s stream that waits for its provider, and fires the signal of a function that opens one', async () => {
    const controller = new AbortController();
    const over = new Promise<never>((_, reject) =>
      controller.signal.addEventListener('abort', () => reject(new Error('aborted'))),
    );
    over.catch(() => {});
    let given: AbortSignal | undefined;
    const open = (signal: AbortSignal) => {
      given = signal;
      const iterator = (async function* () {
        yield chatRecording[0] as Told;
        await over;
      })();
      return Object.assign({ [Symbol.asyncIterator]: () => iterator }, { controller });
    };
    const { end, reports } = await piped(chat(open as never), {
      onEvent: (count, manager) => (count === 1 ? manager.abortJob('s') : undefined),
    });
    expect(end).toEqual({ reason: 'aborted' });
    expect([controller.signal.aborted, given?.aborted]).toEqual([true, true]);
    expect(reports).toEqual([]);
  });
});

it('a stream that opens only after the stop is closed then, and nobody is told of one that never does', async () => {
  const controller = new AbortController();
  let open: (stream: unknown) => void = () => {};
  const late = new Promise((resolve) => {
    open = resolve;
  });
  const failing = async (signal: AbortSignal) => {
    await aborted(signal);
    throw new Error('aborted');
  };
  for (const stream of [late, failing]) {
    const { end, events, reports } = await piped(chat(stream as never), {
      onEvent: (_, manager) => manager.abortJob('s'),
    });
    expect([end, events, reports]).toEqual([{ reason: 'aborted' }, [], []]);
  }
  open(Object.assign(streamOf(chatRecording), { controller }));
  await vi.waitUntil(() => controller.signal.aborted);
});

function aborted(signal: AbortSignal): Promise<void> {
  return new Promise((resolve) => signal.addEventListener('abort', () => resolve(), { once: true }));
}

describe('a stream of another kind is refused with the name of its source', () => {
  const first = (events: readonly unknown[]) =>
    (async function* () {
      yield* events as Told[];
    })();
  it.each([
    ['fromAnthropic', chat, anthropicRecording],
    ['fromResponses', chat, responsesRecording],
    ['fromChatCompletions', responses, chatRecording],
    ['fromChatCompletions', anthropic, chatRecording],
    ['fromResponses', anthropic, responsesRecording],
    ['fromUIMessageStream', anthropic, [{ type: 'start', messageId: 'm' }]],
    ['fromTextStream', chat, ['text']],
    ['parse it', responses, [new Uint8Array(3)]],
    ['fromChatCompletions', fromTextStream as unknown as Source, chatRecording],
  ] as [string, Source, unknown[]][])('%s', async (name, source, events) => {
    const { end } = await piped(source(first(events)));
    expect(isGenerationJobError(end.error, 'invalid_argument')).toBe(true);
    expect((end.error as Error).message).toContain(name);
  });
});

describe('text', () => {
  it('is piped piece by piece, bytes as UTF-8 whose characters may lie in two pieces', async () => {
    const bytes = new TextEncoder().encode('Grüße 🙂');
    const pieces = ['Once ', '', 'upon', ...[...bytes].map((byte) => Uint8Array.of(byte))];
    const { end, state, events } = await piped(fromTextStream(pieces), { contentModel: 'text' });
    expect(end).toEqual({ reason: 'completed' });
    expect(state.content).toEqual({ text: 'Once uponGrüße 🙂' });
    expect(events[0]).toEqual({ event: 'text', data: { text: 'Once ' } });
    expect(events.every(({ data }) => (data as { text: string }).text !== '')).toBe(true);
  });

  it('that breaks off by an error fails by its name', async () => {
    const stream = (async function* () {
      yield 'Once';
      throw ofAnthropic(529, 'overloaded_error');
    })();
    const { end, events } = await piped(fromTextStream(stream));
    expect(end).toMatchObject({ reason: 'failed', error: { code: 'overloaded', retryable: true } });
    expect(events).toHaveLength(1);
  });
});

it('sources take promises and Web streams as well', async () => {
  for (const stream of [
    Promise.resolve(streamOf(chatRecording)),
    new ReadableStream({
      start: (controller) => {
        for (const chunk of chatRecording) controller.enqueue(chunk);
        controller.close();
      },
    }),
    chatRecording,
  ])
    expect((await piped(chat(stream as never))).end).toEqual({ reason: 'completed' });
});
