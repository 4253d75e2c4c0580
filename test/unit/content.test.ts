/**
 * L25 as a property: wherever a snapshot is taken, it and the events after it fold to the same as all events.
 */
import fc from 'fast-check';
import { expect, it } from 'vitest';
import { textContent } from '../../src/content/text.js';
import { type ContentModel, defineContentModel } from '../../src/stream/model/content-model.js';
import { Fold } from '../../src/stream/model/fold.js';
import type { LogEvent } from '../../src/stream/model/types.js';
import { checked } from './property.js';

const model = textContent() as ContentModel;

const event = fc.oneof(
  { weight: 5, arbitrary: fc.record({ event: fc.constant('text'), data: fc.record({ text: fc.string() }) }) },
  {
    weight: 2,
    arbitrary: fc.record({
      event: fc.constant('note'),
      data: fc.jsonValue(),
      keep: fc.constantFrom('a', 'b'),
    }),
  },
  {
    weight: 1,
    arbitrary: fc.record({
      event: fc.constant('note'),
      data: fc.constant(null),
      keep: fc.constantFrom('a', 'b'),
    }),
  },
  {
    weight: 1,
    arbitrary: fc.record({ event: fc.constant('recovered'), data: fc.record({ restart: fc.boolean() }) }),
  },
  { weight: 1, arbitrary: fc.record({ event: fc.constant('unknown'), data: fc.jsonValue() }) },
);

const log = fc
  .array(event, { maxLength: 40 })
  .map((events) =>
    events.map(
      (one, index): LogEvent => ({ ...one, data: JSON.stringify(one.data), sequence: index + 1, attempt: 1 }),
    ),
  );

function folded(events: readonly LogEvent[], from?: Fold): Fold {
  // As a store keeps it: through JSON.
  const fold = from ? new Fold(model, JSON.parse(JSON.stringify(from.snapshot()))) : new Fold(model);
  for (const one of events) fold.add(one);
  return fold;
}

it('L25 snapshot and tail equal the whole fold, at every cut and through several snapshots', () => {
  checked(
    fc.property(log, fc.nat(40), fc.nat(40), (events, one, other) => {
      const [first, second] = [Math.min(one, other), Math.max(one, other)];
      const whole = folded(events);
      const start = folded(events.slice(0, first));
      const middle = folded(events.slice(first, second), start);
      const end = folded(events.slice(second), middle);
      expect(end.content).toEqual(whole.content);
      expect(end.sequence).toBe(whole.sequence);
      expect(end.kept).toEqual(whole.kept);
    }),
  );
});

it('L54 a model may keep, when an answer starts over, what did not come from the producer', () => {
  const model = defineContentModel<{ prompt: string; text: string }>({
    name: 'chat',
    initial: () => ({ prompt: '', text: '' }),
    restart: ({ prompt }) => ({ prompt, text: '' }),
    fold: (content, { event, data }) =>
      event === 'created'
        ? { ...content, prompt: String(data) }
        : event === 'text'
          ? { ...content, text: content.text + data }
          : content,
  });
  const fold = new Fold(model as ContentModel);
  const say = (event: string, data: unknown, sequence: number, attempt: number) =>
    fold.add({ event, data: JSON.stringify(data), sequence, attempt });
  say('created', 'hello', 1, 1);
  say('text', 'first', 2, 1);
  say('recovered', { restart: true }, 3, 2);
  say('text', 'second', 4, 2);
  expect(fold.content).toEqual({ prompt: 'hello', text: 'second' });
});

it('L54 what a restarted answer had said before does not stand', () => {
  checked(
    fc.property(log, log, (before, after) => {
      const restart: LogEvent = {
        event: 'recovered',
        data: '{"restart":true}',
        sequence: before.length + 1,
        attempt: 2,
      };
      const rest = after.map((one) => ({ ...one, sequence: one.sequence + before.length + 1 }));
      expect(folded([...before, restart, ...rest]).content).toEqual(folded(after).content);
    }),
  );
});

it('merging two neighbours folds to the same, and loses nothing a follower would have seen', () => {
  const data = fc.oneof(
    fc.record({ text: fc.string() }),
    fc.record({ text: fc.string(), id: fc.nat() }),
    fc.jsonValue(),
  );
  const emitted = fc.record({ event: fc.constantFrom('text', 'note'), data });
  checked(
    fc.property(emitted, emitted, (earlier, later) => {
      const merged = model.merge?.(earlier, later) ?? null;
      if (merged === null) return;
      const fold = (events: readonly { event: string; data: unknown }[]) =>
        events.reduce(
          (content, one, index) => model.fold(content, { ...one, sequence: index + 1 }),
          model.initial(),
        );
      expect(fold([merged])).toEqual(fold([earlier, later]));
      for (const one of [earlier, later]) {
        for (const key of Object.keys(one.data as object))
          expect(Object.keys(merged.data as object)).toContain(key);
      }
    }),
  );
});
