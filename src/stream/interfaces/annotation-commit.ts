/** An annotation as a store takes it: what belongs to a generation and does not come from its producer. */
import type { SerialisedNote, StreamKey } from '../model/types.js';

/**
 * Writes metadata and notes of a kept generation, current or not and in any state. It has no fence: it moves no sequence,
 * stands in no producer's way, and leaves `updatedAt` as it is. What it makes larger than a bound is refused as `metadata` or
 * `notes`, with nothing changed; what makes it no larger is always taken. What is already so changes nothing. Of the notes
 * that were taken away those of longest ago are forgotten when there are more than `bounds.notes` together.
 */
export interface AnnotationCommit {
  /** Tells the kinds of commit apart. */
  readonly writer: 'annotator';
  /** The stream that is written to. */
  readonly key: StreamKey;
  /** The generation that is annotated. */
  readonly generation: number;
  /** Names the call; the store knows the last 16 of a generation, and answers a repeat `ok` without doing it twice. */
  readonly callId: string;
  /** The metadata by key, as JSON text. */
  readonly metadata: Readonly<Record<string, string>>;
  /** The notes, each key once. */
  readonly notes: readonly SerialisedNote[];
  /** The bounds that what is on the record is held to. */
  readonly bounds: AnnotationBounds;
}

export interface AnnotationBounds {
  /** Keys and texts of the metadata together (bytes). */
  readonly metadataBytes: number;
  /** Notes that stand. */
  readonly notes: number;
  /** Keys, event names and texts of the notes that stand, together (bytes). */
  readonly notesBytes: number;
}
