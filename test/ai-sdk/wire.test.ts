/** What an answer is on its way to a page, event by event. */
import type { UIChunk } from 'generation-jobs/ai-sdk';
import { uiMessageContent } from 'generation-jobs/content';
import { describe, expect, it } from 'vitest';
import { continuation, type Opening, replay, tail } from '../../src/ai-sdk/opening.js';
import { UIWire } from '../../src/ai-sdk/ui-wire.js';
import type { BatchReader } from '../../src/stream/interfaces/batch-reader.js';
import type { LogEvent, PublicAction } from '../../src/stream/model/types.js';
import { asJson, chunksIn } from './chunk-streams.js';

const model = uiMessageContent();
const CAUGHT_UP = { isCaughtUp: true } as BatchReader;

type Told = readonly [event: string, data: unknown];
const ui = (chunk: UIChunk): Told => ['ui', chunk];
const CREATED: Told = ['created', { created: { messageId: 'm-1' } }];
const HELLO = [
  { type: 'start-step' },
  { type: 'text-start', id: 't' },
  { type: 'text-delta', id: 't', delta: 'Hello' },
].map(ui);
const CALL = [
  { type: 'tool-input-start', toolCallId: 'c', toolName: 'pay' },
  { type: 'tool-input-available', toolCallId: 'c', toolName: 'pay', input: { amount: 5 } },
].map(ui);
const ACTION: PublicAction = {
  ...{ actionId: 'a-1', type: 'tool_approval', questions: [], payloadDigest: 'd', askedAt: 0, expiresAt: 9 },
  requests: [
    { id: 'c', name: 'pay', arguments: { amount: 5 }, allowedDecisions: ['approve', 'edit', 'reject'] },
  ],
};
const PAUSE: Told = ['requires_action', { action: ACTION }];
const decided = (decision: object): Told => [
  'resumed',
  {
    ...{ actionId: 'a-1', type: 'tool_approval', attempt: 2, by: 'u' },
    decisions: [{ id: 'c', ...decision }],
    answers: [],
  },
];

const eventOf = ([event, data]: Told, index: number): LogEvent => ({
  ...{ event, data: JSON.stringify(data), sequence: index + 1, attempt: 1 },
});

function contentOf(told: readonly Told[]) {
  const events = told.map(eventOf);
  return asJson(
    events.reduce(
      (content, { event, data, sequence }) =>
        model.fold(content, { event, data: JSON.parse(data), sequence }),
      model.initial(),
    ),
  );
}

interface Reading {
  readonly version?: 6 | 7;
  readonly opening?: Opening;
  /** Events that the content of a `sync` stands for. */
  readonly before?: readonly Told[];
  readonly status?: string;
}

/** A page that is told of these events, each in a batch of its own. */
function read(
  told: readonly Told[],
  { version = 6, opening = replay(), before, status = 'running' }: Reading = {},
) {
  const dialect = {
    version,
    isContinuation: opening.begin === undefined && before !== undefined,
    showEvents: false,
    cursors: false,
  };
  const wire = new UIWire(dialect, opening, (error) => {
    throw error;
  });
  let text = '';
  const say = (event: LogEvent) => {
    if (!wire.isOver) text += wire.encode({ generation: 1, events: [event] }, false);
  };
  if (before !== undefined)
    say(eventOf(['sync', { content: contentOf(before), status, kept: [] }], before.length - 1));
  for (const [index, one] of told.entries()) say(eventOf(one, (before?.length ?? 0) + index));
  const reason = wire.endedBy(CAUGHT_UP);
  const last = reason === undefined ? undefined : wire.farewell(reason);
  return {
    chunks: chunksIn(text + (last?.text ?? '')),
    reason,
    isWhole: last?.isWhole,
    text: text + (last?.text ?? ''),
  };
}

const typesIn = (chunks: readonly UIChunk[]) => chunks.map(({ type }) => type);

describe('a response is broken off', () => {
  it.each([
    ['after a restart', ['recovered', { fromSequence: 5, restart: true, attempt: 2 }]],
    ['at a gap', ['gap', { requested: '1-5' }]],
    ['at a sync in mid-answer', ['sync', { content: null, status: 'running', kept: [] }]],
    ['when the stream is gone', ['gone', { streamId: 's' }]],
  ] as const)('%s', (_name, event) => {
    const { chunks, isWhole } = read([CREATED, ...HELLO, event]);
    expect(isWhole).toBe(false);
    expect(typesIn(chunks)).not.toContain('finish');
  });

  it('when a page of the 6 line would have to take parts back; one of the 7 line takes them back', () => {
    const told = [CREATED, ...HELLO, ui({ type: 'reset-step' })];
    expect(read(told).isWhole).toBe(false);
    const seven = read([...told, ['completed', {}]], { version: 7 });
    expect(seven.isWhole).toBe(true);
    expect(typesIn(seven.chunks)).toContain('reset-step');
  });

  it('not by a restart before anything was shown', () => {
    const { isWhole } = read([
      CREATED,
      ['recovered', { fromSequence: 1, restart: true, attempt: 2 }],
      ...HELLO,
      ['completed', {}],
    ]);
    expect(isWhole).toBe(true);
  });
});

