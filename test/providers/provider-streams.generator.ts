/**
 * Streams as the providers' servers send them, made up: only what is legal there, in any order that is. Texts hold what JSON, UTF-16 and
 * HTML make trouble of.
 */
import fc from 'fast-check';
import type { Told } from './recordings.js';

const text = fc.oneof(
  fc.string({ maxLength: 6 }),
  fc.constantFrom('</b>', '\u2028', '🙂', '\ud83d', '"\\', '__proto__'),
);
const pieces = fc.array(text, { minLength: 1, maxLength: 5 });
const word = fc.string({ minLength: 1, maxLength: 8 }).map((name) => `n_${name}`);
const args = fc
  .dictionary(word, fc.oneof(fc.string(), fc.integer(), fc.boolean()), { maxKeys: 3 })
  .map((value) => JSON.stringify(value));

/** A text cut into pieces at any places, some of them empty. */
function cutIn(whole: string, cuts: readonly number[]): string[] {
  const places = [0, ...cuts.map((cut) => cut % (whole.length + 1)).sort((a, b) => a - b), whole.length];
  return places.slice(1).map((place, index) => whole.slice(places[index], place));
}
const cuts = fc.array(fc.nat(), { maxLength: 4 });
const streamedArgs = fc.tuple(args, cuts).map(([whole, at]) => cutIn(whole, at));

/** Sequences mixed at random, each in its own order. */
function interleaved<Item>(sequences: readonly (readonly Item[])[], order: readonly number[]): Item[] {
  const left = sequences.map((sequence) => [...sequence]);
  const mixed: Item[] = [];
  for (let step = 0; left.some((sequence) => sequence.length > 0); step++) {
    const open = left.filter((sequence) => sequence.length > 0);
    const next = open[(order[step % Math.max(1, order.length)] ?? 0) % open.length]?.shift();
    if (next !== undefined) mixed.push(next);
  }
  return mixed;
}

// --- chat completions

const logprobs = fc.option(
  fc.array(
    fc.record({
      token: text,
      logprob: fc.double({ noNaN: true, noDefaultInfinity: true, min: -9, max: -1 }),
    }),
    { minLength: 1, maxLength: 2 },
  ),
  { nil: undefined },
);

/** The deltas of one choice, its last being the one that ends it. */
const choice = fc
  .record({
    content: fc.option(fc.tuple(pieces, logprobs), { nil: undefined }),
    refusal: fc.option(pieces, { nil: undefined, freq: 5 }),
    calls: fc.array(fc.tuple(word, streamedArgs), { maxLength: 3 }),
    hasRole: fc.boolean(),
    isMixed: fc.array(fc.nat(5), { maxLength: 6 }),
    filter: fc.boolean(),
  })
  .map(({ content, refusal, calls, isMixed, filter }) => {
    const said = (content?.[0] ?? []).map((piece) => ({
      delta: { content: piece },
      logprobs: content?.[1] === undefined ? null : { content: content[1], refusal: null },
      ...(filter && { content_filter_results: { hate: { filtered: false } } }),
    }));
    const refused = (refusal ?? []).map((piece) => ({ delta: { refusal: piece }, logprobs: null }));
    const called = calls.map(([name, streamed], index) => [
      {
        delta: {
          tool_calls: [
            { index, id: `call_${index}_${name}`, type: 'function', function: { name, arguments: '' } },
          ],
        },
        logprobs: null,
      },
      ...streamed.map((piece) => ({
        delta: { tool_calls: [{ index, function: { arguments: piece } }] },
        logprobs: null,
      })),
    ]);
    // A call is announced before the next one; their arguments may go on side by side.
    const announced = called.flatMap((one) => one.slice(0, 1));
    const streamed = interleaved<object>(
      called.map((one) => one.slice(1)),
      isMixed,
    );
    const reason = calls.length > 0 ? 'tool_calls' : 'stop';
    return [
      {
        delta: { role: 'assistant', content: calls.length > 0 ? null : '', refusal: null },
        logprobs: null,
        finish_reason: null,
      },
      ...[...said, ...refused, ...announced, ...streamed].map((one) => ({ ...one, finish_reason: null })),
      { delta: {}, logprobs: null, finish_reason: reason },
    ];
  });

