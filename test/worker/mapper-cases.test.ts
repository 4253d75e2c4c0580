/** What single lines of agents mean, beyond what whole sessions show. */
import { describe, expect, it } from 'vitest';
import type { Verdict } from '../../src/stream/model/types.js';
import { agentMappers } from '../../src/worker/mappers/index.js';
import { plainParts } from './agent-lines.js';
import { readLines } from './reading.js';

const verdict = (said: Partial<Verdict>): Verdict => ({ decisions: [], answers: [], ...said });

describe('claude-code', () => {
  const mapper = agentMappers['claude-code'];
  const assistant = (uuid: string, id: string, content: readonly object[], more = {}) => ({
    ...{ type: 'assistant', uuid, message: { id, content }, ...more },
  });
  const result = { type: 'result', subtype: 'success', is_error: false, result: 'Done.' };
  const asked = {
    ...{ type: 'control_request', request_id: 'r-1' },
    request: {
      subtype: 'can_use_tool',
      tool_name: 'Bash',
      input: { command: 'rm a' },
      tool_use_id: 'call-1',
    },
  };

  it('asks for a tool as a tool approval, and answers each decision in its form', () => {
    const [question] = readLines(mapper, [asked]).questions;
    expect(question?.action).toMatchObject({
      type: 'tool_approval',
      requests: [{ id: 'call-1', name: 'Bash', arguments: { command: 'rm a' } }],
    });
    const answerTo = (decision: Verdict['decisions'][number]) =>
      JSON.parse(question?.answer(verdict({ decisions: [decision] })) ?? '');
    const answered = (response: object) => ({
      type: 'control_response',
      response: { subtype: 'success', request_id: 'r-1', response },
    });
    const allow = (updatedInput: object) => answered({ behavior: 'allow', updatedInput });
    expect(answerTo({ id: 'call-1', decision: 'approve' })).toEqual(allow({ command: 'rm a' }));
    const edit = { id: 'call-1', decision: 'edit', arguments: { command: 'ls' } } as const;
    expect(answerTo(edit)).toEqual(allow({ command: 'ls' }));
    const deny = (message: string) => answered({ behavior: 'deny', message });
    expect(answerTo({ id: 'call-1', decision: 'reject', reason: 'no' })).toEqual(deny('no'));
    expect(answerTo({ id: 'call-1', decision: 'respond', text: 'Use ls.' })).toEqual(deny('Use ls.'));
    expect(answerTo({ id: 'another', decision: 'approve' })).toMatchObject(deny(expect.any(String)));
    expect(JSON.parse(question?.refusal('too late') ?? '')).toEqual(deny('too late'));
  });

  it('tells a question that is taken back, and refuses requests that nobody here can answer', () => {
    const other = { type: 'control_request', request_id: 'r-2', request: { subtype: 'hook_callback' } };
    const read = readLines(mapper, [asked, { type: 'control_cancel_request', request_id: 'r-1' }, other]);
    expect(read.withdrawn).toEqual(['r-1']);
    expect(JSON.parse(read.replies[0] ?? '')).toMatchObject({
      response: { subtype: 'error', request_id: 'r-2' },
    });
  });

  it('takes out what a later line replaces', () => {
    const read = readLines(mapper, [
      assistant('u-1', 'm-1', [
        { type: 'text', text: 'Half an ans' },
        { type: 'tool_use', id: 'c', name: 'Read' },
      ]),
      assistant('u-2', 'm-2', [{ type: 'text', text: 'The whole answer.' }], { supersedes: ['u-1', 'u-0'] }),
    ]);
    expect(plainParts(read.parts)).toEqual([{ type: 'text', text: 'The whole answer.' }]);
  });

  it('replaces streamed text that comes whole as something else', () => {
    const event = (one: object) => ({ type: 'stream_event', event: one });
    const read = readLines(mapper, [
      event({ type: 'message_start', message: { id: 'm' } }),
      event({ type: 'content_block_start', index: 0, content_block: { type: 'text', text: '' } }),
      event({ type: 'content_block_delta', index: 0, delta: { type: 'text_delta', text: 'Helo' } }),
      assistant('u', 'm', [{ type: 'text', text: 'Hello' }]),
    ]);
    expect(plainParts(read.parts)).toEqual([{ type: 'text', text: 'Hello' }]);
  });

  it('takes the result’s text where the turn has said none, and goes on with another turn', () => {
    const totals = (outputTokens: number) => ({
      modelUsage: { m: { outputTokens, costUSD: outputTokens / 100 } },
    });
    const read = readLines(mapper, [
      { ...result, ...totals(5) },
      assistant('u', 'm', [{ type: 'text', text: 'More.' }]),
      { ...result, result: 'More.', ...totals(8) },
    ]);
    expect(plainParts(read.parts).map((part) => 'text' in part && part.text)).toEqual(['Done.', 'More.']);
    expect(read.usage).toEqual({ output_tokens: 8, cost_usd: 0.08 });
    expect(read.end).toEqual({ ok: true });
    // A turn that was begun and not ended is no end, however early that is known.
    for (const line of [
      { type: 'system', subtype: 'init', session_id: 's' },
      { type: 'system', subtype: 'session_state_changed', state: 'running' },
      { type: 'system', subtype: 'api_retry', attempt: 1 },
    ])
      expect(readLines(mapper, [result, line])).toMatchObject({ ends: [{ ok: true }, null], end: undefined });
    const idle = { type: 'system', subtype: 'session_state_changed', state: 'idle' };
    expect(readLines(mapper, [result, idle]).ends).toEqual([{ ok: true }]);
    expect(readLines(mapper, [result, assistant('u', 'm', [])]).end).toBeUndefined();
  });

  it('knows by a message’s error why there is no result, and forgets it with the next message', () => {
    const broken = assistant('u', 'm', [{ type: 'text', text: 'API Error' }], { error: 'rate_limit' });
    expect(readLines(mapper, [broken]).end).toEqual({
      ok: false,
      code: 'agent_failed',
      detail: 'rate_limit',
    });
    expect(readLines(mapper, [broken, assistant('v', 'n', [])]).end).toBeUndefined();
    expect(readLines(mapper, [broken, result]).end).toEqual({ ok: true });
  });

  it('texts of sub-agents that write at once are told apart, in pieces and whole', () => {
    const of = (parent: string, event: object) => ({
      type: 'stream_event',
      event,
      parent_tool_use_id: parent,
    });
    const begin = (parent: string) => [
      of(parent, { type: 'message_start', message: { id: `m-${parent}` } }),
      of(parent, { type: 'content_block_start', index: 0, content_block: { type: 'text', text: '' } }),
    ];
    const piece = (parent: string, text: string) =>
      of(parent, { type: 'content_block_delta', index: 0, delta: { type: 'text_delta', text } });
    const whole = (parent: string, text: string) =>
      assistant(`u-${parent}`, `m-${parent}`, [{ type: 'text', text }], { parent_tool_use_id: parent });
    const calls = ['a', 'b'].map((id) => ({ type: 'tool_use', id, name: 'Task', input: {} }));
    const { parts } = readLines(mapper, [
      ...[assistant('u', 'm', calls), ...begin('a'), ...begin('b')],
      ...[piece('a', 'one '), piece('b', 'two '), piece('a', 'three'), piece('b', 'four')],
      ...[whole('b', 'two four'), whole('a', 'one three')],
    ]);
    const said = (text: string) => ({ name: 'Task', parts: [{ type: 'text', text }] });
    expect(parts).toHaveLength(2);
    expect(parts).toMatchObject([said('one three'), said('two four')]);
  });

  it('a message of very many blocks costs as much for each', () => {
    const lines = Array.from({ length: 2_000 }, (_, at) =>
      assistant(`u-${at}`, 'm', [{ type: 'text', text: `${at}` }]),
    );
    const { parts } = readLines(mapper, lines);
    expect(parts.map((part) => 'text' in part && part.text)).toEqual(lines.map((_, at) => `${at}`));
    expect(new Set(parts.map((part) => 'id' in part && part.id)).size).toBe(2_000);
  });

  it.each([
    [{ subtype: 'error_max_turns' }, 'agent_out_of_turns'],
    [{ subtype: 'error_max_budget_usd' }, 'agent_out_of_budget'],
    [{ subtype: 'error_during_execution', errors: ['no credit'] }, 'agent_failed'],
    [{ subtype: 'success', is_error: true, result: 'no credit' }, 'agent_failed'],
  ])('ends badly with %j', (line, code) => {
    const { end, parts } = readLines(mapper, [{ type: 'result', ...line }]);
    expect(end).toMatchObject({ ok: false, code });
    expect(parts).toEqual([]);
  });
});

