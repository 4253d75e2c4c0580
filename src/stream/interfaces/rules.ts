/**
 * Rules as they are given and kept. What is done with them stands at `StandingDecisions`, how they are kept at the port,
 * `RuleStore`. No code.
 */
import type { Json } from '../model/types.js';

/** Says for whose calls a rule holds: of one conversation of a user, of all that a user has, of everybody in a tenant. */
export type RuleScope = 'conversation' | 'user' | 'tenant';

/** Arguments as JSON has them, by name. */
export type RuleArguments = Readonly<Record<string, Json>>;

/**
 * The calls a rule allows, by their arguments. An argument that the rule does not name must be absent from the call, whatever
 * kind of rule it is.
 */
export type RuleMatch = ExactMatch | PrefixMatch | HostMatch;

/** Each argument is exactly this one; the order of keys in objects does not count, that of lists does. */
export interface ExactMatch {
  /** Says that the arguments are exactly these. */
  readonly kind: 'exact';
  /** The arguments, all of them. */
  readonly arguments: RuleArguments;
}

/**
 * One argument, a text, begins with `prefix` and goes on behind a boundary; all others are exactly `arguments`.
 *
 * - `path`: the text is the prefix, or a path below it. One that has a segment beginning with `..`, a backslash, a control
 *   character, or one of these (or a dot or a slash) percent-encoded, is asked about.
 * - `command`: the text is the prefix, or the prefix, a blank and more words of `A-Z a-z 0-9 _ . , : = @ + / -` alone: nothing
 *   that a shell reads as more than words.
 */
export interface PrefixMatch {
  /** Says that one argument begins as named. */
  readonly kind: 'prefix';
  /** The name of the argument. */
  readonly argument: string;
  /** The kind of text it is, which says where it may go on. */
  readonly of: 'path' | 'command';
  /** The beginning of the text. */
  readonly prefix: string;
  /** The other arguments, all of them. Default: none. */
  readonly arguments?: RuleArguments | undefined;
}

/** The host's own `matches` judges the call. */
export interface HostMatch {
  /** Says that the host's `matches` judges. */
  readonly kind: 'host';
  /** The names of the arguments that a call may have; 1 to 256 characters each, at most 100. */
  readonly names: readonly string[];
  /** The host's own data for `matches`; JSON. Default: null. */
  readonly terms?: Json | undefined;
}

/** The calls a rule allows, as a person is shown them: without the host's own terms. */
export type PublicMatch = ExactMatch | PrefixMatch | Omit<HostMatch, 'terms'>;

/** The request that a rule was made of. */
export interface RuleOrigin {
  /** The stream that asked. */
  readonly streamId: string;
  /** The generation that asked. */
  readonly generation: number;
  /** The action that was decided. */
  readonly actionId: string;
  /** The request of it that was approved. */
  readonly requestId: string;
}

/** A rule that stands. It never changes, apart from how often it was used. */
export interface Rule {
  /** Names the rule among those of its owner. */
  readonly ruleId: string;
  /** The name of the tool, exactly. */
  readonly tool: string;
  /** The calls it allows. */
  readonly match: RuleMatch;
  /** Says for whose calls it holds. */
  readonly scope: RuleScope;
  /** The tenant that it holds in; absent where there is none. */
  readonly tenantId?: string | undefined;
  /** The user whose calls it allows; absent for the scope `tenant`. */
  readonly userId?: string | undefined;
  /** The conversation whose calls it allows, for that scope. */
  readonly conversationId?: string | undefined;
  /** Names who gave it. */
  readonly givenBy: string;
  /** Says when it was given: the store's time, milliseconds since 1970. */
  readonly givenAt: number;
  /** Says when it ends: the store's time, milliseconds since 1970. */
  readonly expiresAt: number;
  /** The most uses; absent when there is no bound. */
  readonly budget?: number | undefined;
  /** The number of its uses so far. */
  readonly used: number;
  /** The decided request it was made of, if it was. */
  readonly origin?: RuleOrigin | undefined;
}

/** A rule's owner: a user, or with no `userId` a tenant; with neither, everybody who has no tenant. */
export interface RuleOwner {
  /** The tenant: 1 to 128 characters of `A-Z a-z 0-9 _ . ~ -`. Default: none. */
  readonly tenantId?: string | undefined;
  /** The user: 1 to 256 characters. Default: the tenant itself. */
  readonly userId?: string | undefined;
}

/** The bounds that whoever gives a rule may set. */
export interface RuleBounds {
  /** The time it holds, from now on (ms): 1 s to 366 days. Default: `expiresInMs` of `createStandingDecisions`. */
  readonly expiresInMs?: number | undefined;
  /** The most uses: 1 to 1,000. Default: no bound. */
  readonly budget?: number | undefined;
}

/** A rule of the host's own making. */
export interface RuleInput extends RuleBounds {
  /** The name of the tool: 1 to 256 characters. */
  readonly tool: string;
  /** The calls it allows; at most 8 KiB as JSON text. */
  readonly match: RuleMatch;
  /** Says for whose calls it holds. */
  readonly scope: RuleScope;
  /** The tenant: 1 to 128 characters of `A-Z a-z 0-9 _ . ~ -`. Default: none. */
  readonly tenantId?: string | undefined;
  /** The user, for the scopes `user` and `conversation`. */
  readonly userId?: string | undefined;
  /** The conversation, for that scope: 1 to 1,024 characters. See `RuleCall`. */
  readonly conversationId?: string | undefined;
  /** Names who gives it: 1 to 256 characters. */
  readonly givenBy: string;
  /** A name of its own, so that a repeat adds it once: 1 to 256 characters. Default: made up. */
  readonly ruleId?: string | undefined;
}

/** A decision is remembered as this says. */
export interface RememberInput extends RuleBounds {
  /** Says for whose calls the rules hold. */
  readonly scope: RuleScope;
  /** The ids of the requests to remember. Default: all that were approved. */
  readonly requests?: readonly string[] | undefined;
  /** The conversation, for that scope: 1 to 1,024 characters. Default: the stream's id. See `RuleCall`. */
  readonly conversationId?: string | undefined;
}

/** One use of a rule, as it is kept: who gave the rule stands in it, and stays when the rule is revoked. */
export interface RuleUse {
  /** The rule that allowed the call. */
  readonly ruleId: string;
  /** The tool that was called. */
  readonly tool: string;
  /** The scope of the rule. */
  readonly scope: RuleScope;
  /** Names who gave the rule. */
  readonly givenBy: string;
  /** Says when the rule was given: the store's time, milliseconds since 1970. */
  readonly givenAt: number;
  /** The user whose call it was. */
  readonly userId: string;
  /** The conversation it was made in. */
  readonly conversationId: string;
  /** The stream it was made on. */
  readonly streamId: string;
  /** The generation that made it. */
  readonly generation: number;
  /** The call, by its id in the generation. */
  readonly callId: string;
  /** Says when it was used: the store's time, milliseconds since 1970. */
  readonly at: number;
}

/** A page of uses, the newest first. */
export interface RuleUsePage {
  /** The uses, the newest first. */
  readonly uses: readonly RuleUse[];
  /** The `cursor` of the page after this one; absent on the last. */
  readonly next?: string | undefined;
}
