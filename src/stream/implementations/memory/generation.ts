/**
 * One generation in memory: its record, its log, its snapshot, and the commits that change them. Each method is one
 * synchronous step that checks everything before it writes anything; the transition table decides what is legal.
 */
import type {
  AnnotationCommit,
  CommitReply,
  CreateRequest,
  LeaverCommit,
  OtherCommit,
  Place,
  ProducerCommit,
  Refusal,
  SenderCommit,
  SettlementCommit,
} from '../../interfaces/commits.js';
import type { LeaseClaim, RenewAnswer } from '../../interfaces/job-store.js';
import type { FoundPage, ReadLogRequest } from '../../interfaces/log-pages.js';
import type { ReceiptCommit } from '../../interfaces/receipt-commits.js';
import { type KeptHandOver, standingHandOver } from '../../model/hand-over.js';
import { settlementStateOf } from '../../model/settlement-state.js';
import { isActive, refusalOfProducer, TRANSITIONS, transitionOf } from '../../model/transitions.js';
import type {
  Frame,
  JobFailure,
  JobRecord,
  JobStatus,
  LogEvent,
  SerialisedEvent,
  Snapshot,
  StreamKey,
} from '../../model/types.js';
import { InMemoryAnnotations } from './annotations.js';
import { InMemoryLog } from './generation-log.js';
import { InMemoryInbox } from './inbox.js';
import { type KeptRecord, newRecord } from './new-record.js';
import { isBeyond, refusalOfOther } from './other-refusals.js';
import { InMemoryReceipts } from './receipts.js';
import { afterStep } from './settlement-step.js';

const NO_FRAMES: readonly Frame[] = [];

export class InMemoryGeneration {
  readonly key: StreamKey;
  /** Names the start that has taken it from a queue. */
  readonly startId: string | undefined;
  readonly #record: KeptRecord;
  readonly receipts = new InMemoryReceipts();
  readonly #annotations: InMemoryAnnotations;
  readonly #inbox = new InMemoryInbox();
  readonly #calls = new Set<string>();
  readonly #log = new InMemoryLog();
  #heldUntil = 0;
  #handOver: KeptHandOver | undefined;

  constructor(request: CreateRequest, generation: number, now: number) {
    this.key = request.key;
    this.startId = request.start?.startId;
    this.#annotations = new InMemoryAnnotations(request.metadata);
    this.#record = newRecord(request, generation, now);
    this.append(request.created);
  }

  get generation(): number {
    return this.#record.generation;
  }

  get status(): JobStatus {
    return this.#record.status;
  }

  get userId(): string {
    return this.#record.userId;
  }

  get idempotencyKey(): string | undefined {
    return this.#record.idempotencyKey;
  }

  get createId(): string {
    return this.#record.createId;
  }

