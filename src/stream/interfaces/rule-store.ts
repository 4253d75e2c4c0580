/**
 * The port for rules: what an owner's standing decisions are, and how often each was used. Each method is one atomic step for
 * one owner; nothing is cached by whoever calls it. Times are the store's own: callers send durations.
 *
 * A call that throws `unavailable`, or anything that is no error of ours, has an unknown outcome and may be made again as it
 * was: adding a rule, revoking it, spending a use and clearing are recognised when they come again.
 */
import type { Rule, RuleOwner, RuleUse } from './rules.js';

/** A rule before the store has said when it was given and when it ends. */
export type NewRule = Omit<Rule, 'givenAt' | 'expiresAt' | 'used'> & {
  /** The time it holds, from now on (ms). */
  readonly expiresInMs: number;
};

/** A use before the store has said when it was. */
export type NewRuleUse = Omit<RuleUse, 'at'> & {
  /** Names the use: the same for a call that is made again, another for any other; at most 64 characters of `A-Z a-z 0-9 _ -`. */
  readonly name: string;
};

/**
 * `spent`: the use is counted, and kept · `known`: it was before, and nothing has changed · `used_up`: the budget is spent · `gone`: the
 * owner has no such rule, or its time is over by the store's clock
 */
export type SpendReply = 'spent' | 'known' | 'used_up' | 'gone';

/** Narrows what is cleared: a rule or use goes that has each of these. */
export interface ClearedPart {
  /** The user of the rule, or of the call. Default: any. */
  readonly userId?: string | undefined;
  /** The conversation of the rule, or of the call. Default: any. */
  readonly conversationId?: string | undefined;
}

export interface RuleStore {
  /**
   * Keeps a rule, unless one of its id stands: that one is the answer then. Rules whose time is over are dropped.
   * @param most the rules an owner may have: `full` when there are as many
   * @returns `revoked` when a rule of this id was revoked within a day: it does not come back
   */
  add(owner: RuleOwner, rule: NewRule, most: number): Promise<Rule | 'full' | 'revoked'>;

  /**
   * Lists the rules that stand by the store's clock, each with its uses counted, the one given first first. One that can't be
   * read is left out: it allows nothing.
   */
  list(owner: RuleOwner): Promise<readonly Rule[]>;

  /** Takes a rule back: no use of it is spent, or known, from then on. Says whether one stood. Its uses stay listed. */
  revoke(owner: RuleOwner, ruleId: string): Promise<boolean>;

  /**
   * Spends a use of a rule, in one step: the rule stands, its budget has room, the use is counted and kept. A use that is
   * known by its name is answered `known` while the rule stands, also when the budget is spent. At least the newest 1,000 uses of
   * an owner's rules are known, for 30 days after the last.
   */
  spend(owner: RuleOwner, ruleId: string, use: NewRuleUse): Promise<SpendReply>;

  /** Lists the newest 1,000 uses of an owner's rules, revoked ones among them, the newest first. */
  uses(
    owner: RuleOwner,
    page: { readonly limit: number; readonly cursor?: string | undefined },
  ): Promise<{ readonly uses: readonly RuleUse[]; readonly next?: string | undefined }>;

  /** Deletes what an owner has, rules and uses; or of these the part named. What is not there is as good as deleted. */
  clear(owner: RuleOwner, part?: ClearedPart): Promise<void>;
}
