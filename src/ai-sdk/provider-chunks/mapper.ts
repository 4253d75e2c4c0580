/** A mapper turns a provider's events into chunks, one event after the other. */
import type { ChunkFinishReason } from './provider-chunk.js';

export interface ChunkMapper {
  /** Writes what the event says. One that says nothing to a reader writes nothing. */
  add(event: unknown): void;
  /** Returns the reason the answer is over for; undefined while the provider has not said that it is. */
  finishReason(): ChunkFinishReason | undefined;
}
