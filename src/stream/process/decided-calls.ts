/**
 * The tool calls that a person has decided on, by the job that goes on with them. The agent SDK judges such a call once more
 * before it does what was decided: that is no call for a standing decision, or a rule could allow what was just rejected.
 */
const decided = new WeakMap<object, ReadonlySet<string>>();

/** Notes the calls that a job goes on with. */
export function noteDecidedCalls(job: object, callIds: readonly string[]): void {
  decided.set(job, new Set(callIds));
}

/** Says whether a person has decided on the call that this job goes on with. */
export function isDecidedCall(job: object, callId: string): boolean {
  return decided.get(job)?.has(callId) ?? false;
}
