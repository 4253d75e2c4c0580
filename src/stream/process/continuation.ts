/** A continuation is what the next attempt is given, after a decision or a crash. */

import type { Continuation } from '../interfaces/manager-types.js';
import type { FoldedState } from '../model/fold.js';

/** Returns what the host is given to go on with. */
export function continuationOf(state: FoldedState): Continuation {
  const { record, content, missing, sequence, kept } = state;
  const action = record.resumedAction;
  const resolution = record.resolutions.find(({ actionId }) => actionId === action?.actionId);
  return {
    record,
    action,
    resolution,
    resumeContext: action?.resumeContext,
    content,
    missing,
    sequence,
    kept,
    ...(record.handOver && { handover: true as const, handoverState: record.handOver.state }),
  };
}
