/**
 * A token is renewed for the attempt it names, as long as that lasts. After a decision it is renewed for the attempt that goes on,
 * for the worker that has asked and waits: the host says so by handing that attempt over to a waiting worker of the same agent.
 */
import { errorReply, jsonReply } from '../../http/replies.js';
import type { Reply } from '../../http/route-types.js';
import { isActive, refusalOfProducer } from '../../stream/model/transitions.js';
import type { JobRecord } from '../../stream/model/types.js';
import { WORKER } from '../../stream/producing/remote-attempts.js';
import type { GatewayOptions } from './gateway-options.js';
import { overReply } from './run-replies.js';
import { signRunToken, type VerifiedRun, workerName } from './run-tokens.js';

export async function renewedToken(
  run: VerifiedRun,
  record: JobRecord | undefined,
  { keys, audience, tokenMs }: GatewayOptions,
  now: number,
): Promise<Reply> {
  if (record === undefined || record.userId !== run.userId) return overReply('gone', undefined);
  if (!isActive(record.status)) return overReply('ended', record);
  const isNext = record.attempt > run.attempt && record.replicaId === workerName(run.agentId, true);
  if (record.attempt !== run.attempt && !isNext) {
    const mayFollow = record.attempt === run.attempt + 1 && record.resumedAction !== undefined;
    const isTaken = record.replicaId?.startsWith(WORKER) ?? false;
    if (mayFollow && !isTaken) return errorReply('not_handed_over', { 'retry-after': '1' });
    return overReply(refusalOfProducer(record, run.attempt) ?? 'fenced', record);
  }
  const leaseMs = isNext ? (record.leaseMs ?? run.leaseMs) : run.leaseMs;
  const { attempt, lastSequence: sequence } = record;
  const signed = await signRunToken(
    { ...run, attempt, leaseMs },
    { keys, audience, expiresInMs: tokenMs, now },
  );
  return jsonReply(200, { ...signed, attempt, sequence });
}
