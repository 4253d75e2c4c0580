/**
 * The history checker finds what it is there to find: each bad history breaks one promise.
 */
import { describe, expect, it } from 'vitest';
import type { StreamEvent } from '../../src/stream/model/lifecycle-payloads.js';
import {
  dataOf,
  type FollowerHistory,
  type History,
  type ProducerHistory,
  violations,
} from '../support/history.js';

const G = 7;

const lifecycle = (sequence: number, event: string, data: StreamEvent['data'] = {}, generation = G) => ({
  cursor: `${generation}-${sequence}`,
  event,
  data,
});
const text = (sequence: number, number = sequence - 1, attempt = 1, generation = G): StreamEvent => ({
  cursor: `${generation}-${sequence}`,
  event: 'text',
  data: dataOf({ generation, attempt, number }),
});
const created = lifecycle(1, 'created');
const lost = lifecycle(4, 'failed', { code: 'producer_lost' });
const completed = lifecycle(4, 'completed');

const producer = (facts: Partial<ProducerHistory> = {}): ProducerHistory => ({
  streamId: 's',
  generation: G,
  attempt: 1,
  emitted: 2,
  acknowledged: 2,
  isComplete: true,
  ...facts,
});
const killed = producer({ isComplete: false });
const finished = producer({ asked: 'completed', ended: true });

function follower(received: StreamEvent[], facts: Partial<FollowerHistory> = {}): FollowerHistory {
  return { name: 'f', streamId: 's', received, isOver: true, ...facts };
}

function judged(history: Partial<History> & { received?: StreamEvent[]; by?: ProducerHistory }): string[] {
  const { received, by = finished, ...rest } = history;
  const followers = received ? [follower(received)] : [];
  return violations({ producers: [by], followers, isFinished: true, ...rest });
}

const whole = [created, text(2), text(3), completed];

describe('The history checker accepts', () => {
  it('a whole answer, a lost producer, a resumed follower and a recovered answer', () => {
    expect(judged({ received: whole })).toEqual([]);
    expect(judged({ received: [created, text(2), text(3), lost], by: killed })).toEqual([]);
    expect(judged({ followers: [follower([text(3), completed], { after: `${G}-2` })] })).toEqual([]);
    const recovered = [
      created,
      text(2),
      text(3),
      lifecycle(4, 'recovered', { attempt: 2 }),
      text(5, 1, 2),
      lifecycle(6, 'completed'),
    ];
    const producers = [killed, producer({ attempt: 2, emitted: 1, acknowledged: 1, asked: 'completed' })];
    expect(judged({ producers, received: recovered })).toEqual([]);
  });

  it('a next generation, and an explicit end without a terminal event', () => {
    const next = [lifecycle(1, 'created', {}, 9), text(2, 1, 1, 9), lifecycle(3, 'aborted', {}, 9)];
    const producers = [finished, producer({ generation: 9, emitted: 1, acknowledged: 1 })];
    expect(judged({ producers, received: [...whole, ...next] })).toEqual([]);
    expect(judged({ received: [created, text(2), lifecycle(2, 'gone')], by: killed })).toEqual([]);
    expect(judged({ followers: [follower([], { error: 'stream_not_found' })] })).toEqual([]);
  });

  it('a gap and its sync where events may be lost, and other events at the same cursors after it', () => {
    const behind = follower([created, text(2), lifecycle(3, 'failed')]);
    const ahead = follower([
      created,
      text(2),
      text(3),
      lifecycle(3, 'gap'),
      lifecycle(2, 'sync'),
      lifecycle(3, 'failed'),
    ]);
    expect(judged({ by: killed, followers: [behind, ahead], mayLose: true })).toEqual([]);
  });
});

