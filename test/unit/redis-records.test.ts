/**
 * The record of a generation as a hash: what stands in it comes back, and what is damaged in it costs that field alone,
 * or is refused by name.
 */
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { isGenerationJobError } from '../../src/errors.js';
import { decodeRecord } from '../../src/stream/implementations/redis/codec.js';
import { publicAction } from '../../src/stream/model/resume-state.js';
import type { JobRecord, Note } from '../../src/stream/model/types.js';
import { checked } from './property.js';
import { hashOf, records, WHERE } from './redis-forms.js';

const decode = (hash: Iterable<[string, string]>): JobRecord => decodeRecord([...hash].flat(), WHERE);

/** The property of a record that each field becomes. */
const PROPERTIES: Readonly<Record<string, readonly (keyof JobRecord)[]>> = {
  fence: ['generation', 'attempt', 'status', 'lastSequence', 'leaseMs', 'replicaId', 'settlement'],
  lifecycle: ['lifecycleEvents'],
  lease: ['leaseMs'],
  replica: ['replicaId'],
  action: ['pendingAction'],
  resumed: ['resumedAction'],
  order: ['metadata'],
  format: [],
  settlement: ['settlement', 'revision'],
  rev: ['revision'],
  inbox: ['inbox', 'unsent'],
};
const propertiesOf = (field: string): readonly string[] =>
  field.startsWith('m:') ? ['metadata'] : field.startsWith('n:') ? ['notes'] : (PROPERTIES[field] ?? [field]);

const GOOD: readonly [string, string][] = [
  ['format', '1'],
  ['fence', '5 2 running 9'],
  ['userId', 'ann'],
];
const ACTION = {
  actionId: 'q',
  type: 't',
  requests: [],
  questions: [],
  payloadDigest: 'd',
  askedAt: 1,
  expiresAt: 2,
};
const REQUEST = { id: 'r', name: 'pay', allowedDecisions: ['approve'] };
const QUESTION = { id: 'q', question: '?', options: [], multiSelect: false, allowText: true };
const withField = (field: string, text: string) => decode(new Map([...GOOD, [field, text]]));

describe('a record', () => {
  it('is read back as the scripts left it, in whatever order the hash lists its fields', () => {
    const shuffled = records.chain((record) =>
      fc.tuple(
        fc.constant(record),
        fc.shuffledSubarray([...hashOf(record)], { minLength: hashOf(record).size }),
      ),
    );
    checked(
      fc.property(shuffled, ([record, hash]) => {
        const read = decode(hash);
        expect(read).toEqual(record);
        expect(Object.keys(read.metadata)).toEqual(Object.keys(record.metadata));
      }),
      5_000,
    );
  });

  it('that is damaged in one field is refused by name, or lacks that field alone', () => {
    const garbage = fc.oneof(
      fc.string(),
      fc.jsonValue().map((value) => JSON.stringify(value)),
      fc.constantFrom(
        '',
        ' ',
        '-1',
        '1e99',
        '9007199254740993',
        '1.5',
        'null',
        '[null]',
        '{"a":{}}',
        'open 1 2',
      ),
    );
    checked(
      fc.property(records, fc.nat(), garbage, (record, at, text) => {
        const hash = hashOf(record);
        const field = [...hash.keys()][at % hash.size] as string;
        hash.set(field, text);
        let read: JobRecord;
        try {
          read = decode(hash);
        } catch (error) {
          expect(isGenerationJobError(error), `${error}`).toBe(true);
          expect(['fence', 'format']).toContain(field);
          return;
        }
        const damaged = propertiesOf(field);
        const rest = (of: JobRecord) =>
          Object.fromEntries(Object.entries(of).filter(([name]) => !damaged.includes(name)));
        expect(rest(read)).toEqual(rest(record));
        expectUsable(read);
      }),
    );
  });
});

/** What the readers of a record rely on. */
function expectUsable(record: JobRecord): void {
  const { generation, attempt, lastSequence, lifecycleEvents, snapshotSequence, recoveries } = record;
  const numbers = [generation, attempt, lastSequence, lifecycleEvents, snapshotSequence, recoveries];
  const { revision, tries, notBefore, state } = record.settlement;
  expect([...numbers, revision, tries, notBefore].every(Number.isSafeInteger)).toBe(true);
  expect(['open', 'settled', 'set_aside']).toContain(state);
  for (const action of [record.pendingAction, record.resumedAction]) {
    if (action === undefined) continue;
    const { requests, questions, actionId } = publicAction(action);
    expect([...requests, ...questions].every(({ id }) => typeof id === 'string')).toBe(true);
    expect(typeof actionId).toBe('string');
  }
  expect(record.resolutions.every(({ actionId }) => typeof actionId === 'string')).toBe(true);
  const usages = [record.usage, ...record.usageEntries.map(({ usage }) => usage)];
  expect(usages.flatMap((usage) => Object.values(usage)).every((value) => typeof value === 'number')).toBe(
    true,
  );
  const isWhole = ({ event, revision }: Note) =>
    /^[A-Za-z0-9_.:/-]+$/.test(event) && Number.isSafeInteger(revision);
  expect(record.notes.every(isWhole)).toBe(true);
}

