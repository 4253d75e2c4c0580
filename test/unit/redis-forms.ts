/**
 * Everything that is written to Redis, made by chance: events, snapshots and whole records, and a record's hash as the
 * scripts leave it.
 */
import fc from 'fast-check';
import { encodeNewRecord } from '../../src/stream/implementations/redis/codec.js';
import type { InboxMessage } from '../../src/stream/model/inbox-message.js';
import type {
  JobRecord,
  LogEvent,
  PendingAction,
  Resolution,
  Snapshot,
} from '../../src/stream/model/types.js';

export const WHERE = { streamId: 's', tenantId: undefined };

const name = fc.stringMatching(/^[A-Za-z0-9_.:/-]{1,20}$/);
const jsonText = fc.jsonValue().map((value) => JSON.stringify(value));
const count = fc.nat(Number.MAX_SAFE_INTEGER);
/** Most are small, as they are in use; some are as large as they may be. */
const place = fc.oneof(fc.integer({ min: 1, max: 99 }), fc.integer({ min: 1, max: 2 ** 53 - 2_000 }));

/** A batch as a producer commits it: one attempt, sequences that follow on. */
export const batches = fc
  .record({
    generation: place,
    attempt: place,
    first: place,
    said: fc.array(fc.record({ event: name, data: jsonText, keep: fc.option(name, { nil: undefined }) }), {
      minLength: 1,
      maxLength: 6,
    }),
  })
  .map(({ generation, attempt, first, said }) => ({
    generation,
    attempt,
    events: said.map((event, at): LogEvent => ({ ...event, sequence: first + at, attempt })),
  }));

export const snapshots: fc.Arbitrary<Snapshot> = fc
  .record({
    sequence: count,
    content: jsonText,
    kept: batches.map(({ events }) => events.filter(({ keep }) => keep !== undefined)),
    missing: fc.option(fc.record({ from: place, to: place }), { nil: undefined }),
  })
  .map(({ missing, ...snapshot }) => (missing === undefined ? snapshot : { ...snapshot, missing }));

const id = fc.string({ minLength: 1, maxLength: 20 });
const json = fc.jsonValue().map((value) => JSON.parse(JSON.stringify(value)));

const actions: fc.Arbitrary<PendingAction> = fc
  .record({
    actionId: id,
    type: name,
    requests: fc.array(
      fc.record({ id, name, arguments: json, allowedDecisions: fc.constant(['approve', 'reject'] as const) }),
      { maxLength: 3 },
    ),
    questions: fc.array(
      fc.record({
        ...{ id, question: id, multiSelect: fc.boolean(), allowText: fc.boolean() },
        options: fc.array(fc.record({ value: id, label: id }), { maxLength: 2 }),
      }),
      { maxLength: 2 },
    ),
    payloadDigest: name,
    askedAt: count,
    expiresAt: count,
    resumeContext: json,
  })
  .map((action) => action as PendingAction);

const resolutions: fc.Arbitrary<Resolution> = fc.record({
  ...{ actionId: id, type: name, payloadDigest: name, askedAt: count, at: count, by: id },
  outcome: fc.constantFrom('decided' as const, 'expired' as const),
  decisions: fc.array(fc.record({ id, decision: fc.constantFrom('approve' as const, 'reject' as const) })),
  answers: fc.array(fc.record({ id, text: id })),
});

