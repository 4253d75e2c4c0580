/**
 * The model of what was sent: for each generation the messages that the store accepted, in order, and which of them it has
 * cancelled. What is in the log, and what is left, is held against it.
 */
import { expect } from 'vitest';
import type { CommitReply, SenderCommit } from '../../src/stream/interfaces/commits.js';
import type { JobRecord, LogEvent } from '../../src/stream/model/types.js';

export class MessageTruth {
  readonly #accepted = new Map<number, string[]>();
  readonly #cancelled = new Set<string>();

  /** A commit was answered: said to the caller or not. */
  observe({ writer, step }: SenderCommit, reply: CommitReply): void {
    if (writer !== 'sender' || !reply.ok || !reply.record || !reply.sent) return;
    const { messageId, isNew } = reply.sent;
    if (step.name === 'cancel') this.#cancelled.add(messageId);
    if (step.name !== 'send' || !isNew) return;
    const accepted = this.#accepted.get(reply.record.generation) ?? [];
    this.#accepted.set(reply.record.generation, accepted);
    if (!accepted.includes(messageId)) accepted.push(messageId);
  }

  /** A message that was accepted: the `index`th of them all, of the newest first; undefined when there is none. */
  pick(index: number): { generation: number; messageId: string } | undefined {
    const all = [...this.#accepted].flatMap(([generation, ids]) =>
      ids.map((messageId) => ({ generation, messageId })),
    );
    return all.at(-1 - (index % Math.max(1, all.length)));
  }

  accepted(generation: number): readonly string[] {
    return this.#accepted.get(generation) ?? [];
  }

  /** Each accepted message was applied once or cancelled, waits or is handed back; in order. */
  check(generation: number, log: readonly LogEvent[], record: JobRecord): void {
    const accepted = this.accepted(generation);
    const left = [...record.inbox, ...record.unsent].map(({ messageId }) => messageId);
    const applied = appliedIn(log);
    const cancelled = accepted.filter((id) => this.#cancelled.has(id));
    const context = `messages of ${generation}: applied ${applied}, left ${left}, cancelled ${cancelled}`;
    expect([...applied, ...left, ...cancelled].sort(), context).toEqual([...accepted].sort());
    const places = [...applied, ...left].map((id) => accepted.indexOf(id));
    expect(places, `${context}: in order`).toEqual([...places].sort((one, other) => one - other));
  }
}

/** The messages that took effect, as a page has them: a restart begins anew. */
function appliedIn(log: readonly LogEvent[]): string[] {
  let applied: string[] = [];
  for (const { event, data } of log) {
    const told = JSON.parse(data);
    if (event === 'recovered' && told.restart) applied = [];
    if (event === 'message') applied.push(told.messageId);
  }
  return applied;
}
