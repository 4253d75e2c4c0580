/** An access names who asks, and a record whose it is. */
import type { JobRecord } from './types.js';

/** The stream meant, and the user on whose behalf. With `userId`, somebody else's stream looks like none. */
export interface Access {
  readonly tenantId?: string | undefined;
  readonly userId?: string | undefined;
}

/** Says whether the record belongs to who asks; nobody in particular may see all. */
export function isOwnedBy(record: JobRecord, { userId }: Access): boolean {
  return userId === undefined || record.userId === userId;
}

/** Says whether no event of the host was committed. `record` may be before or after its end. */
export function isEarly(record: JobRecord): boolean {
  return record.lastSequence === record.lifecycleEvents;
}
