/**
 * An attempt uses up a generation's limits. Each check throws before anything is taken in, so what is refused leaves no
 * trace, except for a generation that has become too large: that one is over.
 */
import { GenerationJobError } from '../../errors.js';
import type { Options } from '../model/options.js';
import type { JobRecord, LogEvent } from '../model/types.js';

export class AttemptLimits {
  readonly #limits: Options['limits'];
  readonly #keptKeys: Set<string>;
  readonly #metadataBytes: Map<string, number>;
  #generationBytes = 0;
  #unsnapshottedBytes = 0;

  constructor(limits: Options['limits'], record: JobRecord, kept: readonly LogEvent[]) {
    this.#limits = limits;
    this.#keptKeys = new Set(kept.map((event) => event.keep ?? event.event));
    // Not held to the bound: others may have written to it, and what is there can be gone on with.
    this.#metadataBytes = metadataSizes(
      Object.fromEntries(Object.entries(record.metadata).map(([key, value]) => [key, JSON.stringify(value)])),
    );
  }

  /** Notes that what was emitted until now need not be kept any more. */
  onSnapshot(): void {
    this.#unsnapshottedBytes = 0;
  }

  /**
   * Says whether half of what may be emitted without a snapshot has been, if so many events have come since the last
   * one.
   */
  isHalfUsed(events: number): boolean {
    const { unsnapshottedEvents, unsnapshottedBytes } = this.#limits;
    return events * 2 >= unsnapshottedEvents || this.#unsnapshottedBytes * 2 >= unsnapshottedBytes;
  }

  /** Counts an event that would be the generation's `sequence`th; says which limit it exceeds. */
  exceededBy(data: string, sequence: number, snapshotSequence: number): string | undefined {
    const limits = this.#limits;
    const bytes = Buffer.byteLength(data);
    this.#generationBytes += bytes;
    this.#unsnapshottedBytes += bytes;
    if (sequence > limits.generationEvents) return 'generationEvents';
    if (this.#generationBytes > limits.generationBytes) return 'generationBytes';
    if (sequence - snapshotSequence > limits.unsnapshottedEvents) return 'unsnapshottedEvents';
    return this.#unsnapshottedBytes > limits.unsnapshottedBytes ? 'unsnapshottedBytes' : undefined;
  }

  /** Counts a patch of metadata, as JSON text by key. @throws GenerationJobError `metadata_too_large` */
  takeMetadata(texts: Readonly<Record<string, string>>): void {
    const { metadataBytes } = this.#limits;
    const sizes = new Map([...this.#metadataBytes, ...metadataSizes(texts)]);
    const bytes = total(sizes);
    if (bytes > metadataBytes && bytes > total(this.#metadataBytes)) {
      throw new GenerationJobError('metadata_too_large', `Metadata exceeds ${metadataBytes} bytes.`);
    }
    for (const [key, size] of sizes) this.#metadataBytes.set(key, size);
  }

  /** Takes a `keep` key into use, or out of it with null. @throws GenerationJobError `kept_limit` */
  takeKept(keep: string, data: string): void {
    if (data === 'null') {
      this.#keptKeys.delete(keep);
      return;
    }
    if (!this.#keptKeys.has(keep) && this.#keptKeys.size >= this.#limits.keptEvents) {
      throw new GenerationJobError(
        'kept_limit',
        `More than ${this.#keptKeys.size} \`keep\` keys are in use.`,
      );
    }
    this.#keptKeys.add(keep);
  }
}

function metadataSizes(texts: Readonly<Record<string, string>>): Map<string, number> {
  return new Map(
    Object.entries(texts).map(([key, text]) => [key, Buffer.byteLength(key) + Buffer.byteLength(text)]),
  );
}

function total(sizes: ReadonlyMap<string, number>): number {
  let bytes = 0;
  for (const size of sizes.values()) bytes += size;
  return bytes;
}
