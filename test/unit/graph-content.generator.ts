/**
 * Agent runs as their events tell them: steps with text or reasoning, steps left empty, calls side by side in one step or
 * several, in the ways providers stream their arguments, pauses and decisions, summaries, sub-agents in calls.
 */
import fc from 'fast-check';

export interface Emitted {
  readonly event: string;
  readonly data: Record<string, unknown>;
}

/** What a call was told to have as arguments and to end with. */
interface ScriptedCall {
  readonly args: Record<string, unknown>;
  readonly pieces: number;
  readonly child: readonly Block[] | null;
  readonly isGated: boolean;
  readonly ending: 'approve' | 'reject' | 'edit' | 'respond' | 'none';
}

type Block =
  | { readonly kind: 'text' | 'think'; readonly pieces: readonly string[]; readonly isClosed: boolean }
  | { readonly kind: 'cited'; readonly pieces: readonly string[] }
  | { readonly kind: 'empty' | 'agent' | 'image' }
  | { readonly kind: 'summary'; readonly pieces: readonly string[]; readonly isAborted: boolean }
  | {
      readonly kind: 'calls';
      /** A step for each call; all in one step, pieces mixed; a step for each, announced at once without pieces. */
      readonly style: 'own' | 'shared' | 'whole';
      readonly calls: readonly ScriptedCall[];
      readonly order: readonly number[];
      readonly isAnnouncedAgain: boolean;
    };

export interface Script {
  readonly lanes: readonly (readonly Block[])[];
  readonly order: readonly number[];
}

const pieces = fc.array(fc.string({ maxLength: 6 }), { minLength: 1, maxLength: 5 });
const order = fc.array(fc.nat(7), { minLength: 1, maxLength: 12 });

function block(depth: number): fc.Arbitrary<Block> {
  const call: fc.Arbitrary<ScriptedCall> = fc.record({
    args: fc.dictionary(fc.string({ maxLength: 4 }), fc.oneof(fc.string({ maxLength: 8 }), fc.nat()), {
      maxKeys: 3,
      noNullPrototype: true,
    }),
    pieces: fc.integer({ min: 1, max: 6 }),
    child: depth === 0 ? fc.constant(null) : fc.option(blocks(depth - 1, 3), { freq: 3 }),
    isGated: fc.boolean(),
    ending: fc.constantFrom('approve', 'approve', 'reject', 'edit', 'respond', 'none'),
  });
  return fc.oneof(
    fc.record({ kind: fc.constantFrom('text', 'text', 'think'), pieces, isClosed: fc.boolean() }),
    fc.record({ kind: fc.constant('cited' as const), pieces }),
    fc.record({ kind: fc.constantFrom('empty', 'agent', 'image') }),
    fc.record({ kind: fc.constant('summary' as const), pieces, isAborted: fc.boolean() }),
    fc.record({
      kind: fc.constant('calls' as const),
      style: fc.constantFrom('own', 'shared', 'whole'),
      calls: fc.array(call, { minLength: 1, maxLength: 3 }),
      order,
      isAnnouncedAgain: fc.boolean(),
    }),
  ) as fc.Arbitrary<Block>;
}

function blocks(depth: number, maxLength: number): fc.Arbitrary<Block[]> {
  return fc.array(block(depth), { minLength: 1, maxLength });
}

/** Up to three agents side by side, with sub-agents of sub-agents. */
export const script: fc.Arbitrary<Script> = fc.record({
  lanes: fc.array(blocks(2, 4), { minLength: 1, maxLength: 3 }),
  order,
});

export const run: fc.Arbitrary<Emitted[]> = script.map(eventsOf);

export function eventsOf({ lanes, order: mix }: Script): Emitted[] {
  const counter = { last: 0 };
  const told = lanes.map((lane, index) =>
    lane.flatMap((one) =>
      tell(one, counter, lanes.length > 1 ? { agentId: `agent-${index}`, groupId: 1 } : {}),
    ),
  );
  return numbered([
    { event: 'created', data: { created: { text: 'a question' } } },
    ...interleaved(told, mix),
  ]);
}

/** Mixes lists at the order's whim; each stays in its own order. */
function interleaved<T>(lists: readonly (readonly T[])[], mix: readonly number[]): T[] {
  const rest = lists.map((list) => [...list]);
  const all: T[] = [];
  for (let turn = 0; rest.some((list) => list.length > 0); turn++) {
    const left = rest.filter((list) => list.length > 0);
    const next = left[(mix[turn % mix.length] ?? 0) % left.length]?.shift();
    if (next !== undefined) all.push(next);
  }
  return all;
}

