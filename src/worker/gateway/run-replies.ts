/** Answers to workers: what became of a batch, and why an attempt may not write any more. */
import type { ErrorCode } from '../../errors.js';
import { errorReply, jsonReply } from '../../http/replies.js';
import type { Reply } from '../../http/route-types.js';
import type { Refusal } from '../../stream/interfaces/commits.js';
import type { RemoteReply } from '../../stream/interfaces/remote-attempts.js';
import { reasonOf } from '../../stream/model/end-reasons.js';
import type { Options } from '../../stream/model/options.js';
import { resumedFrom } from '../../stream/model/own-actions.js';
import { publicAction } from '../../stream/model/resume-state.js';
import type { JobRecord } from '../../stream/model/types.js';
import type { Internals } from '../../stream/process/internals.js';
import type { RunClaims } from './run-tokens.js';

/** Seconds until a worker asks again that came while an end was being described: it is soon made, or taken back. */
const HELD_SECONDS = '1';

export function replyOf(reply: RemoteReply, run: RunClaims, { remote }: Pick<Internals, 'remote'>): Reply {
  if (!reply.ok) return overReply(reply.refusal, reply.record);
  const { sequence, record, leaseUntil = remote.now() + run.leaseMs } = reply;
  if (record) return jsonReply(200, { sequence, status: record.status });
  return jsonReply(200, { sequence, leaseUntil });
}

/** Makes the answer to an attempt that may not write, or not this. */
export function overReply(refusal: Refusal, record: JobRecord | undefined): Reply {
  if (refusal === 'held') return errorReply('unavailable', { 'retry-after': HELD_SECONDS });
  if (refusal === 'sequence') return errorReply('gap', {}, { expected: (record?.lastSequence ?? 0) + 1 });
  const reason = reasonOf({ refusal, record });
  return errorReply(codeOf(refusal), {}, { reason, ...(record?.error && { failure: record.error }) });
}

function codeOf(refusal: Refusal): ErrorCode {
  switch (refusal) {
    case 'gone':
      return 'stream_not_found';
    case 'paused':
      return 'run_paused';
    case 'replaced':
    case 'ended':
    case 'closed':
      return 'generation_ended';
    case 'running':
      return 'invalid_body';
    default:
      return 'fenced';
  }
}

/** Makes what a worker's handle begins with: where its log stands, what was counted so far, and what it is held to. */
export function descriptionOf(
  record: JobRecord,
  { leaseMs, agentId }: RunClaims,
  { limits, approvalWindowMs, idleTimeoutMs, maxRunMs, retryMs }: Options,
): object {
  const { tenantId, streamId, generation, attempt, userId, conversationId, createId, createdAt } = record;
  const { lastSequence, lifecycleEvents, usage, usageEntries, resolutions, changes = 0 } = record;
  const { action, resolution } = resumedFrom(record);
  return {
    ...{ tenantId, streamId, generation, attempt, userId, conversationId, createId, createdAt, agentId },
    ...{ sequence: lastSequence, lifecycleEvents, changes, usage, usageEntries },
    actions: resolutions.map(({ actionId }) => actionId),
    ...(action && { action: publicAction(action), decision: resolution }),
    leaseMs,
    options: { limits, approvalWindowMs, idleTimeoutMs, maxRunMs, retryMs },
  };
}
