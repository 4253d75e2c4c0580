/** What holds of the content of any UI message stream: it is what the AI SDK's chat makes of the same chunks. */
import fc from 'fast-check';
import type { UIChunk } from 'generation-jobs/ai-sdk';
import { type UIMessageContent, type UIMessagePart, uiMessageContent } from 'generation-jobs/content';
import { expect, it } from 'vitest';
import { checked, checkedAsync } from '../unit/property.js';
import { asJson, chatOf, chunkStream } from './chunk-streams.js';

const model = uiMessageContent();

function folded(chunks: readonly UIChunk[], from = model.initial()): UIMessageContent {
  return chunks.reduce(
    (content, data, index) => model.fold(content, { event: 'ui', data: asJson(data), sequence: index + 1 }),
    from,
  );
}

/** A call whose input still streams has its text alone. */
function withoutGuesses(parts: readonly UIMessagePart[]): UIMessagePart[] {
  return parts.map((part) => {
    if (part.state !== 'input-streaming') return part;
    const { input: _, ...rest } = part;
    return rest;
  });
}

const cutStream = fc
  .tuple(chunkStream, fc.nat(), fc.boolean())
  .map(([chunks, place, isWhole]) => (isWhole ? chunks : chunks.slice(0, 1 + (place % chunks.length))));

it('is the message of the AI SDK’s chat, whole or broken off anywhere', async () => {
  await checkedAsync(
    fc.asyncProperty(cutStream, async (chunks) => {
      const { id, role, metadata, parts } = asJson(folded(chunks));
      const { message } = await chatOf(chunks);
      expect({ id, role, metadata, parts }).toEqual({
        ...{ id: 'm-1', role: 'assistant', metadata: undefined },
        ...message,
        parts: withoutGuesses((message?.parts ?? []) as unknown as UIMessagePart[]),
      });
    }),
    4_000,
  );
});

it('stops at an error as the chat does', async () => {
  await checkedAsync(
    fc.asyncProperty(chunkStream, fc.nat(), async (chunks, place) => {
      const error = { type: 'error', errorText: 'gone wrong' };
      const told = chunks.toSpliced(1 + (place % chunks.length), 0, error);
      const { message, error: said } = await chatOf(told);
      const content = folded(told);
      expect(content.errorText).toBe(said);
      expect(asJson(content.parts)).toEqual(
        withoutGuesses((message?.parts ?? []) as unknown as UIMessagePart[]),
      );
    }),
    1_000,
  );
});

it('cut anywhere, kept as JSON and folded on is the content of the whole', () => {
  checked(
    fc.property(chunkStream, fc.array(fc.nat(), { maxLength: 4 }), (chunks, cuts) => {
      const places = cuts.map((cut) => cut % (chunks.length + 1)).sort((a, b) => a - b);
      let content = model.initial();
      let from = 0;
      for (const place of [...places, chunks.length]) {
        content = asJson(folded(chunks.slice(from, place), content));
        from = place;
      }
      expect(content).toEqual(asJson(folded(chunks)));
    }),
    4_000,
  );
});

it('with neighbouring deltas merged is the same content', () => {
  checked(
    fc.property(chunkStream, (chunks) => {
      const merged: UIChunk[] = [];
      for (const data of chunks) {
        const last = merged.at(-1);
        const one = last && model.merge?.({ event: 'ui', data: last }, { event: 'ui', data });
        if (one) merged.splice(-1, 1, one.data as UIChunk);
        else merged.push(data);
      }
      expect(asJson(folded(merged))).toEqual(asJson(folded(chunks)));
    }),
    4_000,
  );
});

it('stands once after a restart, under the same id', () => {
  checked(
    fc.property(chunkStream, chunkStream, fc.nat(), (first, second, place) => {
      const before = folded(first.slice(0, 1 + (place % first.length)));
      const again = model.restart?.(asJson(before)) ?? model.initial();
      const renamed = second.map((one) => (one.type === 'start' ? { ...one, messageId: 'm-2' } : one));
      expect(asJson(folded(renamed, again))).toEqual(asJson(folded(second)));
    }),
    1_000,
  );
});
