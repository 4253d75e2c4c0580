/** The AI SDK's own chat against jobs, over HTTP: ends of each kind, pauses, restarts, losses. */
import { createStreamServices, type GenerationJob, GenerationJobManager } from 'generation-jobs';
import { toUIMessageStreamResponse, type UIChunk } from 'generation-jobs/ai-sdk';
import { textContent, uiMessageContent } from 'generation-jobs/content';
import { wrapStore } from 'generation-jobs/testing';
import { describe, expect, it, onTestFinished, vi } from 'vitest';
import { textOfMessage } from '../support/ai-chat.js';
import { chatAt, chatHost, emitAll, STREAM, shown } from './chatting.js';
import { chunksIn } from './chunk-streams.js';

const TEXT: readonly UIChunk[] = [
  { type: 'start', messageId: 'of-the-producer' },
  { type: 'start-step' },
  { type: 'text-start', id: 't' },
  { type: 'text-delta', id: 't', delta: 'Hello' },
];
const REST: readonly UIChunk[] = [
  { type: 'text-delta', id: 't', delta: ', you' },
  { type: 'text-end', id: 't' },
  { type: 'finish-step' },
  { type: 'finish', finishReason: 'length', messageMetadata: { took: 3 } },
];
const CALL: readonly UIChunk[] = [
  { type: 'tool-input-start', toolCallId: 'c-1', toolName: 'pay' },
  { type: 'tool-input-delta', toolCallId: 'c-1', inputTextDelta: '{"amount":5}' },
];

const partsOf = (chat: ReturnType<typeof chatAt>) => shown(chat).message?.parts;

/** A chat that has asked and shows the beginning of the answer. */
async function asked(host: Awaited<ReturnType<typeof chatHost>>) {
  const chat = chatAt(host.api);
  const over = chat.sendMessage({ text: 'Hello?' });
  const job = await host.job;
  await emitAll(job, TEXT);
  await vi.waitFor(() => expect(textOfMessage(chat.lastMessage)).toBe('Hello'));
  return { chat, over, job };
}

describe('an answer that ends', () => {
  it('well has its text, its metadata, the reason and the id it was created with', async () => {
    const host = await chatHost();
    const { chat, over, job } = await asked(host);
    await emitAll(job, REST);
    await job.complete();
    await over;
    expect(shown(chat)).toEqual({
      message: {
        ...{ id: 'm-1', role: 'assistant', metadata: { took: 3 } },
        parts: [{ type: 'step-start' }, { type: 'text', text: 'Hello, you', state: 'done' }],
      },
      ...{ status: 'ready', error: undefined },
    });
  });

  it('badly tells the message of the failure, and leaves no part open', async () => {
    const host = await chatHost();
    const { chat, over, job } = await asked(host);
    await emitAll(job, CALL);
    await job.fail({ code: 'overloaded', message: 'The model is overloaded.', retryable: true });
    await over;
    expect(shown(chat)).toMatchObject({ status: 'error', error: 'The model is overloaded.' });
    expect(partsOf(chat)).toMatchObject([
      {},
      { text: 'Hello', state: 'done' },
      { type: 'tool-pay', state: 'output-error', rawInput: '{"amount":5}' },
    ]);
  });

  it('by a stop is ready, with what there was', async () => {
    const host = await chatHost();
    const { chat, over } = await asked(host);
    await host.manager.abortJob(STREAM, { userId: 'u', by: 'user' });
    await over;
    expect(shown(chat)).toMatchObject({ status: 'ready', error: undefined });
    expect(partsOf(chat)).toMatchObject([{}, { text: 'Hello', state: 'done' }]);
  });

  it('without a single chunk is whole all the same', async () => {
    const host = await chatHost();
    const chat = chatAt(host.api);
    const over = chat.sendMessage({ text: 'Hello?' });
    await (await host.job).complete();
    await over;
    expect(shown(chat)).toMatchObject({ status: 'ready', message: { id: 'm-1', parts: [] } });
  });
});

