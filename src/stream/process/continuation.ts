/** A continuation is what the next attempt is given, after a decision or a crash. */

import type { Continuation } from '../interfaces/continuation.js';
import type { FoldedState } from '../model/fold.js';
import { resumedFrom } from '../model/own-actions.js';
import type { StreamKey } from '../model/types.js';
import { type ReceiptParts, receiptsOf } from './receipt-reader.js';

/** Returns what the host is given to go on with. */
export function continuationOf(parts: ReceiptParts, key: StreamKey, state: FoldedState): Continuation {
  const { record, content, missing, sequence, kept } = state;
  const { action, resolution, unknown } = resumedFrom(record);
  return {
    record,
    action,
    resolution,
    resumeContext: action?.resumeContext,
    ...(unknown && { unknown }),
    receipts: receiptsOf(parts, key, record),
    content,
    missing,
    sequence,
    kept,
    ...(record.handOver && { handover: true as const, handoverState: record.handOver.state }),
  };
}
