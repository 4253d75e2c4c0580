/**
 * A decision that is to be remembered becomes rules, once it is made and before its run goes on: the run's next call of the
 * kind finds them. The decision stands whatever becomes of the rules, so nothing here is thrown: what a rule was refused for is told to
 * `onError`, and the answer lists those that were given.
 */
import { GenerationJobError } from '../../errors.js';
import type { ResolveInput } from '../interfaces/action-input.js';
import type { Resolved } from '../interfaces/approvals.js';
import type { Rule } from '../interfaces/rules.js';
import { boundHook } from '../process/host-code.js';
import type { Parts } from '../process/parts.js';

/** @throws GenerationJobError `invalid_action` before anything is decided, where no rule can come of it */
export function throwUnlessRememberable({ rules }: Parts, { remember }: ResolveInput): void {
  if (remember === undefined || rules !== undefined) return;
  throw new GenerationJobError(
    'invalid_action',
    'remember needs standing decisions: give the manager `rules`.',
  );
}

/** Returns what was resolved, with the rules that were given for it; as it is, when nothing is to be remembered. */
export async function remembering(
  parts: Parts,
  { actionId, remember, context }: ResolveInput,
  resolved: Resolved,
): Promise<Resolved> {
  const { job, continuation } = resolved;
  if (remember === undefined) return resolved;
  // Of another action than the one decided now the rule was not asked for.
  if (continuation.resolution?.actionId !== actionId) return { ...resolved, rules: [] };
  try {
    const giving = () => parts.rules?.remember(continuation, remember, context);
    const given: readonly Rule[] | undefined = await boundHook(parts, 'rules', giving);
    return { ...resolved, rules: given ?? [] };
  } catch (error) {
    job.report('rules', error);
    return { ...resolved, rules: [] };
  }
}