export const records: fc.Arbitrary<JobRecord> = fc
  .record({
    generation: place,
    attempt: place,
    recoveries: count,
    status: fc.constantFrom('running', 'requires_action', 'completed', 'failed', 'aborted'),
    userId: id,
    conversationId: fc.option(id, { nil: undefined }),
    contentModel: fc.option(id, { nil: undefined }),
    idempotencyKey: fc.option(id, { nil: undefined }),
    createId: id,
    createdAt: count,
    updatedAt: count,
    endedAt: fc.option(count, { nil: undefined }),
    lastSequence: count,
    lifecycleEvents: count,
    snapshotSequence: count,
    leaseUntil: fc.option(count, { nil: undefined }),
    leaseMs: fc.option(place, { nil: undefined }),
    replicaId: fc.option(id, { nil: undefined }),
    pendingAction: fc.option(actions, { nil: undefined }),
    resumedAction: fc.option(actions, { nil: undefined }),
    resolutions: fc.array(resolutions, { maxLength: 2 }),
    error: fc.option(fc.record({ code: name, message: id, retryable: fc.boolean() }), { nil: undefined }),
    usage: fc.dictionary(name, fc.double({ noNaN: true, noDefaultInfinity: true, min: 0 }), { maxKeys: 3 }),
    usageEntries: fc.array(
      fc.record({
        ...{ kind: id, model: id, calls: count },
        usage: fc.dictionary(name, fc.double({ noNaN: true, noDefaultInfinity: true, min: 0 }), {
          maxKeys: 3,
        }),
      }),
      { maxLength: 3 },
    ),
    metadata: fc.dictionary(id, json, { maxKeys: 4 }),
    notes: fc.dictionary(name, fc.record({ event: name, data: json }), { maxKeys: 4 }),
    settlement: fc.record({
      ...{ revision: count, tries: count, notBefore: count },
      state: fc.constantFrom('open' as const, 'settled' as const, 'set_aside' as const),
    }),
    isClaimed: fc.boolean(),
    changes: fc.nat(),
    messages: fc.array(
      fc.record(
        { messageId: name, kind: name, message: json, by: id, sentAt: count, edits: count },
        { requiredKeys: ['messageId', 'kind', 'message', 'sentAt', 'edits'] },
      ),
      { maxLength: 3 },
    ),
  })
  .map(({ isClaimed, changes, notes, settlement, status, messages, ...record }) => ({
    ...{ ...WHERE, ...record, status },
    ...(hasEnded(status) ? { inbox: [], unsent: messages } : { inbox: messages, unsent: [] }),
    notes: Object.entries(notes).map(([key, note], at) => ({
      key,
      ...note,
      revision: 1 + Math.floor(at / 2),
    })),
    revision: changes + settlement.revision,
    settlement: {
      ...settlement,
      // Of an active generation it is settled: there is nothing to settle yet.
      ...(settlement.state === 'open' && !hasEnded(status) && { state: 'settled' as const }),
      ...(isClaimed && { claimed: true as const }),
    },
  })) as fc.Arbitrary<JobRecord>;

function hasEnded(status: string): boolean {
  return status !== 'running' && status !== 'requires_action';
}

/** The hash of a record: what `create` writes, and what `commit`, `transition`, `renew` and `settle` make of it. */
export function hashOf(record: JobRecord): Map<string, string> {
  const metadata = Object.fromEntries(
    Object.entries(record.metadata).map(([key, value]) => [key, JSON.stringify(value)]),
  );
  const flat = encodeNewRecord({ ...record, metadata });
  const hash = new Map<string, string>();
  for (let at = 0; at < flat.length; at += 2) hash.set(flat[at] as string, flat[at + 1] as string);
  const { generation, attempt, status, lastSequence, settlement } = record;
  hash.set('fence', `${generation} ${attempt} ${status} ${lastSequence}`);
  const { state, revision, tries, notBefore, claimed } = settlement;
  hash.set('settlement', `${state} ${revision} ${tries} ${notBefore}${claimed ? ' claimed' : ''}`);
  hash.set('rev', `${record.revision - revision}`);
  hash.set('lifecycle', `${record.lifecycleEvents}`);
  for (const [at, { key, event, data, revision }] of record.notes.entries())
    hash.set(`n:${key}`, `${revision} ${at} ${event} ${JSON.stringify(data)}`);
  const messages = [...record.inbox, ...record.unsent];
  if (messages.length > 0) hash.set('inbox', messages.map(lineOf).join(''));
  if (record.leaseMs !== undefined) hash.set('lease', `${attempt} ${record.leaseMs}`);
  if (record.replicaId !== undefined) hash.set('replica', `${attempt} ${record.replicaId}`);
  for (const field of [
    'recoveries',
    'createdAt',
    'updatedAt',
    'endedAt',
    'snapshotSequence',
    'leaseUntil',
  ] as const)
    if (record[field] !== undefined) hash.set(field, `${record[field]}`);
  const texts = { action: record.pendingAction, resumed: record.resumedAction, error: record.error };
  for (const [field, value] of Object.entries({
    ...texts,
    resolutions: record.resolutions,
    usage: record.usage,
    usageEntries: record.usageEntries,
  }))
    if (value !== undefined) hash.set(field, JSON.stringify(value));
  return hash;
}

function lineOf({ messageId, kind, message, by, sentAt, edits }: InboxMessage, at: number): string {
  const parts = [messageId, at + 1, sentAt, edits, 0, JSON.stringify({ kind, by }), JSON.stringify(message)];
  return `${parts.join('\t')}\n`;
}
