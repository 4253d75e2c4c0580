/**
 * The inbox of a generation in memory: what waits, what was taken, and what was ever accepted. The rules stand in
 * redis-lua/inbox.lua, too.
 */
import type { InboxStep, Refusal } from '../../interfaces/commits.js';
import type { EarlierMessage, InboxMessage } from '../../model/inbox-message.js';
import { isActive, refusalOfProducer } from '../../model/transitions.js';
import type { JobRecord, Mutable } from '../../model/types.js';

/** A message with the text of its data, and the attempt that takes it. */
interface Kept extends Omit<InboxMessage, 'message' | 'taking'> {
  readonly message: string;
  readonly place: number;
  readonly takenBy: number;
}

/** The state of the generation that an inbox belongs to. */
type Place = Pick<JobRecord, 'status' | 'attempt'>;

/** The outcome of a step, and whether it changed what is told. */
export interface InboxOutcome {
  readonly sent?: { readonly messageId: string; readonly isNew: boolean };
  readonly claimed?: readonly InboxMessage[];
  readonly taken?: readonly EarlierMessage[];
  readonly isChanged: boolean;
}

export class InMemoryInbox {
  #waiting: readonly Mutable<Kept>[] = [];
  /** Messages that wait no longer, by id: taken (`taken` alone, behind an end), or cancelled. */
  readonly #left = new Map<string, Kept | 'taken' | 'cancelled'>();
  readonly #keys = new Map<string, string>();
  #accepted = 0;
  #claimed: { readonly by: string; readonly messages: readonly Kept[] } | undefined;

  get size(): number {
    return this.#waiting.length;
  }

