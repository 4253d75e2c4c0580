/**
 * The inbox of one attempt. What waits stands in the record; here is only known that something does, by what others announce,
 * by the answer to each renewal, and by the record the attempt began with. So a lost announcement costs a renewal.
 *
 * A take has two steps. The first *reserves* the message for this attempt: from then on nobody edits or cancels it, so what
 * the second commits, with the event, is what stands there. Between the two it still waits: an attempt that dies there has
 * taken nothing.
 */
import { GenerationJobError, JobEndedError } from '../../errors.js';
import type { CommitReply, SenderCommit } from '../interfaces/commits.js';
import type { JobInbox } from '../interfaces/job-inbox.js';
import type { EarlierMessage, InboxMessage, TakenMessage } from '../model/inbox-message.js';
import type { JobRecord, StreamKey } from '../model/types.js';
import { handOutMethods } from '../process/handed-out.js';
import type { Parts } from '../process/parts.js';
import { repeatUntilAnswered } from '../process/repeat.js';
import { type MayBeOver, throwIfOver } from './end-under-way.js';

type InboxParts = Pick<Parts, 'store' | 'clock' | 'entropy' | 'options' | 'errors' | 'observer'>;

/** The inbox needs this of the attempt it belongs to. */
export interface InboxOwner extends MayBeOver {
  isOver(): boolean;
  /** Returns the time on the monotonic clock until which a call may be repeated. */
  leaseDeadline(): number;
  /** Commits the event `message` with the removal; resolves when that is answered. */
  takeMessage(message: TakenMessage): Promise<void>;
  /** Tells of what a listener threw. */
  report(error: unknown): void;
  /** A call was refused: the attempt is over. @returns why */
  refused(reply: CommitReply & { ok: false }): JobEndedError;
}

export interface InboxPlace {
  readonly key: StreamKey;
  readonly generation: number;
  readonly attempt: number;
}

export class AttemptInbox implements JobInbox {
  static {
    handOutMethods(AttemptInbox.prototype, ['take', 'peek', 'taken'], (inbox) => {
      const { key, generation, attempt } = inbox.#place;
      const { streamId, tenantId } = key;
      return { ...inbox.#parts, record: { streamId, tenantId, generation, attempt } };
    });
  }

  readonly #parts: InboxParts;
  readonly #place: InboxPlace;
  readonly #owner: InboxOwner;
  #known: number;
  /** Counts what was heard, so that nothing that comes during a take is forgotten by it. */
  #heard = 0;
  #arrival:
    | { readonly promise: Promise<boolean>; readonly resolve: (hasArrived: boolean) => void }
    | undefined;
  readonly #watchers = new Set<() => void>();
  #last: Promise<unknown> = Promise.resolve();

  /** @param known how many messages wait as the attempt begins */
  constructor(parts: InboxParts, place: InboxPlace, known: number, owner: InboxOwner) {
    this.#parts = parts;
    this.#place = place;
    this.#known = known;
    this.#owner = owner;
  }

  get waiting(): number {
    return this.#owner.isOver() ? 0 : this.#known;
  }

  arrived(): Promise<boolean> {
    if (this.#owner.isOver()) return Promise.resolve(false);
    if (this.#known > 0) return Promise.resolve(true);
    if (this.#arrival === undefined) {
      let resolve: (hasArrived: boolean) => void = () => {};
      const promise = new Promise<boolean>((done) => {
        resolve = done;
      });
      this.#arrival = { promise, resolve };
    }
    return this.#arrival.promise;
  }

  watch(listener: () => void): () => void {
    if (this.#owner.isOver()) return () => {};
    // A function of its own, so that a listener that is given twice is there twice.
    const watcher = () => listener();
    this.#watchers.add(watcher);
    return () => this.#watchers.delete(watcher);
  }

  async peek(): Promise<readonly InboxMessage[]> {
    await throwIfOver(this.#owner);
    if (this.#known === 0) return [];
    const { key, generation } = this.#place;
    const [record] = await this.#repeat(() => this.#parts.store.read(key, generation));
    return record?.inbox ?? [];
  }

  async taken(): Promise<readonly EarlierMessage[]> {
    await throwIfOver(this.#owner);
    if (this.#place.attempt === 1) return [];
    const reply = await this.#step('recall');
    return reply.taken ?? [];
  }

  take(): Promise<TakenMessage | null> {
    const taken = this.#last.then(() => this.#take());
    this.#last = taken.catch(() => undefined); // whoever asked is told
    return taken;
  }

  async *[Symbol.asyncIterator](): AsyncGenerator<TakenMessage, void, undefined> {
    while (await this.arrived()) {
      let taken: TakenMessage | null;
      try {
        taken = await this.take();
      } catch (error) {
        if (error instanceof JobEndedError) return;
        throw error;
      }
      if (taken !== null) yield taken;
    }
  }

  // --- by the attempt and the layers around it

  /** Takes note of how many messages wait, from somebody who knows. */
  heard(waiting: number): void {
    this.#heard++;
    this.#known = waiting;
    if (waiting > 0) this.#tell(true);
    for (const watcher of this.#watchers) this.#call(watcher);
  }

  /** The attempt is over. */
  close(): void {
    this.#tell(false);
    this.#watchers.clear();
  }

  /** An end was refused because something waits. */
  notEmpty(record: JobRecord | undefined): GenerationJobError {
    this.heard(Math.max(1, record?.inbox.length ?? 1));
    return new GenerationJobError('inbox_not_empty', 'A message waits for this producer.');
  }

  async #take(): Promise<TakenMessage | null> {
    await throwIfOver(this.#owner);
    if (this.#known === 0) return null;
    const heard = this.#heard;
    const { record } = await this.#step('reserve');
    const [first, ...rest] = record?.inbox ?? [];
    if (first !== undefined) {
      const { taking: _, ...message } = first;
      await throwIfOver(this.#owner);
      await this.#owner.takeMessage(message);
      this.#parts.observer.messageTaken(Math.max(0, this.#parts.store.now() - message.sentAt));
      this.#forget(heard, rest.length);
      return message;
    }
    this.#forget(heard, 0);
    return null;
  }

  /** Knows from now on of so many, and of what was heard since: that may be one too many, and is never one too few. */
  #forget(heardBefore: number, waiting: number): void {
    this.#known = this.#heard === heardBefore ? waiting : Math.max(waiting, this.#known);
  }

  /** @throws JobEndedError when the attempt is over */
  async #step(name: 'reserve' | 'recall'): Promise<CommitReply & { ok: true }> {
    const { store } = this.#parts;
    const { attempt, key, generation } = this.#place;
    const commit: SenderCommit = { writer: 'sender', key, generation, step: { name, attempt } };
    const reply = await this.#repeat(() => store.commit(commit));
    if (!reply.ok) throw this.#owner.refused(reply);
    return reply;
  }

  #repeat<Answer>(call: () => Promise<Answer>): Promise<Answer> {
    return repeatUntilAnswered(this.#parts, call, this.#owner.leaseDeadline());
  }

  #call(watcher: () => void): void {
    try {
      watcher();
    } catch (error) {
      this.#owner.report(error);
    }
  }

  #tell(hasArrived: boolean): void {
    this.#arrival?.resolve(hasArrived);
    this.#arrival = undefined;
  }
}
