/** A desk at which runs wait for their turn. */
import type {
  AddToQueue,
  CreateReply,
  CreateRequest,
  QueueReply,
  QueueState,
  QueueStep,
  StoredQueuedRun,
} from 'generation-jobs/ports';
import { Desk, KEY } from './desk.js';
import { expect } from './tools.js';

export const HOUR = 3_600_000;

export class QueueDesk extends Desk {
  add(queueId: string, over: Partial<AddToQueue> = {}): Promise<QueueReply> {
    const request = JSON.stringify({ of: queueId });
    const run = { queueId, userId: 'u', request, expiresInMs: HOUR, mostWaiting: 4, ...over };
    return this.store.queues.add(KEY, run);
  }

  /** Adds runs, each of which is taken in. */
  async added(queueIds: readonly string[], over: Partial<AddToQueue> = {}): Promise<QueueState> {
    let state = await this.state();
    for (const queueId of queueIds) {
      const reply = await this.add(queueId, over);
      expect(reply).toMatchObject({ outcome: 'ok', changed: true, queueId, removed: [] });
      if (reply.outcome === 'ok') state = reply.state;
    }
    return state;
  }

  change(step: QueueStep, ownedBy?: string): Promise<QueueReply> {
    return this.store.queues.change(KEY, step, ownedBy);
  }

  /** Makes a step that changes something; returns what it has taken away. */
  async changed(step: QueueStep): Promise<readonly StoredQueuedRun[]> {
    const before = await this.state();
    const reply = await this.change(step);
    if (reply.outcome !== 'ok') throw new Error(`${step.name}: ${reply.outcome}`);
    expect(reply.changed).toBe(true);
    expect(reply.state).toEqual(await this.state());
    expect(reply.state.revision).toBeGreaterThan(before.revision);
    return reply.removed;
  }

  /** Makes a step that has nothing to do. */
  async unchanged(step: QueueStep): Promise<void> {
    const before = await this.state();
    expect(await this.change(step)).toEqual({ outcome: 'ok', changed: false, state: before, removed: [] });
    expect(await this.state()).toEqual(before);
  }

  state(): Promise<QueueState> {
    return this.store.queues.read(KEY);
  }

  /** The ids of those that wait, in their order. */
  async waiting(): Promise<string> {
    const { runs } = await this.state();
    return runs.flatMap(({ queueId, returned }) => (returned === undefined ? [queueId] : [])).join(' ');
  }

  /** Those that were handed back, each with its reason. */
  async returned(): Promise<string> {
    const { runs } = await this.state();
    return runs.flatMap(({ queueId, returned }) => (returned ? [`${queueId}:${returned}`] : [])).join(' ');
  }

  starting(queueId: string, startId: string, over: Partial<CreateRequest> = {}): CreateRequest {
    return this.request({ callId: queueId, start: { startId }, ...over });
  }

  start(queueId: string, startId = 'start', over: Partial<CreateRequest> = {}): Promise<CreateReply> {
    return this.store.create(this.starting(queueId, startId, over));
  }

  /** The outcome of a start that changes nothing. */
  async refused(queueId: string, over: Partial<CreateRequest> = {}): Promise<string> {
    const before = { queue: await this.state(), stream: await this.all() };
    const { outcome } = await this.start(queueId, 'refused', over);
    expect({ queue: await this.state(), stream: await this.all() }).toEqual(before);
    return outcome;
  }
}
