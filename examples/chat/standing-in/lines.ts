/** The lines of each command, in the order in which it would print them. A stand-in prints them at a pace. */
import { piecesOf, refused, type Words } from './words.js';

export type Line = Readonly<Record<string, unknown>>;
/** Writes a question and waits for what is answered on standard input. */
type Ask = (question: Line) => Promise<Line>;
type Lines = (
  words: Words,
  ask: Ask,
) => AsyncGenerator<Line, void, undefined> | Generator<Line, void, undefined>;

const SESSION = '5f0c6a52-2f5b-4d43-9a43-0c1d2e3f4a5b';
const USAGE = { input_tokens: 40, output_tokens: 120 };

export const LINES: Readonly<Record<string, Lines>> = {
  'claude-code': claudeCode,
  codex,
  'gemini-cli': geminiCli,
  opencode,
  pi,
};

async function* claudeCode({ thought, before, call, after }: Words, ask: Ask): AsyncGenerator<Line, void> {
  const { command, output } = call;
  const tool = { type: 'tool_use', id: 'toolu_1', name: 'Bash', input: { command } };
  yield { type: 'system', subtype: 'init', session_id: SESSION, model: 'stand-in', tools: ['Bash'] };
  yield streamed({ type: 'message_start', message: { id: 'msg_1' } });
  yield* block('msg_1', 0, { type: 'thinking', thinking: thought });
  yield* block('msg_1', 1, { type: 'text', text: before.join('') });
  yield streamed({ type: 'content_block_start', index: 2, content_block: { ...tool, input: {} } });
  const partial_json = JSON.stringify(tool.input);
  yield streamed({
    type: 'content_block_delta',
    index: 2,
    delta: { type: 'input_json_delta', partial_json },
  });
  yield { type: 'assistant', message: { id: 'msg_1', content: [tool] } };
  yield streamed({ type: 'message_stop' });
  const { behavior, message } = await ask({
    type: 'control_request',
    request_id: 'request_1',
    request: { subtype: 'can_use_tool', tool_name: 'Bash', input: tool.input, tool_use_id: tool.id },
  });
  const isAllowed = behavior === 'allow';
  const said = isAllowed ? output : String(message);
  const result = { type: 'tool_result', tool_use_id: tool.id, content: said, is_error: !isAllowed };
  yield { type: 'user', message: { role: 'user', content: [result] } };
  const [, ...rest] = after;
  const text = isAllowed ? after.join('') : [refused(said), ...rest].join('');
  yield streamed({ type: 'message_start', message: { id: 'msg_2' } });
  yield* block('msg_2', 0, { type: 'text', text });
  yield streamed({ type: 'message_stop' });
  yield { type: 'result', subtype: 'success', is_error: false, result: text, usage: USAGE, num_turns: 2 };
}

/** In pieces, and then whole. */
function* block(id: string, index: number, whole: { type: string; text?: string; thinking?: string }) {
  const [field, text] = whole.text === undefined ? ['thinking', whole.thinking] : ['text', whole.text];
  yield streamed({ type: 'content_block_start', index, content_block: { type: whole.type, [field]: '' } });
  for (const piece of piecesOf(text ?? ''))
    yield streamed({
      type: 'content_block_delta',
      index,
      delta: { type: `${field}_delta`, [field]: piece },
    });
  yield { type: 'assistant', message: { id, content: [whole] } };
  yield streamed({ type: 'content_block_stop', index });
}

function streamed(event: Line): Line {
  return { type: 'stream_event', event };
}

function* codex({ thought, before, call, after }: Words): Generator<Line, void> {
  let items = 0;
  const whole = (type: string, text: string): Line => ({
    type: 'item.completed',
    item: { id: `item_${items++}`, type, text },
  });
  yield { type: 'thread.started', thread_id: SESSION };
  yield { type: 'turn.started' };
  yield whole('reasoning', thought);
  for (const text of before) yield whole('agent_message', text);
  const { command, output } = call;
  const run = { id: `item_${items++}`, type: 'command_execution', command, aggregated_output: '' };
  yield { type: 'item.started', item: { ...run, status: 'in_progress' } };
  const done = { ...run, aggregated_output: output, exit_code: 0, status: 'completed' };
  yield { type: 'item.completed', item: done };
  for (const text of after) yield whole('agent_message', text);
  yield { type: 'turn.completed', usage: { ...USAGE, cached_input_tokens: 0, reasoning_output_tokens: 0 } };
}

