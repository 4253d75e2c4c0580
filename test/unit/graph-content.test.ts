/**
 * The content of agent runs: recorded ones against what the SDK made of them, and what it can't keep. Where the SDK itself
 * is needed to compare with, the test is in `real-agents/test`.
 */
import { readFileSync } from 'node:fs';
import { describe, expect, it, vi } from 'vitest';
import { type ContentPart, type GraphContent, graphContent } from '../../src/content/index.js';
import { createStreamServices, GenerationJobManager } from '../../src/index.js';
import type { ContentModel } from '../../src/stream/model/content-model.js';
import { Fold } from '../../src/stream/model/fold.js';

const model = graphContent();

interface Told {
  readonly event: string;
  readonly data: unknown;
}

function folded(events: readonly Told[], from = model.initial()): GraphContent {
  return events.reduce((content, one, index) => model.fold(content, { ...one, sequence: index + 1 }), from);
}

interface TraceLine {
  readonly kind: string;
  readonly event: string;
  readonly data: unknown;
  readonly parts: ContentPart[];
  readonly value: { payload: { action_requests: Record<string, unknown>[] } } | null;
}

function trace(name: string): TraceLine[] {
  const text = readFileSync(new URL(`../fixtures/agent-traces/${name}.jsonl`, import.meta.url), 'utf8');
  return text
    .trim()
    .split('\n')
    .map((line) => JSON.parse(line));
}

describe('recorded runs', () => {
  it.each(['text-run', 'tool-run'])('%s folds to what the SDK made of it', (name) => {
    const lines = trace(name);
    const { parts } = folded(lines.filter(({ kind }) => kind === 'event'));
    expect(parts).toEqual(lines.find(({ kind }) => kind === 'aggregated')?.parts);
  });

  it('a paused call has the arguments the SDK loses, and nothing else differs', () => {
    const lines = trace('interrupt-resume');
    const end = lines.findIndex(({ kind }) => kind === 'aggregated');
    const { parts } = folded(lines.slice(0, end).filter(({ kind }) => kind === 'event'));
    const [text, call] = lines[end]?.parts ?? [];
    expect(call?.tool_call?.args).toBe('{"to":"bob",');
    expect(parts).toEqual([
      text,
      { ...call, tool_call: { ...call?.tool_call, args: '{"to":"bob","amount":10}' } },
    ]);
  });

  it('a run that goes on in another process folds to what the SDK made of the whole, and says who approved', () => {
    const lines = trace('interrupt-resume');
    const pause = lines.findIndex(({ kind }) => kind === 'interrupt');
    const isEvent = ({ kind }: TraceLine) => kind === 'event';
    const request = lines[pause]?.value?.payload.action_requests[0];
    const requests = [{ id: request?.tool_call_id, name: request?.name, arguments: request?.arguments }];
    const paused = folded([
      ...lines.slice(0, pause).filter(isEvent),
      { event: 'requires_action', data: { action: { actionId: 'a1', requests } } },
    ]);
    expect(paused.parts[1]?.approval).toEqual({ actionId: 'a1' });
    const decisions = [{ id: 'call_t1', decision: 'approve' }];
    const { parts } = folded(
      [
        { event: 'resumed', data: { actionId: 'a1', by: 'ann', decisions } },
        ...lines.slice(pause).filter(isEvent),
      ],
      JSON.parse(JSON.stringify(paused)),
    );
    const approval = { actionId: 'a1', decision: 'approve', by: 'ann' };
    const [text, call, rest] = lines.findLast(({ kind }) => kind === 'aggregated')?.parts ?? [];
    expect(parts).toEqual([text, { ...call, approval }, rest]);
  });
});

// --- shorthand for the events of a run

function textStep(id: string, index: number, ...pieces: string[]): Told[] {
  return [
    { event: 'on_run_step', data: { id, index, stepDetails: { type: 'message_creation' } } },
    ...pieces.map((text) => ({
      event: 'on_message_delta',
      data: { id, delta: { content: [{ type: 'text', text }] } },
    })),
  ];
}

