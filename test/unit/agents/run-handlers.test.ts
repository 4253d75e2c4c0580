/** What a run's handlers make of its events: on jobs in memory, and on a job by hand for what only a race can bring about. */
import {
  createStreamServices,
  type ErrorReport,
  GenerationJobError,
  GenerationJobManager,
} from 'generation-jobs';
import { addUsage, createRunHandlers, usageCallbacks } from 'generation-jobs/agents';
import { afterEach, describe, expect, it } from 'vitest';
import { CLIENT_EVENTS } from '../../../src/agents/graph-events.js';

type Job = Parameters<typeof createRunHandlers>[0];
type Options = NonNullable<Parameters<typeof createRunHandlers>[1]>;
type Handlers = ReturnType<typeof createRunHandlers>;

const open: GenerationJobManager[] = [];
afterEach(async () => {
  for (const manager of open.splice(0)) await manager.close();
});

async function started(options: Options = {}) {
  const reports: ErrorReport[] = [];
  const onError = (report: ErrorReport) => void reports.push(report);
  const manager = new GenerationJobManager({ ...createStreamServices(), hooks: { onError } });
  open.push(manager);
  const made = await manager.createJob({ streamId: 's', userId: 'ann' });
  if (!made.started) throw new Error('not started');
  const { job } = made;
  return { manager, job, reports, handlers: createRunHandlers(job, options) };
}

const say = (handlers: Handlers, event: string, data?: unknown) => handlers[event]?.handle(event, data);

async function told(manager: GenerationJobManager): Promise<[string, unknown][]> {
  const events: [string, unknown][] = [];
  for await (const { event, data } of manager.subscribe('s')) events.push([event, data]);
  return events.slice(1, -1);
}

/** A job that only says what was asked of it. */
function byHand(more: object = {}) {
  const asked: unknown[] = [];
  const job = {
    isOver: false,
    eventBytes: 10_000,
    emit: (event: unknown) => void asked.push(event),
    addUsage: async (usage: unknown) => void asked.push(usage),
    report: (where: string, error: unknown) => void asked.push([where, error]),
    ...more,
  };
  return { job: job as unknown as Job & { isOver: boolean }, asked };
}

describe('the events of a run', () => {
  it('become job events in their order, under the SDK’s names', async () => {
    const { manager, job, handlers } = await started();
    for (const [at, event] of CLIENT_EVENTS.entries()) await say(handlers, event, { at });
    await say(handlers, 'on_message_delta');
    await job.complete();
    expect(await told(manager)).toEqual([
      ...CLIENT_EVENTS.map((event, at) => [event, { at }]),
      ['on_message_delta', null],
    ]);
  });

  it('are those a client can fold, and the end of a model call; streams of the model have no handler', async () => {
    const { handlers } = await started();
    expect(Object.keys(handlers).sort()).toEqual([...CLIENT_EVENTS, 'on_chat_model_end'].sort());
  });

  it('are answered with what emit answers, so that a full buffer makes the run wait', () => {
    const commit = Promise.resolve();
    const { job } = byHand({ emit: () => commit });
    expect(say(createRunHandlers(job), 'on_message_delta', {})).toBe(commit);
  });

  it('that the job can’t take throw nothing: the first is told once, and none is taken after it', async () => {
    const refused: unknown[] = [];
    const { manager, job, handlers } = await started({ onRefused: (error) => refused.push(error) });
    await say(handlers, 'on_message_delta', { text: 'a' });
    for (const data of [{ n: 1n }, { n: 2n }, { text: 'b' }])
      expect(say(handlers, 'on_message_delta', data)).toBeUndefined();
    await job.complete();
    expect(refused).toMatchObject([{ code: 'invalid_event' }]);
    expect(await told(manager)).toEqual([['on_message_delta', { text: 'a' }]]);
  });

  it('that the job can’t take are nothing to a host that does not ask', async () => {
    const { handlers } = await started();
    expect(say(handlers, 'on_message_delta', { n: 1n })).toBeUndefined();
  });

  it('after the end are passed over, and are no refusal', async () => {
    const refused: unknown[] = [];
    const { manager, job, handlers } = await started({ onRefused: (error) => refused.push(error) });
    await job.complete();
    expect(say(handlers, 'on_message_delta', { n: 1n })).toBeUndefined();
    expect([refused, await told(manager)]).toEqual([[], []]);
  });

  it('that meet the end as they are emitted are no refusal', () => {
    const refused: unknown[] = [];
    const { job } = byHand({
      emit: () => {
        job.isOver = true;
        throw new Error('The job is over.');
      },
    });
    const handlers = createRunHandlers(job, { onRefused: (error) => refused.push(error) });
    expect(say(handlers, 'on_message_delta', {})).toBeUndefined();
    expect(refused).toEqual([]);
  });
});