function chunk(id: string, choices: readonly object[], usage: object | null, padding: string): Told {
  const named = { id, object: 'chat.completion.chunk', created: 1_770_000_000, model: 'gpt-x-2026' };
  return { ...named, service_tier: 'default', choices, usage, obfuscation: padding } as unknown as Told;
}

/** One completion, of one to three choices that come in any mixture. */
export const chatStream = fc
  .record({
    choices: fc.array(choice, { minLength: 1, maxLength: 3 }),
    order: fc.array(fc.nat(5), { maxLength: 12 }),
    id: fc.uuid().map((id) => `chatcmpl-${id}`),
    padding: fc.array(fc.string({ maxLength: 4 }), { minLength: 1, maxLength: 3 }),
    hasUsage: fc.boolean(),
    isAzure: fc.boolean(),
  })
  .map(({ choices, order, id, padding, hasUsage, isAzure }) => {
    const mixed = interleaved(
      choices.map((deltas, index) => deltas.map((one) => ({ index, ...one }))),
      order,
    );
    const usage = {
      prompt_tokens: 11,
      completion_tokens: 7,
      total_tokens: 18,
      prompt_tokens_details: { cached_tokens: 3 },
    };
    const before = isAzure
      ? [{ ...chunk('', [], null, ''), model: '', prompt_filter_results: [{ prompt_index: 0 }] }]
      : [];
    return [
      ...before,
      ...mixed.map((one, index) => chunk(id, [one], null, padding[index % padding.length] ?? '')),
      ...(hasUsage ? [chunk(id, [], usage, '')] : []),
    ];
  });

// --- Responses

interface Item {
  readonly added: object;
  readonly steps: readonly object[];
  readonly done: object;
}

const annotation = fc.record({
  type: fc.constant('url_citation'),
  url: fc.webUrl(),
  title: text,
  start_index: fc.nat(9),
  end_index: fc.nat(9),
});

function messageItem(
  id: string,
  parts: readonly { pieces: readonly string[]; isRefusal: boolean; notes: readonly object[] }[],
): Item {
  const named = { id, type: 'message', role: 'assistant' };
  const whole: object[] = [];
  const steps = parts.flatMap(({ pieces: said, isRefusal, notes }, content_index) => {
    const all = said.join('');
    const place = { item_id: id, content_index };
    const empty = isRefusal
      ? { type: 'refusal', refusal: '' }
      : { type: 'output_text', text: '', annotations: [], logprobs: [] };
    const part = isRefusal
      ? { type: 'refusal', refusal: all }
      : { type: 'output_text', text: all, annotations: notes, logprobs: [] };
    whole.push(part);
    const kind = isRefusal ? 'refusal' : 'output_text';
    return [
      { type: 'response.content_part.added', ...place, part: empty },
      ...said.map((delta) => ({
        type: `response.${kind}.delta`,
        ...place,
        delta,
        ...(!isRefusal && { logprobs: [], obfuscation: 'x'.repeat(delta.length % 5) }),
      })),
      ...(isRefusal
        ? []
        : notes.map((one, annotation_index) => ({
            type: 'response.output_text.annotation.added',
            ...place,
            annotation_index,
            annotation: one,
          }))),
      {
        type: `response.${kind}.done`,
        ...place,
        ...(isRefusal ? { refusal: all } : { text: all, logprobs: [] }),
      },
      { type: 'response.content_part.done', ...place, part },
    ];
  });
  return {
    added: { ...named, status: 'in_progress', content: [] },
    steps,
    done: { ...named, status: 'completed', content: whole },
  };
}

function reasoningItem(id: string, summaries: readonly (readonly string[])[]): Item {
  const summary = summaries.map((said) => ({ type: 'summary_text', text: said.join('') }));
  const steps = summaries.flatMap((said, summary_index) => {
    const place = { item_id: id, summary_index };
    return [
      { type: 'response.reasoning_summary_part.added', ...place, part: { type: 'summary_text', text: '' } },
      ...said.map((delta) => ({ type: 'response.reasoning_summary_text.delta', ...place, delta })),
      { type: 'response.reasoning_summary_text.done', ...place, text: said.join('') },
      {
        type: 'response.reasoning_summary_part.done',
        ...place,
        part: { type: 'summary_text', text: said.join('') },
      },
    ];
  });
  return {
    added: { id, type: 'reasoning', summary: [] },
    steps,
    done: { id, type: 'reasoning', summary, encrypted_content: 'gAAA' },
  };
}