function toolStep(id: string, index: number, ...calls: object[]): Told {
  return {
    event: 'on_run_step',
    data: { id, index, stepDetails: { type: 'tool_calls', tool_calls: calls } },
  };
}

function chunk(id: string, ...pieces: object[]): Told {
  return { event: 'on_run_step_delta', data: { id, delta: { type: 'tool_calls', tool_calls: pieces } } };
}

function result(id: string, call: object): Told {
  return { event: 'on_run_step_completed', data: { result: { id, type: 'tool_call', tool_call: call } } };
}

function closed(id: string): Told {
  return { event: 'on_run_step_closed', data: { id } };
}

function asked(actionId: string, ...requests: object[]): Told {
  return { event: 'requires_action', data: { action: { actionId, type: 'tool_approval', requests } } };
}

const callsOf = ({ parts }: GraphContent) => parts.map(({ tool_call }) => tool_call);

describe('calls', () => {
  it('pieces of calls side by side in one step go to their call by its index', () => {
    const content = folded([
      toolStep('s', 0),
      chunk('s', { index: 0, id: 'a', name: 'one', args: '' }),
      chunk('s', { index: 1, id: 'b', name: 'two', args: '' }),
      chunk('s', { index: 1, args: '{"b":' }, { index: 0, args: '{"a":' }),
      chunk('s', { index: 0, args: '1}' }),
      chunk('s', { index: 1, args: '2}' }),
    ]);
    expect(callsOf(content)).toEqual([
      { type: 'tool_call', id: 'a', name: 'one', args: '{"a":1}' },
      { type: 'tool_call', id: 'b', name: 'two', args: '{"b":2}' },
    ]);
  });

  it('a provider that counts every call as its first keeps each call’s pieces apart', () => {
    const streamed = folded([
      toolStep('s', 0),
      chunk('s', { index: 0, id: 'a', name: 'one', args: '{"a":' }),
      chunk('s', { index: 0, args: '1}' }),
      chunk('s', { index: 0, id: 'b', name: 'two', args: '{"b":' }),
      chunk('s', { index: 0, args: '2}' }),
    ]);
    expect(callsOf(streamed).map((call) => call?.args)).toEqual(['{"a":1}', '{"b":2}']);
    const results = [
      result('s', { id: 'a', name: 'one', args: '{"a":1}', output: 'A' }),
      result('s', { id: 'b', name: 'two', args: '{"b":2}', output: 'B' }),
    ];
    const content = folded(results, streamed);
    expect(callsOf(content)).toEqual([
      { type: 'tool_call', id: 'a', name: 'one', args: '{"a":1}', progress: 1, output: 'A' },
      { type: 'tool_call', id: 'b', name: 'two', args: '{"b":2}', progress: 1, output: 'B' },
    ]);
    expect(content.bookkeeping.steps).toHaveLength(1);
  });

  it('an announced object gives way to the text that follows, and never replaces text', () => {
    const call = { id: 'a', name: 'one' };
    const content = folded([
      toolStep('s', 0, { ...call, args: { a: 1 } }),
      chunk('s', { ...call, index: 0, args: '' }),
    ]);
    expect(callsOf(content)[0]?.args).toEqual({ a: 1 });
    const typed = folded([chunk('s', { index: 0, args: '{"a":1,"b"' })], content);
    expect(callsOf(typed)[0]?.args).toBe('{"a":1,"b"');
    expect(callsOf(folded([toolStep('t', 1, { ...call, args: {} })], typed))[0]?.args).toBe('{"a":1,"b"');
  });

  it('a call asked about has its whole arguments, an edited one those it goes on with', () => {
    const events = [
      toolStep('s', 0, { id: 'a', name: 'one', args: {} }, { id: 'b', name: 'two', args: {} }),
      chunk('s', { index: 0, id: 'a', name: 'one', args: '{"cut":' }),
      asked('x', { id: 'a', name: 'one', arguments: { cut: 1 } }, { id: 'b', name: 'two', arguments: {} }),
    ];
    const content = folded(events);
    expect(callsOf(content).map((call) => call?.args)).toEqual(['{"cut":1}', '{}']);
    const decisions = [
      { id: 'a', decision: 'edit', arguments: { cut: 2 } },
      { id: 'b', decision: 'reject', reason: 'too dear' },
    ];
    const decided = folded([{ event: 'resumed', data: { actionId: 'x', by: 'ann', decisions } }], content);
    expect(decided.parts.map(({ approval }) => approval)).toEqual([
      { actionId: 'x', decision: 'edit', by: 'ann' },
      { actionId: 'x', decision: 'reject', by: 'ann', reason: 'too dear' },
    ]);
    expect(callsOf(decided)[0]?.args).toBe('{"cut":2}');
  });

  it('arguments that streamed whole stay as the model wrote them', () => {
    const spaced = '{ "a": 1 }';
    const content = folded([
      toolStep('s', 0, { id: 'a', name: 'one', args: spaced }),
      asked('x', { id: 'a', name: 'one', arguments: { a: 1 } }),
    ]);
    expect(callsOf(content)[0]?.args).toBe(spaced);
  });

  it('a decision on another action, or on a call with a result, changes nothing', () => {
    const call = { id: 'a', name: 'one', args: '{}' };
    const content = folded([toolStep('s', 0, call), asked('x', call)]);
    const decisions = [{ id: 'a', decision: 'approve' }];
    expect(folded([{ event: 'resumed', data: { actionId: 'y', decisions } }], content)).toBe(content);
    const finished = folded([result('s', call)], content);
    expect(folded([asked('z', call)], finished)).toBe(finished);
  });

  it('a step is forgotten when it is closed and its calls have results, not before', () => {
    const call = { id: 'a', name: 'one', args: '{}' };
    const stepsAfter = (...events: Told[]) => folded(events).bookkeeping.steps.map(({ id }) => id);
    expect(stepsAfter(...textStep('t', 0, 'x'), closed('t'))).toEqual([]);
    expect(stepsAfter(toolStep('s', 0, call))).toEqual(['s']);
    expect(stepsAfter(toolStep('s', 0, call), closed('s'))).toEqual(['s']);
    expect(stepsAfter(toolStep('s', 0, call), closed('s'), result('s', call))).toEqual([]);
    expect(stepsAfter(toolStep('s', 0, call), result('s', call), closed('s'))).toEqual([]);
    expect(stepsAfter(toolStep('s', 0, { id: 'not said yet' }), closed('s'))).toEqual(['s']);
    expect(stepsAfter(toolStep('s', 0), closed('s'))).toEqual([]);
  });

  it('a call with a result takes no more pieces, and a newer result in place of the older', () => {
    const call = { id: 'a', name: 'one', args: '{}' };
    const content = folded([toolStep('s', 0, call), result('s', { ...call, output: 'first' })]);
    expect(folded([chunk('s', { ...call, index: 0 })], content).parts).toBe(content.parts);
    expect(callsOf(folded([result('s', { ...call, output: 'second' })], content))[0]?.output).toBe('second');
  });

  it('a result whose call streamed without an id goes to the call that has none', () => {
    const content = folded([
      toolStep('s', 0),
      chunk('s', { index: 0, id: 'a', name: 'one', args: '{}' }),
      chunk('s', { index: 1, name: 'two', args: '{}' }),
      result('s', { id: 'made up', name: 'two', args: '{}', output: 'B' }),
    ]);
    expect(callsOf(content).map((call) => [call?.id, call?.output])).toEqual([
      ['a', undefined],
      ['made up', 'B'],
    ]);
  });

  it('where to sign in stays with the call', () => {
    const sign = (data: object) => ({
      event: 'on_run_step_delta',
      data: {
        id: 's',
        delta: { type: 'tool_calls', tool_calls: [{ id: 'a', name: 'one', args: '' }], ...data },
      },
    });
    const content = folded([
      toolStep('s', 0, { id: 'a', name: 'one', args: '{}' }),
      sign({ auth: 'https://example.org/sign-in', expires_at: 5 }),
      result('s', { id: 'a', name: 'one', args: '{}', output: 'in' }),
    ]);
    expect(callsOf(content)[0]).toMatchObject({
      auth: 'https://example.org/sign-in',
      expires_at: 5,
      output: 'in',
    });
  });
});