describe('a field that can’t be read', () => {
  it.each([
    ['is missing', undefined],
    ['has no status that there is', '5 2 walking 9'],
    ['has a generation beyond what a number can hold', '9007199254740993 2 running 9'],
    ['has a sequence beyond what a number can hold', '5 2 running 9999999999999999'],
    ['has a number too many', '5 2 running 9 1'],
    ['is very long', `5 2 running ${'9'.repeat(1_000_000)}`],
  ])('refuses the record as damaged when the fence %s', (_what, fence) => {
    const hash = new Map(GOOD);
    if (fence === undefined) hash.delete('fence');
    else hash.set('fence', fence);
    expect(() => decode(hash)).toThrow(expect.objectContaining({ code: 'store_damaged' }));
  });

  it('refuses a record of a later release by its format; a word that is no format stands for this one', () => {
    expect(() => withField('format', '2')).toThrow(expect.objectContaining({ code: 'newer_format' }));
    expect(() => withField('format', '0')).toThrow(expect.objectContaining({ code: 'internal' }));
    expect(withField('format', 'x').generation).toBe(5);
  });

  it.each([
    ['is no JSON', '{"actionId":'],
    ['has no id', JSON.stringify({ ...ACTION, actionId: undefined })],
    ['has no deadline', JSON.stringify({ ...ACTION, expiresAt: '2' })],
    ['has no questions', JSON.stringify({ ...ACTION, questions: undefined })],
    ['has a request that is nothing', JSON.stringify({ ...ACTION, requests: [REQUEST, null] })],
    ['has a request without an id', JSON.stringify({ ...ACTION, requests: [{ ...REQUEST, id: 1 }] })],
    [
      'has a request that allows nothing',
      JSON.stringify({ ...ACTION, requests: [{ ...REQUEST, allowedDecisions: null }] }),
    ],
    [
      'has a question without options',
      JSON.stringify({ ...ACTION, questions: [{ ...QUESTION, options: {} }] }),
    ],
    [
      'has an option that is nothing',
      JSON.stringify({ ...ACTION, questions: [{ ...QUESTION, options: [null] }] }),
    ],
  ])('is no action when it %s', (_what, text) => {
    const whole = JSON.stringify({ ...ACTION, requests: [REQUEST], questions: [QUESTION] });
    expect(withField('action', whole).pendingAction).toEqual(JSON.parse(whole));
    expect(withField('action', text).pendingAction).toBeUndefined();
    expect(withField('resumed', text).resumedAction).toBeUndefined();
  });

  it('is no history of decisions when one of them is none', () => {
    const decided = { actionId: 'q', type: 't', outcome: 'decided', decisions: [], answers: [] };
    expect(withField('resolutions', JSON.stringify([decided])).resolutions).toEqual([decided]);
    for (const text of ['[', '{}', '[null]', '[{}]', '"decided"'])
      expect(withField('resolutions', text).resolutions, text).toEqual([]);
  });

  it('is no lease when it is an earlier attempt’s, or no length of time', () => {
    const leaseOf = (text: string) => withField('lease', text).leaseMs;
    expect(leaseOf('2 15000')).toBe(15_000);
    for (const text of ['1 15000', '2', '2 0', '2 -5', '2 x', '2 1.5', ''])
      expect(leaseOf(text), text).toBeUndefined();
  });

  it('is no replica when it is an earlier attempt’s, which a release before 0.2 took over, or has no name', () => {
    const replicaOf = (text: string) => withField('replica', text).replicaId;
    expect(replicaOf('2 eu 1:77')).toBe('eu 1:77');
    for (const text of ['1 eu-1', '2', '2 ', '22 eu-1', '']) expect(replicaOf(text), text).toBeUndefined();
  });

  it('is a settlement to come of an ended generation, and none of an active one', () => {
    const damaged = [
      '',
      'open',
      'OPEN 1 2 3',
      'open 1 2',
      'open 1 2 x',
      'open 1 2 3x',
      'open 1 2 99999999999999999',
    ];
    for (const text of [
      ...damaged,
      '1open 1 2 3',
      'open 9007199254740993 2 3',
      `open 1 2 3${' x'.repeat(60)}`,
    ]) {
      const of = (fence: string) =>
        decode(new Map([...GOOD, ['fence', fence], ['settlement', text]])).settlement;
      expect(of('5 2 failed 9'), text).toEqual({ state: 'open', revision: 0, tries: 0, notBefore: 0 });
      expect(of('5 2 running 9').state, text).toBe('settled');
    }
  });

  it('of a settlement that a later release has put behind its numbers changes nothing', () => {
    const of = (text: string) =>
      decode(new Map([...GOOD, ['fence', '5 2 failed 9'], ['settlement', text]])).settlement;
    const numbers = { state: 'open', revision: 1, tries: 2, notBefore: 3 };
    expect(of('open 1 2 3')).toEqual(numbers);
    expect(of('open 1 2 3 claimed')).toEqual({ ...numbers, claimed: true });
    expect(of('open 1 2 3 something else')).toEqual(numbers);
    expect(of('open 1 2 3 claimed by=x')).toEqual({ ...numbers, claimed: true });
  });
});
