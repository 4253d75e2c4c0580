/** One renderer for each agent: what it would print of a script. */
import {
  type Chance,
  type Line,
  partOf,
  Script,
  type Session,
  type Told,
  type ToldCall,
} from './agent-lines.js';

/** Rounds until there are lines enough; the last words after them. */
function sessionOf(
  chance: Chance,
  lines: Line[],
  told: (round: readonly Told[]) => readonly Line[],
  options: Parameters<Script['round']>[0] = {},
): Pick<Session, 'parts'> & { readonly rounds: number } {
  const script = new Script(chance);
  const parts: Session['parts'] = [];
  let rounds = 0;
  for (let isLast = false; !isLast; rounds++) {
    isLast = lines.length > 110;
    const round = isLast ? [script.last()] : script.round(options);
    lines.push(...told(round));
    parts.push(...round.map(partOf));
  }
  return { parts, rounds };
}

export function openclawSession(chance: Chance): Session {
  const agent = (stream: string, data: object): Line => ({ event: 'agent', stream, data });
  const lines: Line[] = [agent('lifecycle', { phase: 'start' })];
  const { parts } = sessionOf(chance, lines, (round) =>
    round.flatMap((told) => {
      if (told.kind !== 'tool')
        return told.pieces.map((delta) => agent(told.kind === 'text' ? 'assistant' : 'thinking', { delta }));
      const { id: toolCallId, name, input: args, output: result, isError } = told;
      return [
        agent('tool', { phase: 'start', toolCallId, name, args }),
        agent('tool', { phase: 'update', toolCallId, partialResult: 'half' }),
        agent('tool', { phase: 'result', toolCallId, name, result, isError }),
        ...(chance() < 0.2 ? ['start', 'end'].map((phase) => agent('compaction', { phase })) : []),
      ];
    }),
  );
  lines.push(agent('assistant', { mediaUrls: ['/tmp/plot.png'], stopReason: 'stop' }));
  lines.push(agent('lifecycle', { phase: 'end' }));
  return { lines, parts: [...parts, { type: 'file', url: '/tmp/plot.png' }], usage: {} };
}

export function claudeSession(chance: Chance, isPartial: boolean): Session {
  const lines: Line[] = [{ type: 'system', subtype: 'init', session_id: 'session', tools: [], model: 'm' }];
  let [messages, uuids] = [0, 0];
  const streamed = (round: readonly Told[], parent: string | null): Line[] => {
    messages++;
    const id = `msg-${messages}`;
    const event = (event: object): Line => ({ type: 'stream_event', event, parent_tool_use_id: parent });
    const out: Line[] = isPartial ? [event({ type: 'message_start', message: { id } })] : [];
    for (const [index, told] of round.entries()) {
      const { whole, begun, deltas } = claudeBlock(told);
      const steps = [
        { type: 'content_block_start', index, content_block: begun },
        ...deltas.map((delta) => ({ type: 'content_block_delta', index, delta })),
      ];
      if (isPartial) out.push(...steps.map(event));
      uuids++;
      const message = { id, role: 'assistant', content: [whole], usage: { input_tokens: 1 } };
      out.push({ type: 'assistant', uuid: `uuid-${uuids}`, message, parent_tool_use_id: parent });
      if (isPartial) out.push(event({ type: 'content_block_stop', index }));
    }
    if (isPartial) out.push(event({ type: 'message_stop' }));
    for (const told of round) if (told.kind === 'tool') out.push(...resultOf(told, parent));
    return out;
  };
  const resultOf = (call: ToldCall, parent: string | null): Line[] => {
    const { id: tool_use_id, output, isError: is_error, inner } = call;
    const content = [
      { type: 'tool_result', tool_use_id, content: [{ type: 'text', text: output }], is_error },
    ];
    return [
      { type: 'tool_progress', tool_use_id, elapsed_time_seconds: 2 },
      ...(inner.length > 0 ? streamed(inner, call.id) : []),
      { type: 'user', message: { role: 'user', content }, parent_tool_use_id: parent },
    ];
  };
  const { parts } = sessionOf(chance, lines, (round) => streamed(round, null), { nests: true });
  const modelUsage = { opus: { inputTokens: 30, outputTokens: 7, costUSD: 0.5 }, haiku: { inputTokens: 3 } };
  const last = parts.at(-1) as { text: string };
  lines.push({
    type: 'result',
    subtype: 'success',
    is_error: false,
    result: last.text,
    modelUsage,
    num_turns: 2,
  });
  return { lines, parts, usage: { input_tokens: 33, output_tokens: 7, cost_usd: 0.5 } };
}