describe('places', () => {
  it('steps side by side keep the order they were announced in, whichever speaks first; an empty one leaves no hole', () => {
    const [first, ...early] = textStep('a', 0, 'A') as [Told, ...Told[]];
    const [second, ...late] = textStep('b', 2, 'B') as [Told, ...Told[]];
    const empty = textStep('e', 1);
    const content = folded([first, ...empty, second, ...late, ...early]);
    expect(content.parts).toEqual([
      { type: 'text', text: 'A' },
      { type: 'text', text: 'B' },
    ]);
    expect(content.bookkeeping.slots).toEqual([0, 2]);
  });

  it('a step whose place is taken, as when counting starts anew, gets a place of its own', () => {
    const { parts } = folded([...textStep('a', 0, 'before'), closed('a'), ...textStep('b', 0, 'after')]);
    expect(parts.map(({ text }) => text)).toEqual(['before', 'after']);
  });

  it('an answer that starts over keeps what it began with', () => {
    const fold = new Fold(model as ContentModel);
    const say = ({ event, data }: Told, sequence: number) =>
      fold.add({ event, data: JSON.stringify(data), sequence, attempt: 1 });
    const told = [
      { event: 'created', data: { created: { text: 'a question' } } },
      ...textStep('a', 0, 'half an ans'),
      { event: 'recovered', data: { restart: true, attempt: 2 } },
      ...textStep('b', 0, 'answer'),
    ];
    for (const [index, one] of told.entries()) say(one, index + 1);
    expect(fold.content).toMatchObject({
      created: { text: 'a question' },
      parts: [{ type: 'text', text: 'answer' }],
    });
  });

  it('an image keeps its address, which the SDK’s aggregator drops', () => {
    const image = { type: 'image_url', image_url: { url: 'https://example.org/i.png' } };
    const delta = { event: 'on_message_delta', data: { id: 'i', delta: { content: [image] } } };
    expect(folded([...textStep('i', 0), delta]).parts).toEqual([image]);
  });
});