const CALLS = {
  function_call: { kind: 'function_call_arguments', field: 'arguments', states: [] },
  mcp_call: { kind: 'mcp_call_arguments', field: 'arguments', states: ['in_progress', 'completed'] },
  custom_tool_call: { kind: 'custom_tool_call_input', field: 'input', states: [] },
  code_interpreter_call: {
    kind: 'code_interpreter_call_code',
    field: 'code',
    states: ['in_progress', 'interpreting', 'completed'],
  },
} as const;

function callItem(id: string, type: keyof typeof CALLS, name: string, said: readonly string[]): Item {
  const { kind, field, states } = CALLS[type];
  const named =
    type === 'code_interpreter_call'
      ? { id, type, container_id: 'c', outputs: null }
      : { id, type, name, call_id: `call_${id}` };
  const state = (one: string | undefined) =>
    one === undefined ? [] : [{ type: `response.${type}.${one}`, item_id: id }];
  const steps = [
    ...state(states[0]),
    ...said.map((delta) => ({ type: `response.${kind}.delta`, item_id: id, delta })),
    { type: `response.${kind}.done`, item_id: id, [field]: said.join('') },
    ...states.slice(1).flatMap(state),
  ];
  return {
    added: { ...named, status: 'in_progress', [field]: '' },
    steps,
    done: { ...named, status: 'completed', [field]: said.join('') },
  };
}

const item = fc.oneof(
  {
    weight: 4,
    arbitrary: fc
      .array(fc.record({ pieces, isRefusal: fc.boolean(), notes: fc.array(annotation, { maxLength: 2 }) }), {
        minLength: 1,
        maxLength: 2,
      })
      .map((parts) => (id: string) => messageItem(id, parts)),
  },
  {
    weight: 2,
    arbitrary: fc
      .array(pieces, { maxLength: 2 })
      .map((summaries) => (id: string) => reasoningItem(id, summaries)),
  },
  {
    weight: 3,
    arbitrary: fc
      .tuple(fc.constantFrom(...(Object.keys(CALLS) as (keyof typeof CALLS)[])), word, streamedArgs)
      .map(
        ([type, name, said]) =>
          (id: string) =>
            callItem(id, type, name, said),
      ),
  },
  {
    weight: 1,
    arbitrary: fc.tuple(word, args).map(([name, whole]) => (id: string): Item => {
      const request = { id, type: 'mcp_approval_request', name, arguments: whole, server_label: 's' };
      return { added: request, steps: [], done: request };
    }),
  },
  {
    weight: 1,
    arbitrary: fc.webUrl().map((url) => (id: string): Item => {
      const [named, place] = [{ id, type: 'web_search_call' }, { item_id: id }];
      const steps = ['in_progress', 'searching', 'completed'].map((one) => ({
        type: `response.web_search_call.${one}`,
        ...place,
      }));
      return {
        added: { ...named, status: 'in_progress' },
        steps,
        done: { ...named, status: 'completed', action: { type: 'search', query: url } },
      };
    }),
  },
);

/** One response, from `response.created` to the event that ends it. */
export const responseStream = fc
  .record({
    items: fc.array(item, { maxLength: 4 }),
    id: fc.uuid().map((id) => `resp_${id}`),
    isQueued: fc.boolean(),
    end: fc.constantFrom('completed', 'incomplete'),
  })
  .map(({ items, id, isQueued, end }) => {
    const response = {
      id,
      object: 'response',
      created_at: 1_770_000_000,
      model: 'gpt-x-2026',
      instructions: 'secret',
      tools: [],
      error: null,
    };
    const made = items.map((make, index) => make(`item_${index}`));
    const begun = (type: string, status: string) => ({
      type,
      response: { ...response, status, output: [], usage: null },
    });
    const usage = {
      input_tokens: 11,
      input_tokens_details: { cached_tokens: 3 },
      output_tokens: 7,
      output_tokens_details: { reasoning_tokens: 2 },
      total_tokens: 18,
    };
    const why =
      end === 'incomplete'
        ? { incomplete_details: { reason: 'max_output_tokens' } }
        : { incomplete_details: null };
    const events = [
      begun('response.created', isQueued ? 'queued' : 'in_progress'),
      ...(isQueued ? [begun('response.queued', 'queued')] : []),
      begun('response.in_progress', 'in_progress'),
      ...made.flatMap(({ added, steps, done }, output_index) => [
        { type: 'response.output_item.added', output_index, item: added },
        ...steps.map((one) => ({ ...one, output_index })),
        { type: 'response.output_item.done', output_index, item: done },
      ]),
      {
        type: `response.${end}`,
        response: { ...response, ...why, status: end, output: made.map(({ done }) => done), usage },
      },
    ];
    return events.map((event, sequence_number) => ({ ...event, sequence_number })) as unknown as Told[];
  });

