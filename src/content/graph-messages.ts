/** A message that somebody sent to a run is a part of its own, at the place where the run took it. */
import { takenIn } from '../stream/model/inbox-message.js';
import { BranchDraft } from './graph-branch.js';
import type { Branch } from './graph-content.js';

export function foldSentMessage(branch: Branch, data: unknown): void {
  const taken = takenIn(data);
  if (taken === undefined) return;
  const { messageId, kind, message, by } = taken;
  const draft = new BranchDraft(branch);
  const part = { type: 'message', messageId, kind, message, ...(by !== undefined && { by }) };
  draft.change(draft.allocate(), undefined, () => part);
}
