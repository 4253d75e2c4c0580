/**
 * A call that a rule allows is not asked about: the answer goes on as if somebody had approved it. Several calls that are
 * decided together are always asked about, so that no rule is spent on a call that is asked about all the same.
 */
import type { GenerationJob, Resolution } from 'generation-jobs';
import type { StandingDecisions } from 'generation-jobs/rules';
import type { Stretch } from './scripts.js';

/** The decision in a person's place; undefined when a person is to be asked. */
export async function decidedByRule(
  job: GenerationJob,
  ask: NonNullable<Stretch['ask']>,
  rules: StandingDecisions | undefined,
): Promise<Resolution | undefined> {
  const [request, ...others] = ask.requests ?? [];
  if (rules === undefined || request === undefined || others.length > 0) return undefined;
  const { id, name: tool, arguments: args } = request;
  const { allowed } = await rules.allows({ job, tool, arguments: args, callId: id });
  if (!allowed) return undefined;
  return {
    ...{ actionId: id, type: ask.type, outcome: 'decided', payloadDigest: '', askedAt: 0, at: 0 },
    ...{ decisions: [{ id, decision: 'approve' }], answers: [] },
  };
}
