import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { messageContent } from '../../src/content/message.js';
import { type MessageContent, type MessagePart, messageText } from '../../src/content/message-content.js';
import type { ContentModel } from '../../src/stream/model/content-model.js';
import { Fold } from '../../src/stream/model/fold.js';
import type { LogEvent } from '../../src/stream/model/types.js';
import { checked } from './property.js';

const model = messageContent() as ContentModel;

type Said = readonly [event: string, data: unknown];

function logOf(said: readonly Said[]): LogEvent[] {
  return said.map(([event, data], at) => ({
    ...{ event, data: JSON.stringify(data), sequence: at + 1, attempt: 1 },
  }));
}

function folded(events: readonly LogEvent[], from?: Fold): Fold {
  // As a store keeps it: through JSON.
  const fold = from ? new Fold(model, JSON.parse(JSON.stringify(from.snapshot()))) : new Fold(model);
  for (const one of events) fold.add(one);
  return fold;
}

const partsOf = (...said: Said[]): readonly MessagePart[] =>
  (folded(logOf(said)).content as MessageContent).parts;

const optional = <Value>(value: fc.Arbitrary<Value>) => fc.option(value, { nil: undefined });
const id = fc.constantFrom('a', 'b', 'c', '', 7);
const place = { id: optional(id), parent: optional(id) };
const pieces = fc.record({ ...place, text: fc.string(), replace: optional(fc.constant(true)) });
const call = fc.record({
  ...place,
  name: optional(fc.constantFrom('read', 'write')),
  input: optional(fc.jsonValue()),
  inputText: optional(fc.string()),
  output: optional(fc.jsonValue()),
  outputText: optional(fc.string()),
  error: optional(fc.string()),
  state: optional(fc.constantFrom('running', 'done', 'failed', 'odd')),
});
const said: fc.Arbitrary<Said> = fc.oneof(
  { weight: 6, arbitrary: fc.tuple(fc.constantFrom('text', 'reasoning'), pieces) },
  { weight: 6, arbitrary: fc.tuple(fc.constant('tool'), call) },
  {
    weight: 1,
    arbitrary: fc.tuple(fc.constant('file'), fc.record({ ...place, url: fc.constantFrom('/f', '') })),
  },
  {
    weight: 2,
    arbitrary: fc.tuple(
      fc.constant('status'),
      fc.record({
        ...place,
        text: optional(fc.constantFrom('at work')),
        state: fc.constantFrom('active', 'done'),
      }),
    ),
  },
  {
    weight: 1,
    arbitrary: fc.tuple(fc.constant('withdrawn'), fc.record({ ids: fc.array(id, { maxLength: 2 }) })),
  },
  {
    weight: 1,
    arbitrary: fc.tuple(
      fc.constant('requires_action'),
      fc.record({
        action: fc.record({
          actionId: fc.constant('act'),
          requests: fc.array(fc.record({ id, name: fc.string() })),
        }),
      }),
    ),
  },
  {
    weight: 1,
    arbitrary: fc.tuple(
      fc.constant('resumed'),
      fc.record({
        actionId: fc.constantFrom('act', 'other'),
        by: fc.constant('ada'),
        decisions: fc.array(
          fc.record({ id, decision: fc.constantFrom('approve', 'edit'), arguments: fc.jsonValue() }),
        ),
      }),
    ),
  },
  { weight: 1, arbitrary: fc.tuple(fc.constant('recovered'), fc.record({ restart: fc.boolean() })) },
  { weight: 1, arbitrary: fc.tuple(fc.constantFrom('unknown', 'tool', 'text', 'status'), fc.jsonValue()) },
);
const log = fc.array(said, { maxLength: 40 }).map(logOf);

describe('properties', () => {
  it('a snapshot and the tail after it equal the whole, at every cut and through several snapshots', () => {
    checked(
      fc.property(log, fc.nat(40), fc.nat(40), (events, one, other) => {
        const [first, second] = [Math.min(one, other), Math.max(one, other)];
        const start = folded(events.slice(0, first));
        const middle = folded(events.slice(first, second), start);
        const end = folded(events.slice(second), middle);
        expect(end.content).toEqual(folded(events).content);
      }),
      5_000,
    );
  });

  it('merging two neighbours changes nothing of the content, and loses no field', () => {
    const asEmitted = (event: string, data: unknown) => ({ event, data: JSON.parse(JSON.stringify(data)) });
    const bare = fc.record({ ...place, text: fc.string() });
    const neighbours = fc.oneof(
      fc.tuple(said, said),
      fc.tuple(fc.constantFrom('text', 'tool'), bare, bare).map(([event, one, other]): [Said, Said] => {
        const field = event === 'tool' ? 'outputText' : 'text';
        const sayAt = ({ id, parent }: typeof one, { text }: typeof one): Said => [
          event,
          { id, parent, [field]: text },
        ];
        return [sayAt(one, one), sayAt(one, other)];
      }),
    );
    let merges = 0;
    checked(
      fc.property(log, neighbours, (before, [one, other]) => {
        const [earlier, later] = [asEmitted(...one), asEmitted(...other)];
        const merged = model.merge?.(earlier, later) ?? null;
        if (merged === null) return;
        merges++;
        const contentAfter = (said: readonly { event: string; data: unknown }[]) =>
          folded([...before, ...logOf(said.map(({ event, data }) => [event, data]))]).content;
        expect(contentAfter([merged])).toEqual(contentAfter([earlier, later]));
        for (const { data } of [earlier, later])
          for (const key of Object.keys(data)) expect(merged.data).toHaveProperty(key);
      }),
      5_000,
    );
    expect(merges).toBeGreaterThan(0);
  });

  it('what an answer had said before it was started over does not stand, its beginning does', () => {
    const created: Said = ['created', { created: { text: 'hi' } }];
    const restarted: Said = ['recovered', { restart: true }];
    const fold = folded(logOf([created, ['text', { text: 'old' }], restarted, ['text', { text: 'new' }]]));
    expect(fold.content).toEqual({ created: { text: 'hi' }, parts: [{ type: 'text', text: 'new' }] });
  });
});

