/**
 * A decision that is to be remembered becomes rules, once it is made and before its run goes on: the run's next call of the
 * kind finds them. Each request is remembered by itself, so that what is wrong with one keeps no other from being given. The decision stands
 * whatever becomes of the rules, so nothing here is thrown: what a rule was refused for is told to `onError`, and the answer lists
 * those that were given.
 *
 * A rule has the same id whoever gives it, so it may be asked for again: by this call while the store does not answer, and by one that
 * finds the decision made, since whoever made it may have died, or left, before its rules were given.
 */
import { HOUR } from '../../clock.js';
import { GenerationJobError, JobEndedError } from '../../errors.js';
import type { ResolveInput } from '../interfaces/action-input.js';
import type { Resolved } from '../interfaces/approvals.js';
import type { Rule } from '../interfaces/rules.js';
import type { Decided } from '../interfaces/standing-rules.js';
import { resumedFrom } from '../model/own-actions.js';
import { streamKey } from '../model/stream-key.js';
import type { JobRecord, StreamKey } from '../model/types.js';
import { boundHook } from '../process/host-code.js';
import type { Parts } from '../process/parts.js';
import { repeatUntilAnswered } from '../process/repeat.js';

/** A rule that was revoked longer ago than this may come back: no store remembers it for longer. */
const REMEMBERED_LATE_MS = 24 * HOUR;

type Asked = Pick<ResolveInput, 'actionId' | 'remember' | 'context'>;
type Report = (error: unknown) => void;

/** @throws GenerationJobError `invalid_action` before anything is decided, where no rule can come of it */
export function throwUnlessRememberable({ rules }: Parts, { remember }: ResolveInput): void {
  if (remember === undefined || rules !== undefined) return;
  throw new GenerationJobError(
    'invalid_action',
    'remember needs standing decisions: give the manager `rules`.',
  );
}

/** Returns what was resolved, with the rules that were given for it; as it is, when nothing is to be remembered. */
export async function remembering(parts: Parts, asked: Asked, resolved: Resolved): Promise<Resolved> {
  const { job, continuation } = resolved;
  if (asked.remember === undefined) return resolved;
  // Of another action than the one decided now the rule was not asked for.
  if (continuation.resolution?.actionId !== asked.actionId) return { ...resolved, rules: [] };
  const report = (error: unknown) => job.report('rules', error);
  return { ...resolved, rules: await give(parts, asked, continuation, report) };
}

/**
 * Gives the rules of a decision that stands, where this call has no attempt to begin. Never rejects.
 * @param why what the call was told: where it has made the decision itself, nobody else was asked to remember it
 */
export async function rememberStanding(
  parts: Parts,
  key: StreamKey,
  asked: Asked,
  why: unknown,
): Promise<void> {
  const { store, errors } = parts;
  if (asked.remember === undefined || parts.rules === undefined) return;
  let record: JobRecord | undefined;
  const report = (error: unknown) => errors.report({ where: 'rules', error, record: record ?? key });
  try {
    [record] = await store.read(key, 'current');
    const decided = record && { record, ...resumedFrom(record) };
    const { resolution } = decided ?? {};
    if (decided === undefined || resolution?.actionId !== asked.actionId) {
      // What was asked is gone with the attempt.
      const message = 'The run was over before its decision could be remembered.';
      if (why instanceof JobEndedError) report(new GenerationJobError('generation_ended', message));
      return;
    }
    const { expiresInMs = REMEMBERED_LATE_MS } = asked.remember;
    // What is over, or was revoked so long ago, does not come back.
    if (store.now() - resolution.at >= Math.min(expiresInMs, REMEMBERED_LATE_MS)) return;
    await give(parts, asked, decided, report);
  } catch (error) {
    report(error);
  }
}

/** Gives a rule for each request that is to be remembered, and returns those that were given in time. */
async function give(
  parts: Parts,
  { remember, context }: Asked,
  decided: Decided,
  report: Report,
): Promise<readonly Rule[]> {
  const { rules, clock, options } = parts;
  if (rules === undefined || remember === undefined) return [];
  const ids = new Set(remember.requests ?? decided.action?.requests.map(({ id }) => id));
  const until = clock.monotonic() + options.hookMs / 2;
  const given: Rule[] = [];
  let isOver = false;
  const giveEach = async () => {
    for (const id of ids) {
      if (isOver) return;
      const one = { ...remember, requests: [id] };
      try {
        const giving = () => rules.remember(decided, one, context);
        given.push(...(await repeatUntilAnswered(parts, giving, until)));
      } catch (error) {
        if (!isOver) report(error);
      }
    }
    if (given.length > 0 && (await isDeleted(parts, decided.record, until))) await takeBack(parts, given);
  };
  try {
    await boundHook(parts, 'rules', giveEach);
  } catch (error) {
    report(error);
  } finally {
    isOver = true;
  }
  return [...given];
}

/** Says whether the stream is gone. Its rules, or its user's, were deleted with it: what is given behind that would outlive it. */
function isDeleted(
  parts: Parts,
  { streamId, tenantId, generation }: JobRecord,
  until: number,
): Promise<boolean> {
  const key = streamKey(streamId, tenantId);
  const look = async () => (await parts.store.read(key, generation)).length === 0;
  return repeatUntilAnswered(parts, look, until);
}

/** Takes the rules of a person back, and leaves those of a tenant. @param given is left with those that stand */
async function takeBack({ rules }: Parts, given: Rule[]): Promise<void> {
  for (const rule of given.splice(0)) {
    const { tenantId, userId, ruleId } = rule;
    if (userId === undefined) given.push(rule);
    else await rules?.revoke({ tenantId, userId }, ruleId);
  }
}
