/** Changes of a record become one: the newer value wins, by field and by metadata key. */
import type { RecordPatch } from '../interfaces/commits.js';

/** A change before it has its number. */
export type Change = Omit<RecordPatch, 'number'>;

export function mergedPatch(first: RecordPatch | undefined, second: RecordPatch): RecordPatch {
  const metadata = { ...first?.metadata, ...second.metadata };
  return { ...first, ...second, metadata: Object.keys(metadata).length > 0 ? metadata : undefined };
}

/** Says whether a patch changes nothing. */
export function isEmptyPatch({ number: _, ...fields }: RecordPatch): boolean {
  return Object.values(fields).every((value) => value === undefined);
}