function* geminiCli({ before, call, after }: Words): Generator<Line, void> {
  const timestamp = new Date().toISOString();
  const said = (text: string): Line => ({
    ...{ type: 'message', timestamp, role: 'assistant', content: text, delta: true },
  });
  yield { type: 'init', timestamp, session_id: SESSION, model: 'stand-in' };
  for (const text of before) yield* piecesOf(text).map(said);
  const { command, output } = call;
  const tool_id = 'run_shell_command-1';
  yield { type: 'tool_use', timestamp, tool_name: 'run_shell_command', tool_id, parameters: { command } };
  yield { type: 'tool_result', timestamp, tool_id, status: 'success', output };
  for (const text of after) yield* piecesOf(text).map(said);
  yield { type: 'result', timestamp, status: 'success', stats: { ...USAGE, tool_calls: 1 } };
}

function* opencode({ before, call, after }: Words): Generator<Line, void> {
  let parts = 0;
  const line = (type: string, part: Line): Line => ({
    ...{ type, timestamp: Date.now(), sessionID: SESSION },
    part: { id: `prt_${parts++}`, sessionID: SESSION, ...part },
  });
  const finished = (reason: string) =>
    line('step_finish', { type: 'step-finish', reason, cost: 0, tokens: { input: 20, output: 60 } });
  yield line('step_start', { type: 'step-start' });
  for (const text of before) yield line('text', { type: 'text', text });
  const { command, output } = call;
  const state = { status: 'completed', input: { command }, output };
  yield line('tool_use', { type: 'tool', callID: 'call_1', tool: 'bash', state });
  yield finished('tool-calls');
  yield line('step_start', { type: 'step-start' });
  for (const text of after) yield line('text', { type: 'text', text });
  yield finished('stop');
  yield { type: 'done', timestamp: Date.now(), sessionID: SESSION, reason: 'idle', rejected: [] };
}

/** As 1.x: an update has its delta alone. */
function* pi({ thought, before, call, after }: Words): Generator<Line, void> {
  const { command, output } = call;
  const tool = { type: 'toolCall', id: 'call_1', name: 'bash', arguments: { command } };
  yield { type: 'session', version: 3, id: SESSION, cwd: '.' };
  yield { type: 'agent_start' };
  yield { type: 'turn_start' };
  yield* message([{ type: 'thinking', thinking: thought }, { type: 'text', text: before.join('') }, tool]);
  yield { type: 'tool_execution_start', toolCallId: tool.id, toolName: tool.name, args: tool.arguments };
  const result = { content: [{ type: 'text', text: output }] };
  yield { type: 'tool_execution_end', toolCallId: tool.id, toolName: tool.name, result, isError: false };
  yield* message([{ type: 'text', text: after.join('') }]);
  yield { type: 'turn_end' };
  yield { type: 'agent_end', willRetry: false };
  yield { type: 'agent_settled', aborted: false };
}

function* message(content: readonly Line[]): Generator<Line, void> {
  const update = (assistantMessageEvent: Line): Line => ({ type: 'message_update', assistantMessageEvent });
  yield { type: 'message_start', message: { role: 'assistant', content: [] } };
  for (const [contentIndex, one] of content.entries()) {
    const name = String(one.type).toLowerCase();
    yield update({ type: `${name}_start`, contentIndex, ...(one.id !== undefined && { toolCall: one }) });
    for (const delta of piecesOf(String(one.text ?? one.thinking ?? '')))
      yield update({ type: `${name}_delta`, contentIndex, delta });
    yield update({ type: `${name}_end`, contentIndex, ...(one.id !== undefined && { toolCall: one }) });
  }
  const usage = { input: 20, output: 60 };
  yield { type: 'message_end', message: { role: 'assistant', content, model: 'stand-in', usage } };
}
