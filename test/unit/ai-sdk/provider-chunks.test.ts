import { type ChatTransport, type UIMessage, type UIMessageChunk, uiMessageChunkSchema } from 'ai';
import { isGenerationJobError, JobFailureError } from 'generation-jobs';
import {
  chunksFromAnthropic,
  chunksFromChatCompletions,
  chunksFromResponses,
  type ProviderChunk,
  type ProviderChunksOptions,
} from 'generation-jobs/ai-sdk';
import { describe, expect, it } from 'vitest';
import { callsOfMessage, PlainChat, textOfMessage } from '../../support/ai-chat.js';
import { recordedEvents, recordedText } from '../../support/chat-client.js';

type Conversion = (
  events: Iterable<never>,
  options?: ProviderChunksOptions,
) => AsyncIterableIterator<ProviderChunk>;

const CONVERSIONS: Readonly<Record<string, Conversion>> = {
  'openai-chat': chunksFromChatCompletions,
  'openai-responses': chunksFromResponses,
  anthropic: chunksFromAnthropic,
};

/** By recording: the calls as `name state`, and the number of sources. */
const RECORDINGS: Record<
  string,
  { steps?: number; calls?: readonly string[]; sources?: number; reason?: string }
> = {
  'openai-chat.text': {},
  'openai-responses.long': {},
  'openai-responses.web-search': { calls: Array(6).fill('web_search output-available'), sources: 7 },
  'openai-responses.reasoning-tool': { steps: 4, calls: Array(3).fill('calculator input-available') },
  'openai-responses.mcp-approval.1': { calls: ['create_short_url input-available'], reason: 'tool-calls' },
  'openai-responses.mcp-approval.2': {},
  'openai-responses.mcp-approval.3': { calls: ['create_short_url input-available'], reason: 'tool-calls' },
  'openai-responses.mcp-approval.4': { calls: ['create_short_url output-available'] },
  'anthropic.web-search': { calls: ['web_search output-available'], sources: 4 },
  'anthropic.code-execution': {
    calls: ['text_editor_code_execution', 'bash_code_execution', 'bash_code_execution'].map(
      (name) => `${name} output-available`,
    ),
  },
};

describe('the chunks of a recorded provider stream', () => {
  it.each(Object.entries(RECORDINGS))(
    '%s are known to ai 6 and add up to its text and calls',
    async (name, told) => {
      const { steps = 1, calls = [], sources = 0, reason = 'stop' } = told;
      const usages: { readonly model?: unknown; readonly total_tokens?: unknown }[] = [];
      const chunks = await all(
        conversionOf(name)(recorded(name), { onUsage: (usage) => usages.push(usage) }),
      );
      expect(usages).toEqual(
        Array(steps).fill(expect.objectContaining({ kind: 'model', model: expect.any(String) })),
      );
      for (const chunk of chunks)
        expect(await uiMessageChunkSchema().validate?.(chunk)).toMatchObject({ success: true });

      const { chat, finishReason } = await shownInChat(chunks);
      expect([chat.status, chat.error, finishReason]).toEqual(['ready', undefined, reason]);
      const message = chat.lastMessage as UIMessage;
      expect(textOfMessage(message)).toBe(recordedText(name));
      expect(
        callsOfMessage(message).map(({ type, state }) => `${type.slice('tool-'.length)} ${state}`),
      ).toEqual(calls);
      expect(message.parts.filter(({ type }) => type === 'source-url').length).toBe(sources);
      expect(message.parts.filter(({ type }) => type === 'step-start').length).toBe(steps);
      expect(message.parts.filter((part) => 'state' in part && part.state === 'streaming')).toEqual([]);
    },
  );

  it.each(Object.keys(RECORDINGS))(
    '%s that breaks off fails by name, whatever was told of it',
    async (name) => {
      const events = recorded(name);
      for (let cut = 0; cut < events.length - 1; cut += 1 + Math.floor(events.length / 12)) {
        const chunks: unknown[] = [];
        const reading = (async () => {
          for await (const chunk of conversionOf(name)(events.slice(0, cut))) chunks.push(chunk);
        })();
        await expect(reading).rejects.toMatchObject({ code: 'model_failed', retryable: true });
        expect(chunks).not.toContainEqual(expect.objectContaining({ type: 'finish' }));
      }
    },
  );
});

