/** A folded generation is told to the host's own code, to clients, and to the attempt that goes on from it. */
import { formatCursor } from './cursor.js';
import type { FoldedState } from './fold.js';
import type { PublicState, ResumeState } from './lifecycle-payloads.js';
import { settlementStateOf } from './settlement-state.js';
import type { JobRecord, Json, Note, PendingAction, PublicAction } from './types.js';

export function publicAction(action: PendingAction): PublicAction {
  const { resumeContext: _, fingerprint: __, ...shown } = action;
  return shown;
}

/** Returns what the host's own code may see. */
export function resumeState(state: FoldedState): ResumeState {
  const { record } = state;
  return {
    streamId: record.streamId,
    generation: record.generation,
    status: record.status,
    cursor: formatCursor(record.generation, state.sequence),
    content: state.content,
    ...(state.missing && { missing: state.missing }),
    pendingAction: record.pendingAction ? publicAction(record.pendingAction) : null,
    ...(record.conversationId !== undefined && { conversationId: record.conversationId }),
    metadata: record.metadata,
    revision: record.revision,
    settlement: settlementStateOf(record, state.now),
    usage: record.usage,
    usageEntries: record.usageEntries,
    kept: keptOf(state),
    notes: standing(record).map(({ key, event, data }) => ({ key, event, data })),
    inbox: record.inbox,
    unsent: record.unsent,
    createdAt: record.createdAt,
    ...(record.endedAt !== undefined && { endedAt: record.endedAt }),
    end: state.end,
    now: state.now,
  };
}

/** Returns what is kept under keys, in the log and by notes: a note stands for a kept event of the same key. */
function keptOf({ record, kept }: FoldedState): ResumeState['kept'] {
  const notes = standing(record);
  const noted = new Set(notes.map(({ key }) => key));
  const events = kept
    .map(({ keep, event, data, sequence }) => ({
      key: keep ?? event,
      event,
      data: JSON.parse(data),
      cursor: formatCursor(record.generation, sequence),
    }))
    .filter(({ key }) => !noted.has(key));
  return [...events, ...notes.map(({ key, event, data }) => ({ key, event, data }))];
}

function standing({ notes }: JobRecord): readonly Note[] {
  return notes.filter(({ data }) => data !== null);
}

/** Returns what clients see: the same without usage by call, and with only what the host shows of its metadata. */
export async function publicState(
  state: FoldedState,
  publicMetadata: (record: JobRecord) => Promise<Json>,
): Promise<PublicState> {
  const { usageEntries: _, ...shown } = resumeState(state);
  return { ...shown, metadata: await publicMetadata(state.record) };
}
