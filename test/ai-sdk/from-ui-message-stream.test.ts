/** UI message streams as sources of jobs: of the AI SDK itself, and such as break off. */
import { simulateReadableStream, streamText } from 'ai';
import { MockLanguageModelV3 } from 'ai/test';
import { createStreamServices, GenerationJobManager } from 'generation-jobs';
import { fromUIMessageStream, type UIChunk } from 'generation-jobs/ai-sdk';
import { type UIMessageContent, uiMessageContent } from 'generation-jobs/content';
import { describe, expect, it, onTestFinished } from 'vitest';

/** The end of a job that is made by piping these chunks, or this stream. */
async function piped(
  stream: Parameters<typeof fromUIMessageStream>[0],
  options?: Parameters<typeof fromUIMessageStream>[1],
) {
  const manager = new GenerationJobManager({
    ...{ ...createStreamServices(), contentModels: [uiMessageContent()], hooks: { onError: () => {} } },
  });
  onTestFinished(() => manager.close());
  const created = await manager.createJob({ streamId: 's', userId: 'u', contentModel: 'ui-message' });
  if (!created.started) throw new Error('The job did not start.');
  await created.job.run((job) => job.pipe(fromUIMessageStream(stream, options)));
  const state = await manager.getResumeState('s');
  const record = await manager.getJob('s');
  const events: unknown[] = [];
  for await (const { event, data } of manager.subscribe('s')) if (event === 'ui') events.push(data);
  return {
    events,
    content: state?.content as UIMessageContent,
    status: state?.status,
    end: state?.end,
    record,
  };
}

const TEXT: readonly UIChunk[] = [
  { type: 'start', messageId: 'm' },
  { type: 'text-start', id: 't' },
  { type: 'text-delta', id: 't', delta: 'Hello', providerMetadata: { a: { b: 1 } } },
  { type: 'text-end', id: 't' },
];
const finish = { type: 'finish', finishReason: 'stop', messageMetadata: { tokens: 7 } };

describe('a UI message stream as a source', () => {
  it('of streamText is stored chunk by chunk, each whole', async () => {
    const usage = { inputTokens: { total: 3 }, outputTokens: { total: 2 } };
    const model = new MockLanguageModelV3({
      doStream: async () => ({
        stream: simulateReadableStream({
          chunks: [
            { type: 'stream-start', warnings: [] },
            { type: 'text-start', id: '1' },
            { type: 'text-delta', id: '1', delta: 'Hel' },
            { type: 'text-delta', id: '1', delta: 'lo' },
            { type: 'text-end', id: '1' },
            { type: 'finish', finishReason: { unified: 'stop', raw: 'stop' }, usage },
          ] as never,
        }),
      }),
    });
    const messageMetadata = ({
      part,
    }: {
      readonly part: { readonly type: string; readonly totalUsage?: unknown };
    }) => (part.type === 'finish' ? { usage: part.totalUsage } : undefined);
    const { status, content, events, record } = await piped(
      (signal) =>
        streamText({ model, prompt: 'Hello?', abortSignal: signal }).toUIMessageStream({
          messageMetadata,
        }) as never,
      {
        usage: (metadata) => {
          const { inputTokens, outputTokens } = (metadata as { usage: Record<string, number> }).usage;
          return { model: 'm', input_tokens: inputTokens, output_tokens: outputTokens };
        },
      },
    );
    expect(status).toBe('completed');
    expect(content).toMatchObject({
      parts: [{ type: 'step-start' }, { type: 'text', text: 'Hello', state: 'done' }],
      finishReason: 'stop',
    });
    expect(events.map((chunk) => (chunk as UIChunk).type)).toEqual([
      ...[
        'start',
        'start-step',
        'text-start',
        'text-delta',
        'text-delta',
        'text-end',
        'finish-step',
        'finish',
      ],
    ]);
    expect(record?.usageEntries).toMatchObject([
      { kind: 'model', model: 'm', usage: { input_tokens: 3, output_tokens: 2 } },
    ]);
  });

  it('counts the newest usage once, under the labels of the host', async () => {
    const metadata = { type: 'message-metadata', messageMetadata: { tokens: 2 } };
    const { record, events } = await piped([...TEXT, metadata, finish], {
      usage: (said) => said as { tokens: number },
      labels: { model: 'mine' },
    });
    expect(record?.usageEntries).toMatchObject([{ kind: 'model', model: 'mine', usage: { tokens: 7 } }]);
    expect(events).toEqual([...TEXT, metadata, finish]);
  });

  it('keeps what the host wants kept', async () => {
    const keep = (chunk: UIChunk) => (chunk.type === 'text-delta' ? { ...chunk, delta: '…' } : chunk);
    const { content } = await piped([...TEXT, finish], { keep });
    expect(content.parts).toMatchObject([{ text: '…' }]);
  });

  it.each([
    [
      'An error chunk',
      { type: 'error', errorText: 'Sorry, no.' },
      { code: 'model_failed', message: 'Sorry, no.' },
    ],
    [
      'A provider’s error in an error chunk',
      { type: 'error', errorText: '{"type":"overloaded_error","message":"secret"}' },
      { code: 'overloaded', retryable: true },
    ],
    ['An abort', { type: 'abort' }, { code: 'model_failed', retryable: true }],
  ])('%s fails the job by name, and is no part of the answer', async (_name, chunk, failure) => {
    const { status, end, events } = await piped([...TEXT, chunk]);
    expect(status).toBe('failed');
    expect(end).toMatchObject(failure);
    expect(JSON.stringify(end)).not.toContain('secret');
    expect(events).toEqual(TEXT);
  });

  it('that ends without finish has broken off, unless the host says that it has none', async () => {
    expect((await piped(TEXT)).end).toMatchObject({ code: 'model_failed', retryable: true });
    expect((await piped(TEXT, { requiresFinish: false })).status).toBe('completed');
  });
});

it('what is no stream, or no option, is refused by name', () => {
  expect(() => fromUIMessageStream(7 as never)).toThrow(/fromUIMessageStream/);
  expect(() => fromUIMessageStream([], { usages: () => null } as never)).toThrow(/usage/);
});