describe('sub-agents', () => {
  const update = (
    path: readonly [callId: string, runId: string][],
    phase: string,
    data?: unknown,
    more = {},
  ) => {
    const ancestry = path.map(([parentToolCallId, subagentRunId]) => ({ parentToolCallId, subagentRunId }));
    const own = { ...ancestry.at(-1), subagentType: 'helper', depth: path.length, ancestry };
    return { event: 'on_subagent_update', data: { ...own, phase, data, ...more } };
  };
  const wrapped = (path: readonly [string, string][], events: readonly Told[]) =>
    events.map(({ event, data }) => update(path, event.slice('on_'.length), data));
  const call = { id: 'call_1', name: 'delegate', args: '{}' };

  it('what they do is inside the call that started them, level below level, though ids repeat', () => {
    const outer: [string, string] = ['call_1', 'run_1'];
    const inner: [string, string] = ['call_1', 'run_2'];
    const content = folded([
      toolStep('s', 0, call),
      update([outer], 'start'),
      ...wrapped([outer], [...textStep('x', 0, 'I ask '), toolStep('y', 1, call)]),
      update([outer, inner], 'start'),
      ...wrapped([outer, inner], textStep('z', 0, 'deep')),
      ...wrapped([outer], [textStep('x', 0, 'another.')[1] as Told]),
      update([outer, inner], 'error', { message: 'too deep' }),
      update([outer], 'stop'),
    ]);
    const part = { type: 'tool_call', tool_call: { type: 'tool_call', ...call } };
    expect(content).toMatchObject({
      parts: [
        {
          ...part,
          subagents: [
            {
              runId: 'run_1',
              type: 'helper',
              status: 'completed',
              parts: [
                { type: 'text', text: 'I ask another.' },
                {
                  ...part,
                  subagents: [
                    {
                      runId: 'run_2',
                      status: 'failed',
                      error: 'too deep',
                      parts: [{ type: 'text', text: 'deep' }],
                    },
                  ],
                },
              ],
            },
          ],
        },
      ],
    });
  });

  it('an emitter that tells no ancestry is understood by its call, at the depth it tells or at any', () => {
    const start = (callId: string, runId: string, more: object) =>
      update([[callId, runId]], 'start', undefined, { ancestry: undefined, depth: undefined, ...more });
    const content = folded([
      toolStep('s', 0, call),
      start('call_1', 'run_1', {}),
      ...wrapped([['call_1', 'run_1']], [toolStep('y', 0, { ...call, id: 'call_2' })]),
      start('call_2', 'run_2', {}),
      start('call_2', 'run_3', { depth: 2 }),
      start('call_2', 'run_4', { depth: 1 }),
    ]);
    const [child] = content.parts[0]?.subagents ?? [];
    expect(child?.parts[0]?.subagents?.map(({ runId }) => runId)).toEqual(['run_2', 'run_3']);
  });

  it('a call tried again has a run for each try', () => {
    const content = folded([
      toolStep('s', 0, call),
      ...wrapped([['call_1', 'run_1']], textStep('x', 0, 'half')),
      ...wrapped([['call_1', 'run_2']], textStep('x', 0, 'whole')),
    ]);
    expect(content.parts[0]?.subagents?.map(({ parts }) => parts[0]?.text)).toEqual(['half', 'whole']);
  });

  it('a call inside one is asked about and decided there', () => {
    const inside = { id: 'call_2', name: 'pay', args: '{"sum":' };
    const content = folded([
      toolStep('s', 0, call),
      ...wrapped([['call_1', 'run_1']], [toolStep('y', 0, inside)]),
      asked('x', { id: 'call_2', name: 'pay', arguments: { sum: 3 } }),
      {
        event: 'resumed',
        data: { actionId: 'x', by: 'ann', decisions: [{ id: 'call_2', decision: 'approve' }] },
      },
    ]);
    expect(content.parts[0]?.approval).toBeUndefined();
    expect(content.parts[0]?.subagents?.[0]?.parts[0]).toMatchObject({
      tool_call: { args: '{"sum":3}' },
      approval: { actionId: 'x', decision: 'approve', by: 'ann' },
    });
  });

  it('no deeper than a few levels, however deep a run claims to be', () => {
    const levels = Array.from({ length: 40 }, (_, at): [string, string] => ['call_1', `run_${at}`]);
    const content = folded([
      toolStep('s', 0, call),
      ...levels.flatMap((_, at) => wrapped(levels.slice(0, at + 1), [toolStep(`y${at}`, 0, call)])),
    ]);
    expect(JSON.stringify(content).split('"subagents"')).toHaveLength(13);
  });
});