describe('an event that is too large', () => {
  it('and is so still when it has been cut is a refusal', async () => {
    const error = new GenerationJobError('event_too_large', 'An event exceeds its limit.');
    const refused: unknown[] = [];
    const { job } = byHand({
      emit: () => {
        throw error;
      },
    });
    const handlers = createRunHandlers(job, { onRefused: (one) => refused.push(one) });
    await say(handlers, 'on_message_delta', { text: 'x'.repeat(20_000) });
    expect(refused).toEqual([error]);
  });

  it('is emitted by nobody when the job ends while the host keeps the rest', async () => {
    let calls = 0;
    const { job } = byHand({
      emit: () => {
        calls++;
        throw new GenerationJobError('event_too_large', 'An event exceeds its limit.');
      },
    });
    const storeOversized = () => {
      job.isOver = true;
      return 'kept';
    };
    await say(createRunHandlers(job, { storeOversized }), 'on_message_delta', { text: 'x'.repeat(20_000) });
    expect(calls).toBe(1);
  });
});

describe('the usage of a model call', () => {
  const USAGE = {
    input_tokens: 10,
    output_tokens: 5,
    model: 'm',
    cost: Number.NaN,
    input_token_details: { cache_read: 4, deeper: { lost: 1 }, note: 'x' },
    output_token_details: null,
  };

  it('is added to the job, its details under the name of what they are of', async () => {
    const { manager, job, handlers } = await started();
    say(handlers, 'on_chat_model_end', { output: { usage_metadata: USAGE } });
    await addUsage(job, { input_tokens: 1 });
    await job.complete();
    expect((await manager.getJob('s'))?.usage).toEqual({
      input_tokens: 11,
      output_tokens: 5,
      'input_token_details.cache_read': 4,
      'input_token_details.deeper.lost': 1,
    });
  });

  it.each([
    ['nothing', undefined],
    ['no output', {}],
    ['no usage', { output: {} }],
    ['words', { output: { usage_metadata: { model: 'm' } } }],
    ['no object', { output: { usage_metadata: 5 } }],
  ])('is none when the event has %s', (_what, data) => {
    const { job, asked } = byHand();
    say(createRunHandlers(job), 'on_chat_model_end', data);
    expect(asked).toEqual([]);
  });

  it('says by call what it was for, as far as the SDK tells', async () => {
    const { manager, job, handlers } = await started();
    const end = {
      output: { usage_metadata: { input_tokens: 1 }, response_metadata: { model_name: 'dated' } },
    };
    const called = {
      __invoked_model: 'large',
      __invoked_provider: 'acme',
      agentId: 'main',
      ls_provider: 'other',
    };
    for (const metadata of [called, { summarization: true }, undefined, { agentId: 'x'.repeat(257) }])
      handlers.on_chat_model_end?.handle('on_chat_model_end', end, metadata);
    const callbacks = usageCallbacks(job);
    const answer = { generations: [[{ message: { usage_metadata: { output_tokens: 2 } } }]] };
    callbacks.handleChatModelStart({}, [], 'r1', undefined, {}, [], { ls_model_name: 'small' });
    await callbacks.handleLLMEnd(answer, 'r1');
    callbacks.handleChatModelStart({}, [], 'r2', undefined, {}, [], { ls_model_name: 'small' });
    callbacks.handleLLMError(new Error('x'), 'r2');
    await callbacks.handleLLMEnd(answer, 'r2');
    const entry = { calls: 1, usage: { input_tokens: 1 } };
    const title = { kind: 'title', calls: 1, usage: { output_tokens: 2 } };
    expect((await manager.getJob('s'))?.usageEntries).toEqual([
      { ...entry, kind: 'model', model: 'large', provider: 'acme', agentId: 'main' },
      { ...entry, kind: 'summary', model: 'dated' },
      { ...entry, kind: 'model', model: 'dated' },
      { ...entry, kind: 'model', model: 'dated' },
      { ...title, model: 'small' },
      title,
    ]);
  });

  it('is added after a stop, and after another end it is not, which is no error', async () => {
    const { manager, job } = await started();
    const stopped = job.run(async () => {
      await new Promise((resolve) => job.signal.addEventListener('abort', resolve));
      return addUsage(job, USAGE);
    });
    await manager.abortJob('s');
    await stopped;
    await expect.poll(async () => (await manager.getJob('s'))?.usage.input_tokens).toBe(10);
    expect(await addUsage(job, USAGE)).toBe(false);
    const { job: completed } = await started();
    await completed.complete();
    expect(await addUsage(completed, USAGE)).toBe(false);
  });

  it('that can’t be added is told', async () => {
    const error = new Error('the store is away');
    const { job, asked } = byHand({ addUsage: () => Promise.reject(error) });
    say(createRunHandlers(job), 'on_chat_model_end', { output: { usage_metadata: USAGE } });
    await expect.poll(() => asked).toEqual([['agent', error]]);
  });
});

