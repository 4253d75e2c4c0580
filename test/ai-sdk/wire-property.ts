/** A property of any answer on its way to a page: whoever comes in the middle gets the message of whoever was there. */
import fc from 'fast-check';
import type { UIChunk } from 'generation-jobs/ai-sdk';
import { uiMessageContent, uiMessageOf } from 'generation-jobs/content';
import { expect, it } from 'vitest';
import { replay } from '../../src/ai-sdk/opening.js';
import { UIWire } from '../../src/ai-sdk/ui-wire.js';
import type { LogEvent } from '../../src/stream/model/types.js';
import type { ChatRelease } from '../support/ai-chat.js';
import { checkedAsync } from '../unit/property.js';
import { asJson, chatOf, chunkStream, chunksIn } from './chunk-streams.js';

const model = uiMessageContent();
const DIALECT = { isContinuation: false, showEvents: false, cursors: false } as const;
const ENDS = {
  completed: { final: null },
  failed: { code: 'model_failed', message: 'The model failed.', retryable: false },
  aborted: { code: 'aborted' },
} as const;

const event = (name: string, data: unknown, sequence: number): LogEvent => ({
  event: name,
  data: JSON.stringify(data),
  sequence,
  attempt: 1,
});

function logOf(chunks: readonly UIChunk[], end: keyof typeof ENDS): LogEvent[] {
  const created = event('created', { created: { messageId: 'm-1' } }, 1);
  const told = chunks.map((chunk, index) => event('ui', chunk, index + 2));
  return [created, ...told, event(end, ENDS[end], chunks.length + 2)];
}

/** What a page is told that comes when `seen` events are there. */
function told(
  version: 6 | 7,
  log: readonly LogEvent[],
  seen: number,
  batches: readonly LogEvent[][],
): UIChunk[] {
  const faults: unknown[] = [];
  const wire = new UIWire({ version, ...DIALECT }, replay(), (error) => faults.push(error));
  let text = '';
  if (seen > 0) {
    const content = log
      .slice(0, seen)
      .reduce(
        (made, one) =>
          model.fold(made, { event: one.event, data: JSON.parse(one.data), sequence: one.sequence }),
        model.initial(),
      );
    const sync = event('sync', { content: asJson(content), status: 'running', kept: [] }, seen);
    text += wire.encode({ generation: 1, events: [sync] }, false);
  }
  for (const events of batches) {
    const rest = events.filter(({ sequence }) => sequence > seen);
    if (rest.length > 0)
      text += wire.encode({ generation: 1, events: rest.length === events.length ? events : rest }, false);
  }
  expect(faults).toEqual([]);
  expect(text.endsWith('data: [DONE]\n\n')).toBe(true);
  expect(wire.endedBy({ isCaughtUp: true } as never)).toBe('ended');
  return chunksIn(text);
}

function inBatches(log: readonly LogEvent[], sizes: readonly number[]): LogEvent[][] {
  const batches: LogEvent[][] = [];
  for (let from = 0, turn = 0; from < log.length; turn++) {
    const size = 1 + ((sizes[turn % sizes.length] ?? 0) % 5);
    batches.push(log.slice(from, from + size));
    from += size;
  }
  return batches;
}

const answer = fc.record({
  chunks: chunkStream,
  length: fc.option(fc.nat(), { nil: undefined }),
  sizes: fc.array(fc.nat(), { minLength: 1, maxLength: 6 }),
  end: fc.constantFrom('completed', 'failed', 'aborted'),
  place: fc.nat(),
});

export function wireProperty(name: string, version: 6 | 7, release: ChatRelease): void {
  it(`a page of ${name} that comes at any place has the message of one that was there from the beginning, and what the host saves`, async () => {
    await checkedAsync(
      fc.asyncProperty(answer, async ({ chunks, length, sizes, end, place }) => {
        const made = length === undefined ? chunks : chunks.slice(0, length % (chunks.length + 1));
        const log = logOf(made, end);
        const batches = inBatches(log, sizes);
        const [live, again] = [told(version, log, 0, batches), told(version, log, 0, batches)];
        expect(again).toEqual(live);
        const late = told(version, log, 1 + (place % (log.length - 1)), batches);
        const [whole, resumed] = [await chatOf(live, release), await chatOf(late, release)];
        expect(resumed).toEqual(whole);
        expect(whole.status).toBe(end === 'failed' ? 'error' : 'ready');
        const content = log
          .slice(0, -1)
          .reduce(
            (kept, one) =>
              model.fold(kept, { event: one.event, data: JSON.parse(one.data), sequence: one.sequence }),
            model.initial(),
          );
        if (version === 6) expect(whole.message).toEqual(asJson(uiMessageOf(content)));
      }),
      4_000,
    );
  });
}
