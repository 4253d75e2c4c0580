/** The steps of senders on a generation's inbox, and of its producer before it takes a message, as a store takes them. */
import type { StreamKey } from '../model/types.js';

/**
 * Changes the inbox of a generation. It has no fence and moves no sequence, since a producer's commits name the place they go to;
 * it raises the record's revision, and is announced as an annotation is. Refused as `gone` when the generation is not kept
 * or not the user's.
 */
export interface SenderCommit {
  /** Tells the kinds of commit apart. */
  readonly writer: 'sender';
  /** The stream that is written to. */
  readonly key: StreamKey;
  /** The generation whose inbox it is. Left out, the current one. */
  readonly generation?: number | undefined;
  /** The user whose stream it must be. Left out, anybody's. */
  readonly ownedBy?: string | undefined;
  /** True when the same commit was made before and got no answer: its message may be another generation's by now. */
  readonly isRepeat?: boolean | undefined;
  /** The step: what is done with the inbox. */
  readonly step: InboxStep;
}

export interface InboxBounds {
  /** Messages that wait. */
  readonly waiting: number;
  /** Messages that a generation ever accepts. */
  readonly accepted: number;
}

export type InboxStep =
  /**
   * Accepts a message behind those that wait. One that is known, by its id or by the idempotency key, is answered `ok` whatever
   * became of it; else refused as `replaced` or `ended` unless the generation is current and active, and as `full`.
   */
  | {
      /** Tells the steps apart. */
      readonly name: 'send';
      /** Names the message, and with it the call. */
      readonly messageId: string;
      /** The kind of it. */
      readonly kind: string;
      /** The host's data as JSON text. */
      readonly message: string;
      /** Names who sends it. */
      readonly by?: string | undefined;
      /** The key under which a generation accepts one message only. */
      readonly idempotencyKey?: string | undefined;
      /** The bounds that the inbox is held to. */
      readonly bounds: InboxBounds;
    }
  /**
   * Changes the data of a message that waits. Refused as `ended` behind an end, and as `message` when it does not wait or is
   * being taken; what is already so is answered `ok`, also of one that was taken since.
   */
  | {
      /** Tells the steps apart. */
      readonly name: 'edit';
      /** The message that is changed. */
      readonly messageId: string;
      /** The new data as JSON text. */
      readonly message: string;
    }
  /** Takes a message that waits away. Refused as an edit; one that was cancelled is answered `ok`. */
  | {
      /** Tells the steps apart. */
      readonly name: 'cancel';
      /** The message that is taken away. */
      readonly messageId: string;
    }
  /**
   * Marks the first message that waits as being taken by the attempt, in the record as `taking` while that attempt runs: it is
   * neither edited nor cancelled any more. Refused as a producer's commit is. Changes no revision, and is announced to nobody.
   */
  | {
      /** Tells the steps apart. */
      readonly name: 'reserve';
      /** The attempt that takes it. */
      readonly attempt: number;
    }
  /**
   * Lists the messages that attempts before this one have taken, those excepted that were put back, in the order in which they
   * were accepted. Refused as a producer's commit is. Changes nothing.
   */
  | {
      /** Tells the steps apart. */
      readonly name: 'recall';
      /** The attempt that asks. */
      readonly attempt: number;
    }
  /** Hands out what waited when the generation ended, to one call. Refused as `running` before the end. */
  | {
      /** Tells the steps apart. */
      readonly name: 'claim';
      /** Names the claim: the same one is handed the same list again. */
      readonly callId: string;
    };
