/**
 * What is written to Redis is read back as it was, by this release and by the one before. What is damaged is lost or
 * refused by name: never thrown as something else, never half read, and never read for ever.
 */
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { isGenerationJobError } from '../../src/errors.js';
import {
  type DecodedBatch,
  decodeBatch,
  decodeEntry,
  decodeSnapshot,
  encodeBatch,
  encodeSnapshot,
} from '../../src/stream/implementations/redis/codec.js';
import { Fold } from '../../src/stream/model/fold.js';
import type { JobRecord, LogEvent, Snapshot } from '../../src/stream/model/types.js';
import { checked } from './property.js';
import { batches, hashOf, records, snapshots, WHERE } from './redis-forms.js';

/** The codec of release 0.1.0, as it was published. */
interface Codec {
  encodeBatch(generation: number, attempt: number, events: readonly LogEvent[]): string;
  decodeBatch(text: string): DecodedBatch;
  encodeSnapshot(snapshot: Snapshot): string;
  decodeSnapshot(text: string): Snapshot;
  decodeRecord(flat: readonly string[], where: typeof WHERE): JobRecord;
}
const before: Codec = await import(
  new URL('../fixtures/releases/0.1.0/stream/implementations/redis-codec.js', import.meta.url).href
);

const WHOLE = encodeBatch(5, 1, [
  { event: 'text', data: '{"a":"\\tb\\n"}', sequence: 1, attempt: 1 },
  { event: 'gauge', data: '1', keep: 'g', sequence: 2, attempt: 1 },
]);

const damages = fc.record({
  at: fc.nat(400),
  length: fc.nat(8),
  by: fc.oneof(fc.string({ maxLength: 4 }), fc.constantFrom('\t', '\n', ' ', '0', '-1', '1e9', '"', '{}')),
});
type Damage = typeof damages extends fc.Arbitrary<infer Value> ? Value : never;

function damaged(text: string, { at, length, by }: Damage): string {
  const place = at % (text.length + 1);
  return text.slice(0, place) + by + text.slice(place + length);
}

/** What it returned, or the refusal; anything else it throws fails the test. */
function answerOf<Value>(decode: () => Value): Value | 'refused' {
  try {
    return decode();
  } catch (error) {
    if (isGenerationJobError(error)) return 'refused';
    throw error;
  }
}

describe('a batch', () => {
  it('is read back as it was written, whatever its events carry', () => {
    checked(
      fc.property(batches, ({ generation, attempt, events }) => {
        const text = encodeBatch(generation, attempt, events);
        const firstSequence = events[0]?.sequence;
        const lastSequence = events.at(-1)?.sequence;
        expect(decodeBatch(text)).toEqual({ generation, firstSequence, lastSequence, events });
        expect(decodeEntry(text)).toEqual(events);
      }),
      10_000,
    );
  });

  it('that was too large for its frame says which events it stands for', () => {
    expect(decodeBatch('1 5 2 7 9\n')).toEqual({
      ...{ generation: 5, firstSequence: 7, lastSequence: 9, events: undefined },
    });
    expect(decodeEntry('1 5 2 7 9\n'), 'of a log it is a hole').toEqual([]);
  });

  it('that is damaged is refused, or holds just the events it says it holds', () => {
    checked(
      fc.property(batches, damages, ({ generation, attempt, events }, damage) => {
        const text = damaged(encodeBatch(generation, attempt, events), damage);
        const batch = answerOf(() => decodeBatch(text));
        const entry = answerOf(() => decodeEntry(text));
        if (batch === 'refused' || batch.events === undefined) {
          expect(entry === 'refused' || entry.length === 0).toBe(true);
          return;
        }
        const { firstSequence, lastSequence } = batch;
        expect([batch.generation, firstSequence, lastSequence].every(Number.isSafeInteger)).toBe(true);
        expect(batch.events.map(({ sequence }) => sequence)).toEqual(
          Array.from({ length: lastSequence - firstSequence + 1 }, (_, at) => firstSequence + at),
        );
        for (const event of batch.events) {
          expect(Number.isSafeInteger(event.attempt)).toBe(true);
          expect(event.event).not.toMatch(/[\t\n]/);
          expect(event.data).not.toContain('\n');
        }
        expect(entry).toEqual(batch.events);
      }),
      20_000,
    );
  });

  it('of mere chance is refused or lost, in the time of one pass', () => {
    const pieces = fc.constantFrom(
      '1 ',
      '1',
      ' ',
      '\t',
      '\n',
      '5',
      '{}',
      'text',
      '-',
      '.',
      '9007199254740993',
    );
    const text = fc.oneof(
      fc.string(),
      fc.array(pieces, { maxLength: 40 }).map((all) => all.join('')),
    );
    checked(
      fc.property(text, (garbage) => {
        const batch = answerOf(() => decodeBatch(garbage));
        if (batch !== 'refused') expect(batch.events?.length ?? 0).toBeLessThanOrEqual(garbage.length);
        answerOf(() => decodeEntry(garbage));
      }),
    );
  });

  it.each([
    ['without its header’s end', '1 5 1 1 1'],
    ['without its last line’s end', WHOLE.slice(0, -1)],
    ['without an event', WHOLE.replace(/gauge.*\n/, '')],
    ['with one more', `${WHOLE}text\t\t1\n`],
    ['without the tabs of a line', '1 5 1 1 1\ntext{}\n'],
    ['with one tab in a line', '1 5 1 1 1\ntext\t{}\n'],
    ['whose generation is no number', WHOLE.replace('1 5', '1 x')],
    ['whose attempt is no number', '1 5 x 1 1\ntext\t\t1\n'],
    ['whose attempt is left out', '1 5  1 1\ntext\t\t1\n'],
    ['whose sequence is no whole number', '1 5 1 1.5 1.5\ntext\t\t1\n'],
    ['whose sequence is beyond what a number can hold', `1 5 1 ${2 ** 53} ${2 ** 53}\ntext\t\t1\n`],
  ])('%s is refused as a frame, and is a hole in a log', (_what, text) => {
    expect(() => decodeBatch(text)).toThrow(expect.objectContaining({ code: 'internal' }));
    expect(decodeEntry(text)).toEqual([]);
  });

  it.each([
    '',
    ' ',
    '\n',
    '\t\t',
    '1',
    '1\n 5 1 1 1\n',
    '\n 5 1 1 1\n',
    '1e3 5 1 1 1\n',
    '0x1 5',
    '-2 5',
    'text\t\t1\n',
  ])('of no format, %j, is a hole in a log', (text) => {
    expect(decodeEntry(text)).toEqual([]);
    expect(() => decodeBatch(text)).toThrow(expect.objectContaining({ code: 'internal' }));
  });

  it('of a later release is refused by its format, which names no more of it than that', () => {
    const later = `2 5 1 1 1\n${'x'.repeat(100_000)}`;
    for (const decode of [decodeBatch, decodeEntry])
      expect(() => decode(later)).toThrow(
        expect.objectContaining({ code: 'newer_format', message: expect.stringContaining('format 2;') }),
      );
    expect(answerOf(() => decodeBatch('x'.repeat(100_000)))).toBe('refused');
    expect(() => decodeBatch('x'.repeat(100_000))).toThrow(/^.{1,100}$/);
  });
});