it('reasoning, calls and texts each have their part, also when they take turns', async () => {
  const delta = (fields: object, finish_reason: string | null = null) => ({
    id: 'one',
    object: 'chat.completion.chunk',
    choices: [{ index: 0, delta: fields, finish_reason }],
  });
  const call = (index: number, fields: object) => delta({ tool_calls: [{ index, ...fields }] });
  const chunks = await all(
    chunksFromChatCompletions([
      delta({ role: 'assistant', content: '' }),
      delta({ reasoning_content: 'Which ' }),
      delta({ reasoning_content: 'city?' }),
      delta({ content: 'Let me look.' }),
      call(0, { id: 'a', function: { name: 'weather', arguments: '{"city":' } }),
      call(1, { id: 'b', function: { name: 'clock', arguments: '' } }),
      call(0, { function: { arguments: '"Rome"}' } }),
      delta({}, 'tool_calls'),
      { ...delta({ content: 'Sunny.' }), id: 'two' },
      { ...delta({}, 'length'), id: 'two' },
      { id: 'two', object: 'chat.completion.chunk', choices: [], usage: { prompt_tokens: 1 } },
    ]),
  );
  const { chat, finishReason } = await shownInChat(chunks);
  expect(finishReason).toBe('length');
  expect(chat.lastMessage?.parts).toMatchObject([
    { type: 'step-start' },
    { type: 'reasoning', text: 'Which city?', state: 'done' },
    { type: 'text', text: 'Let me look.', state: 'done' },
    { type: 'tool-weather', state: 'input-available', input: { city: 'Rome' } },
    { type: 'tool-clock', state: 'input-available', input: {} },
    { type: 'step-start' },
    { type: 'text', text: 'Sunny.', state: 'done' },
  ]);
});

it('a call that was approved goes on under the id it was asked for with, and is shown once', async () => {
  const [asked, rest] = ['openai-responses.mcp-approval.3', 'openai-responses.mcp-approval.4'].map(recorded);
  const first = await all(chunksFromResponses(asked ?? [], { sendFinish: false }));
  const approved = first.flatMap((chunk) =>
    chunk.type === 'tool-input-available' ? [chunk.toolCallId] : [],
  );
  // The recordings are of two runs: what was asked in the one is let be what was approved in the other.
  const [, , , , , , { item }] = rest as readonly unknown[] as [
    unknown,
    unknown,
    unknown,
    unknown,
    unknown,
    unknown,
    { item: object },
  ];
  const { approval_request_id: known } = item as { approval_request_id: string };
  const renamed = JSON.parse(JSON.stringify(rest).replaceAll(known, approved[0] ?? '')) as never[];
  const second = await all(chunksFromResponses(renamed, { sendStart: false, shownCalls: approved }));

  const { chat } = await shownInChat([...first, ...second]);
  expect(callsOfMessage(chat.lastMessage)).toMatchObject([
    {
      toolCallId: approved[0],
      state: 'output-available',
      output: expect.stringContaining('Short URL created'),
    },
  ]);
  expect(textOfMessage(chat.lastMessage)).toBe(recordedText('openai-responses.mcp-approval.4'));
});

it('arguments that were cut off by the limit of tokens are shown as an error of the call', async () => {
  const chunks = await all(
    chunksFromAnthropic([
      { type: 'message_start', message: { id: 'm' } },
      {
        type: 'content_block_start',
        index: 0,
        content_block: { type: 'tool_use', id: 'a', name: 'mail', input: {} },
      },
      {
        type: 'content_block_delta',
        index: 0,
        delta: { type: 'input_json_delta', partial_json: '{"to":"b' },
      },
      { type: 'content_block_stop', index: 0 },
      { type: 'message_delta', delta: { stop_reason: 'max_tokens' } },
      { type: 'message_stop' },
    ]),
  );
  const { chat, finishReason } = await shownInChat(chunks);
  expect([finishReason, chat.error]).toEqual(['length', undefined]);
  expect(callsOfMessage(chat.lastMessage)).toMatchObject([
    { state: 'output-error', errorText: expect.any(String) },
  ]);
});

