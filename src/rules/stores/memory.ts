/** Rules in the memory of this process: for tests, and for a single process that needs nothing after its end. */
import { z } from 'zod';
import { type Clock, systemClock } from '../../clock.js';
import type {
  ClearedPart,
  NewRule,
  NewRuleUse,
  RuleStore,
  SpendReply,
} from '../../stream/interfaces/rule-store.js';
import type { Rule, RuleOwner, RuleUse } from '../../stream/interfaces/rules.js';
import { clockSchema } from '../../stream/model/host-values.js';
import { parseStrictly } from '../../stream/model/strict.js';
import { handOutMethods, NO_MANAGER } from '../../stream/process/handed-out.js';
import { isPart, KEPT_USES, type NumberedUse, pageOf, REVOKED_MS, USES_KEPT_MS } from './kept-rules.js';

export interface MemoryRulesOptions {
  /** The clock that rules end by. Default: the system’s. */
  readonly clock?: Clock | undefined;
}

const optionsSchema = z.strictObject({ clock: clockSchema.optional() });

/**
 * Makes a store of rules in memory.
 * @throws GenerationJobError `invalid_options`
 */
export function createMemoryRules(options: MemoryRulesOptions = {}): RuleStore {
  return new MemoryRules(options);
}

interface Standing {
  rule: Rule;
  /** The names of its uses, the oldest first. */
  readonly names: Set<string>;
}

interface Kept {
  readonly rules: Map<string, Standing>;
  /** Ids of revoked rules, and until when they are remembered. */
  readonly revoked: Map<string, number>;
  uses: readonly NumberedUse[];
  usesUntil: number;
  /** The number of the last use. */
  last: number;
}

class MemoryRules implements RuleStore {
  static {
    const methods = ['add', 'list', 'revoke', 'spend', 'uses', 'clear'] as const;
    handOutMethods(MemoryRules.prototype, methods, () => NO_MANAGER);
  }

  readonly #clock: Clock;
  readonly #owners = new Map<string, Kept>();

  constructor(options: MemoryRulesOptions) {
    parseStrictly('invalid_options', optionsSchema, options, 'options');
    this.#clock = options.clock ?? systemClock;
  }

  async add(
    owner: RuleOwner,
    { expiresInMs, ...rule }: NewRule,
    most: number,
  ): Promise<Rule | 'full' | 'revoked'> {
    const kept = this.#of(owner);
    const { rules, revoked } = kept;
    const known = rules.get(rule.ruleId);
    if (known) return copyOf(known.rule);
    if (revoked.has(rule.ruleId)) return 'revoked';
    if (rules.size >= most) return 'full';
    const now = this.#clock.now();
    const added = copyOf({ ...rule, givenAt: now, expiresAt: now + expiresInMs, used: 0 });
    rules.set(rule.ruleId, { rule: added, names: new Set() });
    this.#owners.set(nameOf(owner), kept);
    return copyOf(added);
  }

  async list(owner: RuleOwner): Promise<readonly Rule[]> {
    return [...this.#of(owner).rules.values()].map(({ rule }) => copyOf(rule));
  }

  async revoke(owner: RuleOwner, ruleId: string): Promise<boolean> {
    const { rules, revoked } = this.#of(owner);
    if (!rules.delete(ruleId)) return false;
    revoked.set(ruleId, this.#clock.now() + REVOKED_MS);
    return true;
  }

  async spend(owner: RuleOwner, ruleId: string, { name, ...use }: NewRuleUse): Promise<SpendReply> {
    const kept = this.#of(owner);
    const standing = kept.rules.get(ruleId);
    if (standing === undefined) return 'gone';
    const { rule, names } = standing;
    if (names.has(name)) return 'known';
    if (rule.budget !== undefined && rule.used >= rule.budget) return 'used_up';
    const at = this.#clock.now();
    standing.rule = { ...rule, used: rule.used + 1 };
    names.add(name);
    for (const oldest of names) {
      if (names.size <= KEPT_USES) break;
      names.delete(oldest);
    }
    kept.uses = [...kept.uses, { number: ++kept.last, use: { ...use, at } }].slice(-KEPT_USES);
    kept.usesUntil = at + USES_KEPT_MS;
    return 'spent';
  }

  async uses(
    owner: RuleOwner,
    page: { readonly limit: number; readonly cursor?: string | undefined },
  ): Promise<{ readonly uses: readonly RuleUse[]; readonly next?: string | undefined }> {
    return pageOf(this.#of(owner).uses, page);
  }

  async clear(owner: RuleOwner, part?: ClearedPart): Promise<void> {
    if (part === undefined) {
      this.#owners.delete(nameOf(owner));
      return;
    }
    const kept = this.#of(owner);
    for (const [ruleId, { rule }] of kept.rules) if (isPart(rule, part)) kept.rules.delete(ruleId);
    kept.uses = kept.uses.filter(({ use }) => !isPart(use, part));
  }

  /** Returns what an owner has, without what is over; of one who has nothing, nothing is kept. */
  #of(owner: RuleOwner): Kept {
    const name = nameOf(owner);
    const kept = this.#owners.get(name) ?? {
      rules: new Map(),
      revoked: new Map(),
      uses: [],
      usesUntil: 0,
      last: 0,
    };
    const now = this.#clock.now();
    for (const [ruleId, { rule }] of kept.rules) if (rule.expiresAt <= now) kept.rules.delete(ruleId);
    for (const [ruleId, until] of kept.revoked) if (until <= now) kept.revoked.delete(ruleId);
    if (kept.usesUntil <= now) kept.uses = [];
    if (kept.rules.size + kept.revoked.size + kept.uses.length === 0) this.#owners.delete(name);
    return kept;
  }
}

function nameOf({ tenantId = '', userId }: RuleOwner): string {
  return JSON.stringify([tenantId, userId ?? null]);
}

/** Nothing is shared with who gave it, or gets it. */
function copyOf(rule: Rule): Rule {
  return JSON.parse(JSON.stringify(rule)) as Rule;
}