describe('codex', () => {
  const mapper = agentMappers.codex;
  const failedTurn = { type: 'turn.failed', error: { message: 'quota' } };

  it('is well when an error was mended by another try, and has failed when nothing came after it', () => {
    const error = { type: 'error', message: 'Reconnecting... 1/5' };
    expect(readLines(mapper, [error, { type: 'turn.completed', usage: {} }]).end).toEqual({ ok: true });
    expect(readLines(mapper, [error]).end).toEqual({
      ok: false,
      code: 'agent_failed',
      detail: error.message,
    });
    expect(readLines(mapper, [error, failedTurn]).end).toMatchObject({ detail: 'quota' });
  });

  it('asks its questions once, and answers by their ids', () => {
    const questions = [
      { id: 'q', question: 'Which?', options: [{ label: 'a' }, { label: 'b' }] },
      { question: 'Why?' },
    ];
    const asked = { type: 'request_user_input', call_id: 'c', questions };
    const read = readLines(mapper, [asked, { type: 'item.updated', item: asked }]);
    expect(read.questions).toHaveLength(1);
    const [question] = read.questions;
    expect(question?.action.questions).toMatchObject([{ id: 'q', question: 'Which?' }, { id: 'question-2' }]);
    const answers = [
      { id: 'q', selected: ['a'] },
      { id: 'question-2', text: 'because' },
    ];
    expect(JSON.parse(question?.answer(verdict({ answers })) ?? '')).toEqual({
      type: 'user_input_answer',
      id: 'c',
      response: { answers: { q: { answers: ['a'] }, 'question-2': { answers: ['because'] } } },
    });
    expect(question?.refusal('late')).toContain('late');
  });

  it('shows its other items as calls', () => {
    const item = (one: object) => ({ type: 'item.completed', item: one });
    const { parts } = readLines(mapper, [
      item({ id: '1', type: 'file_change', changes: [{ path: 'a', kind: 'add' }], status: 'completed' }),
      item({
        id: '2',
        type: 'mcp_tool_call',
        server: 's',
        tool: 't',
        arguments: {},
        status: 'failed',
        error: { message: 'no' },
      }),
      item({ id: '3', type: 'web_search', query: 'cats' }),
      {
        type: 'item.updated',
        item: { id: '4', type: 'todo_list', items: [{ text: 'look', completed: false }] },
      },
      item({ id: '5', type: 'command_execution', command: 'rm', aggregated_output: '', status: 'declined' }),
    ]);
    expect(parts).toMatchObject([
      { name: 'file_change', state: 'done', input: { changes: [{ path: 'a' }] } },
      { name: 's/t', state: 'failed', error: 'no' },
      { name: 'web_search', state: 'done', input: { query: 'cats' } },
      { name: 'todo_list', state: 'running', output: [{ text: 'look' }] },
      { name: 'command_execution', state: 'failed', error: 'It was declined.' },
    ]);
  });
});