describe('a stream of chunks for a page', () => {
  it('of the 6 line has nothing that only 7 knows', () => {
    const told = [
      { type: 'custom', kind: 'a.b' },
      { type: 'reasoning-file', url: 'data:,', mediaType: 'text/plain' },
      { type: 'steering-message', id: 's', parts: [] },
      { type: 'finish', finishReason: 'interrupted' },
    ].map(ui);
    const { chunks } = read([CREATED, ...told, ['completed', {}]]);
    expect(chunks).toEqual([
      { type: 'start', messageId: 'm-1' },
      { type: 'finish', finishReason: 'other' },
    ]);
    const seven = read([CREATED, ...told, ['completed', {}]], { version: 7 });
    expect(typesIn(seven.chunks)).toEqual([
      'start',
      'custom',
      'reasoning-file',
      'steering-message',
      'finish',
    ]);
  });

  it('has one start, whatever a producer sends, and the metadata of all', () => {
    const starts = [{ from: 1 }, { more: 2 }].map((messageMetadata) =>
      ui({ type: 'start', messageId: 'x', messageMetadata }),
    );
    const { chunks } = read([CREATED, ...starts, ['completed', {}]]);
    expect(chunks.filter(({ type }) => type === 'start')).toEqual([{ type: 'start', messageId: 'm-1' }]);
    expect(chunks.filter(({ type }) => type === 'message-metadata')).toHaveLength(2);
  });

  it('has an output that JSON has lost as null, since a page refuses a chunk without', () => {
    const { chunks } = read([
      CREATED,
      ...CALL,
      ui({ type: 'tool-output-available', toolCallId: 'c' }),
      ['completed', {}],
    ]);
    expect(chunks).toContainEqual({ type: 'tool-output-available', toolCallId: 'c', output: null });
  });

  it('keeps a text open over the end of its step', () => {
    const told = [...HELLO, ui({ type: 'finish-step' }), ui({ type: 'text-delta', id: 't', delta: '!' })];
    const { chunks } = read([CREATED, ...told, ['completed', {}]]);
    expect(typesIn(chunks)).toEqual([
      'start',
      'start-step',
      'text-start',
      'text-delta',
      'text-delta',
      'text-end',
      'finish',
    ]);
  });

  it('ends at an error of the producer’s', () => {
    const { chunks, isWhole } = read([CREATED, ...HELLO, ui({ type: 'error', errorText: 'no' }), ...HELLO]);
    expect(isWhole).toBe(true);
    expect(typesIn(chunks).slice(-4)).toEqual(['text-end', 'finish-step', 'error', 'finish']);
  });

  it('ends as the record says when the terminal event is lost', () => {
    const content = { before: [CREATED, ...HELLO], status: 'completed' };
    const wire = new UIWire(
      { version: 6, isContinuation: false, showEvents: false, cursors: false },
      replay(),
      () => {},
    );
    const sync = eventOf(['sync', { content: contentOf(content.before), status: 'completed', kept: [] }], 3);
    wire.encode({ generation: 1, events: [sync] }, false);
    expect(wire.endedBy({ ...CAUGHT_UP, closedBy: 'ended' } as BatchReader)).toBe('ended');
    const { text, isWhole } = wire.farewell('ended');
    expect(isWhole).toBe(true);
    expect(typesIn(chunksIn(text))).toEqual(['text-end', 'finish-step', 'finish']);
  });
});