describe('an answer that waits for a person', () => {
  const request = { id: 'c-1', name: 'pay', arguments: { amount: 5 } };

  it('ends its response at the question, for whoever was there and for whoever comes', async () => {
    const host = await chatHost();
    const { chat, over, job } = await asked(host);
    await emitAll(job, CALL);
    const { actionId } = await job.pause({ type: 'tool_approval', requests: [request] });
    await over;
    const late = chatAt(host.api);
    await late.resumeStream();
    for (const one of [chat, late]) {
      expect(shown(one)).toMatchObject({ status: 'ready', error: undefined });
      expect(partsOf(one)).toMatchObject([
        {},
        { text: 'Hello', state: 'done' },
        {
          ...{ type: 'tool-pay', state: 'approval-requested', input: { amount: 5 } },
          approval: { id: `${actionId}:c-1`, descriptor: { allowedDecisions: ['approve', 'reject'] } },
        },
      ]);
    }
    expect(partsOf(late)).toEqual(partsOf(chat));
  });

  it('shows a call that no chunk has told of, and a question as one', async () => {
    const host = await chatHost();
    const { chat, over, job } = await asked(host);
    await job.pause({
      type: 'ask_user_question',
      questions: [{ id: 'q-1', question: 'Which?', options: [{ label: 'this' }] }],
    });
    await over;
    expect(partsOf(chat)?.at(-1)).toMatchObject({
      ...{ type: 'tool-ask_user_question', state: 'input-available' },
    });
  });

  it('goes on for whoever comes after the decision, with the input that was decided on', async () => {
    const host = await chatHost();
    const { over, job } = await asked(host);
    await emitAll(job, CALL);
    const { actionId } = await job.pause({
      type: 'tool_approval',
      requests: [{ ...request, allowedDecisions: ['edit'] }],
    });
    await over;
    const decisions = [{ id: 'c-1', decision: 'edit' as const, arguments: { amount: 1 } }];
    const { job: next } = await host.manager.approvals.resolve(STREAM, { actionId, decisions, by: 'u' });
    const chat = chatAt(host.api);
    const resumed = chat.resumeStream();
    await vi.waitFor(() => expect(partsOf(chat)?.at(-1)).toMatchObject({ state: 'input-available' }));
    await emitAll(next, [
      { type: 'tool-output-available', toolCallId: 'c-1', output: 'paid' },
      { type: 'start-step' },
      { type: 'text-start', id: 't' },
      { type: 'text-delta', id: 't', delta: 'Done.' },
    ]);
    await next.complete();
    await resumed;
    expect(partsOf(chat)).toMatchObject([
      {},
      { text: 'Hello', state: 'done' },
      { state: 'output-available', input: { amount: 1 }, output: 'paid' },
      { type: 'step-start' },
      { text: 'Done.', state: 'done' },
    ]);
  });

  it('is refused in words that a message of the 6 line can hold', async () => {
    const host = await chatHost();
    const { over, job } = await asked(host);
    const { actionId } = await job.pause({ type: 'tool_approval', requests: [request] });
    await over;
    const decisions = [{ id: 'c-1', decision: 'reject' as const, reason: 'Too much.' }];
    const { job: next } = await host.manager.approvals.resolve(STREAM, { actionId, decisions, by: 'u' });
    await emitAll(next, [{ type: 'tool-output-denied', toolCallId: 'c-1' }]);
    const chat = chatAt(host.api);
    const resumed = chat.resumeStream();
    await next.complete();
    await resumed;
    expect(partsOf(chat)?.at(-1)).toMatchObject({ state: 'output-error', errorText: 'Too much.' });
    expect(partsOf(chat)?.at(-1)).not.toHaveProperty('approval');
  });
});

describe('an answer whose producer is lost', () => {
  const TIMES = { leaseMs: 2_000, renewMs: 400, sweepMs: 200 };

  /** A job of a replica that can neither renew its lease nor look after others is taken over by the one that answers. */
  async function takenOver(recoverMode: 'restart' | 'continue') {
    const services = createStreamServices();
    // Not before the chat shows a part: an answer of which nothing was shown is started over without a break.
    let isAway = false;
    const jobStore = wrapStore(services.jobStore, async ({ method }, perform) => {
      if (isAway && (method === 'renew' || method === 'due.list')) throw new Error('The store is away.');
      return perform();
    });
    const producing = new GenerationJobManager({
      ...{ ...services, jobStore, options: TIMES },
      ...{ contentModels: [uiMessageContent()], hooks: { onError: () => {} } },
    });
    onTestFinished(() => producing.close());
    let take: (job: GenerationJob) => void = () => {};
    const taken = new Promise<GenerationJob>((resolve) => {
      take = resolve;
    });
    const recover = (job: GenerationJob) => {
      take(job);
      return new Promise((resolve) => job.signal.addEventListener('abort', resolve, { once: true }));
    };
    const host = await chatHost({
      ...{ ...services, producing, options: TIMES, hooks: { recoverMode, recover } },
    });
    await host.manager.start();
    const asking = await asked(host);
    isAway = true;
    return { ...asking, host, job: await taken };
  }

  it('and that is started over breaks its response off: the chat that resumes has the new attempt alone', async () => {
    const { chat, over, job } = await takenOver('restart');
    await over;
    expect(chat.error).toBeInstanceOf(TypeError);
    const resumed = chat.resumeStream();
    await emitAll(job, [
      { type: 'start', messageId: 'another' },
      { type: 'text-start', id: 'n' },
      { type: 'text-delta', id: 'n', delta: 'Anew.' },
    ]);
    await job.complete();
    await resumed;
    expect(shown(chat)).toMatchObject({
      status: 'ready',
      message: { id: 'm-1', parts: [{ type: 'text', text: 'Anew.', state: 'done' }] },
    });
    expect(chat.messages).toHaveLength(2);
  });

  it('and that goes on where it stood is one answer', async () => {
    const { chat, over, job } = await takenOver('continue');
    await emitAll(job, REST);
    await job.complete();
    await over;
    expect(textOfMessage(chat.lastMessage)).toBe('Hello, you');
  });
});