describe('a snapshot', () => {
  it('is read back as it was written', () => {
    checked(
      fc.property(snapshots, (snapshot) => {
        expect(decodeSnapshot(encodeSnapshot(snapshot))).toEqual(JSON.parse(JSON.stringify(snapshot)));
      }),
      5_000,
    );
  });

  it('that is damaged is lost or refused, or can be folded on from', () => {
    const model = { name: 'any', initial: () => null, fold: (content: unknown) => content };
    checked(
      fc.property(snapshots, damages, (snapshot, damage) => {
        const read = answerOf(() => decodeSnapshot(damaged(encodeSnapshot(snapshot), damage)));
        if (read === null || read === 'refused') return;
        const fold = new Fold(model, read);
        for (const { data } of fold.kept) JSON.parse(data);
        expect(fold.kept.every(({ event, data }) => typeof event + typeof data === 'stringstring')).toBe(
          true,
        );
        expect(Number.isSafeInteger(fold.sequence)).toBe(true);
        expect(fold.missing === undefined || fold.missing.to >= 0).toBe(true);
      }),
    );
  });

  const GOOD = { format: '1', sequence: 3, content: '"abc"', kept: [] };
  const KEPT = { event: 'gauge', data: '1', keep: 'g', sequence: 2, attempt: 1 };
  it.each<[string, object | string | number | null]>([
    ['is no object', 'null'],
    ['is a number', 5],
    ['has no format', { ...GOOD, format: undefined }],
    ['has a word for a format', { ...GOOD, format: 'abc' }],
    ['has no sequence', { ...GOOD, sequence: null }],
    ['has a sequence below zero', { ...GOOD, sequence: -1 }],
    ['has content that is no JSON', { ...GOOD, content: '"ab' }],
    ['has content that is no text', { ...GOOD, content: {} }],
    ['keeps nothing that is a list', { ...GOOD, kept: {} }],
    ['keeps what is no event', { ...GOOD, kept: [KEPT, null] }],
    ['keeps an event without data', { ...GOOD, kept: [{ ...KEPT, data: undefined }] }],
    ['keeps an event without its place', { ...GOOD, kept: [{ ...KEPT, sequence: 'x' }] }],
    ['lacks what is no hole', { ...GOOD, missing: { from: 'x', to: 2 } }],
  ])('that %s is lost', (_what, stored) => {
    expect(decodeSnapshot(encodeSnapshot({ ...GOOD, kept: [KEPT] } as Snapshot))).toMatchObject({
      sequence: 3,
    });
    expect(decodeSnapshot(typeof stored === 'string' ? stored : JSON.stringify(stored))).toBeNull();
  });

  it('of a later release is refused by its format', () => {
    expect(() => decodeSnapshot(JSON.stringify({ ...GOOD, format: '2' }))).toThrow(
      expect.objectContaining({ code: 'newer_format' }),
    );
  });
});

describe('beside release 0.1.0', () => {
  it('batches and snapshots are read by each as the other wrote them', () => {
    checked(
      fc.property(batches, snapshots, ({ generation, attempt, events }, snapshot) => {
        const said = { generation, events, firstSequence: events[0]?.sequence };
        expect(before.decodeBatch(encodeBatch(generation, attempt, events))).toMatchObject(said);
        expect(decodeBatch(before.encodeBatch(generation, attempt, events))).toMatchObject(said);
        const { missing: _, ...known } = JSON.parse(JSON.stringify(snapshot));
        expect(before.decodeSnapshot(encodeSnapshot(snapshot))).toMatchObject(known);
        expect(decodeSnapshot(before.encodeSnapshot(known))).toEqual(known);
      }),
      4_000,
    );
  });

  it('records of this release have for it all that it knows', () => {
    checked(
      fc.property(records, (record) => {
        const { leaseMs: _, replicaId: _r, revision: _v, usageEntries: _u, notes: _n, ...rest } = record;
        const { settlement, inbox: _i, unsent: _s, ...known } = rest;
        const { claimed: __, ...numbers } = settlement;
        const read = before.decodeRecord([...hashOf(record)].flat(), WHERE);
        expect(read).toEqual({ ...known, settlement: numbers });
      }),
      4_000,
    );
  });
});
