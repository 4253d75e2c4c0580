import { type JobRecord, type JobStatus, type LogEvent, TRANSITIONS } from 'generation-jobs';
import {
  type CommitReply,
  type CreateReply,
  type CreateRequest,
  type JobStore,
  type LeaseClaim,
  type OtherCommit,
  type ProducerCommit,
  type StreamKey,
  streamKey,
} from 'generation-jobs/ports';
import { type Harness, TIMES } from './harness.js';

export const KEY = streamKey('s');
export const LEASE = 900;
/** The time that an action asks for: a busy machine decides within it. */
export const ASK_MS = TIMES.createTimeoutMs;
let calls = 0;
export const callId = () => `call-${++calls}`;
export const lifecycle = (event: string) => ({ event, data: '{}' });

const RESOLUTION = {
  ...{ actionId: 'a', type: 't', outcome: 'decided' as const, by: 'p' },
  ...{ decisions: [], answers: [], payloadDigest: 'd', askedAt: 1 },
};

/** One store, and the few calls that make the tests short. */
export class Desk {
  readonly store: JobStore;

  constructor(h: Harness) {
    this.store = h.store;
  }

  request(over: Partial<CreateRequest> = {}): CreateRequest {
    return {
      key: KEY,
      userId: 'u',
      callId: callId(),
      notAfter: this.store.now() + 60_000,
      leaseMs: LEASE,
      metadata: {},
      created: lifecycle('created'),
      settles: false,
      ...over,
    };
  }

  async created(over: Partial<CreateRequest> = {}): Promise<JobRecord> {
    const reply: CreateReply = await this.store.create(this.request(over));
    if (reply.outcome !== 'created') throw new Error(`not created: ${reply.outcome}`);
    return reply.record;
  }

  batch(record: JobRecord, from: number, count: number, over: Partial<ProducerCommit> = {}): ProducerCommit {
    const { generation, attempt } = record;
    const events = Array.from(
      { length: count },
      (_, index): LogEvent => ({ event: 'n', data: `${from + index}`, sequence: from + index, attempt }),
    );
    return { writer: 'producer', key: KEY, generation, attempt, afterSequence: from - 1, events, ...over };
  }

  end(
    record: JobRecord,
    name: 'pause' | 'complete' | 'fail',
    over: Partial<ProducerCommit> = {},
  ): ProducerCommit {
    const sequence = record.lastSequence + 1;
    const event = { ...lifecycle(TRANSITIONS[name].event), sequence, attempt: record.attempt };
    const shown = { type: 't', requests: [], questions: [], payloadDigest: 'd' };
    const action = { actionId: 'a', ...shown, expiresInMs: ASK_MS, resumeContext: { secret: 1 } };
    const told = name === 'pause' ? { ...event, data: '{"action":{"actionId":"a"}}' } : event;
    return {
      ...this.batch(record, sequence, 0),
      events: [told],
      transition: { name, callId: callId(), settles: false, ...(name === 'pause' && { action }) },
      ...over,
    };
  }

  other(record: JobRecord, name: OtherCommit['name'], over: Partial<OtherCommit> = {}): OtherCommit {
    return {
      writer: 'other',
      key: KEY,
      generation: record.generation,
      name,
      callId: callId(),
      event: lifecycle(TRANSITIONS[name].event),
      settles: false,
      ...(name === 'resolve' || name === 'expire' ? { actionId: 'a' } : {}),
      ...(name === 'recover' || name === 'lose' ? { attempt: record.attempt } : {}),
      ...(name === 'resolve' || name === 'recover' ? { leaseMs: LEASE } : {}),
      ...(name === 'resolve' ? { resolution: RESOLUTION } : {}),
      ...over,
    };
  }

  async ok(reply: Promise<CommitReply>): Promise<CommitReply & { ok: true }> {
    const answer = await reply;
    if (!answer.ok) throw new Error(`refused: ${answer.refusal}`);
    return answer;
  }

  async refusal(reply: Promise<CommitReply>): Promise<string> {
    const answer = await reply;
    return answer.ok ? 'not refused' : answer.refusal;
  }

  /** Everything there is of a stream. */
  async all(key: StreamKey = KEY): Promise<unknown> {
    const kept = await this.store.read(key, 'kept');
    const pages = kept.map(({ generation }) =>
      this.store.readLog({ key, generation, after: 0, maxEvents: 10_000, maxBytes: 10_000_000 }),
    );
    return { kept, pages: await Promise.all(pages) };
  }

  async sequences(generation?: number): Promise<string> {
    const page = await this.store.readLog({
      key: KEY,
      generation,
      after: 0,
      maxEvents: 10_000,
      maxBytes: 10_000_000,
    });
    return page.found ? page.events.map((event) => `${event.sequence}:${event.data}`).join(' ') : 'gone';
  }
}

export function claimOf({ generation, attempt }: JobRecord): LeaseClaim {
  return { key: KEY, generation, attempt };
}

/** A generation in each status. */
export async function inStatus(desk: Desk, status: JobStatus): Promise<JobRecord> {
  const record = await desk.created();
  const reach: Partial<Record<JobStatus, () => Promise<CommitReply>>> = {
    requires_action: () => desk.store.commit(desk.end(record, 'pause')),
    completed: () => desk.store.commit(desk.end(record, 'complete')),
    failed: () => desk.store.commit(desk.end(record, 'fail')),
    aborted: () => desk.store.commit(desk.other(record, 'abort')),
  };
  const reply = reach[status] && (await desk.ok(reach[status]()));
  return reply?.record ?? record;
}
