import fc from 'fast-check';
import { expect, it } from 'vitest';
import { messageContent } from '../../src/content/message.js';
import { GenerationJobError } from '../../src/errors.js';
import { serialiseHostEvent } from '../../src/stream/model/events.js';
import type { HostEvent } from '../../src/stream/model/host-types.js';
import { parseOptions } from '../../src/stream/model/options.js';
import { emitFitting } from '../../src/worker/process/fitting-events.js';

const SMALL = parseOptions({ limits: { eventBytes: 1_024, bufferBytes: 4_096 } });

/** A job that takes what the limits allow. */
function taker({ limits } = SMALL) {
  const taken: HostEvent[] = [];
  const emit = async (event: HostEvent) => {
    serialiseHostEvent(event, limits);
    taken.push(event);
  };
  return { taken, eventBytes: limits.eventBytes, emit };
}

async function partsOf(event: HostEvent): Promise<unknown> {
  const job = taker();
  await emitFitting(job, event);
  const model = messageContent();
  const fold = (content: ReturnType<typeof model.initial>, { event, data }: HostEvent, at: number) =>
    model.fold(content, { event, data, sequence: at + 1 });
  return job.taken.reduce(fold, model.initial()).parts;
}

it('a text of any length arrives whole, in pieces that fit', async () => {
  const text = fc.string({ unit: 'binary', minLength: 1, maxLength: 4_000 });
  const told = fc.record({
    text,
    id: fc.constantFrom('a', undefined),
    replace: fc.constantFrom(true, undefined),
  });
  await Promise.all(
    fc.sample(told, 300).map(async ({ text, ...rest }) => {
      const data = JSON.parse(JSON.stringify({ text, ...rest }));
      expect(await partsOf({ event: 'text', data })).toMatchObject([{ type: 'text', text }]);
    }),
  );
});

it('what a tool gave or was given is cut, and is told as cut', async () => {
  const data = { id: 't', name: 'cat', input: { text: 'é'.repeat(4_000) }, output: '🙂'.repeat(4_000) };
  const [part] = (await partsOf({ event: 'tool', data })) as { input: string; output: string }[];
  expect(part?.output).toMatch(/^(🙂)+\n\[… cut: 16000 bytes in all\]$/u);
  expect(part?.input).toMatch(/^\{"text":"é+\n\[… cut: 8011 bytes in all\]$/);
});

it('what nests too deeply is told as text', async () => {
  let deep: unknown = 1;
  for (let at = 0; at < 100; at++) deep = [deep];
  const job = taker(parseOptions());
  await emitFitting(job, { event: 'tool', data: { id: 't', output: deep } });
  expect(job.taken).toEqual([{ event: 'tool', data: { id: 't', output: JSON.stringify(deep) } }]);
});

it('any event of a mapper fits once it is made to', async () => {
  const data = fc.record({
    ...{ id: fc.constant('t'), parent: fc.constantFrom('p', undefined), output: fc.jsonValue() },
    ...{
      inputText: fc.string({ maxLength: 3_000 }),
      error: fc.string({ maxLength: 3_000 }),
      input: fc.jsonValue(),
    },
  });
  for (const one of fc.sample(data, 300)) {
    const job = taker();
    await emitFitting(job, { event: 'tool', data: JSON.parse(JSON.stringify(one)) });
    expect(job.taken).not.toEqual([]);
  }
});

it('other refusals are thrown on', async () => {
  const refusal = new GenerationJobError('kept_limit', 'No.');
  const job = { eventBytes: 1_024, emit: () => Promise.reject(refusal) };
  await expect(emitFitting(job, { event: 'text', data: { text: '' } })).rejects.toBe(refusal);
});
