/**
 * The content of a whole run beside what the SDK's own aggregator makes of the same events. Left out of the comparison is
 * what only ours has: marks of approvals, the runs of sub-agents, images' addresses. What the SDK loses is pinned below, so
 * that an update which mends it is noticed.
 */
import fc from 'fast-check';
import { type ContentPart, graphContent } from 'generation-jobs/content';
import { afterAll, beforeAll, beforeEach, describe, expect, it, vi } from 'vitest';
import { type Emitted, eventsOf, FORWARDED, run, script } from '../../test/unit/graph-content.generator.js';
import { checked } from '../../test/unit/property.js';

interface Aggregator {
  readonly contentParts: readonly (ContentPart | undefined)[];
  aggregateContent(given: { event: string; data: unknown }): void;
}

const model = graphContent();
let createContentAggregator: () => Aggregator;

beforeAll(async () => {
  const sdk: { createContentAggregator: unknown } = await import('@librechat/agents' as string);
  createContentAggregator = sdk.createContentAggregator as () => Aggregator;
});

// It warns of every hole it leaves.
const warn = vi.spyOn(console, 'warn');
beforeEach(() => void warn.mockImplementation(() => {}));
afterAll(() => warn.mockRestore());

interface Told {
  readonly event: string;
  readonly data: unknown;
}

function aggregated(events: readonly Told[]): readonly (ContentPart | undefined)[] {
  const aggregator = createContentAggregator();
  // A copy: it keeps, and writes on, what it is given.
  for (const one of structuredClone(events)) aggregator.aggregateContent(one);
  return aggregator.contentParts;
}

function folded(events: readonly Told[]): readonly ContentPart[] {
  return events.reduce(
    (content, one, index) => model.fold(content, { ...one, sequence: index + 1 }),
    model.initial(),
  ).parts;
}

function isUnfinished({ tool_call: call }: ContentPart): boolean {
  return call !== undefined && call.progress !== 1;
}

/** Without what only ours has, and without the arguments of calls that have no result: theirs are not whole. */
function compared(parts: readonly (ContentPart | undefined)[]): unknown[] {
  return parts
    .filter((part) => part !== undefined && part !== null)
    .map((part) => {
      const { approval: _, subagents: __, ...rest } = part;
      if (part.type === 'image_url') return { ...rest, image_url: undefined };
      return isUnfinished(part) ? { ...rest, tool_call: { ...part.tool_call, args: undefined } } : rest;
    });
}

const sdkEvents = (events: readonly Emitted[]) =>
  events.filter(({ event }) => event.startsWith('on_') && event !== 'on_subagent_update');

describe('a whole run', () => {
  it('has the parts of the SDK’s own aggregator', () => {
    let [calls, parts] = [0, 0];
    checked(
      fc.property(run, (events) => {
        const ours = folded(events);
        expect(compared(ours)).toEqual(compared(aggregated(sdkEvents(events))));
        parts += ours.length;
        calls += ours.filter(({ tool_call }) => tool_call?.progress === 1).length;
      }),
      12_000,
    );
    expect(calls).toBeGreaterThan(200);
    expect(parts).toBeGreaterThan(calls);
  });

  it('of a sub-agent has the parts of an aggregator of its own', () => {
    let childRuns = 0;
    checked(
      fc.property(run, (events) => {
        const theirs = new Map<unknown, Told[]>();
        for (const { event, data } of events) {
          if (event !== 'on_subagent_update' || !FORWARDED.has(String(data.phase))) continue;
          const own = theirs.get(data.subagentRunId) ?? [];
          theirs.set(data.subagentRunId, [...own, { event: `on_${data.phase}`, data: data.data }]);
        }
        const children = (parts: readonly ContentPart[]): [string, readonly ContentPart[]][] =>
          parts.flatMap(({ subagents = [] }) =>
            subagents.flatMap((one): [string, readonly ContentPart[]][] => [
              [one.runId, one.parts],
              ...children(one.parts),
            ]),
          );
        for (const [runId, parts] of children(folded(events))) {
          childRuns += 1;
          expect(compared(parts)).toEqual(compared(aggregated(theirs.get(runId) ?? [])));
        }
      }),
      12_000,
    );
    expect(childRuns).toBeGreaterThan(100);
  });

  it('at any moment differs from the SDK’s in nothing but arguments under way', () => {
    checked(
      fc.property(script, fc.nat(), (told, cut) => {
        const events = eventsOf(told);
        const sofar = events.slice(0, cut % (events.length + 1));
        expect(compared(folded(sofar))).toEqual(compared(aggregated(sdkEvents(sofar))));
      }),
      12_000,
    );
  });
});

