/**
 * A call as rules are asked about it: whose it is, and the name of the use it would be. The name has the tool and the
 * arguments in it, so a call id that is given twice names no use of another call.
 */
import { GenerationJobError } from '../errors.js';
import type { Rule, RuleOwner } from '../stream/interfaces/rules.js';
import type { RuleCall } from '../stream/interfaces/standing-rules.js';
import { fingerprintOf } from '../stream/model/fingerprint.js';
import { parseStrictly } from '../stream/model/strict.js';
import { type Internals, internalsOfJob } from '../stream/process/internals.js';
import { ownEventsOf } from '../stream/producing/own-events.js';
import { fieldsOf, hasSameFields, isPlainObject } from './json-same.js';
import { isBehind } from './prefixes.js';
import { callSchema } from './rule-input.js';

export interface AskedCall {
  readonly job: RuleCall['job'];
  /** Emits the library's own events into the job's log. */
  readonly events: NonNullable<ReturnType<typeof ownEventsOf>>;
  readonly internals: Internals;
  readonly tenantId: string | undefined;
  readonly userId: string;
  readonly conversationId: string;
  readonly tool: string;
  readonly callId: string;
  /** The arguments; undefined when they are no object as JSON has it, and then no rule allows the call. */
  readonly arguments: Readonly<Record<string, unknown>> | undefined;
  /** Names the use; undefined with the arguments. */
  readonly useName: string | undefined;
}

/** @throws GenerationJobError `invalid_argument` for what is no call */
export function askedCall(given: RuleCall): AskedCall {
  parseStrictly('invalid_argument', callSchema, given, 'call');
  const { job, tool, callId, conversationId = job.streamId } = given;
  const internals = internalsOfJob(job);
  const events = ownEventsOf(job);
  if (events === undefined) {
    throw new GenerationJobError(
      'invalid_argument',
      'job must be one that a manager of this process handed out.',
    );
  }
  const { tenantId } = job.key;
  const { userId, streamId, generation } = job;
  const named = given.arguments ?? {};
  const args = isPlainObject(named) ? named : undefined;
  const useName = args && nameOf([streamId, generation, callId, tool, args]);
  return {
    ...{ job, events, internals, tenantId, userId, conversationId, tool, callId },
    arguments: args,
    useName,
  };
}

/** Undefined for what JSON can't carry: no rule has such arguments. */
function nameOf(parts: readonly unknown[]): string | undefined {
  try {
    return fingerprintOf(parts);
  } catch {
    return undefined;
  }
}

/**
 * Says whether a rule is for calls like this: its tool, its conversation, its arguments. Of a rule that the host judges, whether
 * the call has no argument but those that are named.
 */
export function fits(rule: Rule, call: AskedCall): boolean {
  const { match } = rule;
  if (call.arguments === undefined || rule.tool !== call.tool) return false;
  if (rule.scope === 'conversation' && rule.conversationId !== call.conversationId) return false;
  switch (match.kind) {
    case 'exact':
      return hasSameFields(match.arguments, call.arguments);
    case 'prefix': {
      const { [match.argument]: text, ...others } = call.arguments;
      const isThere = Object.hasOwn(call.arguments, match.argument) && typeof text === 'string';
      return (
        isThere && isBehind(match.of, match.prefix, text) && hasSameFields(match.arguments ?? {}, others)
      );
    }
    case 'host':
      return fieldsOf(call.arguments).every((name) => match.names.includes(name));
    default:
      return match satisfies never;
  }
}

/** Puts the rule that was given first first: a use that is asked for again meets the same rule, whatever was given since. */
export function oldestFirst(rules: readonly Rule[]): readonly Rule[] {
  return rules.toSorted((one, other) => one.givenAt - other.givenAt || (one.ruleId < other.ruleId ? -1 : 1));
}

/** The owner of a rule is a user or a tenant, by its scope. */
export function ownerOf({ tenantId, userId, scope }: Pick<Rule, 'tenantId' | 'userId' | 'scope'>): RuleOwner {
  return scope === 'tenant' ? { tenantId } : { tenantId, userId };
}
