/**
 * Transcripts meet their stores here: the file an agent keeps of a conversation, saved whole by each run that completed.
 * No code.
 *
 * A store counts how often a conversation was cleared. What was saved, or began to be saved, under an earlier count is not
 * there any more, whatever still writes: so a clearing needs no lock, and a save under way can't bring anything back.
 */

/** A conversation with an agent: the transcripts of its runs belong together. */
export interface TranscriptConversation {
  /** 1 to 128 characters of `A-Z a-z 0-9 _ . ~ -`. Without it: the conversations of no tenant. */
  readonly tenantId?: string | undefined;
  /** 1 to 256 characters. */
  readonly agentId: string;
  /** 1 to 1,024 characters. */
  readonly conversationId: string;
}

/** One run of an agent, which saves at most one transcript. */
export interface TranscriptRun extends TranscriptConversation {
  /** 1 to 256 characters; no other run of the conversation has it. */
  readonly runId: string;
  /**
   * The time the run began, in milliseconds since 1970 by the clock of whoever started it: the latest transcript is that of
   * the run that began last, also when it was saved before another. Default: the time the save begins.
   */
  readonly startedAt?: number | undefined;
}

/** A transcript that is there whole. */
export interface StoredTranscript {
  /** The run that saved it. */
  readonly runId: string;
  /** The time the run began, in milliseconds since 1970. */
  readonly startedAt: number;
  /** The time it was saved, in milliseconds since 1970. */
  readonly savedAt: number;
  /** Its length in bytes; never 0. */
  readonly size: number;
  /** The SHA-256 of its bytes, in hexadecimal digits. */
  readonly sha256: string;
  /**
   * Reads the bytes, in pieces of at most some MiB.
   * @throws GenerationJobError `transcript_damaged` when they are not all there; `unavailable`
   */
  read(): AsyncIterable<Uint8Array>;
}

/** The transcripts of a conversation, as they stand. */
export interface ConversationState {
  /** The number of times the conversation was cleared. */
  readonly clears: number;
  /** The transcript of the run that began last, of those that are there; null when none is. */
  readonly latest: StoredTranscript | null;
}

/** Bytes that are to be saved. */
export interface TranscriptBytes {
  /** Their number. */
  readonly size: number;
  /** Reads them; may be called again, and then reads the same. */
  read(): AsyncIterable<Uint8Array>;
}

/**
 * The outcome of a save: `saved`; `already_saved` by the same run; `cleared` when the conversation has been cleared since
 * the save began, or since what `clears` says; `nothing` when there are no bytes.
 */
export type SaveResult = 'saved' | 'already_saved' | 'cleared' | 'nothing';

/** Any number of processes may use the same transcripts, each through a store of its own. */
export interface TranscriptStore {
  /**
   * Reads how a conversation stands.
   * @throws GenerationJobError `transcript_damaged`, `unavailable`; the reason of `signal`
   */
  latest(conversation: TranscriptConversation, signal: AbortSignal): Promise<ConversationState>;
  /**
   * Saves a transcript: it is there whole, and stays, when this answers `saved`; a save that fails, or dies, leaves nothing
   * that can be read. Of two saves of one run, the first to be whole is the one.
   * @param clears the count the run knows: another one by now answers `cleared`. Default: the count as the save begins
   * @throws GenerationJobError `unavailable`; what `bytes` throws; the reason of `signal`
   */
  save(
    run: TranscriptRun,
    bytes: AsyncIterable<Uint8Array>,
    options: { readonly clears?: number | undefined; readonly signal: AbortSignal },
  ): Promise<SaveResult>;
  /**
   * Takes all transcripts of that conversation away, and of no other.
   * @returns the number of times it has been cleared now
   * @throws GenerationJobError `unavailable`; the reason of `signal`
   */
  clear(conversation: TranscriptConversation, signal: AbortSignal): Promise<number>;
}

/**
 * The transcripts as one run sees them: its own conversation, whatever it asks. On the server that is a store
 * (`transcriptsOf`), on a worker the gateway (`remoteTranscripts`).
 */
export interface RunTranscripts {
  /** Reads how the conversation stands, as the store does. */
  latest(signal: AbortSignal): Promise<ConversationState>;
  /** Saves the run's transcript, as the store does. */
  save(
    bytes: TranscriptBytes,
    options: { readonly clears?: number | undefined; readonly signal: AbortSignal },
  ): Promise<SaveResult>;
  /** Clears the conversation, as the store does. */
  clear(signal: AbortSignal): Promise<number>;
}