describe('what the SDK’s aggregator loses, and this content keeps', () => {
  const step = (id: string, index: number, calls: object[]): Told => ({
    event: 'on_run_step',
    data: { id, index, type: 'tool_calls', stepDetails: { type: 'tool_calls', tool_calls: calls } },
  });
  const chunk = (id: string, call: object): Told => ({
    event: 'on_run_step_delta',
    data: { id, delta: { type: 'tool_calls', tool_calls: [call] } },
  });
  const message = (id: string, index: number, ...content: object[]): Told[] => [
    {
      event: 'on_run_step',
      data: { id, index, type: 'message_creation', stepDetails: { type: 'message_creation' } },
    },
    ...content.map((one) => ({ event: 'on_message_delta', data: { id, delta: { content: [one] } } })),
  ];
  const result = (id: string, call: object): Told => ({
    event: 'on_run_step_completed',
    data: { result: { id, type: 'tool_call', tool_call: call } },
  });
  const argsOf = (parts: readonly (ContentPart | undefined)[]) => parts.map((part) => part?.tool_call?.args);

  it('pieces of arguments without a name', () => {
    const events = [
      step('s', 0, [{ id: 'a', name: 'one', args: {} }]),
      chunk('s', { id: 'a', name: 'one', index: 0, args: '' }),
      chunk('s', { index: 0, args: '{"a":1}' }),
    ];
    expect(argsOf(aggregated(events))).toEqual(['']);
    expect(argsOf(folded(events))).toEqual(['{"a":1}']);
  });

  it('a call whose provider counts each as the first', () => {
    const events = [
      step('s', 0, []),
      chunk('s', { id: 'a', name: 'one', index: 0, args: '{}' }),
      chunk('s', { id: 'b', name: 'two', index: 0, args: '{}' }),
      result('s', { id: 'a', name: 'one', args: '{}', output: 'A' }),
      result('s', { id: 'b', name: 'two', args: '{}', output: 'B' }),
    ];
    const outputs = (parts: readonly (ContentPart | undefined)[]) =>
      parts.map((part) => part?.tool_call?.output);
    expect(outputs(aggregated(events))).toEqual(['B']);
    expect(outputs(folded(events))).toEqual(['A', 'B']);
  });

  it('text whose place is taken', () => {
    const events = [
      ...message('s', 0, { type: 'think', think: 'x' }),
      ...message('t', 0, { type: 'text', text: 'y' }),
    ];
    expect(aggregated(events)).toEqual([{ type: 'think', think: 'x' }]);
    expect(folded(events)).toEqual([
      { type: 'think', think: 'x' },
      { type: 'text', text: 'y' },
    ]);
  });

  it('an image’s address', () => {
    const image = { type: 'image_url', image_url: { url: 'data:,' } };
    expect(aggregated(message('s', 0, image))).toEqual([{ type: 'image_url' }]);
    expect(folded(message('s', 0, image))).toEqual([image]);
  });

  it('it has holes for what was announced and never spoken', () => {
    const events = [...message('s', 0), ...message('t', 1, { type: 'text', text: 'y' })];
    expect(JSON.stringify(aggregated(events))).toBe('[null,{"type":"text","text":"y"}]');
    expect(folded(events)).toEqual([{ type: 'text', text: 'y' }]);
  });
});