/** Gives the steps their places in the order they are announced, each run by itself. */
function numbered(events: readonly Emitted[]): Emitted[] {
  const next = new Map<string, number>();
  const place = (name: string) => {
    const index = next.get(name) ?? 0;
    next.set(name, index + 1);
    return index;
  };
  return events.map(({ event, data }) => {
    if (event === 'on_run_step') return { event, data: { ...data, index: place('') } };
    if (event === 'on_agent_update') {
      return {
        event,
        data: { ...data, agent_update: { ...(data.agent_update as object), index: place('') } },
      };
    }
    if (event !== 'on_subagent_update' || data.phase !== 'run_step') return { event, data };
    return {
      event,
      data: { ...data, data: { ...(data.data as object), index: place(String(data.subagentRunId)) } },
    };
  });
}

interface Counter {
  last: number;
}

function tell(one: Block, counter: Counter, who: object): Emitted[] {
  counter.last += 1;
  const id = `step_${counter.last}`;
  const open = (more: object = {}): Emitted => ({
    event: 'on_run_step',
    data: {
      ...stepOf(id, { type: 'message_creation', message_creation: { message_id: `msg_${id}` } }),
      ...who,
      ...more,
    },
  });
  const delta = (kind: 'message' | 'reasoning', content: unknown): Emitted => ({
    event: `on_${kind}_delta`,
    data: { id, delta: { content } },
  });
  const closed = closedStep(id);
  switch (one.kind) {
    case 'text':
      return [
        open(),
        ...one.pieces.map((text) => delta('message', [{ type: 'text', text }])),
        ...(one.isClosed ? [closed] : []),
      ];
    case 'think':
      return [
        open(),
        ...one.pieces.map((think) => delta('reasoning', [{ type: 'think', think }])),
        ...(one.isClosed ? [closed] : []),
      ];
    case 'cited':
      return [
        open(),
        ...one.pieces.flatMap((text, at) => [
          delta('message', { type: 'text', text, tool_call_ids: [`call_${at}`] }),
          delta('message', [
            { type: 'text', citations: [{ url: `https://example.org/${at}` }] },
            { type: 'text_delta', text },
          ]),
        ]),
        closed,
      ];
    case 'empty':
      return [open(), closed];
    case 'image':
      return [open(), delta('message', [{ type: 'image_url', image_url: { url: 'data:,' } }]), closed];
    case 'agent':
      return [
        {
          event: 'on_agent_update',
          data: { type: 'agent_update', agent_update: { runId: 'run', agentId: id } },
        },
      ];
    case 'summary':
      return tellSummary(one, id, open({ summary: { type: 'summary', model: 'm' } }), closed);
    case 'calls':
      return tellCalls(one, counter, who);
  }
}

function tellSummary(
  { pieces: texts, isAborted }: Extract<Block, { kind: 'summary' }>,
  id: string,
  opened: Emitted,
  closed: Emitted,
): Emitted[] {
  const deltas = texts.map((text) => ({
    event: 'on_summarize_delta',
    data: { id, delta: { summary: { type: 'summary', content: [{ type: 'text', text }], model: 'm' } } },
  }));
  const started = { event: 'on_summarize_start', data: { agentId: 'a', summaryVersion: 1 } };
  if (isAborted) {
    const told = { event: 'on_summarize_complete', data: { id, agentId: 'a', error: 'cut off' } };
    return [opened, started, ...deltas, told, closed];
  }
  const summary = {
    type: 'summary',
    content: [{ type: 'text', text: texts.join('') }],
    boundary: { messageId: id, contentIndex: 0 },
  };
  return [
    opened,
    started,
    ...deltas,
    { event: 'on_run_step_completed', data: { result: { id, type: 'summary', summary } } },
    closed,
    { event: 'on_summarize_complete', data: { id, agentId: 'a', summary } },
  ];
}

function tellCalls(one: Extract<Block, { kind: 'calls' }>, counter: Counter, who: object): Emitted[] {
  const made = one.calls.map((call, at) => {
    counter.last += 1;
    return { call, id: `call_${counter.last}`, name: `tool_${at}`, step: `step_${counter.last}` };
  });
  const first = made[0]?.step ?? '';
  const announce = (id: string, calls: readonly object[]): Emitted => ({
    event: 'on_run_step',
    data: { ...stepOf(id, { type: 'tool_calls', tool_calls: calls }), ...who },
  });
  const chunks = (step: string, at: number): Emitted[] =>
    chunksOf(made[at] as Made, one.style === 'shared' ? at : 0).map((chunk) => ({
      event: 'on_run_step_delta',
      data: { id: step, delta: { type: 'tool_calls', tool_calls: [chunk] } },
    }));
  let told: Emitted[];
  if (one.style === 'shared') {
    // As providers do that count their calls: one step, the pieces by index; later a step for all but the first.
    const again = made.slice(one.isAnnouncedAgain ? 1 : made.length);
    told = [
      announce(first, one.isAnnouncedAgain ? [] : made.map(({ id, name }) => ({ id, name, args: {} }))),
      ...interleaved(
        made.map((_, at) => chunks(first, at)),
        one.order,
      ),
      ...again.map(({ id, name, step, call }) => announce(step, [{ id, name, args: call.args }])),
    ];
    if (!one.isAnnouncedAgain) for (const call of made) call.step = first;
  } else {
    told = interleaved(
      made.map(({ step, id, name, call }, at) => [
        announce(step, [{ id, name, args: one.style === 'whole' ? call.args : {} }]),
        ...(one.style === 'whole' ? [] : chunks(step, at)),
      ]),
      one.order,
    );
  }
  const works = interleaved(
    made.map((call) => tellWork(call, counter)),
    one.order,
  );
  const closes = [...new Set(made.map(({ step }) => step))].map(closedStep);
  return [...told, ...tellPause(made, counter), ...works, ...closes];
}