describe('the result of a tool', () => {
  const RESULT = { result: { tool_call: { id: 'c1', output: 'paid' } } };

  it('is told before its event is emitted, a sub-agent’s too', () => {
    const seen: unknown[] = [];
    const { job } = byHand({ emit: ({ event }: { event: string }) => void seen.push(event) });
    const handlers = createRunHandlers(job, { onToolResult: (result) => void seen.push(result) });
    say(handlers, 'on_run_step_completed', RESULT);
    say(handlers, 'on_subagent_update', { phase: 'run_step_completed', data: RESULT });
    const result = { id: 'c1', output: 'paid' };
    expect(seen).toEqual([result, 'on_run_step_completed', result, 'on_subagent_update']);
  });

  it.each([
    ['on_run_step_completed', {}],
    ['on_run_step_completed', { result: { tool_call: { output: 'paid' } } }],
    ['on_run_step_completed', undefined],
    ['on_subagent_update', { phase: 'start', data: 'x' }],
    ['on_message_delta', RESULT],
  ])('is none in %s with %j', (event, data) => {
    const seen: unknown[] = [];
    const { job } = byHand();
    say(createRunHandlers(job, { onToolResult: (result) => seen.push(result) }), event, data);
    expect(seen).toEqual([]);
  });

  it('that stops the run, by what it is told throwing, is not emitted', () => {
    const refused: unknown[] = [];
    const violation = new Error('a rejected call has run');
    const { job, asked } = byHand();
    const handlers = createRunHandlers(job, {
      onRefused: (error) => refused.push(error),
      onToolResult: () => {
        throw violation;
      },
    });
    say(handlers, 'on_run_step_completed', RESULT);
    expect([refused, asked]).toEqual([[violation], []]);
  });
});

describe('handlers of the host', () => {
  it('are called after ours, once the event is committed, with all that the SDK gave', async () => {
    const seen: unknown[] = [];
    const { manager, handlers } = await started({
      handlers: {
        on_message_delta: {
          handle: async (...given) => {
            seen.push(...given, (await manager.getJob('s'))?.lastSequence);
            return 'theirs';
          },
        },
      },
    });
    const answer = handlers.on_message_delta?.handle('on_message_delta', { text: 'a' }, 'metadata', 'graph');
    expect(await answer).toBe('theirs');
    expect(seen).toEqual(['on_message_delta', { text: 'a' }, 'metadata', 'graph', 2]);
  });

  it('of events that are not ours are theirs alone', async () => {
    const theirs = { handle: () => {} };
    const { handlers } = await started({ handlers: { on_tool_execute: theirs } });
    expect(handlers.on_tool_execute).toBe(theirs);
  });

  it('that throw are the host’s to answer for: the run hears of it', async () => {
    const error = new Error('theirs');
    const { handlers } = await started({
      handlers: { on_message_delta: { handle: () => Promise.reject(error) } },
    });
    await expect(say(handlers, 'on_message_delta', {})).rejects.toBe(error);
  });
});

