/**
 * What holds of the content of any provider's stream: at any cut, with any neighbours merged, started over, and with nonsense in it.
 */
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { anthropicContent } from '../../src/content/anthropic.js';
import { chatCompletionsContent } from '../../src/content/chat-completions.js';
import { responsesContent } from '../../src/content/responses.js';
import type { ContentModel } from '../../src/stream/model/content-model.js';
import { Fold } from '../../src/stream/model/fold.js';
import type { LogEvent } from '../../src/stream/model/types.js';
import { checked as checkedTimes } from '../unit/property.js';
import { anthropicStream, chatStream, responseStream } from './provider-streams.generator.js';
import { ANTHROPIC, CHAT, RESPONSES, recording, SEVERAL_RESPONSES, type Told } from './recordings.js';

// Streams are long, so fewer of them say as much.
const checked = <Ts>(property: fc.IProperty<Ts>, times = 1_600) => checkedTimes(property, times);
const asJson = <T>(value: T): T => JSON.parse(JSON.stringify(value));

interface Subject {
  readonly name: string;
  readonly model: ContentModel;
  readonly event: string;
  readonly stream: fc.Arbitrary<Told[]>;
  readonly recordings: readonly string[];
}

const SUBJECTS: readonly Subject[] = [
  {
    name: 'chat completions',
    model: chatCompletionsContent() as ContentModel,
    event: 'chat_completion',
    stream: chatStream,
    recordings: CHAT,
  },
  {
    name: 'responses',
    model: responsesContent() as ContentModel,
    event: 'response',
    stream: responseStream,
    recordings: [...RESPONSES, SEVERAL_RESPONSES],
  },
  {
    name: 'messages of Anthropic',
    model: anthropicContent() as ContentModel,
    event: 'anthropic_message',
    stream: anthropicStream,
    recordings: ANTHROPIC,
  },
];

describe.each(SUBJECTS)('content of $name', ({ model, event, stream, recordings }) => {
  const emitted = (told: readonly unknown[]) => told.map((data) => ({ event, data }));
  const folded = (events: readonly { event: string; data: unknown }[], from = model.initial()) =>
    events.reduce(
      (content: unknown, one, index) => model.fold(content, { ...one, sequence: index + 1 }),
      from,
    );
  const logOf = (events: readonly { event: string; data: unknown }[]): LogEvent[] =>
    events.map((one, index) => ({ ...one, data: JSON.stringify(one.data), sequence: index + 1, attempt: 1 }));
  const foldOf = (log: readonly LogEvent[], from?: Fold) => {
    const fold = from ? new Fold(model, asJson(from.snapshot())) : new Fold(model);
    for (const one of log) fold.add(one);
    return fold;
  };
  /** The calls of an agent: one stream after the other. */
  const streams = fc.array(stream, { minLength: 1, maxLength: 2 }).map((several) => several.flat());

  it('is the same from snapshots and tails, wherever they are cut, as of the whole', () => {
    checked(
      fc.property(streams, fc.array(fc.nat(), { maxLength: 4 }), (told, cuts) => {
        const log = logOf(emitted(told));
        const places = cuts.map((cut) => cut % (log.length + 1)).sort((a, b) => a - b);
        let fold = new Fold(model);
        let from = 0;
        for (const place of [...places, log.length]) {
          fold = foldOf(log.slice(from, place), fold);
          from = place;
        }
        expect(fold.content).toEqual(foldOf(log).content);
      }),
    );
  });

  it.each(recordings)('of the recording %s is the same at every cut', (name) => {
    const log = logOf(emitted(recording(name)));
    const whole = foldOf(log).content;
    const prefix = new Fold(model);
    const step = Math.max(1, Math.floor(log.length / 20));
    for (let place = 0; place <= log.length; place++) {
      if (place > 0) prefix.add(log[place - 1] as LogEvent);
      if (place % step === 0) expect(foldOf(log.slice(place), prefix).content).toEqual(whole);
    }
  });

  it('is JSON, as it is at each event: nothing undefined, no place empty', () => {
    checked(
      fc.property(streams, (told) => {
        let content = model.initial();
        for (const one of emitted(asJson(told))) content = model.fold(content, { ...one, sequence: 1 });
        expect(asJson(content)).toStrictEqual(content);
      }),
    );
  });

  it('does not change when neighbours are merged, and some are', () => {
    let [stored, all] = [0, 0];
    checked(
      fc.property(streams, fc.array(fc.boolean(), { minLength: 1 }), (told, chances) => {
        const merged: { event: string; data: unknown }[] = [];
        for (const [index, later] of emitted(told).entries()) {
          const earlier = merged.at(-1);
          const both = earlier && chances[index % chances.length] ? model.merge?.(earlier, later) : null;
          if (both) merged.splice(-1, 1, asJson(both));
          else merged.push(later);
        }
        all += told.length;
        stored += merged.length;
        expect(folded(asJson(merged))).toEqual(folded(asJson(emitted(told))));
      }),
    );
    expect(stored).toBeLessThan(all);
  });

  it.each(recordings)('of the recording %s does not change when all that can be is merged', (name) => {
    const merged: { event: string; data: unknown }[] = [];
    for (const later of emitted(recording(name))) {
      const earlier = merged.at(-1);
      const both = earlier ? model.merge?.(earlier, later) : null;
      if (both) merged.splice(-1, 1, both);
      else merged.push(later);
    }
    expect(folded(merged)).toEqual(folded(emitted(recording(name))));
  });

  it('of an answer that starts over is that of the new beginning, and of what the host began it with', () => {
    const created = { event: 'created', data: { created: { question: '?' } } };
    const restart = { event: 'recovered', data: { restart: true, fromSequence: 1, attempt: 2 } };
    checked(
      fc.property(streams, streams, fc.nat(), (before, after, cut) => {
        const half = emitted(before.slice(0, cut % (before.length + 1)));
        const restarted = foldOf(logOf([created, ...half, restart, ...emitted(after)]));
        expect(restarted.content).toEqual(foldOf(logOf([created, ...emitted(after)])).content);
      }),
      1_000,
    );
  });

  it('events are only read: the same ones fold to the same again', () => {
    checked(
      fc.property(streams, (told) => {
        const before = asJson(told);
        const first = asJson(folded(emitted(told)));
        expect(asJson(told)).toEqual(before);
        expect(folded(emitted(told))).toEqual(first);
      }),
      1_000,
    );
  });

  it('is untouched by events of other names, and nonsense never throws', () => {
    const other = fc.record({
      event: fc.constantFrom('text', 'recovered', 'resumed', 'toString'),
      data: fc.jsonValue(),
    });
    const faults = fc.array(fc.tuple(fc.nat(), fc.nat(), fc.jsonValue({ maxDepth: 2 })), { maxLength: 6 });
    checked(
      fc.property(streams, other, faults, (told, one, spoiling) => {
        const content = folded(emitted(asJson(told)));
        expect(model.fold(content, { ...one, sequence: 1 })).toBe(content);
        const spoiled = emitted(asJson(spoiling.reduce(withFault, told)));
        const odd = folded(spoiled);
        expect(asJson(odd)).toEqual(odd);
        expect(typeof model.isEmpty?.(odd)).toBe('boolean');
        for (const [index, later] of spoiled.entries()) model.merge?.(spoiled[index - 1] ?? later, later);
      }),
    );
  });

  it('costs as much late in a long answer as early: what is looked at of the content does not grow with it', () => {
    const answer = (long as Readonly<Record<string, () => Told[]>>)[event]?.() ?? [];
    const { content, looks } = countedLooks(model.initial() as object);
    const costs = emitted(answer).map((one) => {
      const before = looks();
      model.fold(content, { ...one, sequence: 1 });
      return looks() - before;
    });
    const half = costs.length / 2;
    expect(Math.max(...costs.slice(half))).toBeLessThanOrEqual(2 * Math.max(...costs.slice(0, 200)));
    expect(costs.length).toBeGreaterThan(3_000);
  });
});

