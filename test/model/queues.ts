/**
 * The model of what waits: the runs that the store accepted, in order, and what has become of each. One is started, was taken away or
 * handed back, still waits, or went with its stream; never two of these.
 */
import { expect } from 'vitest';
import type { CreateReply, CreateRequest } from '../../src/stream/interfaces/commits.js';
import type { AddToQueue, QueueReply, QueueStep } from '../../src/stream/interfaces/job-queues.js';
import type { JobStore } from '../../src/stream/interfaces/job-store.js';
import { isHeld } from '../../src/stream/model/queue-hold.js';
import { waitingRuns } from '../../src/stream/model/queued-run.js';
import { isActive } from '../../src/stream/model/transitions.js';
import type { StreamKey } from '../../src/stream/model/types.js';

export class QueueTruth {
  readonly #accepted: string[] = [];
  /** The generations that runs have become. */
  readonly #started = new Map<string, number>();
  /** Taken away, or handed back. */
  readonly #left = new Set<string>();
  #drops = 0;

  /** A call was answered: said to the caller or not. */
  observe(method: string, args: readonly unknown[], answer: unknown): void {
    if (method === 'queues.drop') this.#drops++;
    if (method === 'create') this.#observeCreate(args[0] as CreateRequest, answer as CreateReply);
    const reply = answer as QueueReply;
    if (method === 'queues.add' && reply.outcome === 'ok' && reply.changed)
      this.#accepted.push((args[1] as AddToQueue).queueId);
    if (method !== 'queues.change' || reply.outcome !== 'ok') return;
    for (const { queueId } of reply.removed) this.#left.add(queueId);
    const step = args[1] as QueueStep;
    if (step.name === 'return' && reply.changed) this.#left.add(step.queueId);
  }

  get accepted(): readonly string[] {
    return this.#accepted;
  }

  /** A run that was accepted: the `index`th of them all, of the newest first; undefined when there is none. */
  pick(index: number): string | undefined {
    return this.#accepted.at(-1 - (index % Math.max(1, this.#accepted.length)));
  }

  /** Whether it was taken away by somebody. */
  hasLeft(queueId: string): boolean {
    return this.#left.has(queueId);
  }

  /** Each run that was accepted has become one thing; those that started did so in their order. */
  async check(store: JobStore, key: StreamKey): Promise<void> {
    const { runs } = await store.queues.read(key);
    const there = new Set(runs.map(({ queueId }) => queueId));
    for (const queueId of this.#accepted) {
      const isReturned = runs.some((run) => run.queueId === queueId && run.returned !== undefined);
      const become = [
        this.#started.has(queueId) && 'started',
        this.#left.has(queueId) && !isReturned && 'left',
        there.has(queueId) && 'there',
      ].filter(Boolean);
      if (become.length === 0) expect(this.#drops, `what became of ${queueId}`).toBeGreaterThan(0);
      else expect(become, `what became of ${queueId}`).toHaveLength(1);
    }
    const order = [...this.#started.keys()].map((queueId) => this.#accepted.indexOf(queueId));
    expect(order, 'started in their order').toEqual([...order].sort((one, other) => one - other));
  }

  /** By now what may start has started: behind what waits there is something active, or a stop. */
  async checkProgress(store: JobStore, key: StreamKey): Promise<void> {
    const state = await store.queues.read(key);
    const [current] = await store.read(key, 'current');
    if (waitingRuns(state).length === 0 || (current && isActive(current.status))) return;
    expect(isHeld(current, state), `what waits behind ${current?.status} is held`).toBe(true);
  }

  #observeCreate({ callId, start }: CreateRequest, reply: CreateReply): void {
    if (start === undefined || reply.outcome !== 'created') return;
    const { generation } = reply.record;
    expect([undefined, generation], `${callId} starts once`).toContain(this.#started.get(callId));
    this.#started.set(callId, generation);
  }
}