describe('a provider that says it has failed', () => {
  it.each([
    [chunksFromAnthropic, { type: 'error', error: { type: 'overloaded_error' } }, 'overloaded', true],
    [chunksFromAnthropic, { type: 'error', error: { type: 'rate_limit_error' } }, 'rate_limited', true],
    [chunksFromAnthropic, { type: 'error', error: { type: 'authentication_error' } }, 'model_failed', false],
    [chunksFromResponses, { type: 'error', code: 'rate_limit_exceeded' }, 'rate_limited', true],
    [
      chunksFromResponses,
      { type: 'response.failed', response: { error: { code: 'server_error', message: 'secret-7' } } },
      'model_failed',
      true,
    ],
    [
      chunksFromResponses,
      { type: 'error', error: { code: 'context_length_exceeded' } },
      'context_exceeded',
      false,
    ],
    [chunksFromChatCompletions, { error: { code: 'content_filter' } }, 'content_filtered', false],
  ])('ends the iterator by name: %#', async (conversion, event, code, retryable) => {
    const failed = await all((conversion as Conversion)([event as never])).catch((error: unknown) => error);
    expect(failed).toBeInstanceOf(JobFailureError);
    expect(failed).toMatchObject({ code, retryable });
    expect((failed as Error).message).not.toContain('secret-7');
    expect((failed as Error).cause).toBeDefined();
  });
});

describe('what is asked wrongly', () => {
  it('names the conversion that fits', async () => {
    for (const [name, fitting] of [
      ['anthropic.web-search', 'fromAnthropic'],
      ['openai-chat.text', 'fromChatCompletions'],
      ['openai-responses.long', 'fromResponses'],
    ] as const) {
      for (const conversion of Object.values(CONVERSIONS).filter(
        (one) => !one.name.endsWith(fitting.slice(1)),
      )) {
        const refused = await all(conversion(recorded(name))).catch((error: unknown) => error);
        expect(isGenerationJobError(refused, 'invalid_argument')).toBe(true);
        expect((refused as Error).message).toContain(`did you mean ${fitting}?`);
      }
    }
  });

  it('names the option that was meant', () => {
    const misspelt = { sendstart: false } as object;
    expect(() => chunksFromResponses([], misspelt)).toThrow(/sendStart/);
  });
});

describe('leaving early', () => {
  it('closes the provider’s stream, also while an event is awaited', async () => {
    const controller = new AbortController();
    const silent = {
      controller,
      async *[Symbol.asyncIterator]() {
        yield recorded('openai-responses.long')[0] as never;
        await new Promise<void>((resolve) => controller.signal.addEventListener('abort', () => resolve()));
      },
    };
    const chunks = chunksFromResponses(silent);
    expect(await chunks.next()).toEqual({ done: false, value: { type: 'start' } });
    const awaited = chunks.next();
    await chunks.return?.();
    expect(controller.signal.aborted).toBe(true);
    expect(await awaited).toEqual({ done: true, value: undefined });
  });

  it('cancels a stream of the Web', async () => {
    let isCancelled = false;
    const stream = new ReadableStream({
      cancel: () => {
        isCancelled = true;
      },
    });
    const chunks = chunksFromAnthropic(Promise.resolve(stream));
    await chunks.next();
    const awaited = chunks.next();
    await chunks.return?.();
    expect([isCancelled, await awaited]).toEqual([true, { done: true, value: undefined }]);
  });
});

function conversionOf(recording: string): Conversion {
  const [provider = ''] = recording.split('.');
  return CONVERSIONS[provider] as Conversion;
}

/** The events as they were recorded, of whichever provider. */
function recorded(name: string): never[] {
  return recordedEvents(name) as never[];
}

async function all<Item>(items: AsyncIterable<Item>): Promise<Item[]> {
  const found: Item[] = [];
  for await (const item of items) found.push(item);
  return found;
}

function streamOf<Item>(items: readonly Item[]): ReadableStream<Item> {
  return new ReadableStream({
    start(controller) {
      for (const item of items) controller.enqueue(item);
      controller.close();
    },
  });
}

/** A chat of `ai` that got exactly these chunks as its answer. */
async function shownInChat(chunks: readonly object[]) {
  let finishReason: string | undefined;
  const transport: ChatTransport<UIMessage> = {
    sendMessages: async () => streamOf(chunks as readonly UIMessageChunk[]),
    reconnectToStream: async () => null,
  };
  const chat = new PlainChat({
    transport,
    onFinish: (told) => {
      finishReason = told.finishReason;
    },
  });
  await chat.sendMessage({ text: 'Hello' });
  return { chat, finishReason };
}