describe('merging', () => {
  const text = (piece: string, more = {}) => ({
    event: 'on_message_delta',
    data: { id: 's', delta: { content: [{ type: 'text', text: piece, ...more }] } },
  });

  it('pieces of one text, of one call’s arguments, and those of a sub-agent become one', () => {
    expect(model.merge?.(text('a'), text('b'))).toEqual(text('ab'));
    const [first, more] = [
      { index: 0, id: 'a', name: 'one', args: '{' },
      { index: 0, args: '}' },
    ];
    expect(model.merge?.(chunk('s', first), chunk('s', more))).toEqual(chunk('s', { ...first, args: '{}' }));
    const wrap = (piece: string, label: string) => ({
      event: 'on_subagent_update',
      data: { subagentRunId: 'r', phase: 'message_delta', data: text(piece).data, label },
    });
    expect(model.merge?.(wrap('a', '1'), wrap('b', '2'))).toEqual(wrap('ab', '2'));
  });

  it.each([
    ['of another step', text('a'), { ...text('b'), data: { ...text('b').data, id: 't' } }],
    ['with something beside the text', text('a'), text('b', { citations: [] })],
    ['of another call', chunk('s', { index: 0, args: '{' }), chunk('s', { index: 1, args: '}' })],
    [
      'that begin another call',
      chunk('s', { index: 0, args: '{' }),
      chunk('s', { index: 0, id: 'b', args: '}' }),
    ],
    ['that no index tells apart', chunk('s', { id: 'a', args: '{' }), chunk('s', { args: '}' })],
    ['of different names', text('a'), { ...text('b'), event: 'on_reasoning_delta' }],
    ['that are closed', closed('s'), closed('s')],
  ])('events %s stay apart', (_, earlier, later) => {
    expect(model.merge?.(earlier, later)).toBeNull();
  });
});

