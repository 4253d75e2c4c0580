/** Messages to generations that work, as a host sends them: `manager.inbox`. */
import type { InboxMessage, MessageKind } from '../model/inbox-message.js';
import type { GenerationAccess } from './manager-types.js';

/** A message to a generation. */
export interface SendInput extends GenerationAccess {
  /** Anything JSON can carry but undefined, at most `limits.messageBytes` (32 KiB) as text. Kept as it is, not sealed. */
  readonly message: unknown;
  /** Says what the producer should do about it. Default `steer`. */
  readonly kind?: MessageKind | undefined;
  /** The same key never sends a second message to a generation. 1 to 256 characters. Default: none. */
  readonly idempotencyKey?: string | undefined;
  /** Names who sends it: 1 to 256 characters. Default: nobody is named. */
  readonly by?: string | undefined;
}

/** A message that was sent. */
export interface SentMessage {
  /** Names the message from now on. */
  readonly messageId: string;
  /** The generation that has it. */
  readonly generation: number;
  /** The place among those that wait, from 1; absent when it waits no longer. */
  readonly position?: number | undefined;
  /** False when the generation had a message of the same idempotency key: that one is meant. */
  readonly created: boolean;
}

/** A message that was sent before, to change or to cancel it. */
export interface MessageAccess extends GenerationAccess {
  /** The message, as `send` has named it. */
  readonly messageId: string;
}

/** Another text for a message that waits. */
export interface EditInput extends MessageAccess {
  /** Takes the place of what was sent; bounded as there. */
  readonly message: unknown;
}

/** A claim of what was never taken. */
export interface ClaimInput extends GenerationAccess {
  /**
   * Names the claim: the same one gets the same list again, one of another name nothing. 1 to 128 characters of
   * `A-Z a-z 0-9 _ . ~ -`. Default: made up for the call.
   */
  readonly claimId?: string | undefined;
}

/**
 * Sends messages to generations that work, from any replica. A message waits, first in first out, until the producer takes it
 * (`job.inbox`), and can be edited and cancelled until then. Each that was accepted takes effect once, or is handed back:
 * behind an end it is in the record's `unsent`, until somebody claims it. Followers are told of the list by the event `inbox`.
 */
export interface Inbox {
  /**
   * Sends a message to an active generation (default: the current one), a paused one included. At most `limits.inboxMessages`
   * (10) wait, and a generation accepts at most `limits.generationMessages` (64). One call of the store.
   * @throws GenerationJobError `stream_not_found` when there is no such stream or generation, or it is not theirs;
   *   `generation_ended`; `inbox_full`; `message_too_large`, `json_too_deep`, `invalid_argument`, `invalid_stream_id`;
   *   `unavailable`: it may have been accepted, and may be sent again under its `idempotencyKey`
   * @example
   * const { messageId } = await manager.inbox.send('s-1', { userId: 'ada', message: { text: 'Shorter, please.' } });
   */
  send(streamId: string, input: SendInput): Promise<SentMessage>;

  /**
   * Changes a message that waits.
   * @throws GenerationJobError `message_taken` when it waits no longer, or never has; else as `send`
   */
  edit(streamId: string, input: EditInput): Promise<void>;

  /** Takes a message that waits away. @throws as `edit` */
  cancel(streamId: string, input: MessageAccess): Promise<void>;

  /**
   * Claims what was accepted and never took effect, of a generation that has ended: one call gets the whole list, any other
   * nothing, and `unsent` is empty from then on. While the generation is active, nothing is unsent.
   * @throws GenerationJobError `stream_not_found`, `invalid_argument`, `invalid_stream_id`; `unavailable`: it may have been
   *   claimed, and may be again under the same `claimId`
   * @example
   * for (const { message } of await manager.inbox.claim('s-1', { userId: 'ada' })) console.log('not sent:', message);
   */
  claim(streamId: string, input?: ClaimInput): Promise<readonly InboxMessage[]>;
}
