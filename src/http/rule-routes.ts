/**
 * A person's own rules: listed and revoked, and given with a decision. The rules of a tenant are the host's to show: nobody sees or
 * revokes them here, and somebody else's rule looks like none.
 */
import { GenerationJobError } from '../errors.js';
import type { PublicMatch, RememberInput, Rule, RuleMatch } from '../stream/interfaces/rules.js';
import type { StandingDecisions } from '../stream/interfaces/standing-rules.js';
import type { Caller } from './caller.js';
import { jsonReply } from './replies.js';
import type { Reply } from './route-types.js';
import { oneOf } from './stream-query.js';

/** Every character of the longest id, 256 of them, percent-encoded in up to three bytes each. */
const LONGEST_SEGMENT = 3 * 3 * 256;
/** A year in milliseconds has so many digits: a longer number can't be a bound. */
const LONGEST_NUMBER = 11;

/** Answers with an array, the oldest first. */
export async function listRules(rules: StandingDecisions, caller: Caller): Promise<Reply> {
  return jsonReply(200, (await rules.list(caller)).map(publicRule));
}

/** Answers whether there was one: whoever wants it gone has what they want either way. */
export async function revokeRule(rules: StandingDecisions, caller: Caller, segment: string): Promise<Reply> {
  const ruleId = decoded(segment);
  return jsonReply(200, { revoked: ruleId !== undefined && (await rules.revoke(caller, ruleId)) });
}

/**
 * Reads how a decision is to be remembered; undefined when it is not.
 * @throws GenerationJobError `invalid_argument` naming the parameter
 */
export function rememberQueryOf(query: URLSearchParams): RememberInput | undefined {
  const scope = oneOf(query, 'remember', ['conversation', 'user', 'tenant']);
  if (scope === undefined) return undefined;
  const expiresInMs = numberOf(query, 'rememberMs');
  const budget = numberOf(query, 'rememberTimes');
  return {
    scope,
    ...(expiresInMs !== undefined && { expiresInMs }),
    ...(budget !== undefined && { budget }),
  };
}

/** Lists the rules that a decision has made, for whoever asks again under the key of a decision that stands. */
export async function rulesOfAction(
  rules: StandingDecisions,
  caller: Caller,
  actionId: string,
): Promise<readonly Rule[]> {
  return (await rules.list(caller)).filter(({ origin }) => origin?.actionId === actionId);
}

/** Returns what a person is shown of a rule; the terms of one that the host judges are the host's. */
export function publicRule(rule: Rule): object {
  const { ruleId, tool, match, scope, conversationId, givenBy, givenAt, expiresAt, budget, used } = rule;
  const bounds = { expiresAt, budget, used };
  return { ruleId, tool, match: publicMatch(match), scope, conversationId, givenBy, givenAt, ...bounds };
}

function publicMatch(match: RuleMatch): PublicMatch {
  if (match.kind !== 'host') return match;
  const { kind, names } = match;
  return { kind, names };
}

function numberOf(query: URLSearchParams, name: string): number | undefined {
  const text = query.get(name);
  if (text === null) return undefined;
  const number = Number(text);
  if (text.length <= LONGEST_NUMBER && String(number) === text && Number.isInteger(number) && number >= 0)
    return number;
  throw new GenerationJobError('invalid_argument', `?${name}= has no such value.`);
}

/** Undefined for what no rule is called. */
function decoded(segment: string): string | undefined {
  if (segment.length > LONGEST_SEGMENT) return undefined;
  try {
    return decodeURIComponent(segment);
  } catch {
    return undefined; // a stray % can't be part of an id
  }
}