it('openclaw: an error with the answer, one of the lifecycle and an error line are one failure', () => {
  const agent = (stream: string, data: object) => ({ event: 'agent', stream, data });
  const { end, unknown } = readLines(agentMappers.openclaw, [
    agent('lifecycle', { phase: 'start' }),
    agent('assistant', { stopReason: 'error', errorMessage: 'overloaded' }),
    agent('lifecycle', { phase: 'error', error: 'run failed' }),
    { event: 'error', error: 'exit' },
  ]);
  expect(end).toEqual({ ok: false, code: 'agent_failed', detail: 'overloaded' });
  expect(unknown).toEqual(['after the end']);
});

describe('pi', () => {
  const message = (stopReason: string) => ({
    type: 'message_end',
    message: { role: 'assistant', content: [], stopReason, errorMessage: 'overloaded' },
  });

  it('is not over at an end after which it tries again', () => {
    const tries = [
      { type: 'agent_start' },
      message('error'),
      { type: 'agent_end' },
      { type: 'auto_retry_start', attempt: 1 },
      { type: 'agent_start' },
    ];
    expect(readLines(agentMappers.pi, tries.slice(0, 3)).end).toMatchObject({
      ok: false,
      detail: 'overloaded',
    });
    expect(readLines(agentMappers.pi, tries).end).not.toEqual({ ok: true });
    expect(readLines(agentMappers.pi, [...tries, message('stop'), { type: 'agent_end' }]).end).toEqual({
      ok: true,
    });
  });

  it('takes out what a failed message had said when it tries again', () => {
    const start = { type: 'message_start', message: { role: 'assistant' } };
    const text = (delta: string) => ({
      type: 'message_update',
      assistantMessageEvent: { type: 'text_delta', contentIndex: 0, delta },
    });
    const end = (said: string, stopReason: string) => ({
      type: 'message_end',
      message: { role: 'assistant', content: [{ type: 'text', text: said }], stopReason },
    });
    const half = [start, text('Half an ans'), end('Half an ans', 'error'), { type: 'agent_end' }];
    const again = [
      { type: 'auto_retry_start' },
      { type: 'agent_start' },
      start,
      text('All.'),
      end('All.', 'stop'),
    ];
    expect(plainParts(readLines(agentMappers.pi, half).parts)).toEqual([
      { type: 'text', text: 'Half an ans' },
    ]);
    const { parts } = readLines(agentMappers.pi, [...half, ...again]);
    expect(plainParts(parts)).toEqual([{ type: 'text', text: 'All.' }]);
  });

  it('is given time to try again, and to compact, after its end', () => {
    const ended = [message('stop'), { type: 'agent_end' }];
    const compacting = [...ended, { type: 'compaction_start' }];
    expect(readLines(agentMappers.pi, compacting).ends).toEqual([{ ok: true }, null]);
    const { ends, end } = readLines(agentMappers.pi, [...compacting, { type: 'compaction_end' }]);
    expect([ends.at(-1), end]).toEqual([{ ok: true }, { ok: true }]);
    // It may be gone before the compaction is: the end was told.
    expect(readLines(agentMappers.pi, compacting).end).toEqual({ ok: true });
    const failedEnd = [message('error'), { type: 'agent_end' }, { type: 'auto_retry_start' }];
    expect(readLines(agentMappers.pi, failedEnd)).toMatchObject({
      ends: [{ ok: false }, null],
      end: { ok: false },
    });
  });

  it('1.x: settles, aborted or not', () => {
    const end = { type: 'agent_end', willRetry: true };
    expect(readLines(agentMappers.pi, [end]).end).toBeUndefined();
    expect(readLines(agentMappers.pi, [end, { type: 'agent_settled', aborted: true }]).end).toMatchObject({
      ok: false,
    });
    expect(readLines(agentMappers.pi, [end, { type: 'agent_settled', aborted: false }]).end).toEqual({
      ok: true,
    });
  });
});