it('a job that merges stores fewer events, and its content is the same through a pause and a decision', async () => {
  const manager = new GenerationJobManager({ ...createStreamServices(), contentModels: [model] });
  const call = { id: 'a', name: 'pay', args: '{"sum":' };
  const before = [
    ...textStep('s', 0, ...'I shall pay at once, if I may.'),
    closed('s'),
    toolStep('t', 1, { ...call, args: {} }),
    chunk('t', { ...call, index: 0 }),
    ...[...'3', '}'].map((args) => chunk('t', { index: 0, args })),
  ];
  const after = [
    result('t', { ...call, args: '{"sum":3}', output: 'paid' }),
    ...textStep('u', 2, 'Done', '.'),
  ];
  const input = { streamId: 'merging', userId: 'ann', contentModel: 'graph', created: { text: 'Pay!' } };
  const first = await manager.createJob({ ...input, merge: true });
  if (!first.started) throw new Error('somebody else has the stream');
  for (const one of before) void first.job.emit(one);
  const request = { id: 'a', name: 'pay', arguments: { sum: 3 } };
  const { actionId } = await first.job.pause({ type: 'tool_approval', requests: [request] });
  const paused = await manager.getResumeState('merging');
  expect(paused?.content).toEqual(
    folded([{ event: 'created', data: { created: { text: 'Pay!' } } }, ...before, asked(actionId, request)]),
  );
  expect(Number(paused?.cursor.split('-')[1])).toBeLessThan(before.length);
  const decisions = [{ id: 'a', decision: 'approve' as const }];
  const { job } = await manager.approvals.resolve('merging', { actionId, by: 'ann', decisions });
  for (const one of after) void job.emit(one);
  await job.complete();
  const told = { event: 'resumed', data: { actionId, by: 'ann', decisions } };
  expect((await manager.getResumeState('merging'))?.content).toEqual(
    folded([...after], folded([told], paused?.content as GraphContent)),
  );
  await manager.close();
});

it('unfit events are left out without a word', () => {
  const spies = (['log', 'warn', 'error'] as const).map((name) => vi.spyOn(console, name));
  const content = folded([
    ...textStep('s', 0, 'x'),
    { event: 'on_message_delta', data: { id: 'nobody', delta: { content: [{ type: 'text', text: 'y' }] } } },
    { event: 'on_reasoning_delta', data: { id: 's', delta: { content: [{ type: 'think', think: 'y' }] } } },
    { event: 'on_message_delta', data: { id: 's', delta: { content: 'text alone' } } },
    { event: '__proto__', data: { id: 's' } },
    { event: 'constructor', data: { id: 's' } },
    { event: 'on_context_usage', data: { total: 1 } },
    { event: 'on_subagent_update', data: { phase: 'start', subagentRunId: 'r' } },
    result('nobody', { id: 'none', output: 'x' }),
    { event: 'on_run_step', data: null },
  ]);
  expect(content.parts).toEqual([{ type: 'text', text: 'x' }]);
  for (const spy of spies) {
    expect(spy).not.toHaveBeenCalled();
    spy.mockRestore();
  }
});

/** A content that counts how often it is read, written or listed: what a fold costs, counted and not timed. */
function counting(counted: GraphContent): { content: GraphContent; touches: (during: () => void) => number } {
  let count = 0;
  const counters = new WeakMap<object, object>();
  const counter = (value: unknown): unknown => {
    if (typeof value !== 'object' || value === null) return value;
    const known = counters.get(value);
    if (known !== undefined) return known;
    const made = new Proxy(value, {
      get(target, key) {
        count++;
        return counter(Reflect.get(target, key));
      },
      set(target, key, next) {
        count++;
        return Reflect.set(target, key, next);
      },
      deleteProperty(target, key) {
        count++;
        return Reflect.deleteProperty(target, key);
      },
      ownKeys(target) {
        const keys = Reflect.ownKeys(target);
        count += keys.length;
        return keys;
      },
    });
    counters.set(value, made).set(made, made);
    return made;
  };
  const touches = (during: () => void) => {
    const before = count;
    during();
    return count - before;
  };
  return { content: counter(counted) as GraphContent, touches };
}