it('parts stand in the order they came, and a piece goes on with the newest of its kind', () => {
  expect(
    partsOf(
      ['reasoning', { text: 'Let me ' }],
      ['reasoning', { text: 'see.' }],
      ['text', { text: 'I look.' }],
      ['tool', { id: 't1', name: 'read', inputText: '{"path":' }],
      ['tool', { id: 't1', inputText: '"a"}' }],
      ['tool', { id: 't1', input: { path: 'a' } }],
      ['tool', { id: 't1', output: 'text of a' }],
      ['text', { text: 'Found.' }],
      ['file', { url: '/tmp/plot.png', mediaType: 'image/png' }],
    ),
  ).toEqual([
    { type: 'reasoning', text: 'Let me see.' },
    { type: 'text', text: 'I look.' },
    { type: 'tool', id: 't1', name: 'read', state: 'done', input: { path: 'a' }, output: 'text of a' },
    { type: 'text', text: 'Found.' },
    { type: 'file', url: '/tmp/plot.png', mediaType: 'image/png' },
  ]);
});

it('a sub-agent is in the call that runs it, also when it speaks before the call is told', () => {
  expect(
    partsOf(
      ['text', { text: 'Looking', parent: 'task' }],
      ['tool', { id: 'inner', name: 'grep', parent: 'task' }],
      ['tool', { id: 'task', name: 'Agent', input: { prompt: 'look' } }],
      ['tool', { id: 'inner', error: 'no such file' }],
    ),
  ).toEqual([
    {
      ...{ type: 'tool', id: 'task', name: 'Agent', state: 'running', input: { prompt: 'look' } },
      parts: [
        { type: 'text', text: 'Looking' },
        { type: 'tool', id: 'inner', name: 'grep', state: 'failed', error: 'no such file' },
      ],
    },
  ]);
});

it('pieces with names grow side by side; one can be replaced whole, and withdrawn', () => {
  const said: Said[] = [
    ['text', { id: 'x', text: 'one' }],
    ['text', { id: 'y', text: 'two' }],
    ['text', { id: 'x', text: ' more' }],
    ['text', { id: 'y', text: 'other', replace: true }],
  ];
  expect(partsOf(...said).map((part) => 'text' in part && part.text)).toEqual(['one more', 'other']);
  expect(partsOf(...said, ['withdrawn', { ids: ['x', 'unknown'] }])).toHaveLength(1);
});

it('a call shows that it is asked about, what was decided, and the input it goes on with', () => {
  const requests = [{ id: 't1', name: 'run', arguments: { command: 'rm a' } }];
  const said: Said[] = [
    ['tool', { id: 't1', name: 'run', parent: 'task' }],
    ['requires_action', { action: { actionId: 'q', requests } }],
  ];
  const inner = (parts: readonly MessagePart[]) => (parts[0] as { parts: readonly MessagePart[] }).parts[0];
  expect(inner(partsOf(...said))).toMatchObject({ input: { command: 'rm a' }, approval: { actionId: 'q' } });
  const decisions = [{ id: 't1', decision: 'edit', reason: 'safer', arguments: { command: 'ls' } }];
  expect(inner(partsOf(...said, ['resumed', { actionId: 'q', by: 'ada', decisions }]))).toMatchObject({
    input: { command: 'ls' },
    approval: { actionId: 'q', decision: 'edit', by: 'ada', reason: 'safer' },
  });
});

it('sub-agents a thousand deep make content that can be folded, stored and told empty or not', () => {
  const said = Array.from(
    { length: 1_000 },
    (_, at): Said => ['tool', { id: `c${at}`, parent: `c${at - 1}` }],
  );
  const fold = folded(logOf(said));
  const again = folded(logOf([['text', { text: 'deep', parent: 'c999' }]]), fold);
  expect(JSON.stringify(again.content)).toContain('"deep"');
  expect(JSON.stringify(again.content).split('{"type":"tool"').length - 1).toBe(1_001);
});

it('a message of statuses and blank text is empty; a call or a word is not', () => {
  const isEmpty = (...said: Said[]) => model.isEmpty?.(folded(logOf(said)).content);
  expect(isEmpty(['status', { id: 's', text: 'preparing' }], ['text', { text: ' \n' }])).toBe(true);
  expect(isEmpty(['text', { text: 'a' }])).toBe(false);
  expect(isEmpty(['tool', { id: 't' }])).toBe(false);
});

it('the text of a message is that of its own text parts, a blank line apart', () => {
  const parts = partsOf(
    ['text', { text: 'One.' }],
    ['reasoning', { text: 'hm' }],
    ['tool', { id: 't' }],
    ['text', { text: 'inner', parent: 't' }],
    ['text', { text: 'Two.' }],
  );
  expect(messageText({ parts })).toBe('One.\n\nTwo.');
});
