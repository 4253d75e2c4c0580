/** The steps of one stream's life, as managers make them of a store, for tests of what a store does with each. */
import { expect } from 'vitest';
import type {
  Commit,
  CommitReply,
  OtherCommit,
  ProducerCommit,
} from '../../src/stream/interfaces/commits.js';
import type { JobStore, RenewAnswer } from '../../src/stream/interfaces/job-store.js';
import { streamKey } from '../../src/stream/model/stream-key.js';
import type { JobRecord, StreamKey } from '../../src/stream/model/types.js';

export const HOUR = 3_600_000;
const event = (name: string, data: unknown = {}) => ({ event: name, data: JSON.stringify(data) });

let calls = 0;
const nextCall = () => `call-${++calls}`;

export class StreamSteps {
  readonly key: StreamKey;
  readonly #store: JobStore;

  constructor(store: JobStore, streamId: string) {
    this.#store = store;
    this.key = streamKey(streamId);
  }

  async current(): Promise<JobRecord> {
    const [record] = await this.#store.read(this.key, 'current');
    if (record === undefined) throw new Error('There is no record.');
    return record;
  }

  async create({ replaces, callId = nextCall() }: { replaces?: JobRecord; callId?: string } = {}) {
    const replaced = {
      ...{ end: event('aborted', { code: 'replaced' }) },
      error: { code: 'replaced', message: '', retryable: false },
    };
    const reply = await this.#store.create({
      ...{ key: this.key, userId: 'u', callId, notAfter: Date.now() + HOUR, leaseMs: HOUR },
      ...{ metadata: { [`of ${callId}`]: '1' }, created: event('created'), settles: false },
      replaces: replaces && { generation: replaces.generation, ...replaced },
    });
    if (reply.outcome !== 'created') throw new Error(`The store says ${reply.outcome}.`);
    return reply.record;
  }

  async renew(): Promise<RenewAnswer | Error | undefined> {
    const { generation, attempt } = await this.current();
    return (await this.#store.renew([{ key: this.key, generation, attempt }], HOUR))[0];
  }

  /** The producer's commit of one event, with what else it changes. */
  async produce(
    more: Partial<ProducerCommit> = {},
    name = 'text',
    data: unknown = 'a',
  ): Promise<CommitReply> {
    const { generation, attempt, lastSequence } = await this.current();
    return this.#commit({
      ...{ writer: 'producer', key: this.key, generation, attempt, afterSequence: lastSequence },
      events: [{ ...event(name, data), sequence: lastSequence + 1, attempt }],
      ...more,
    });
  }

  patch(number: number): Promise<CommitReply> {
    return this.produce({ patch: { number, usage: { tokens: number } } });
  }

  complete(): Promise<CommitReply> {
    return this.produce({ transition: { name: 'complete', callId: nextCall(), settles: true } }, 'completed');
  }

  pause(actionId = 'q'): Promise<CommitReply> {
    const action = {
      ...{ actionId, type: 'approval', requests: [], questions: [], payloadDigest: 'd' },
      ...{ resumeContext: null, expiresInMs: HOUR },
    };
    const transition = { name: 'pause', callId: nextCall(), settles: true, action: action as never } as const;
    return this.produce({ transition }, 'requires_action', { action: { actionId } });
  }

  resolve(actionId = 'q'): Promise<CommitReply> {
    return this.#other('resolve', {
      ...{ actionId, leaseMs: HOUR },
      resolution: {
        ...{ actionId, type: 'approval', outcome: 'decided', decisions: [], answers: [] },
        ...{ payloadDigest: 'd', askedAt: 1 },
      },
    });
  }

  abort(): Promise<CommitReply> {
    return this.#other('abort', { error: { code: 'aborted', message: '', retryable: false } });
  }

  /** A take-over that starts the answer over; its lease counts as lapsed. */
  async startOver(): Promise<CommitReply> {
    const { attempt, leaseUntil } = await this.current();
    return this.#other('recover', { attempt, unmovedLeaseUntil: leaseUntil, leaseMs: HOUR, restarts: true });
  }

  async send(messageId: string): Promise<CommitReply> {
    const { generation } = await this.current();
    const bounds = { waiting: 9, accepted: 9 };
    const step = { name: 'send', messageId, kind: 'steer', message: '"hi"', by: 'u', bounds } as const;
    return this.#commit({ writer: 'sender', key: this.key, generation, step });
  }

  take(messageId: string): Promise<CommitReply> {
    return this.produce({ takes: [messageId] }, 'message', { messageId });
  }

  /** Begins a call that is made once. */
  async begin(name: string): Promise<CommitReply> {
    const { generation, attempt } = await this.current();
    const step = { step: 'begin', name, callId: nextCall(), most: 9 } as const;
    return this.#commit({ writer: 'receipts', key: this.key, generation, attempt, ...step });
  }

  async snapshot(): Promise<void> {
    const { generation, attempt, lastSequence } = await this.current();
    const snapshot = { sequence: lastSequence, content: '""', kept: [] };
    expect(
      await this.#store.saveSnapshot({ key: this.key, generation, attempt, snapshot, trim: false }),
    ).toBe(true);
  }

  /** A step of the settlement after which the keys live for so long. */
  settle({ generation, settlement }: JobRecord, keepMs: number): Promise<CommitReply> {
    return this.#commit({
      ...{ writer: 'settler', key: this.key, generation, revision: settlement.revision },
      ...{ state: 'set_aside', tries: 1, notBeforeMs: 0, keepMs },
    });
  }

  async #other(name: OtherCommit['name'], more: Partial<OtherCommit>): Promise<CommitReply> {
    const { generation } = await this.current();
    return this.#commit({
      ...{ writer: 'other', key: this.key, generation, name, callId: nextCall() },
      ...{ event: event('said', { name }), settles: true },
      ...more,
    });
  }

  async #commit(commit: Commit): Promise<CommitReply> {
    const reply = await this.#store.commit(commit);
    if (!reply.ok) throw new Error(`The store says ${reply.refusal}.`);
    return reply;
  }
}