describe('a subscription of a host’s own', () => {
  async function answered(
    options: Parameters<typeof toUIMessageStreamResponse>[1],
    contentModel = 'ui-message',
  ) {
    const manager = new GenerationJobManager({
      ...createStreamServices(),
      contentModels: [uiMessageContent(), textContent()],
    });
    onTestFinished(() => manager.close());
    const { job } = await manager.createJob({ streamId: STREAM, userId: 'u', contentModel });
    if (job === undefined) throw new Error('The job did not start.');
    const response = () => toUIMessageStreamResponse(manager.subscribe(STREAM, { userId: 'u' }), options);
    return { manager, job, response };
  }

  it('has the headers of a UI message stream, and those that were asked for', async () => {
    const { job, response } = await answered({ headers: { 'x-mine': '1' } });
    await job.complete();
    const { headers, status } = response();
    expect(status).toBe(200);
    expect(Object.fromEntries(headers)).toMatchObject({
      'content-type': 'text/event-stream',
      'x-vercel-ai-ui-message-stream': 'v1',
      'x-accel-buffering': 'no',
      'x-mine': '1',
    });
    expect(headers.get('cache-control')).toContain('no-cache');
  });

  it('shows other events as transient data, and cursors, when asked', async () => {
    const { job, response } = await answered({ showEvents: true, cursors: true });
    await job.emit({ event: 'gauge', data: 7 });
    await job.flush();
    await job.complete();
    const chunks = chunksIn(await response().text());
    expect(chunks).toContainEqual({ type: 'data-gauge', data: 7, transient: true });
    expect(chunks.filter(({ type }) => type === 'data-cursor').length).toBeLessThan(3);
  });

  it('leaves out what no page of its line would take, and tells the host once', async () => {
    const told: unknown[] = [];
    const manager = new GenerationJobManager({
      ...createStreamServices(),
      hooks: { onError: (report) => told.push(report.error) },
    });
    onTestFinished(() => manager.close());
    const { job } = await manager.createJob({ streamId: STREAM, userId: 'u' });
    if (job === undefined) throw new Error('The job did not start.');
    const wrong = [
      { type: 'nonsense' },
      { type: 'text-delta', id: 'none', delta: 'x' },
      { type: 'text-start' },
      7,
    ];
    for (const data of [
      ...wrong,
      { type: 'custom', kind: 'a.b' },
      { type: 'file', url: 'data:,', mediaType: 'text/plain' },
    ])
      await job.emit({ event: 'ui', data });
    await job.complete();
    const text = await toUIMessageStreamResponse(manager.subscribe(STREAM, { userId: 'u' })).text();
    expect(chunksIn(text).map(({ type }) => type)).toEqual(['start', 'file', 'finish']);
    expect(told.map((error) => (error as Error).message)).toHaveLength(3);
  });

  it('of a job without the content of a UI message says so, and shows no half of an answer', async () => {
    const { manager, job } = await answered({}, 'text');
    await emitAll(job, TEXT);
    const text = await toUIMessageStreamResponse(manager.subscribe(STREAM, { resume: true })).text();
    expect(chunksIn(text).map(({ type }) => type)).toEqual(['start', 'error', 'finish']);
  });

  it('of nothing that is there says so in the stream', async () => {
    const { manager } = await answered({});
    const text = await toUIMessageStreamResponse(manager.subscribe('none', { userId: 'u' })).text();
    expect(chunksIn(text).map(({ type }) => type)).toEqual(['start', 'error', 'finish']);
  });

  it('that is none, or an option that is none, is refused by name', () => {
    expect(() => toUIMessageStreamResponse({} as never)).toThrow(
      expect.objectContaining({ code: 'invalid_argument' }),
    );
    expect(() => toUIMessageStreamResponse({} as never, { versoin: 6 } as never)).toThrow(/version/);
  });
});
