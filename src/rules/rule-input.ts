/** The shapes of what a host writes out by hand for rules, and what is made of it: copies, so that a rule never changes. */
import { z } from 'zod';
import { HOUR, KIB } from '../clock.js';
import { GenerationJobError } from '../errors.js';
import type { RuleInput, RuleMatch, RuleOwner } from '../stream/interfaces/rules.js';
import { having } from '../stream/model/host-values.js';
import { nestsDeeperThan } from '../stream/model/json-depth.js';
import { conversationText, ruleBounds, ruleScope, ruleText } from '../stream/model/rule-shapes.js';
import { checkTenant, userKey } from '../stream/model/stream-key.js';
import { parseStrictly } from '../stream/model/strict.js';
import type { Json } from '../stream/model/types.js';
import { fieldsOf, isPlainObject } from './json-same.js';
import { faultOfPrefix } from './prefixes.js';

/** The rules of an owner are read with each call that is asked about: a hundred of this size are less than a megabyte. */
const MATCH_BYTES = 8 * KIB;
/** Arguments of tools nest a few levels; each is compared on the stack. */
const DEEPEST = 32;
const LARGEST_PAGE = 1_000;
export const DEFAULT_PAGE = 100;
export const DEFAULT_EXPIRY_MS = 90 * 24 * HOUR;
/** A cursor of a store's own making. */
const LONGEST_CURSOR = 256;

const args = z.custom<Readonly<Record<string, unknown>>>(isPlainObject, 'must be an object of arguments');

const matchSchema = z.discriminatedUnion('kind', [
  z.strictObject({ kind: z.literal('exact'), arguments: args }),
  z.strictObject({
    kind: z.literal('prefix'),
    argument: ruleText,
    of: z.enum(['path', 'command']),
    prefix: z.string(),
    arguments: args.optional(),
  }),
  z.strictObject({
    kind: z.literal('host'),
    names: z.array(ruleText).max(100),
    terms: z.unknown().optional(),
  }),
]);

const owner = { tenantId: z.unknown().optional(), userId: z.unknown().optional() };
export const ownerSchema = z.strictObject(owner);
export const conversationSchema = z.strictObject({ ...owner, conversationId: conversationText });
export const pageSchema = z.strictObject({
  limit: z.number().int().min(1).max(LARGEST_PAGE).optional(),
  cursor: z.string().max(LONGEST_CURSOR).optional(),
});

const inputSchema = z.strictObject({
  ...owner,
  ...ruleBounds,
  tool: ruleText,
  match: matchSchema,
  scope: ruleScope,
  conversationId: conversationText.optional(),
  givenBy: ruleText,
  ruleId: ruleText.optional(),
} satisfies Record<keyof RuleInput, z.ZodType>);

export const jobSchema = having('a job, as `createJob` and `resolve` give it', 'emit');
export const callSchema = z.strictObject({
  job: jobSchema,
  tool: ruleText,
  arguments: z.unknown().optional(),
  callId: ruleText,
  conversationId: conversationText.optional(),
});
export const ofSchema = z.strictObject({ conversationId: conversationText.optional() });

/**
 * Returns a copy of what was given for a rule.
 * @throws GenerationJobError `invalid_argument` naming what is not known, too large, or does not go together
 */
export function parseRule(given: RuleInput): RuleInput {
  const parsed = parseStrictly('invalid_argument', inputSchema, given, 'rule');
  const rule = { ...parsed, match: parseMatch(parsed.match) } as RuleInput;
  const { scope: of, userId, conversationId: conversation } = rule;
  if ((of === 'tenant') !== (userId === undefined)) {
    refuse(
      of === 'tenant'
        ? 'userId: a rule of the scope "tenant" is nobody’s'
        : `userId: a rule of the scope "${of}" needs one`,
    );
  }
  if ((of === 'conversation') !== (conversation !== undefined)) {
    refuse('conversationId: goes with the scope "conversation", and with no other');
  }
  checkOwner(rule);
  return rule;
}

/** @throws GenerationJobError `invalid_argument`; `invalid_stream_id` for a malformed tenant id */
export function checkOwner({ tenantId, userId }: RuleOwner): void {
  if (userId === undefined) checkTenant(tenantId);
  else userKey(userId, tenantId);
}

function parseMatch(match: z.output<typeof matchSchema>): RuleMatch {
  if (match.kind === 'prefix') {
    const fault = faultOfPrefix(match.of, match.prefix);
    if (fault !== undefined) refuse(`match.prefix: ${fault}`);
    if (match.arguments && Object.hasOwn(match.arguments, match.argument))
      refuse('match.arguments: has the argument that has the prefix');
  }
  const named =
    match.kind === 'host' ? match : { ...match, arguments: withoutUndefined(match.arguments ?? {}) };
  return asJson(named);
}

function withoutUndefined(given: Readonly<Record<string, unknown>>): object {
  return Object.fromEntries(fieldsOf(given).map((name) => [name, given[name]]));
}

function asJson(match: object): RuleMatch {
  let json: string;
  try {
    json = JSON.stringify(match);
  } catch {
    return refuse('match: can’t be written as JSON');
  }
  if (Buffer.byteLength(json) > MATCH_BYTES) refuse(`match: exceeds ${MATCH_BYTES} bytes`);
  if (nestsDeeperThan(json, DEEPEST)) refuse(`match: nests deeper than ${DEEPEST}`);
  return JSON.parse(json) as RuleMatch;
}

/** Returns arguments as a rule has them; undefined for what no rule can be made of. */
export function exactMatchOf(given: Json | undefined): RuleMatch | undefined {
  const named = given ?? {};
  return isPlainObject(named)
    ? { kind: 'exact', arguments: named as Readonly<Record<string, Json>> }
    : undefined;
}

function refuse(fault: string): never {
  throw new GenerationJobError('invalid_argument', `${fault}.`);
}