/** Answers of a thousand parts each. */
const long = {
  chat_completion: () =>
    Array.from({ length: 1_000 }, (_, index) => {
      const chunk = (delta: object) => ({ id: 'c', choices: [{ index: 0, delta, finish_reason: null }] });
      const call = (more: object) => chunk({ tool_calls: [{ index, ...more }] });
      const begun = call({ id: `call_${index}`, type: 'function', function: { name: 'f', arguments: '' } });
      return [
        begun,
        call({ function: { arguments: '{' } }),
        call({ function: { arguments: '}' } }),
        chunk({ content: 'x' }),
      ];
    }).flat() as unknown as Told[],
  response: () =>
    Array.from({ length: 1_000 }, (_, output_index) => {
      const place = { output_index, item_id: `fc_${output_index}` };
      const item = { id: place.item_id, type: 'function_call', arguments: '' };
      const delta = { type: 'response.function_call_arguments.delta', ...place, delta: '{' };
      return [
        { type: 'response.output_item.added', output_index, item },
        delta,
        delta,
        { type: 'response.output_item.done', output_index, item },
      ];
    }).flat(),
  anthropic_message: () => [
    { type: 'message_start', message: { id: 'm', content: [] } },
    ...Array.from({ length: 1_000 }, (_, index) => {
      const delta = { type: 'content_block_delta', index, delta: { type: 'text_delta', text: 'x' } };
      return [
        { type: 'content_block_start', index, content_block: { type: 'text', text: '' } },
        delta,
        delta,
        { type: 'content_block_stop', index },
      ];
    }).flat(),
  ],
};

/** The object, and all that is in it, behind proxies that count what is read. */
function countedLooks<Content extends object>(content: Content): { content: Content; looks: () => number } {
  let count = 0;
  const known = new WeakMap<object, object>();
  const behind = <Value>(value: Value): Value => {
    if (typeof value !== 'object' || value === null) return value;
    const made =
      known.get(value) ??
      new Proxy(value, {
        get: (target, key, receiver) => {
          count++;
          return behind(Reflect.get(target, key, receiver));
        },
      });
    known.set(value, made);
    return made as Value;
  };
  return { content: behind(content), looks: () => count };
}

/** The events with one of their inner values replaced. */
function withFault(told: readonly Told[], [which, where, fault]: readonly [number, number, unknown]): Told[] {
  const at = which % Math.max(1, told.length);
  return told.map((one, index) => (index === at ? replacedIn(one, where, fault) : one)) as Told[];
}

function replacedIn(value: unknown, where: number, fault: unknown): unknown {
  if (typeof value !== 'object' || value === null || where % 4 === 3) return fault;
  const keys = Object.keys(value);
  const key = keys[where % Math.max(1, keys.length)];
  if (key === undefined) return fault;
  const inner = replacedIn((value as Record<string, unknown>)[key], Math.floor(where / 3), fault);
  return Array.isArray(value) ? value.with(Number(key), inner) : { ...value, [key]: inner };
}