describe('what clients are told', () => {
  const keptOf = async (manager: GenerationJobManager, job: Job) =>
    (await job.flush().then(() => manager.getResumeState('s')))?.kept.map(({ event, data }) => [event, data]);

  it('has of the context gauge only the newest for those who come late', async () => {
    const { manager, job, handlers } = await started();
    for (const left of [9, 5, 2]) await say(handlers, 'on_context_usage', { left });
    expect(await keptOf(manager, job)).toEqual([['on_context_usage', { left: 2 }]]);
    await job.complete();
    expect(await told(manager)).toEqual([9, 5, 2].map((left) => ['on_context_usage', { left }]));
  });

  it('is what toEvent makes of an event: nothing, something else, something to keep, or the event as it is', async () => {
    const asked: unknown[] = [];
    const { manager, job, handlers } = await started({
      toEvent: (name, data, metadata) => {
        asked.push([name, data, metadata]);
        if (name === 'on_message_delta') return null;
        if (name === 'on_run_step') return { data: { id: 'step' } };
        if (name === 'on_custom_event') return { event: 'attachment', data: { file: 'f' }, keep: 'file:f' };
        if (name === 'on_context_usage') return { keep: undefined, data: 0 };
        return undefined;
      },
    });
    await handlers.on_message_delta?.handle('on_message_delta', { text: 'secret' }, { activeAgentId: 'a' });
    for (const name of ['on_run_step', 'on_custom_event', 'on_context_usage', 'on_agent_update']) {
      await say(handlers, name, { of: name });
    }
    expect(asked[0]).toEqual(['on_message_delta', { text: 'secret' }, { activeAgentId: 'a' }]);
    expect(await keptOf(manager, job)).toEqual([
      ['attachment', { file: 'f' }],
      ['on_context_usage', 0],
    ]);
    await job.complete();
    expect(await told(manager)).toEqual([
      ['on_run_step', { id: 'step' }],
      ['attachment', { file: 'f' }],
      ['on_context_usage', 0],
      ['on_agent_update', { of: 'on_agent_update' }],
    ]);
  });

  it('is not what a sub-agent threw, not even by toEvent', async () => {
    const seen: unknown[] = [];
    const { handlers } = await started({ toEvent: (_name, data) => void seen.push(data) });
    await say(handlers, 'on_subagent_update', {
      phase: 'error',
      label: 'canary',
      data: { message: 'canary' },
    });
    expect(JSON.stringify(seen)).not.toContain('canary');
    expect(seen).toHaveLength(1);
  });

  it.each([
    [
      'throws',
      () => {
        throw new Error('broken');
      },
      'broken',
    ],
    ['answers later', async () => null, 'a promise'],
    [
      'rejects',
      async () => {
        throw new Error('late');
      },
      'a promise',
    ],
    ['misspells a key', () => ({ keeps: 'x' }), 'did you mean "keep"'],
    ['gives no event', () => 7, 'what toEvent gave'],
    ['gives a reserved name', () => ({ event: 'completed' }), 'reserved'],
    ['gives a malformed name', () => ({ event: 'a b' }), 'malformed'],
    ['gives a malformed key', () => ({ keep: '\n' }), 'malformed'],
    ['gives what JSON can’t carry', () => ({ data: 1n }), 'JSON'],
  ] as [string, () => never, string][])(
    'lacks the events for which toEvent %s; the first is told, and the run goes on',
    async (_what, toEvent, message) => {
      const refused: unknown[] = [];
      let isBad = true;
      const { manager, job, handlers, reports } = await started({
        toEvent: () => (isBad ? toEvent() : undefined),
        onRefused: (error) => refused.push(error),
      });
      await say(handlers, 'on_message_delta', { n: 1 });
      await say(handlers, 'on_message_delta', { n: 2 });
      isBad = false;
      await say(handlers, 'on_message_delta', { n: 3 });
      await job.complete();
      expect(await told(manager)).toEqual([['on_message_delta', { n: 3 }]]);
      expect(refused).toEqual([]);
      expect(reports.map(({ where, error }) => [where, String(error)])).toEqual([
        ['agent', expect.stringContaining(message)],
      ]);
    },
  );

  it('is told without its key when none is left: the run goes on, followers miss nothing, and the host is told once', async () => {
    const { manager, job, handlers, reports } = await started({
      toEvent: (_name, data) => ({ event: 'attachment', keep: `file-${(data as { n: number }).n}` }),
    });
    for (let n = 1; n <= 40; n++) await say(handlers, 'on_custom_event', { n });
    expect(await keptOf(manager, job)).toHaveLength(32);
    await job.complete();
    expect(await told(manager)).toHaveLength(40);
    expect(reports).toMatchObject([{ where: 'agent', error: { code: 'kept_limit' } }]);
  });

  it('is cut when toEvent makes it too large, and kept all the same', async () => {
    const { manager, job, handlers } = await started({
      toEvent: () => ({ data: { file: 'x'.repeat(300_000) }, keep: 'big' }),
    });
    await say(handlers, 'on_custom_event', {});
    const [kept] = (await keptOf(manager, job)) ?? [];
    expect(kept).toMatchObject(['on_custom_event', { cut: [{ path: 'file' }] }]);
  });
});
