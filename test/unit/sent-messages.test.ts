/** A message that somebody sent to an answer, as content models and the AI SDK's wire show it: once, where it took effect. */
import { describe, expect, it } from 'vitest';
import { replay } from '../../src/ai-sdk/opening.js';
import { UIWire } from '../../src/ai-sdk/ui-wire.js';
import { graphContent } from '../../src/content/graph.js';
import { messageContent } from '../../src/content/message.js';
import { textContent } from '../../src/content/text.js';
import { uiMessageContent } from '../../src/content/ui-message.js';
import type { ContentModel } from '../../src/stream/model/content-model.js';
import { takenIn } from '../../src/stream/model/inbox-message.js';
import type { LogEvent } from '../../src/stream/model/types.js';
import { chunksIn } from '../ai-sdk/chunk-streams.js';

const SENT = {
  messageId: 'm-1',
  kind: 'steer',
  message: { text: 'Shorter.' },
  by: 'ann',
  sentAt: 1,
  edits: 0,
};
const MESSAGE = ['message', SENT] as const;
type Told = readonly [event: string, data: unknown];

const logOf = (told: readonly Told[]): LogEvent[] =>
  told.map(([event, data], at) => ({ event, data: JSON.stringify(data), sequence: at + 1, attempt: 1 }));

function partsOf(model: unknown, told: readonly Told[]): readonly Record<string, unknown>[] {
  const { initial, fold } = model as ContentModel;
  const content = told.reduce(
    (before, [event, data], at) => fold(before, { event, data, sequence: at + 1 }),
    initial(),
  );
  return JSON.parse(JSON.stringify((content as { parts?: unknown }).parts ?? content));
}

const isEmpty = (model: unknown, told: readonly Told[]) => {
  const { initial, fold, isEmpty: judge } = model as ContentModel;
  return judge?.(
    told.reduce((before, [event, data]) => fold(before, { event, data, sequence: 1 }), initial()),
  );
};

/** A host's event of that name, as a log of an older release may have. */
const OLDER: Told = ['message', { text: 'host' }];

it('is told from a host’s event of the same name', () => {
  expect(takenIn(SENT)).toEqual(SENT);
  for (const other of [
    null,
    'text',
    [],
    {},
    { messageId: 7, kind: 'k', message: 1 },
    { messageId: 'm', kind: 'k' },
  ])
    expect(takenIn(other)).toBeUndefined();
});

describe('in the content of', () => {
  it('an agent that prints its work it parts two texts, and is nothing by itself', () => {
    const text = (text: string): Told => ['text', { text }];
    const parts = partsOf(messageContent(), [text('a'), MESSAGE, OLDER, text('b')]);
    const { messageId: id, kind, message, by } = SENT;
    expect(parts).toEqual([
      { type: 'text', text: 'a' },
      { type: 'message', id, kind, message, by },
      { type: 'text', text: 'b' },
    ]);
    expect(isEmpty(messageContent(), [MESSAGE])).toBe(true);
  });

  it('an agent of the SDK it stands between the steps before it and behind it', () => {
    const step = (id: string, index: number): Told => [
      'on_run_step',
      { id, index, type: 'message_creation', stepDetails: { type: 'message_creation' } },
    ];
    const delta = (id: string, text: string): Told => [
      'on_message_delta',
      { id, delta: { content: [{ type: 'text', text }] } },
    ];
    const told = [
      step('1', 0),
      delta('1', 'a'),
      MESSAGE,
      OLDER,
      step('2', 1),
      delta('2', 'b'),
      delta('1', 'c'),
    ];
    const { sentAt: _, edits: __, ...shown } = SENT;
    expect(partsOf(graphContent(), told)).toEqual([
      { type: 'text', text: 'ac' },
      { type: 'message', ...shown },
      { type: 'text', text: 'b' },
    ]);
    expect(isEmpty(graphContent(), [MESSAGE])).toBe(true);
  });

  it('plain text it is passed over', () => {
    expect(partsOf(textContent(), [['text', { text: 'a' }], MESSAGE, OLDER])).toEqual({ text: 'a' });
  });

  it('a chat of the AI SDK it is a part of data, for both lines, live and on replay', () => {
    const CREATED: Told = ['created', { created: { messageId: 'a-1' } }];
    const ui = (chunk: object): Told => ['ui', chunk];
    const said = [
      ui({ type: 'text-start', id: 't' }),
      ui({ type: 'text-delta', id: 't', delta: 'Hi' }),
      MESSAGE,
      OLDER,
      ui({ type: 'text-delta', id: 't', delta: '!' }),
    ];
    const model = uiMessageContent();
    const part = { type: 'data-inbox-message', id: 'm-1', data: SENT };
    expect(partsOf(model, [CREATED, ...said])).toEqual([
      { type: 'text', text: 'Hi!', state: 'streaming' },
      part,
    ]);
    expect(isEmpty(model, [CREATED, MESSAGE])).toBe(true);
    for (const version of [6, 7] as const) {
      const dialect = { version, isContinuation: false, showEvents: false, cursors: false };
      const wire = new UIWire(dialect, replay(''), (error) => {
        throw error;
      });
      const events = logOf([CREATED, ...said]);
      const live = chunksIn(wire.encode({ generation: 1, events }, false));
      expect(live.filter(({ type }) => type === 'data-inbox-message')).toEqual([part]);
      expect(live.map(({ type }) => type)).not.toContain('data-message');
    }
  });
});
