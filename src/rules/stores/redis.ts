/**
 * Rules on Redis, through a client of the host's: single server, Sentinel or Cluster. An owner has two keys in a slot of their own, and each method is one script
 * call; the scripts, `redis-lua/rule-*.lua`, do the deciding. Both keys expire: rules a day after the last of them ends, uses
 * 30 days after the last.
 */
import { z } from 'zod';
import { GenerationJobError } from '../../errors.js';
import type { RedisClient } from '../../stream/implementations/redis/client.js';
import { assertRedisClient } from '../../stream/implementations/redis/client-check.js';
import { RedisKeys } from '../../stream/implementations/redis/keys.js';
import { type RedisOptions, redisOptionsSchema } from '../../stream/implementations/redis/options.js';
import { RedisScripts } from '../../stream/implementations/redis/scripts.js';
import type {
  ClearedPart,
  NewRule,
  NewRuleUse,
  RuleStore,
  SpendReply,
} from '../../stream/interfaces/rule-store.js';
import type { Rule, RuleOwner, RuleUse } from '../../stream/interfaces/rules.js';
import { parseStrictly } from '../../stream/model/strict.js';
import { handOutMethods, NO_MANAGER } from '../../stream/process/handed-out.js';
import {
  KEPT_USES,
  openTextOfRule,
  openTextOfUse,
  pageOf,
  REVOKED_MS,
  ruleIn,
  USES_KEPT_MS,
  useIn,
} from './kept-rules.js';

export interface RedisRulesOptions extends Pick<RedisOptions, 'keyPrefix' | 'timeoutMs'> {
  /** An ioredis or iovalkey client; it stays the host's, who also closes it. That of the manager's services will do. */
  readonly redis: RedisClient;
}

const { keyPrefix, timeoutMs } = redisOptionsSchema.shape;
const optionsSchema = z.strictObject({
  redis: z.unknown(),
  keyPrefix,
  timeoutMs,
});

/**
 * Makes a store of rules on Redis 7 or newer, or Valkey.
 * @throws GenerationJobError `invalid_options`
 * @example
 * const rules = createStandingDecisions({ store: createRedisRules({ redis: await connectRedis(url) }) });
 */
export function createRedisRules(options: RedisRulesOptions): RuleStore {
  return new RedisRules(options);
}

class RedisRules implements RuleStore {
  static {
    const methods = ['add', 'list', 'revoke', 'spend', 'uses', 'clear'] as const;
    handOutMethods(RedisRules.prototype, methods, () => NO_MANAGER);
  }

  readonly #scripts: RedisScripts;
  readonly #keys: RedisKeys;

  constructor(given: RedisRulesOptions) {
    const options = parseStrictly('invalid_options', optionsSchema, given, 'options');
    const { redis } = given;
    assertRedisClient(redis);
    this.#scripts = new RedisScripts(redis, { timeoutMs: options.timeoutMs, sharded: false });
    this.#keys = new RedisKeys(options.keyPrefix);
  }

  async add(owner: RuleOwner, rule: NewRule, most: number): Promise<Rule | 'full' | 'revoked'> {
    const { ruleId, expiresInMs, budget = 0 } = rule;
    const args = [ruleId, openTextOfRule(rule), expiresInMs, budget, most, expiresInMs + REVOKED_MS];
    const { rules } = this.#keys.rules(owner);
    const [answer, stored, used] = (await this.#scripts.run('rule-add', [rules], args)) as [
      string,
      string,
      string,
    ];
    if (answer === 'full' || answer === 'revoked') return answer;
    const added = decodeRule(stored, used, owner);
    if (added !== undefined) return added;
    throw new GenerationJobError('store_damaged', 'Redis has a rule of this id that can’t be read.');
  }

  async list(owner: RuleOwner): Promise<readonly Rule[]> {
    const flat = (await this.#scripts.run('rule-list', [this.#keys.rules(owner).rules], [])) as string[];
    return pairsOf(flat).flatMap(([stored, used]) => decodeRule(stored, used, owner) ?? []);
  }

  async revoke(owner: RuleOwner, ruleId: string): Promise<boolean> {
    const { rules } = this.#keys.rules(owner);
    return (await this.#scripts.run('rule-revoke', [rules], [ruleId, REVOKED_MS])) === 1;
  }

  async spend(owner: RuleOwner, ruleId: string, use: NewRuleUse): Promise<SpendReply> {
    const { rules, uses } = this.#keys.rules(owner);
    const args = [ruleId, use.name, openTextOfUse(use), KEPT_USES, USES_KEPT_MS];
    return (await this.#scripts.run('rule-spend', [rules, uses], args)) as SpendReply;
  }

  async uses(
    owner: RuleOwner,
    { limit, cursor = '' }: { readonly limit: number; readonly cursor?: string | undefined },
  ): Promise<{ readonly uses: readonly RuleUse[]; readonly next?: string | undefined }> {
    const { uses } = this.#keys.rules(owner);
    // One more than asked for: it says that there is a page after this one.
    const flat = (await this.#scripts.run('rule-uses', [uses], [cursor, limit + 1, KEPT_USES])) as string[];
    const found = pairsOf(flat).flatMap(([number, text]) => {
      const use = useIn(text);
      return use ? [{ number: Number(number), use }] : [];
    });
    return pageOf(found, { limit });
  }

  async clear(owner: RuleOwner, part?: ClearedPart): Promise<void> {
    const { rules, uses } = this.#keys.rules(owner);
    if (part === undefined) await this.#scripts.command('DEL', rules, uses);
    else await this.#scripts.run('rule-clear', [rules, uses], [part.userId ?? '', part.conversationId ?? '']);
  }
}

/** A rule as redis-lua/include/rule.lua has it; undefined for what can't be read. */
function decodeRule(stored: string, used: string, owner: RuleOwner): Rule | undefined {
  const endsAt = stored.indexOf(' ');
  const budgetAt = stored.indexOf(' ', endsAt + 1);
  const [expiresAt, budget] = [Number(stored.slice(0, endsAt)), Number(stored.slice(endsAt + 1, budgetAt))];
  const numbers = { expiresAt, used: Number(used), ...(budget > 0 && { budget }) };
  return ruleIn(stored.slice(budgetAt + 1), owner, numbers);
}

function pairsOf(flat: readonly string[]): [string, string][] {
  const pairs: [string, string][] = [];
  for (let at = 0; at + 1 < flat.length; at += 2) pairs.push([flat[at] as string, flat[at + 1] as string]);
  return pairs;
}