describe('a pause', () => {
  it('shows the request last, closes what is open, and ends', () => {
    const { chunks, reason } = read([CREATED, ...HELLO, ...CALL, PAUSE]);
    expect(reason).toBe('ended');
    expect(typesIn(chunks).slice(-4)).toEqual(['text-end', 'finish-step', 'tool-approval-request', 'finish']);
    expect(chunks.at(-1)).toEqual({ type: 'finish', finishReason: 'tool-calls' });
  });

  it('shows the arguments that are asked about, where others were', () => {
    const other = { ...ACTION, requests: [{ ...ACTION.requests[0], arguments: { amount: 6 } }] };
    const { chunks } = read([CREATED, ...CALL, ['requires_action', { action: other }]]);
    expect(chunks.filter(({ type }) => type === 'tool-input-available').at(-1)).toMatchObject({
      input: { amount: 6 },
    });
  });

  it('that was decided before it was read is passed, and its requests are never shown to a page of the 6 line', () => {
    const told = [
      CREATED,
      ...CALL,
      PAUSE,
      decided({ decision: 'edit', arguments: { amount: 1 } }),
      ['completed', {}] as Told,
    ];
    const { chunks } = read(told);
    expect(typesIn(chunks)).not.toContain('tool-approval-request');
    expect(chunks.filter(({ type }) => type === 'tool-input-available').at(-1)).toMatchObject({
      input: { amount: 1 },
    });
    const seven = typesIn(read(told, { version: 7 }).chunks);
    expect(seven.slice(-3)).toEqual(['tool-input-available', 'tool-approval-response', 'finish']);
    expect(seven).toContain('tool-approval-request');
  });
});

describe('a continuation', () => {
  const before = [CREATED, ...HELLO, ...CALL, PAUSE];
  const goOn = { opening: continuation('a-1') };

  it('has a start without an id, the input that was edited, and what follows', () => {
    const { chunks } = read(
      [ui({ type: 'tool-output-available', toolCallId: 'c', output: 'paid' }), ['completed', {}]],
      { ...goOn, before: [...before, decided({ decision: 'edit', arguments: { amount: 1 } })] },
    );
    expect(chunks).toEqual([
      { type: 'start' },
      { type: 'tool-input-available', toolCallId: 'c', toolName: 'pay', input: { amount: 1 } },
      { type: 'tool-output-available', toolCallId: 'c', output: 'paid' },
      { type: 'finish', finishReason: 'stop' },
    ]);
  });

  it('that comes late has the outcome and the parts that the page has not', () => {
    const after = [
      decided({ decision: 'reject', reason: 'no' }),
      ui({ type: 'tool-output-denied', toolCallId: 'c' }),
      ...HELLO,
    ];
    const { chunks } = read([['completed', {}]], { ...goOn, before: [...before, ...after] });
    expect(typesIn(chunks)).toEqual([
      ...[
        'start',
        'tool-output-denied',
        'start-step',
        'text-start',
        'text-delta',
        'text-end',
        'finish-step',
        'finish',
      ],
    ]);
  });

  it('tells the decision to a page of the 7 line', () => {
    const { chunks } = read([['completed', {}]], {
      ...{ ...goOn, version: 7, before: [...before, decided({ decision: 'reject', reason: 'no' })] },
    });
    expect(chunks[1]).toEqual({
      type: 'tool-approval-response',
      approvalId: 'a-1:c',
      approved: false,
      reason: 'no',
    });
  });
});

describe('a replay of what was decided', () => {
  const before = [CREATED, ...CALL, PAUSE];

  it('tells a page of the 7 line the decision, and one of the 6 line what came of it', () => {
    const denied = { before: [...before, decided({ decision: 'reject', reason: 'no' })] };
    expect(typesIn(read([['completed', {}]], { ...denied, version: 7 }).chunks)).toEqual([
      ...['start', 'tool-input-available', 'tool-approval-request', 'tool-approval-response', 'finish'],
    ]);
    const six = read([['completed', {}]], denied).chunks;
    expect(six[2]).toEqual({ type: 'tool-output-error', toolCallId: 'c', errorText: 'no' });
  });
});

describe('a tail', () => {
  const first = [CREATED, ...HELLO];

  it('goes on without a start, and closes what was open before it at the end', () => {
    const more = [ui({ type: 'text-delta', id: 't', delta: '!' })];
    const opening = tail(4, { content: contentOf([...first, ...more]), sequence: 5, isPaused: false });
    const wire = new UIWire(
      { version: 6, isContinuation: false, showEvents: false, cursors: false },
      opening,
      () => {},
    );
    const events = [...more, ['completed', {}] as Told].map((one, index) => eventOf(one, 4 + index));
    const chunks = chunksIn(
      events.map((event) => wire.encode({ generation: 1, events: [event] }, false)).join(''),
    );
    expect(typesIn(chunks)).toEqual(['text-delta', 'text-end', 'finish-step', 'finish']);
  });

  it('of a chat that waits for a person ends at once', () => {
    const told = [...first, PAUSE];
    const opening = tail(told.length, { content: contentOf(told), sequence: told.length, isPaused: true });
    const { chunks, isWhole } = read([], { opening });
    expect(isWhole).toBe(true);
    expect(typesIn(chunks)).toEqual(['finish']);
  });
});
