/** Whose a record is, for those who ask on somebody's behalf. */
import type { Access } from './manager-types.js';
import type { JobRecord } from './types.js';

/** Whether the record belongs to who asks; nobody in particular may see all. */
export function isTheirs(record: JobRecord, { userId }: Access): boolean {
  return userId === undefined || record.userId === userId;
}
