/** An access names who asks, and a record whose it is. */
import type { JobRecord } from './types.js';

/** The stream meant, and the user on whose behalf. With `userId`, somebody else's stream looks like none. */
export interface Access {
  /** The tenant the stream lives in: 1 to 128 characters of `A-Z a-z 0-9 _ . ~ -`. Default: none. */
  readonly tenantId?: string | undefined;
  /**
   * Names on whose behalf the call is made: 1 to 256 characters. Somebody else's stream is then as if it were not there. Default: nobody's
   * in particular, who may see everything.
   */
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
