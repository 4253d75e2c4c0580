/**
 * A rule is a standing decision: what a person, or the host, has allowed once for all calls like it, within bounds. Asked
 * before a producer would stop to ask a person, it can say yes and never no: whatever no rule allows is asked about, as
 * without rules.
 *
 * A *use* is one call that a rule has allowed. It is named by stream, generation, call id, tool and arguments, and spent in
 * the store before the call is made; nothing of it is cached, so what is revoked is revoked everywhere at once.
 */
import type { HostTypes, Untyped } from '../model/host-types.js';
import type { JobRecord, PendingAction, Resolution } from '../model/types.js';
import type { GenerationJob } from './generation-job.js';
import type { RememberInput, Rule, RuleInput, RuleOwner, RuleUsePage } from './rules.js';

/** A call that a producer is about to make, or to ask about. */
export interface RuleCall<Types extends HostTypes = Untyped> {
  /** The job that makes it, as a manager of this process handed it out. Its user and tenant are those of the rules. */
  readonly job: GenerationJob<Types>;
  /** The name of the tool: 1 to 256 characters. */
  readonly tool: string;
  /** The arguments: an object as JSON has it, or nothing. What it is not is asked about. */
  readonly arguments?: unknown;
  /**
   * Names the call: 1 to 256 characters, another for each call of the generation and the same for a call that is made again.
   */
  readonly callId: string;
  /**
   * The conversation it belongs to: 1 to 1,024 characters. Default: the stream's id. Hosts whose conversations have several
   * streams name it here and where rules are given.
   */
  readonly conversationId?: string | undefined;
}

export type RuleAnswer =
  | {
      /** True when a rule allows the call: it is spent, and the event that says so is committed. */
      readonly allowed: true;
      /** The rule that allows it. */
      readonly rule: Rule;
      /** True when the same use was asked for before: it has cost nothing more. */
      readonly isRepeat: boolean;
    }
  | {
      /** False when none does: ask a person, as without rules. */
      readonly allowed: false;
    };

/** A decision that was made: what `resolve` and `onResume` give as the continuation. */
export interface Decided<Types extends HostTypes = Untyped> {
  /** The record as the attempt begins. */
  readonly record: JobRecord<Types>;
  /** The action that was decided. */
  readonly action?: PendingAction | undefined;
  /** The decision about it. */
  readonly resolution?: Resolution | undefined;
}

/** Rules for the calls of one job. */
export interface JobRules {
  /** Says whether a rule allows the call, as `StandingDecisions.allows`. */
  allows(call: {
    readonly tool: string;
    readonly arguments?: unknown;
    readonly callId: string;
  }): Promise<RuleAnswer>;
}

/** Standing decisions of one store of rules. `createStandingDecisions` makes them; any replica may be asked. */
export interface StandingDecisions {
  /**
   * Gives a rule on the host's word, of any scope and kind. Given again under the same `ruleId` it stands as it did.
   * @throws GenerationJobError `invalid_argument`; `rules_limit` when the owner has as many as may be; `rule_revoked` for the
   *   `ruleId` of one that was revoked within a day; `unavailable`, `store_damaged`
   */
  add(input: RuleInput): Promise<Rule>;

  /**
   * Gives an exact rule for each request that was approved, to the user of the generation (for the scope `tenant`, to its
   * tenant), in the name of who decided. `mayGive` is asked of each. A request whose arguments are no object is passed over,
   * and so is one that was edited: the next call would have the arguments that nobody approved.
   * @param decided what `resolve` or `onResume` gave: the continuation
   * @throws GenerationJobError `rule_refused` when `mayGive` says no, or throws; as `add`. The others are given then: `list` has them, and
   *   whoever asks again is given the same ones
   */
  remember<Types extends HostTypes = Untyped>(
    decided: Decided<Types>,
    how: RememberInput,
    context?: unknown,
  ): Promise<readonly Rule[]>;

  /** Lists the rules of an owner that stand, the oldest first; those that are used up among them. @throws as `add` */
  list(owner: RuleOwner): Promise<readonly Rule[]>;

  /** Takes a rule back, everywhere and at once. Says whether there was one. @throws as `add` */
  revoke(owner: RuleOwner, ruleId: string): Promise<boolean>;

  /**
   * Says whether a rule allows the call, and spends a use of the oldest one that does: in the store, before the answer. With
   * `allowed` the event `rule_used` is committed; the job is over where it can't be, and the answer is no. The same use asked
   * for again costs nothing while its rule stands. A store that does not answer allows nothing: `onError` is told.
   * @throws GenerationJobError `invalid_argument` for what is no call
   * @example
   * const { allowed } = await rules.allows({ job, tool: 'send_mail', arguments: mail, callId: 'call-1' });
   * if (!allowed) await job.pause({ type: 'tool_approval', requests: [{ id: 'call-1', name: 'send_mail', arguments: mail }] });
   */
  allows<Types extends HostTypes = Untyped>(call: RuleCall<Types>): Promise<RuleAnswer>;

  /** Returns the rules for the calls of one job, as the tool policy takes them. */
  of<Types extends HostTypes = Untyped>(
    job: GenerationJob<Types>,
    options?: { readonly conversationId?: string | undefined },
  ): JobRules;

  /**
   * Lists the uses of an owner's rules, the newest first: the newest 1,000, for 30 days after the last.
   * @param page `limit` is 1 to 1,000; default 100
   * @throws as `add`
   */
  uses(
    owner: RuleOwner,
    page?: { readonly limit?: number | undefined; readonly cursor?: string | undefined },
  ): Promise<RuleUsePage>;

  /** Deletes a user's rules, and the uses they have made of anybody's. The manager that is given `rules` does, with `deleteUser`. @throws as `add` */
  deleteUser(user: { readonly userId: string; readonly tenantId?: string | undefined }): Promise<void>;

  /** Deletes the rules of a user's conversation, and the uses made in it. The manager that is given `rules` does, with `deleteStream`. @throws as `add` */
  deleteConversation(conversation: {
    readonly userId: string;
    readonly tenantId?: string | undefined;
    readonly conversationId: string;
  }): Promise<void>;
}