function claudeBlock(told: Told): { whole: object; begun: object; deltas: readonly object[] } {
  if (told.kind === 'tool') {
    const block = { type: 'tool_use', id: told.id, name: told.name };
    const text = JSON.stringify(told.input);
    const deltas = [text.slice(0, 4), text.slice(4)].map((partial_json) => ({
      type: 'input_json_delta',
      partial_json,
    }));
    return { whole: { ...block, input: told.input }, begun: { ...block, input: {} }, deltas };
  }
  const [type, field] = told.kind === 'text' ? ['text', 'text'] : ['thinking', 'thinking'];
  const deltas = told.pieces.map((piece) => ({ type: `${type}_delta`, [field]: piece }));
  return { whole: { type, [field]: told.text, signature: 's' }, begun: { type, [field]: '' }, deltas };
}

export function codexSession(chance: Chance): Session {
  const lines: Line[] = [{ type: 'thread.started', thread_id: 'session' }, { type: 'turn.started' }];
  let items = 0;
  const { parts: told } = sessionOf(chance, lines, (round) =>
    round.flatMap((told): Line[] => {
      items++;
      const id = told.kind === 'tool' ? told.id : `item_${items}`;
      const of = (name: string, item: object): Line => ({ type: `item.${name}`, item: { id, ...item } });
      if (told.kind === 'text')
        return [
          of('started', { type: 'agent_message', text: '' }),
          of('completed', { type: 'agent_message', text: told.text }),
        ];
      if (told.kind !== 'tool') return [of('completed', { type: 'reasoning', text: told.text })];
      const command = { type: 'command_execution', command: told.input.path };
      const half = told.output.slice(0, 5);
      return [
        of('started', { ...command, aggregated_output: '', status: 'in_progress' }),
        of('updated', { ...command, aggregated_output: half, status: 'in_progress' }),
        of('completed', {
          ...{ ...command, aggregated_output: told.output, exit_code: told.isError ? 2 : 0 },
          status: told.isError ? 'failed' : 'completed',
        }),
      ];
    }),
  );
  const parts = told.map((part) => {
    if (part.type !== 'tool') return part;
    const command = { command: (part.input as { path: string }).path };
    const shown = { ...part, name: 'command_execution', input: command, output: part.output ?? part.error };
    return part.state === 'failed' ? { ...shown, error: 'It exited with code 2.' } : shown;
  });
  lines.push({
    type: 'turn.completed',
    usage: { input_tokens: 10, cached_input_tokens: 4, output_tokens: 3 },
  });
  return { lines, parts, usage: { input_tokens: 10, cached_input_tokens: 4, output_tokens: 3 } };
}

export function geminiSession(chance: Chance): Session {
  const lines: Line[] = [
    { type: 'init', timestamp: 't', session_id: 'session', model: 'm' },
    { type: 'message', role: 'user', content: 'the question' },
  ];
  const { parts } = sessionOf(
    chance,
    lines,
    (round) =>
      round.flatMap((told): Line[] => {
        if (told.kind !== 'tool') {
          const whole = { type: 'message', role: 'assistant', content: told.text };
          const isWhole = chance() < 0.2;
          if (isWhole) return [whole];
          const deltas = told.pieces.map((content) => ({ ...whole, content, delta: true }));
          return chance() < 0.5 ? deltas : [...deltas, whole];
        }
        const { id: tool_id, name, input: parameters, output, isError } = told;
        const result = isError
          ? { status: 'error', error: { type: 'e', message: output } }
          : { status: 'success', output };
        return [
          { type: 'tool_use', tool_name: name, tool_id, parameters },
          { type: 'tool_result', tool_id, ...result },
        ];
      }),
    { reasons: false },
  );
  lines.push({ type: 'error', severity: 'warning', message: 'slow' });
  lines.push({ type: 'result', status: 'success', stats: { input_tokens: 5, output_tokens: 2 } });
  return { lines, parts, usage: { input_tokens: 5, output_tokens: 2 } };
}

export function opencodeSession(chance: Chance, hasDone: boolean): Session {
  const lines: Line[] = [];
  const of = (type: string, part: object): Line => ({ type, timestamp: 1, sessionID: 'session', part });
  let texts = 0;
  const { parts, rounds } = sessionOf(chance, lines, (round) => {
    const steps = round.map((told): Line => {
      texts++;
      if (told.kind !== 'tool')
        return of(told.kind, { id: `part-${texts}`, type: told.kind, text: told.text });
      const { id: callID, name: tool, input, output, isError } = told;
      const state = isError
        ? { status: 'error', input, error: output }
        : { status: 'completed', input, output };
      return of('tool_use', { callID, tool, state });
    });
    const reason = round.some(({ kind }) => kind === 'tool') ? 'tool-calls' : 'stop';
    const tokens = { input: 4, output: 2, reasoning: 0, cache: { read: 1, write: 0 } };
    return [
      of('step_start', {}),
      ...steps,
      ...steps.slice(0, 1),
      of('step_finish', { reason, tokens, cost: 0.25 }),
    ];
  });
  if (hasDone) lines.push({ type: 'done', sessionID: 'session', reason: 'idle', rejected: [] });
  const usage = {
    input: 4 * rounds,
    output: 2 * rounds,
    reasoning: 0,
    'cache.read': rounds,
    'cache.write': 0,
  };
  return { lines, parts, usage: { ...usage, cost_usd: rounds / 4 } };
}