it('an error whose text says nothing is told as JSON of the whole', () => {
  const error = { type: 'e', message: '\u2028 ' };
  const lines = [{ type: 'tool_result', tool_id: 'call-1', status: 'error', error }];
  expect(readLines(agentMappers['gemini-cli'], lines).parts).toMatchObject([
    { error: JSON.stringify(error) },
  ]);
});

it('gemini-cli and opencode: their own failures end badly, with the text for the host alone', () => {
  const gemini = [{ type: 'error', severity: 'error', message: 'quota' }];
  expect(readLines(agentMappers['gemini-cli'], gemini).end).toMatchObject({ detail: 'quota' });
  const ended = readLines(agentMappers['gemini-cli'], [...gemini, { type: 'result', status: 'error' }]);
  expect(ended.end).toEqual({ ok: false, code: 'agent_failed', detail: 'quota' });
  const error = { type: 'error', error: { name: 'APIError', data: { message: 'quota' } } };
  expect(readLines(agentMappers.opencode, [error]).end).toMatchObject({ ok: false, detail: 'quota' });
});

it('ai-sdk-ui: usage may come with the end', () => {
  const finish = { type: 'finish', messageMetadata: { usage: { inputTokens: 3, outputTokens: 2 } } };
  const read = readLines(agentMappers['ai-sdk-ui'], [{ type: 'start' }, finish]);
  expect(read).toMatchObject({ usage: { inputTokens: 3, outputTokens: 2 }, end: { ok: true } });
});

it('ai-sdk-ui: names of texts are of one step', () => {
  const step = (delta: string) => [
    { type: 'start-step' },
    { type: 'text-start', id: '0' },
    { type: 'text-delta', id: '0', delta },
    { type: 'text-end', id: '0' },
  ];
  const { parts } = readLines(agentMappers['ai-sdk-ui'], [
    ...step('one'),
    { type: 'file', url: 'u' },
    ...step('two'),
  ]);
  expect(parts.map((part) => ('text' in part ? part.text : part.type))).toEqual(['one', 'file', 'two']);
});

it('raw: lines are text, and the exit is the end', () => {
  const read = readLines(agentMappers.raw, ['{"type":"text"}', 'two']);
  expect(read.parts).toEqual([{ type: 'text', text: '{"type":"text"}\ntwo\n' }]);
  expect(read.end).toEqual({ ok: true });
});
