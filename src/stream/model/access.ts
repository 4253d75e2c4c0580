/** Who asks, and whose a record is. */
import type { JobRecord } from './types.js';

/** Whose stream is meant, and on whose behalf. With `userId`, somebody else's stream looks like none. */
export interface Access {
  readonly tenantId?: string | undefined;
  readonly userId?: string | undefined;
}

/** Whether the record belongs to who asks; nobody in particular may see all. */
export function isOwnedBy(record: JobRecord, { userId }: Access): boolean {
  return userId === undefined || record.userId === userId;
}

/** Whether no event of the host was committed. `record` may be before or after its end. */
export function isEarly(record: JobRecord): boolean {
  return record.lastSequence === record.lifecycleEvents;
}