it('a delta costs the same however long its text is and however much came before', () => {
  const deltas = (times: number) =>
    Array.from({ length: times }, () => textStep('last', 0, 'four')[1] as Told);
  const costs = [
    [0, 1],
    [50, 1],
    [50, 10_000],
  ].map(([steps = 0, told = 0]) => {
    const before = Array.from({ length: steps }, (_, at) => textStep(`s${at}`, at, 'a part')).flat();
    const { content, touches } = counting(folded(before));
    folded([...textStep('last', steps), ...deltas(told)], content);
    return touches(() => folded(deltas(100), content));
  });
  expect(costs[0], 'they are seen').toBeGreaterThan(100);
  expect(Math.max(...costs) - Math.min(...costs), 'but for the search of a place among 50').toBeLessThan(
    100 * 10,
  );
});

it.each([{ closing: false }, { closing: true }])(
  'in a run of 2,000 tool calls an event copies nothing that has grown, and costs what one of the first does: %o',
  ({ closing }) => {
    const counter = counting(model.initial());
    let { content } = counter;
    let told = 0;
    const copied = new Set<unknown>();
    const costs: number[] = [];
    for (let call = 0; call < 2_000; call++) {
      const id = `s${call}`;
      const events = [
        toolStep(id, call, { id: `c${call}`, name: 'tool', args: '' }),
        ...Array.from({ length: 5 }, () => chunk(id, { index: 0, args: '{"a":' })),
        result(id, { id: `c${call}`, name: 'tool', args: '{}', output: 'x' }),
        ...(closing ? [{ event: 'on_run_step_closed', data: { id } }] : []),
      ];
      costs.push(
        counter.touches(() => {
          for (const event of events) content = model.fold(content, { ...event, sequence: ++told });
        }),
      );
      copied.add(content.parts).add(content.bookkeeping.slots).add(content.bookkeeping.steps);
    }
    expect(content.parts).toHaveLength(2_000);
    expect(copied.size, 'lists there have been').toBe(3);
    expect(costs[1_999]).toBeLessThan(2 * (costs[20] as number));
  },
);

describe('L71 a message is empty', () => {
  const isEmpty = (...parts: readonly object[]) =>
    model.isEmpty?.({ ...model.initial(), parts: parts as readonly ContentPart[] });
  const call = { type: 'tool_call', id: 'c', name: 'mail', args: '' };
  const asksToSignIn = { type: 'tool_call', tool_call: { ...call, auth: 'https://example.org/sign-in' } };

  it.each([
    ['without a part', []],
    [
      'with blank text',
      [
        { type: 'text', text: ' \n' },
        { type: 'think', think: '' },
      ],
    ],
    ['when it only says who speaks next', [{ type: 'agent_update', agent_update: {} }]],
    ['with a call that got no further than its sign-in', [{ type: 'text', text: '' }, asksToSignIn]],
  ])('%s', (_, parts) => {
    expect(isEmpty(...parts)).toBe(true);
  });

  it.each([
    ['text', { type: 'text', text: 'a' }],
    ['a citation without text', { type: 'text', text: '', citations: [{}] }],
    ['a thought', { type: 'think', think: 'so' }],
    ['a call that asks for nothing', { type: 'tool_call', tool_call: call }],
    [
      'a call that was signed in for',
      { ...asksToSignIn, tool_call: { ...asksToSignIn.tool_call, progress: 1 } },
    ],
    ['a call with a result', { ...asksToSignIn, tool_call: { ...asksToSignIn.tool_call, output: 'sent' } }],
    ['a part of another kind', { type: 'image_url' }],
  ])('not with %s', (_, part) => {
    expect(isEmpty(asksToSignIn, part)).toBe(false);
  });
});