  /** A copy nobody shares. */
  record(): JobRecord {
    const metadata = this.#annotations.metadata();
    const notes = this.#annotations.notes();
    const handOver = standingHandOver(this.#handOver, this.#record);
    const inbox = this.#inbox.shown(this.#record);
    const receipts = this.receipts.count;
    const shown = { handOver, metadata, notes, ...inbox, receipts, revision: this.#revision };
    return { ...structuredClone(this.#record), ...shown };
  }

  get #revision(): number {
    return this.#annotations.changes + this.#record.settlement.revision;
  }

  lastFrame(): Frame {
    return this.#frame(this.#log.newest);
  }

  // --- commits

  commitProducer(commit: ProducerCommit, now: number): CommitReply {
    const { transition, patch, takes = [] } = commit;
    const record = this.#record;
    if (transition && this.#calls.has(transition.callId)) return this.#repeated();
    const refusal = refusalOfProducer(record, commit.attempt);
    if (refusal) return this.#refused(refusal);
    if (record.lastSequence !== commit.afterSequence) {
      const isRepeat = record.lastSequence === commit.afterSequence + commit.events.length && !transition;
      return isRepeat
        ? { ok: true, lastSequence: record.lastSequence, frames: NO_FRAMES }
        : this.#refused('sequence');
    }
    if (!transition && this.#heldUntil > now) return this.#refused('held');
    if (transition?.ifInboxEmpty && this.#inbox.sizeWithout(takes) > 0) return this.#refused('inbox');
    const isTaking = this.#inbox.take(takes);
    let events = commit.events;
    if (transition) {
      events = this.#applyProducerTransition(commit, now);
      this.#calls.add(transition.callId);
    }
    const frames: Frame[] = [];
    if (isTaking) this.#annotations.raise(record.settlement.revision);
    const isPatching = patch !== undefined && patch.number > (record.changes ?? 0);
    if (isPatching) this.#applyPatch(patch, now);
    // Told before the events it goes with: behind an end nobody would look at it any more.
    if (isTaking || (isPatching && patch.metadata !== undefined)) frames.push(this.#announcement());
    for (const event of events) this.#log.push(event);
    record.lastSequence += events.length;
    if (events.length > 0) frames.push(this.#frame(events));
    return {
      ok: true,
      lastSequence: record.lastSequence,
      frames,
      record: transition ? this.record() : undefined,
    };
  }

  commitOther(commit: OtherCommit, now: number): CommitReply {
    if (this.#calls.has(commit.callId)) return this.#repeated();
    const refusal = refusalOfOther(this.#record, commit, now);
    if (refusal) return this.#refused(refusal);
    const record = this.#record;
    const transition = transitionOf(commit.name);
    if (commit.releaseKeyWhenEarly && record.lastSequence === record.lifecycleEvents)
      record.idempotencyKey = undefined;
    if (transition.nextAttempt) {
      record.attempt++;
      record.changes = undefined;
      if (commit.name === 'recover' && record.leaseUntil !== 0) record.recoveries++;
      record.leaseUntil = now + (commit.leaseMs ?? 0);
      record.leaseMs = commit.leaseMs;
      record.replicaId = commit.replicaId;
    }
    if (commit.resolution) record.resolutions = [...record.resolutions, { ...commit.resolution, at: now }];
    this.#enter(transition.to, now, commit.error, commit.settles, commit.leaveMs);
    const frames: Frame[] = [];
    if (commit.restarts && this.#inbox.putBack()) {
      this.#annotations.raise(record.settlement.revision);
      frames.push(this.#announcement());
    }
    frames.push(this.append(commit.event));
    this.#calls.add(commit.callId);
    return { ok: true, lastSequence: record.lastSequence, frames, record: this.record() };
  }

  commitSettlement(commit: SettlementCommit, now: number): CommitReply {
    if (commit.pauseOf !== undefined) return this.#commitNotice(commit, commit.pauseOf, now);
    const { settlement, status, lastSequence } = this.#record;
    const shown = settlementStateOf(this.#record, now);
    if (isActive(status)) return this.#refused('running');
    if (settlement.revision !== commit.revision) return this.#refused('revision');
    this.#record.settlement = afterStep(commit, now);
    this.#record.updatedAt = now;
    // A claim that is only renewed changes nothing that is seen.
    const frames = settlementStateOf(this.#record, now) === shown ? NO_FRAMES : [this.#announcement()];
    return { ok: true, lastSequence, frames, record: this.record() };
  }

  /** Writes what a stopped producer still has to say, and that it has left. */
  commitLeaver(commit: LeaverCommit, now: number): CommitReply {
    const { attempt, settlement, status, lastSequence, producerLeft } = this.#record;
    if (isActive(status)) return this.#refused('running');
    if (commit.attempt !== attempt) return this.#refused('fenced');
    const patch =
      commit.patch && commit.patch.number > (this.#record.changes ?? 0) ? commit.patch : undefined;
    if (patch && settlement.tries > 0) return this.#refused('closed');
    const before = this.#revision;
    if (patch) this.#applyPatch(patch, now);
    if (commit.leaves && !producerLeft) {
      this.#record.producerLeft = true;
      this.#record.updatedAt = now;
      if (settlement.state === 'open' && settlement.tries === 0)
        this.#record.settlement = { ...settlement, revision: settlement.revision + 1, notBefore: now };
      else this.#annotations.changes++;
    }
    const frames = this.#revision === before ? NO_FRAMES : [this.#announcement()];
    return { ok: true, lastSequence, frames, record: this.record() };
  }

  #commitNotice(commit: SettlementCommit, pauseOf: string, now: number): CommitReply {
    const { status, pendingAction, pauseNotice, lastSequence } = this.#record;
    if (status !== 'requires_action') return this.#refused(status === 'running' ? 'running' : 'ended');
    if (pendingAction?.actionId !== pauseOf) return this.#refused('action');
    if (pauseNotice?.revision !== commit.revision) return this.#refused('revision');
    this.#record.pauseNotice = afterStep(commit, now);
    this.#record.updatedAt = now;
    return { ok: true, lastSequence, frames: NO_FRAMES, record: this.record() };
  }

  commitAnnotation(commit: AnnotationCommit): CommitReply {
    const outcome = this.#annotations.annotate(commit, this.#record.settlement.revision);
    if (typeof outcome === 'string') return this.#refused(outcome);
    const frames = outcome ? [this.#announcement()] : NO_FRAMES;
    return { ok: true, lastSequence: this.#record.lastSequence, frames, record: this.record() };
  }

  /** Says whether the inbox has ever accepted a message of this id. */
  knowsMessage(messageId: string): boolean {
    return this.#inbox.knows(messageId);
  }

  commitSender({ step }: SenderCommit, isCurrent: boolean, now: number): CommitReply {
    const outcome = this.#inbox.change(step, this.#record, isCurrent, now);
    if (typeof outcome === 'string') return this.#refused(outcome);
    const { isChanged, ...told } = outcome;
    if (isChanged) this.#annotations.raise(this.#record.settlement.revision);
    const frames = isChanged ? [this.#announcement()] : NO_FRAMES;
    return { ok: true, lastSequence: this.#record.lastSequence, frames, record: this.record(), ...told };
  }

  /** Only a begin is fenced: what a call has come to is true whoever produces by then. */
  commitReceipt(commit: ReceiptCommit, now: number): CommitReply {
    const refusal = commit.step === 'begin' ? refusalOfProducer(this.#record, commit.attempt) : undefined;
    if (refusal) return this.#refused(refusal);
    const receipt = this.receipts.take(commit, now);
    if (typeof receipt === 'string') return this.#refused(receipt);
    return { ok: true, lastSequence: this.#record.lastSequence, frames: NO_FRAMES, receipt };
  }

  isBeingSettled(now: number): boolean {
    const { claimed, notBefore } = this.#record.settlement;
    return claimed === true && notBefore > now;
  }

  hold(forMs: number, now: number): CommitReply {
    const { status, lastSequence } = this.#record;
    if (!isActive(status)) return this.#refused('ended');
    if (forMs === 0) this.#heldUntil = 0;
    else if (status === 'running') this.#heldUntil = Math.max(this.#heldUntil, now + forMs);
    return { ok: true, lastSequence, frames: NO_FRAMES, record: this.record() };
  }

  /** Says whether it has gone on since its end was described. */
  isBeyond(described: Place | undefined): boolean {
    return isBeyond(this.#record, described);
  }

  /** Ended by a create, in the same step. */
  replaceBy(replaces: NonNullable<CreateRequest['replaces']>, settles: boolean, now: number): Frame {
    const { end, error, leaveMs } = replaces;
    this.#enter(TRANSITIONS.replace.to, now, error, settles, leaveMs);
    return this.append(end);
  }

  /** Appends a lifecycle event at whatever the tail is. */
  append(event: SerialisedEvent): Frame {
    const record = this.#record;
    record.lastSequence++;
    record.lifecycleEvents++;
    const logged: LogEvent = { ...event, sequence: record.lastSequence, attempt: record.attempt };
    this.#log.push(logged);
    return this.#frame([logged]);
  }

  /** @param leaseMs 0 to give the lease up */
  renew({ attempt, replicaId }: LeaseClaim, leaseMs: number, now: number): RenewAnswer {
    const record = this.#record;
    const refusal = refusalOfProducer(record, attempt);
    if (refusal) return refusal;
    if (replicaId !== undefined) record.replicaId = replicaId;
    [record.leaseUntil, record.leaseMs] = leaseMs === 0 ? [0, undefined] : [now + leaseMs, leaseMs];
    record.updatedAt = now;
    return this.#inbox.size > 0 ? { held: true, waiting: this.#inbox.size } : 'held';
  }

  // --- reading

  page(request: ReadLogRequest): Omit<FoundPage, 'currentGeneration' | 'nextGeneration'> {
    const record = this.#record;
    const snapshot = request.after === 'snapshot' ? this.#log.snapshot : undefined;
    const after = request.after === 'snapshot' ? (snapshot?.sequence ?? 0) : request.after;
    return {
      found: true,
      generation: record.generation,
      userId: record.userId,
      status: record.status,
      revision: this.#revision,
      changedRevision: this.#annotations.changedRevision,
      settlement: { ...record.settlement },
      events: this.#log.after(after, request.maxEvents, request.maxBytes),
      firstSequence: this.#log.firstSequence,
      lastSequence: record.lastSequence,
      snapshotSequence: this.#log.snapshot?.sequence ?? 0,
      snapshot,
      record: request.record ? this.record() : undefined,
    };
  }

  saveSnapshot(attempt: number, snapshot: Snapshot, trim: boolean): boolean {
    const record = this.#record;
    if (attempt !== record.attempt || snapshot.sequence <= record.snapshotSequence) return false;
    if (snapshot.sequence > record.lastSequence) return false;
    record.snapshotSequence = snapshot.sequence;
    this.#log.keep(snapshot, trim);
    return true;
  }

  // --- rules

  #applyProducerTransition(commit: ProducerCommit, now: number): readonly LogEvent[] {
    const transition = commit.transition as NonNullable<ProducerCommit['transition']>;
    this.#record.lifecycleEvents++;
    this.#enter(transitionOf(transition.name).to, now, transition.error, transition.settles);
    if (transition.releasesKey) this.#record.idempotencyKey = undefined;
    if (!transition.action) return commit.events;
    const { expiresInMs, ...action } = transition.action;
    const times = { askedAt: now, expiresAt: now + expiresInMs };
    this.#record.pendingAction = { ...action, ...times };
    const { noticeMs } = transition;
    if (noticeMs !== undefined) {
      const notBefore = now + noticeMs;
      this.#record.pauseNotice = { state: 'open', revision: 1, tries: 1, notBefore, claimed: true };
    }
    // The event tells clients since and until when: by the store's clock, which only the store knows.
    const announced = commit.events.at(-1) as LogEvent;
    const data = JSON.parse(announced.data) as { action: object };
    const payload = JSON.stringify({ ...data, action: { ...data.action, ...times } });
    return [...commit.events.slice(0, -1), { ...announced, data: payload }];
  }

  /** @param leaveMs how long a producer that may still be there has for its books */
  #enter(status: JobStatus, now: number, error: JobFailure | undefined, settles: boolean, leaveMs = 0): void {
    const record = this.#record;
    const wasPaused = record.status === 'requires_action';
    const isThere = record.status === 'running' && (record.leaseUntil ?? 0) > now;
    record.status = status;
    record.updatedAt = now;
    this.#heldUntil = 0;
    if (wasPaused && status === 'running') record.resumedAction = record.pendingAction;
    else if (status !== 'running') record.resumedAction = undefined;
    record.pendingAction = undefined;
    record.pauseNotice = undefined;
    if (status !== 'running') record.leaseUntil = record.leaseMs = this.#handOver = undefined;
    if (status === 'requires_action') record.replicaId = undefined;
    if (isActive(status)) return;
    record.endedAt = now;
    this.#inbox.close();
    if (wasPaused) record.producerLeft = true; // nobody produces what waits for a person
    record.error = error;
    const notBefore = now + (settles && isThere ? leaveMs : 0);
    record.settlement = { state: settles ? 'open' : 'settled', revision: 1, tries: 0, notBefore };
  }

  #applyPatch(patch: NonNullable<ProducerCommit['patch']>, now: number): void {
    this.#record.changes = patch.number;
    this.#record.updatedAt = now;
    if (patch.conversationId !== undefined) this.#record.conversationId = patch.conversationId;
    if (patch.usage) this.#record.usage = { ...patch.usage };
    if (patch.usageEntries) this.#record.usageEntries = structuredClone(patch.usageEntries);
    if (patch.handOver) this.#handOver = patch.handOver;
    if (patch.metadata === undefined) return;
    this.#annotations.patch(patch.metadata, this.#record.settlement.revision);
  }

  #repeated(): CommitReply {
    return { ok: true, lastSequence: this.#record.lastSequence, frames: NO_FRAMES, record: this.record() };
  }

  #refused(refusal: Refusal): CommitReply {
    return { ok: false, refusal, record: this.record() };
  }

  #frame(events: readonly LogEvent[]): Frame {
    const { generation } = this.#record;
    const [firstSequence, lastSequence] = [events[0]?.sequence ?? 0, events.at(-1)?.sequence ?? 0];
    return { key: this.key, generation, firstSequence, lastSequence, events, emittedAt: undefined };
  }

  /** Tells followers that the record has changed; they look at what interests them. */
  #announcement(): Frame {
    const { generation, lastSequence } = this.#record;
    const revision = this.#revision;
    const place = { key: this.key, generation, firstSequence: lastSequence + 1, lastSequence };
    return { ...place, events: [], revision, changedRevision: this.#annotations.changedRevision };
  }
}
