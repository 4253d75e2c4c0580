/** A message is what somebody sends to a generation that works; it waits in the inbox until the producer takes it. */
import { fieldsOf } from './fields.js';

/**
 * Says what the producer should do about a message: `steer` at the next place where it can, `preempt` at once, or a host's own
 * word, in the form of an event's name.
 */
export type MessageKind = 'steer' | 'preempt' | (string & {});

/** A message as its sender has left it. */
export interface InboxMessage {
  /** Names the message, the same wherever it goes: in the inbox, in the event `message`, among those that were never taken. */
  readonly messageId: string;
  /** Says what the producer should do about it. */
  readonly kind: MessageKind;
  /** The host's data: what was sent, or what it was edited to. */
  readonly message: unknown;
  /** Names who sent it, when that was said. */
  readonly by?: string | undefined;
  /** Says when it was accepted: the store's clock, in milliseconds since 1970. */
  readonly sentAt: number;
  /** Says how often it was edited. */
  readonly edits: number;
  /** True while the producer takes it: it can't be edited or cancelled any more. */
  readonly taking?: true | undefined;
}

/** The data of the event `message`: a message where it took effect. */
export type TakenMessage = Omit<InboxMessage, 'taking'>;

/** A message that an earlier attempt has taken, and that does not wait again. */
export interface EarlierMessage extends TakenMessage {
  /** The attempt that took it. */
  readonly attempt: number;
}

/** Returns the message in the data of an event `message`; undefined for a host's event of that name, as older logs may have. */
export function takenIn(data: unknown): TakenMessage | undefined {
  const { messageId, kind, message } = fieldsOf(data);
  const isTaken = typeof messageId === 'string' && typeof kind === 'string' && message !== undefined;
  return isTaken ? (data as TakenMessage) : undefined;
}
