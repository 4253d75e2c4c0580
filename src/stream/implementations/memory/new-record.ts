/** A record in memory, as it is when its generation is created. */
import type { CreateRequest } from '../../interfaces/commits.js';
import type { JobRecord, Mutable } from '../../model/types.js';

/** The part of a record that is kept as it is; the rest is made of what lies beside it. */
export type KeptRecord = Mutable<Omit<JobRecord, 'metadata' | 'notes' | 'inbox' | 'unsent' | 'revision'>>;

export function newRecord(request: CreateRequest, generation: number, now: number): KeptRecord {
  return {
    streamId: request.key.streamId,
    tenantId: request.key.tenantId,
    generation,
    attempt: 1,
    recoveries: 0,
    status: 'running',
    userId: request.userId,
    conversationId: request.conversationId,
    contentModel: request.contentModel,
    idempotencyKey: request.idempotencyKey,
    createId: request.callId,
    fromQueue: request.start === undefined ? undefined : true,
    waits: request.waits,
    createdAt: now,
    updatedAt: now,
    lastSequence: 0,
    lifecycleEvents: 0,
    snapshotSequence: 0,
    leaseUntil: now + request.leaseMs,
    leaseMs: request.leaseMs,
    replicaId: request.replicaId,
    resolutions: [],
    usage: {},
    usageEntries: [],
    settlement: { state: 'settled', revision: 0, tries: 0, notBefore: 0 },
  };
}