// --- Anthropic messages

interface Block {
  readonly start: object;
  readonly deltas: readonly object[];
}

const block: fc.Arbitrary<Block> = fc.oneof(
  {
    weight: 3,
    arbitrary: fc.tuple(pieces, fc.array(fc.webUrl(), { maxLength: 2 })).map(([said, urls]) => ({
      start: urls.length > 0 ? { type: 'text', text: '', citations: [] } : { type: 'text', text: '' },
      deltas: [
        ...urls.map((url) => ({
          type: 'citations_delta',
          citation: { type: 'web_search_result_location', url, cited_text: said[0] },
        })),
        ...said.map((piece) => ({ type: 'text_delta', text: piece })),
      ],
    })),
  },
  {
    weight: 2,
    arbitrary: pieces.map((said) => ({
      start: { type: 'thinking', thinking: '', signature: '' },
      deltas: [
        ...said.map((piece) => ({ type: 'thinking_delta', thinking: piece })),
        { type: 'signature_delta', signature: 'EqQB' },
      ],
    })),
  },
  {
    weight: 3,
    arbitrary: fc
      .tuple(
        fc.constantFrom('tool_use', 'server_tool_use'),
        word,
        fc.option(streamedArgs, { nil: undefined }),
      )
      .map(([type, name, said]) => ({
        start: { type, id: `toolu_${name}`, name, input: {} },
        // A call without arguments has one empty piece.
        deltas: (said ?? ['']).map((piece) => ({ type: 'input_json_delta', partial_json: piece })),
      })),
  },
  {
    weight: 1,
    arbitrary: fc.string().map((data) => ({ start: { type: 'redacted_thinking', data }, deltas: [] })),
  },
  {
    weight: 1,
    arbitrary: fc.webUrl().map((url) => ({
      start: {
        type: 'web_search_tool_result',
        tool_use_id: 'srvtoolu_1',
        content: [{ type: 'web_search_result', url, title: 't' }],
      },
      deltas: [],
    })),
  },
);

/** One message, from `message_start` to `message_stop`. */
export const anthropicStream = fc
  .record({
    blocks: fc.array(block, { maxLength: 4 }),
    id: fc.uuid().map((id) => `msg_${id}`),
    reason: fc.constantFrom('end_turn', 'max_tokens', 'tool_use'),
    hasPing: fc.boolean(),
  })
  .map(({ blocks, id, reason, hasPing }) => {
    const usage = {
      input_tokens: 8,
      cache_creation_input_tokens: 2,
      cache_read_input_tokens: 3,
      output_tokens: 1,
      service_tier: 'standard',
    };
    const message = {
      id,
      type: 'message',
      role: 'assistant',
      model: 'claude-x',
      content: [],
      stop_reason: null,
      stop_sequence: null,
      usage,
    };
    return [
      { type: 'message_start', message },
      ...(hasPing ? [{ type: 'ping' }] : []),
      ...blocks.flatMap(({ start, deltas }, index) => [
        { type: 'content_block_start', index, content_block: start },
        ...deltas.map((delta) => ({ type: 'content_block_delta', index, delta })),
        { type: 'content_block_stop', index },
      ]),
      {
        type: 'message_delta',
        delta: { stop_reason: reason, stop_sequence: null },
        usage: { output_tokens: 7 },
      },
      { type: 'message_stop' },
    ] as unknown as Told[];
  });