  /** Shows it as a record does. */
  shown({ status, attempt }: Place): Pick<JobRecord, 'inbox' | 'unsent'> {
    if (!isActive(status)) return { inbox: [], unsent: this.#waiting.map((one) => shownOf(one, 0)) };
    const taker = status === 'running' ? attempt : 0;
    return { inbox: this.#waiting.map((one) => shownOf(one, taker)), unsent: [] };
  }

  /** Says whether it has ever accepted a message. */
  knows(messageId: string): boolean {
    const isClaimed = this.#claimed?.messages.some((one) => one.messageId === messageId) ?? false;
    return this.#left.has(messageId) || this.#indexOf(messageId) >= 0 || isClaimed;
  }

  /** Says how many would wait, were these taken. */
  sizeWithout(taken: readonly string[]): number {
    return this.#waiting.filter(({ messageId }) => !taken.includes(messageId)).length;
  }

  /** Takes messages out of what waits. Says whether any of them did. */
  take(ids: readonly string[]): boolean {
    const taken = this.#waiting.filter(({ messageId }) => ids.includes(messageId));
    for (const one of taken) this.#left.set(one.messageId, one);
    this.#waiting = this.#waiting.filter((one) => !taken.includes(one));
    return taken.length > 0;
  }

  /** Lets messages that were taken wait again, at the head. Says whether there were any. */
  putBack(): boolean {
    const taken = [...this.#left.values()].flatMap((one) =>
      typeof one === 'string' ? [] : { ...one, takenBy: 0 },
    );
    for (const { messageId } of taken) this.#left.delete(messageId);
    this.#waiting = [...taken, ...this.#waiting].sort((one, other) => one.place - other.place);
    return taken.length > 0;
  }

  /** Behind an end nothing is put back any more. */
  close(): void {
    for (const [id, one] of this.#left) if (typeof one === 'object') this.#left.set(id, 'taken');
  }

  /** @param isCurrent whether no newer generation of the stream is there */
  change(step: InboxStep, place: Place, isCurrent: boolean, now: number): InboxOutcome | Refusal {
    switch (step.name) {
      case 'send':
        return this.#send(step, place, isCurrent, now);
      case 'edit':
      case 'cancel':
        return this.#edit(step, place);
      case 'reserve':
        return isCurrent ? this.#reserve(step.attempt, place) : 'replaced';
      case 'recall':
        return isCurrent ? this.#recall(step.attempt, place) : 'replaced';
      case 'claim':
        return isActive(place.status) ? 'running' : this.#claim(step.callId);
      default:
        return step satisfies never;
    }
  }

  #send(
    step: InboxStep & { name: 'send' },
    place: Place,
    isCurrent: boolean,
    now: number,
  ): InboxOutcome | Refusal {
    const { messageId, kind, by, message, idempotencyKey, bounds } = step;
    if (this.knows(messageId)) return { sent: { messageId, isNew: true }, isChanged: false };
    const known = idempotencyKey === undefined ? undefined : this.#keys.get(idempotencyKey);
    if (known !== undefined) return { sent: { messageId: known, isNew: false }, isChanged: false };
    if (!isCurrent) return 'replaced';
    if (!isActive(place.status)) return 'ended';
    if (this.size >= bounds.waiting || this.#accepted >= bounds.accepted) return 'full';
    if (idempotencyKey !== undefined) this.#keys.set(idempotencyKey, messageId);
    const rest = { place: ++this.#accepted, sentAt: now, edits: 0, takenBy: 0 };
    this.#waiting = [
      ...this.#waiting,
      { messageId, kind, message, ...(by !== undefined && { by }), ...rest },
    ];
    return { sent: { messageId, isNew: true }, isChanged: true };
  }

  #edit(step: InboxStep & { name: 'edit' | 'cancel' }, place: Place): InboxOutcome | Refusal {
    const { messageId } = step;
    const same: InboxOutcome = { sent: { messageId, isNew: false }, isChanged: false };
    const known = this.#waiting[this.#indexOf(messageId)];
    const isTaken = place.status === 'running' && known?.takenBy === place.attempt;
    if (known === undefined || isTaken || !isActive(place.status)) {
      // The same again, whose first answer was lost.
      const found = known ?? this.#left.get(messageId);
      const isEdited = typeof found === 'object' && step.name === 'edit' && found.message === step.message;
      const isDone = isEdited || (step.name === 'cancel' && found === 'cancelled');
      if (isDone) return same;
      return isActive(place.status) ? 'message' : 'ended';
    }
    if (step.name === 'cancel') {
      this.#left.set(messageId, 'cancelled');
      this.#waiting = this.#waiting.filter((one) => one !== known);
    } else if (known.message === step.message) return same;
    else {
      known.message = step.message;
      known.edits++;
    }
    return { sent: { messageId, isNew: true }, isChanged: true };
  }

  #reserve(attempt: number, place: Place): InboxOutcome | Refusal {
    const refusal = refusalOfProducer(place, attempt);
    if (refusal) return refusal;
    const [first] = this.#waiting;
    if (first) first.takenBy = attempt;
    return { ...(first && { sent: { messageId: first.messageId, isNew: false } }), isChanged: false };
  }

  #recall(attempt: number, place: Place): InboxOutcome | Refusal {
    const refusal = refusalOfProducer(place, attempt);
    if (refusal) return refusal;
    const taken = [...this.#left.values()]
      .flatMap((one) => (typeof one === 'object' && one.takenBy < attempt ? one : []))
      .sort((one, other) => one.place - other.place)
      .map((one) => ({ ...shownOf(one, 0), attempt: one.takenBy }));
    return { taken, isChanged: false };
  }

  #claim(callId: string): InboxOutcome {
    if (this.#claimed?.by === callId)
      return { claimed: this.#claimed.messages.map((one) => shownOf(one, 0)), isChanged: false };
    if (this.size === 0) return { isChanged: false };
    this.#claimed = { by: callId, messages: this.#waiting };
    this.#waiting = [];
    return { claimed: this.#claimed.messages.map((one) => shownOf(one, 0)), isChanged: true };
  }

  #indexOf(messageId: string): number {
    return this.#waiting.findIndex((one) => one.messageId === messageId);
  }
}

function shownOf({ message, place: _, takenBy, ...rest }: Kept, attempt: number): InboxMessage {
  return {
    ...rest,
    message: JSON.parse(message),
    ...(attempt > 0 && takenBy === attempt && { taking: true }),
  };
}
