/** The stores of rules share this: how long things are kept, pages of uses, and rules and uses as JSON text. */
import { z } from 'zod';
import { HOUR } from '../../clock.js';
import type { ClearedPart, NewRule, NewRuleUse } from '../../stream/interfaces/rule-store.js';
import type { Rule, RuleOwner, RuleUse } from '../../stream/interfaces/rules.js';
import { parsedJson } from '../../stream/model/plain-values.js';

/** The newest uses of an owner that are listed, and of a rule that are known. A budget is no larger. */
export const KEPT_USES = 1_000;
export const USES_KEPT_MS = 30 * 24 * HOUR;
/** A rule that was revoked is remembered by its id: what gave it may be tried again, and does not bring it back. */
export const REVOKED_MS = 24 * HOUR;

const args = z.record(z.string(), z.unknown());
const time = z.number().int().nonnegative();
const id = z.string().min(1);
const matchSchema = z.discriminatedUnion('kind', [
  z.object({ kind: z.literal('exact'), arguments: args }),
  z.object({
    kind: z.literal('prefix'),
    argument: z.string(),
    of: z.enum(['path', 'command']),
    prefix: id,
    arguments: args.optional(),
  }),
  z.object({ kind: z.literal('host'), names: z.array(z.string()), terms: z.unknown().optional() }),
]);
const scope = z.enum(['conversation', 'user', 'tenant']);
const keptRule = z.object({
  ruleId: id,
  tool: id,
  match: matchSchema,
  scope,
  tenantId: id.optional(),
  userId: id.optional(),
  conversationId: id.optional(),
  givenBy: id,
  givenAt: time,
  origin: z
    .object({ streamId: z.string(), generation: z.number(), actionId: z.string(), requestId: z.string() })
    .optional(),
});
const keptUse = z.object({
  ruleId: id,
  tool: id,
  scope,
  givenBy: id,
  givenAt: time,
  userId: id,
  conversationId: id,
  streamId: id,
  generation: z.number().int(),
  callId: id,
  at: time,
});

/** Returns what of a rule never changes, as text without its end: the store adds `givenAt`. */
export function openTextOfRule({ expiresInMs: _, budget: __, ...rule }: NewRule): string {
  return openEnded(rule);
}

/** Returns a rule of its text and the numbers beside it; undefined for what can't be read, or is another owner's. */
export function ruleIn(
  text: unknown,
  owner: RuleOwner,
  numbers: Pick<Rule, 'expiresAt' | 'budget' | 'used'>,
): Rule | undefined {
  const value = typeof text === 'string' ? parsedJson(text) : undefined;
  const parsed = keptRule.safeParse(value);
  if (!parsed.success) return undefined;
  // As it was read: a schema's copy would have lost a key such as `__proto__`.
  const rule = { ...(value as object), ...numbers } as Rule;
  const isOwners =
    rule.tenantId === owner.tenantId &&
    rule.userId === owner.userId &&
    (rule.scope === 'tenant') === (owner.userId === undefined);
  const hasConversation = (rule.scope === 'conversation') === (rule.conversationId !== undefined);
  return isOwners && hasConversation ? rule : undefined;
}

/** Returns a use as text without its end: the store adds `at`. */
export function openTextOfUse({ name: _, ...use }: NewRuleUse): string {
  return openEnded(use);
}

function openEnded(value: object): string {
  return JSON.stringify(value).slice(0, -1);
}

/** Returns a use of its text; undefined for what can't be read. */
export function useIn(text: unknown): RuleUse | undefined {
  const parsed = keptUse.safeParse(typeof text === 'string' ? parsedJson(text) : undefined);
  return parsed.success ? (parsed.data as RuleUse) : undefined;
}

/** Says whether a rule or a use belongs to the part that is cleared. */
export function isPart(
  one: Pick<RuleUse, 'userId' | 'conversationId'> | Pick<Rule, 'userId' | 'conversationId'>,
  part: ClearedPart,
): boolean {
  return (
    (part.userId === undefined || one.userId === part.userId) &&
    (part.conversationId === undefined || one.conversationId === part.conversationId)
  );
}

/** A use with its number, by which pages are found again: numbers grow. */
export interface NumberedUse {
  readonly number: number;
  readonly use: RuleUse;
}

/** Cuts a page out of uses in any order. */
export function pageOf(
  kept: readonly NumberedUse[],
  { limit, cursor }: { readonly limit: number; readonly cursor?: string | undefined },
): { readonly uses: readonly RuleUse[]; readonly next?: string } {
  const before = cursor === undefined ? Number.POSITIVE_INFINITY : Number(cursor);
  const older = kept.filter(({ number }) => number < before).toSorted((a, b) => b.number - a.number);
  const page = older.slice(0, limit);
  const last = page.at(-1);
  const uses = page.map(({ use }) => use);
  return last !== undefined && older.length > limit ? { uses, next: String(last.number) } : { uses };
}
