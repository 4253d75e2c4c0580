/** The entries of a user's feed, as stores take and give them: one a stream, the newest. No code. */

/** `active` may still change · `ended` is unseen until somebody has seen it · `removed` says that the stream is gone */
export type FeedKind = 'active' | 'ended' | 'removed';

export interface FeedEntry {
  /** The stream, of the user's tenant. */
  readonly streamId: string;
  /** The generation that stands so; 0 of a queue alone, and with `ifKnown`: whichever is known. */
  readonly generation: number;
  /** The number of its lifecycle events; 0 with `ifKnown` of a title alone: its state counts nothing. */
  readonly count: number;
  /** Says whether it may still change, has ended, or is gone. */
  readonly kind: FeedKind;
  /** The state as JSON text. */
  readonly state: string;
  /** The stream's title as JSON text, with the revision of the generation's record at which it was written; kept until a newer comes. */
  readonly title?: { readonly revision: number; readonly text: string } | undefined;
  /**
   * The stream's queue as JSON text, empty when nothing waits, with the queue's revision; kept until a newer comes. The state of an entry
   * of generation 0 is the queue's: it counts where nothing is known of the stream, or it was removed.
   */
  readonly queue?: { readonly revision: number; readonly text: string } | undefined;
  /** Only where the feed has an entry of the stream. */
  readonly ifKnown?: true | undefined;
  /** The largest generation, with `ifKnown`, that the feed may know. Default: any. */
  readonly upTo?: number | undefined;
}

export interface StoredFeedEntry {
  /** The stream, of the user's tenant. */
  readonly streamId: string;
  /** The entry's place: that of its newest change. */
  readonly number: number;
  /** The place at which its state came. */
  readonly stateNumber: number;
  /** The place at which its title came; 0 without one. */
  readonly titleNumber: number;
  /** The place at which its queue came; 0 without one. */
  readonly queueNumber: number;
  /** The generation that stands so. */
  readonly generation: number;
  /** The number of its lifecycle events. */
  readonly count: number;
  /** Says whether it may still change, has ended, or is gone. */
  readonly kind: FeedKind;
  /** Says of what has ended whether somebody has seen it. */
  readonly isSeen: boolean;
  /** The state as JSON text. */
  readonly state: string;
  /** The title as JSON text; undefined where nobody has written one. */
  readonly title?: string | undefined;
  /** The queue as JSON text; undefined where nothing waits. */
  readonly queue?: string | undefined;
}