interface Made {
  readonly call: ScriptedCall;
  readonly id: string;
  readonly name: string;
  step: string;
}

/** The first piece has name and id, and with half of the providers no arguments. */
function chunksOf({ call, id, name }: Made, index: number): object[] {
  const text = JSON.stringify(call.args);
  const length = Math.ceil(text.length / call.pieces);
  const cut = Array.from({ length: call.pieces }, (_, at) => text.slice(at * length, (at + 1) * length));
  const head = call.pieces % 2 === 0 ? '' : cut.shift();
  return [
    { name, id, args: head, index, type: 'tool_call_chunk' },
    ...cut.map((args) => ({ args, index, type: 'tool_call_chunk' })),
  ];
}

function tellPause(made: readonly Made[], counter: Counter): Emitted[] {
  const gated = made.filter(({ call }) => call.isGated);
  if (gated.length === 0) return [];
  const actionId = `action_${counter.last}`;
  const requests = gated.map(({ id, name, call }) => ({ id, name, arguments: call.args }));
  const decisions = gated.map(({ id, call: { ending } }) => ({
    id,
    decision: ending === 'none' ? 'approve' : ending,
    ...(ending === 'edit' && { arguments: { edited: true } }),
    ...(ending === 'reject' && { reason: 'no' }),
  }));
  return [
    {
      event: 'requires_action',
      data: { action: { actionId, type: 'tool_approval', requests, questions: [] } },
    },
    {
      event: 'resumed',
      data: { actionId, type: 'tool_approval', attempt: 2, by: 'ann', decisions, answers: [] },
    },
  ];
}

function tellWork({ call, id, name, step }: Made, counter: Counter): Emitted[] {
  const child = call.child === null ? [] : tellChild(call.child, id, counter);
  if (call.ending === 'none') return child.slice(0, -1);
  const args = JSON.stringify(call.isGated && call.ending === 'edit' ? { edited: true } : call.args);
  const tool_call = { id, name, args, output: `output of ${id}`, progress: 1 };
  return [
    ...child,
    {
      event: 'on_run_step_completed',
      data: { result: { id: step, index: 0, type: 'tool_call', tool_call } },
    },
  ];
}

/** A sub-agent's events in their wrapping; those of its own sub-agents tell of it in their ancestry. */
function tellChild(child: readonly Block[], parentToolCallId: string, counter: Counter): Emitted[] {
  counter.last += 1;
  const subagentRunId = `run_${counter.last}`;
  const self = { subagentRunId, subagentType: 'helper', subagentAgentId: 'helper-1', parentToolCallId };
  const wrap = (phase: string, data?: unknown): Emitted => ({
    event: 'on_subagent_update',
    data: {
      runId: 'run',
      ...self,
      depth: 1,
      ancestry: [self],
      phase,
      label: phase,
      ...(data !== undefined && { data }),
    },
  });
  const inner = child.flatMap((one) => tell(one, counter, {}));
  return [
    wrap('start'),
    ...inner.flatMap(({ event, data }): Emitted[] => {
      if (event === 'on_subagent_update') {
        const ancestry = [self, ...(data.ancestry as unknown[])];
        return [{ event, data: { ...data, ancestry, depth: ancestry.length } }];
      }
      if (event === 'requires_action' || event === 'resumed') return [{ event, data }];
      const phase = event.slice('on_'.length);
      return FORWARDED.has(phase) ? [wrap(phase, data)] : [];
    }),
    wrap('stop'),
  ];
}

export const FORWARDED = new Set([
  'run_step',
  'run_step_delta',
  'run_step_completed',
  'run_step_closed',
  'message_delta',
  'reasoning_delta',
]);

function stepOf(id: string, stepDetails: Record<string, unknown>): Record<string, unknown> {
  return { id, type: stepDetails.type, stepDetails, status: 'in_progress', usage: null };
}

function closedStep(id: string): Emitted {
  return { event: 'on_run_step_closed', data: { id, status: 'completed' } };
}