export function piSession(chance: Chance, isNewer: boolean): Session {
  const lines: Line[] = [{ type: 'session', version: 3, id: 'session', cwd: '/' }, { type: 'agent_start' }];
  const { parts, rounds } = sessionOf(chance, lines, (round) => {
    const content = round.map((told) => {
      if (told.kind === 'tool')
        return { type: 'toolCall', id: told.id, name: told.name, arguments: told.input };
      return told.kind === 'text'
        ? { type: 'text', text: told.text }
        : { type: 'thinking', thinking: told.text };
    });
    const message = {
      role: 'assistant',
      content,
      model: 'm',
      stopReason: 'stop',
      usage: { input: 3, cost: { total: 0.5 } },
    };
    const update = (event: object): Line => ({
      type: 'message_update',
      ...(isNewer ? { usage: {} } : { message }),
      assistantMessageEvent: { ...event, ...(isNewer ? {} : { partial: message }) },
    });
    const updates = round.flatMap((told, contentIndex) => {
      const kind = told.kind === 'tool' ? 'toolcall' : told.kind === 'text' ? 'text' : 'thinking';
      const pieces = told.kind === 'tool' ? [JSON.stringify(told.input)] : told.pieces;
      const end = told.kind === 'tool' ? { toolCall: content[contentIndex] } : { content: told.text };
      return [
        update({ type: `${kind}_start`, contentIndex }),
        ...pieces.map((delta) => update({ type: `${kind}_delta`, contentIndex, delta })),
        update({ type: `${kind}_end`, contentIndex, ...end }),
      ];
    });
    const ran = round.flatMap((told): Line[] => {
      if (told.kind !== 'tool') return [];
      const { id: toolCallId, name: toolName, input: args, output, isError } = told;
      const result = { content: [{ type: 'text', text: output }] };
      return [
        { type: 'tool_execution_start', toolCallId, toolName, args },
        { type: 'tool_execution_update', toolCallId, partialResult: result },
        { type: 'tool_execution_end', toolCallId, toolName, result, isError },
      ];
    });
    const start: Line = { type: 'message_start', message: { role: 'assistant', content: [] } };
    return [
      { type: 'turn_start' },
      start,
      ...updates,
      { type: 'message_end', message },
      ...ran,
      { type: 'turn_end', message },
    ];
  });
  lines.push({ type: 'queue_update' }, { type: 'compaction_start' }, { type: 'compaction_end' });
  lines.push({ type: 'agent_end', messages: [], ...(isNewer && { willRetry: false }) });
  if (isNewer) lines.push({ type: 'agent_settled', aborted: false });
  return { lines, parts, usage: { input: 3 * rounds, 'cost.total': rounds / 2 } };
}

export function uiSession(chance: Chance): Session {
  const lines: Line[] = [{ type: 'start', messageId: 'm' }];
  const { parts } = sessionOf(chance, lines, (round) => [
    { type: 'start-step' },
    ...round.flatMap((told, id): Line[] => {
      if (told.kind !== 'tool') {
        const deltas = told.pieces.map((delta) => ({ type: `${told.kind}-delta`, id: String(id), delta }));
        return [
          { type: `${told.kind}-start`, id: String(id) },
          ...deltas,
          { type: `${told.kind}-end`, id: String(id) },
        ];
      }
      const { id: toolCallId, name: toolName, input, output, isError } = told;
      return [
        { type: 'tool-input-start', toolCallId, toolName },
        { type: 'tool-input-delta', toolCallId, inputTextDelta: JSON.stringify(input) },
        { type: 'tool-input-available', toolCallId, toolName, input },
        { type: 'tool-output-available', toolCallId, output: 'half', preliminary: true },
        isError
          ? { type: 'tool-output-error', toolCallId, errorText: output }
          : { type: 'tool-output-available', toolCallId, output },
      ];
    }),
    { type: 'finish-step' },
  ]);
  lines.push({ type: 'message-metadata', messageMetadata: { usage: { inputTokens: 2 } } });
  lines.push({ type: 'finish', finishReason: 'stop' });
  // A tool that fails after a first result has both.
  const shown = parts.map((part) =>
    part.type === 'tool' && part.error !== undefined ? { ...part, output: 'half' } : part,
  );
  return { lines, parts: shown, usage: { inputTokens: 2 } };
}