describe('The history checker finds', () => {
  const cases: [string, Parameters<typeof judged>[0], RegExp][] = [
    ['a missing event', { received: [created, text(3), completed] }, /text at 7-3 does not follow 7-1/],
    ['a missing beginning', { received: [text(2), text(3), completed] }, /does not follow the beginning/],
    [
      'a repeated event',
      { received: [created, text(2), text(2), text(3), completed] },
      /does not follow 7-2/,
    ],
    ['exchanged events', { received: [created, text(3), text(2), completed] }, /does not follow/],
    [
      'an event stored twice',
      { received: [created, text(2, 1), text(3, 1), completed] },
      /number 1 instead of 2/,
    ],
    [
      'a hole in what was emitted',
      { received: [created, text(2, 1), text(3, 3), completed], by: { ...finished, emitted: 3 } },
      /number 3 instead of 2/,
    ],
    [
      'an acknowledged event that is missing before the end',
      { received: [created, text(2), lifecycle(3, 'failed')], by: killed },
      /1 of the 2 acknowledged/,
    ],
    [
      'none of the acknowledged events',
      { received: [created, lifecycle(2, 'failed')], by: killed },
      /0 of the 2 acknowledged/,
    ],
    [
      'an event after the end',
      { received: [...whole, text(5, 3)], by: { ...finished, emitted: 3 } },
      /after the generation’s end/,
    ],
    ['two ends', { received: [...whole, lifecycle(5, 'failed')] }, /after the generation’s end/],
    ['no end', { received: [created, text(2), text(3)] }, /never told an end/],
    ['silence', { followers: [follower([], { isOver: false })] }, /never told an end/],
    [
      'a follower let go without an end',
      { followers: [follower([created])], isFinished: false },
      /let go without an end/,
    ],
    ['success that nobody asked for', { received: whole, by: producer() }, /no producer asked/],
    [
      'another end than the acknowledged one',
      { received: [created, text(2), text(3), lost] },
      /though completed was acknowledged/,
    ],
    [
      'a foreign event',
      { received: [created, { ...text(2), data: { text: 'x' } }, text(3), completed] },
      /is foreign/,
    ],
    [
      'another generation’s event',
      {
        received: [
          created,
          { ...text(2), data: dataOf({ generation: 6, attempt: 1, number: 1 }) },
          text(3),
          completed,
        ],
      },
      /is foreign/,
    ],
    ['another attempt’s event', { received: [created, text(2, 1, 2), completed] }, /unknown attempt 2/],
    [
      'what was never emitted',
      { received: [created, text(2), text(3), text(4), lifecycle(5, 'completed')] },
      /7-4 was never emitted/,
    ],
    [
      'a fenced attempt that went on writing',
      {
        producers: [producer({ emitted: 3 }), producer({ attempt: 2, emitted: 0, acknowledged: 0 })],
        received: [created, text(2), text(3), lifecycle(4, 'recovered', { attempt: 2 }), text(5, 3, 1)],
      },
      /attempt 1 while attempt 2 holds/,
    ],
    [
      'a gap without a loss',
      { received: [created, lifecycle(3, 'gap'), lifecycle(2, 'sync'), completed] },
      /though nothing was lost/,
    ],
    [
      'a gap without what is left',
      { received: [created, text(2), lifecycle(2, 'gap')], by: killed, mayLose: true },
      /a gap is the last/,
    ],
    [
      'events right after a gap',
      { received: [created, text(2), lifecycle(2, 'gap'), text(3), completed], mayLose: true },
      /right after a gap/,
    ],
    [
      'a sync that goes back',
      { received: [created, text(2), text(3), lifecycle(1, 'sync'), text(2), text(3), completed] },
      /goes back/,
    ],
    ['anything after gone', { received: [created, lifecycle(1, 'gone'), text(2)] }, /after gone/],
    [
      'an unfinished generation that is left for the next',
      {
        received: [created, text(2), text(3), lifecycle(1, 'created', {}, 9), lifecycle(2, 'aborted', {}, 9)],
      },
      /generation 7 has not ended/,
    ],
    [
      'followers who saw different events at one cursor',
      {
        by: killed,
        followers: [
          follower([created, text(2), text(3), lost]),
          follower([created, text(2), text(3), lifecycle(4, 'aborted')]),
        ],
      },
      /others saw failed/,
    ],
  ];

  it.each(cases)('%s', (_, history, expected) => {
    expect(judged(history).join('\n')).toMatch(expected);
  });
});
