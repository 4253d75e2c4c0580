/**
 * What holds of the content of any agent run, at any cut, with any neighbours merged and any nonsense in between.
 */
import fc from 'fast-check';
import { expect, it, vi } from 'vitest';
import { type ContentPart, type GraphContent, graphContent } from '../../src/content/index.js';
import { type Emitted, FORWARDED, run } from './graph-content.generator.js';
import { checked as checkedTimes } from './property.js';

const model = graphContent();
// Runs are long, so fewer of them say as much.
const checked = <Ts>(property: fc.IProperty<Ts>) => checkedTimes(property, 300);
const asJson = <T>(value: T): T => JSON.parse(JSON.stringify(value));

interface Told {
  readonly event: string;
  readonly data: unknown;
}

function folded(events: readonly Told[], from = model.initial()): GraphContent {
  return events.reduce((content, one, index) => model.fold(content, { ...one, sequence: index + 1 }), from);
}

/** All parts, those of sub-agents included. */
function allParts(parts: readonly ContentPart[]): ContentPart[] {
  return parts.flatMap((part) => [part, ...(part.subagents ?? []).flatMap((child) => allParts(child.parts))]);
}

/** Nonsense in places of events that otherwise make sense. */
const spoiled = run.chain((events) =>
  fc
    .array(fc.tuple(fc.nat(), fc.nat(), fc.jsonValue({ maxDepth: 2 })), { maxLength: 8 })
    .map((faults) => faults.reduce(withFault, events)),
);

function withFault(events: readonly Emitted[], [which, where, fault]: [number, number, unknown]): Emitted[] {
  const at = which % events.length;
  return events.map((one, index) =>
    index === at ? { ...one, data: replacedIn(one.data, where, fault) } : one,
  ) as Emitted[];
}

/** The value with one of its inner values, or itself, replaced. */
function replacedIn(value: unknown, where: number, fault: unknown): unknown {
  if (typeof value !== 'object' || value === null || where % 4 === 3) return fault;
  const keys = Object.keys(value);
  const key = keys[where % Math.max(1, keys.length)];
  if (key === undefined) return fault;
  const inner = replacedIn((value as Record<string, unknown>)[key], Math.floor(where / 3), fault);
  return Array.isArray(value) ? value.with(Number(key), inner) : { ...value, [key]: inner };
}

const events = fc.oneof({ weight: 3, arbitrary: run }, { weight: 1, arbitrary: spoiled });

it('content cut anywhere, kept as JSON and folded on is the content of the whole', () => {
  checked(
    fc.property(events, fc.array(fc.nat(), { maxLength: 4 }), (told, cuts) => {
      const whole = folded(told);
      const places = cuts.map((cut) => cut % (told.length + 1)).sort((a, b) => a - b);
      let content = model.initial();
      let from = 0;
      for (const place of [...places, told.length]) {
        content = asJson(folded(told.slice(from, place), content));
        from = place;
      }
      expect(content).toEqual(whole);
    }),
  );
});

it('content is JSON: no hole, nothing undefined, and every part has a type', () => {
  checked(
    fc.property(events, (told) => {
      const content = folded(asJson(told));
      expect(asJson(content)).toStrictEqual(content);
      for (const part of allParts(content.parts)) expect(typeof part?.type).toBe('string');
      const { slots } = content.bookkeeping;
      expect(slots).toHaveLength(content.parts.length);
      expect(slots).toEqual([...new Set(slots)].sort((a, b) => a - b));
    }),
  );
});

it('neighbours merged fold to the same content', () => {
  let [stored, emitted] = [0, 0];
  checked(
    fc.property(events, fc.array(fc.boolean(), { minLength: 1 }), (told, chances) => {
      const merged: Told[] = [];
      for (const [index, later] of told.entries()) {
        const earlier = merged.at(-1);
        const both = earlier && chances[index % chances.length] ? model.merge?.(earlier, later) : null;
        if (both) merged.splice(-1, 1, asJson(both));
        else merged.push(later);
      }
      emitted += told.length;
      stored += merged.length;
      expect(folded(merged)).toEqual(folded(told));
    }),
  );
  expect(stored).toBeLessThan(emitted);
});

it('events of other names change nothing', () => {
  const other = fc.record({
    event: fc.oneof(fc.constantFrom('on_context_usage', 'on_agent_log', 'recovered', 'toString'), fc.uuid()),
    data: fc.jsonValue(),
  });
  checked(
    fc.property(events, other, fc.nat(), (told, one, at) => {
      const content = folded(told.slice(0, at % (told.length + 1)));
      expect(model.fold(content, { ...one, sequence: 1 })).toBe(content);
    }),
  );
});

it('nonsense never throws and is never spoken of', () => {
  const spies = (['warn', 'error'] as const).map((name) => vi.spyOn(console, name));
  const known = fc.constantFrom(
    ...['created', 'requires_action', 'resumed', 'recovered', 'on_subagent_update', 'on_agent_update'],
    ...['on_summarize_delta', 'on_summarize_complete', ...[...FORWARDED].map((phase) => `on_${phase}`)],
  );
  const nonsense = fc.record({ event: known, data: fc.jsonValue() });
  checked(
    fc.property(spoiled, fc.array(nonsense, { maxLength: 10 }), (told, more) => {
      const content = folded(asJson([...told, ...more])); // events come as JSON: there is no -0
      for (const one of [...told, ...more]) {
        for (const two of more) model.merge?.(one, two);
      }
      expect(asJson(content)).toEqual(content);
    }),
  );
  for (const spy of spies) {
    expect(spy).not.toHaveBeenCalled();
    spy.mockRestore();
  }
});

it('events are only read: the same ones fold to the same content again', () => {
  checked(
    fc.property(events, (told) => {
      const before = asJson(told);
      const first = asJson(folded(told));
      expect(asJson(told)).toEqual(before);
      expect(folded(told)).toEqual(first);
    }),
  );
});

it('a sub-agent’s parts are those of its own events, folded as a run', () => {
  checked(
    fc.property(run, (told) => {
      const runs = new Map<unknown, Told[]>();
      for (const { event, data } of told) {
        if (event !== 'on_subagent_update' || !FORWARDED.has(String(data.phase))) continue;
        const own = runs.get(data.subagentRunId) ?? [];
        runs.set(data.subagentRunId, [...own, { event: `on_${data.phase}`, data: data.data }]);
      }
      const nested = allParts(folded(told).parts).flatMap(({ subagents = [] }) => subagents);
      const bare = (parts: readonly ContentPart[]) =>
        parts.map(({ subagents: _, approval: __, ...part }) =>
          part.tool_call && part.tool_call.progress !== 1 ? { ...part, tool_call: null } : part,
        );
      for (const { runId, parts } of nested)
        expect(bare(parts)).toEqual(bare(folded(runs.get(runId) ?? []).parts));
      const ids = nested.map(({ runId }) => runId);
      for (const runId of runs.keys()) expect(ids).toContain(runId);
    }),
  );
});

it('a call has its arguments whole as soon as they have streamed', () => {
  checked(
    fc.property(run, (told) => {
      const pause = told.findIndex(({ event }) => event === 'requires_action');
      if (pause === -1) return;
      const asked = told[pause]?.data.action as
        | { requests: { id: string; arguments: unknown }[] }
        | undefined;
      const calls = allParts(folded(told.slice(0, pause)).parts).map(({ tool_call }) => tool_call);
      for (const { id, arguments: args } of asked?.requests ?? []) {
        const call = calls.find((one) => one?.id === id);
        expect(typeof call?.args === 'string' ? JSON.parse(call.args) : call?.args).toEqual(args);
      }
    }),
  );
});
