/** Standing decisions over a store of rules. What each call promises stands at the interface. */
import { z } from 'zod';
import { type Entropy, systemEntropy } from '../clock.js';
import { GenerationJobError } from '../errors.js';
import type { ClearedPart, RuleStore } from '../stream/interfaces/rule-store.js';
import type { RememberInput, Rule, RuleInput, RuleOwner, RuleUsePage } from '../stream/interfaces/rules.js';
import type {
  Decided,
  JobRules,
  RuleAnswer,
  RuleCall,
  StandingDecisions,
} from '../stream/interfaces/standing-rules.js';
import { fingerprintOf } from '../stream/model/fingerprint.js';
import { callable, having } from '../stream/model/host-values.js';
import { rememberSchema, ruleExpiryMs } from '../stream/model/rule-shapes.js';
import { parseStrictly } from '../stream/model/strict.js';
import type { ActionRequest } from '../stream/model/types.js';
import { handOutMethods, NO_MANAGER } from '../stream/process/handed-out.js';
import { Allowing, type MatchedCall } from './allowing.js';
import { askedCall, oldestFirst, ownerOf } from './asked-call.js';
import {
  checkOwner,
  conversationSchema,
  DEFAULT_EXPIRY_MS,
  DEFAULT_PAGE,
  exactMatchOf,
  jobSchema,
  ofSchema,
  ownerSchema,
  pageSchema,
  parseRule,
} from './rule-input.js';

/** A rule that somebody asks for with a decision, and who. */
export interface AskedRule {
  /** The rule as it would be given. */
  readonly rule: RuleInput;
  /** Names who decided. */
  readonly by: string;
  /** Holds what `resolve` was given as `context`; by the routes, the host's request. */
  readonly context: unknown;
}

export interface StandingDecisionsInput {
  /** Keeps the rules: `createMemoryRules`, `createRedisRules`, `createMongoRules`, or the host's own. */
  readonly store: RuleStore;
  /**
   * Judges a call by a rule of the kind `host`: true allows it. It has the manager's `hookMs`. What it throws is told to
   * `onError`, and allows nothing. Default: such rules allow nothing.
   */
  readonly matches?: ((rule: Rule, call: MatchedCall) => boolean | Promise<boolean>) | undefined;
  /**
   * Says whether a rule may be given that somebody asks for with a decision: true gives it. It has the manager's `hookMs`.
   * Default: a person may give rules to themselves, for their conversation or for all they have; nobody for a tenant.
   */
  readonly mayGive?: ((asked: AskedRule) => boolean | Promise<boolean>) | undefined;
  /** The most rules of an owner: 1 to 1,000. Default 100. */
  readonly mostRules?: number | undefined;
  /** The time a rule holds that says nothing of it (ms): 1 s to 366 days. Default 90 days. */
  readonly expiresInMs?: number | undefined;
  /** Ids, for tests. Default: the system's. */
  readonly entropy?: Entropy | undefined;
}

const inputSchema = z.strictObject({
  store: having(
    'a RuleStore: createMemoryRules() or another',
    'add',
    'list',
    'revoke',
    'spend',
    'uses',
    'clear',
  ),
  matches: callable,
  mayGive: callable,
  mostRules: z.number().int().min(1).max(1_000).optional(),
  expiresInMs: ruleExpiryMs.optional(),
  entropy: having('an Entropy', 'id', 'random').optional(),
} satisfies Record<keyof StandingDecisionsInput, z.ZodType>);

const MOST_RULES = 100;

/**
 * Makes standing decisions over a store of rules. Give them to the manager as `rules`, so that decisions can be remembered, people can list and
 * revoke their rules over HTTP, and a user's rules go with `deleteUser`; and to the tool policy, so that calls go by them.
 * @throws GenerationJobError `invalid_options`
 * @example
 * const rules = createStandingDecisions({ store: createRedisRules({ redis }) });
 * const manager = new GenerationJobManager({ ...createStreamServices({ redis }), rules });
 */
export function createStandingDecisions(input: StandingDecisionsInput): StandingDecisions {
  return new RulesOfStore(input);
}

class RulesOfStore implements StandingDecisions {
  static {
    const awaitedOrNot = ['add', 'remember', 'list', 'revoke', 'allows', 'uses'] as const;
    const deletions = ['deleteUser', 'deleteConversation'] as const;
    handOutMethods(RulesOfStore.prototype, [...awaitedOrNot, ...deletions], () => NO_MANAGER);
  }

  readonly #input: StandingDecisionsInput;
  readonly #allowing: Allowing;

  constructor(input: StandingDecisionsInput) {
    parseStrictly('invalid_options', inputSchema, input, 'options');
    this.#input = input;
    this.#allowing = new Allowing(input);
  }

  async add(input: RuleInput): Promise<Rule> {
    return this.#add(parseRule(input));
  }

  async remember(
    { record, action, resolution }: Decided,
    how: RememberInput,
    context?: unknown,
  ): Promise<readonly Rule[]> {
    const {
      scope,
      requests,
      conversationId = record.streamId,
      ...bounds
    } = parseStrictly('invalid_argument', rememberSchema, how, 'remember');
    // An action of another type asks something else of its requests than whether such calls may be made.
    if (action?.type !== 'tool_approval' || resolution?.by === undefined) return [];
    const { actionId, by } = resolution;
    const { tenantId, userId, streamId, generation } = record;
    const isMeant = ({ id }: ActionRequest) =>
      (requests?.includes(id) ?? true) &&
      resolution.decisions.some((one) => one.id === id && one.decision === 'approve');
    const whose = {
      ...(tenantId !== undefined && { tenantId }),
      ...(scope !== 'tenant' && { userId }),
      ...(scope === 'conversation' && { conversationId }),
    };
    const given: Rule[] = [];
    const failures: unknown[] = [];
    for (const request of action.requests.filter(isMeant)) {
      const match = exactMatchOf(request.arguments);
      if (match === undefined) continue;
      const origin = { streamId, generation, actionId, requestId: request.id };
      const ruleId = fingerprintOf([tenantId ?? '', origin, scope]);
      const input = { ...bounds, ...whose, scope, tool: request.name, match, givenBy: by, ruleId };
      try {
        const rule = parseRule(input);
        await this.#askHost({ rule, by, context }, userId);
        given.push(await this.#add({ ...rule, origin }));
      } catch (error) {
        failures.push(error);
      }
    }
    if (failures.length > 0) throw failures[0];
    return given;
  }

  async list(owner: RuleOwner): Promise<readonly Rule[]> {
    return oldestFirst(await this.#input.store.list(checkedOwner(owner)));
  }

  async revoke(owner: RuleOwner, ruleId: string): Promise<boolean> {
    if (typeof ruleId !== 'string')
      throw new GenerationJobError('invalid_argument', 'ruleId must be a text.');
    return this.#input.store.revoke(checkedOwner(owner), ruleId);
  }

  async allows(given: RuleCall): Promise<RuleAnswer> {
    return this.#allowing.allows(askedCall(given));
  }

  of(job: RuleCall['job'], options: { readonly conversationId?: string | undefined } = {}): JobRules {
    parseStrictly('invalid_argument', jobSchema, job, 'job');
    const whose = parseStrictly('invalid_argument', ofSchema, options, 'options');
    return { allows: (call) => this.allows({ ...call, ...whose, job }) };
  }

  async uses(
    owner: RuleOwner,
    page: { readonly limit?: number | undefined; readonly cursor?: string | undefined } = {},
  ): Promise<RuleUsePage> {
    const { limit = DEFAULT_PAGE, cursor } = parseStrictly('invalid_argument', pageSchema, page, 'page');
    return this.#input.store.uses(checkedOwner(owner), { limit, cursor });
  }

  async deleteUser(given: {
    readonly userId: string;
    readonly tenantId?: string | undefined;
  }): Promise<void> {
    const { tenantId, userId } = checkedOwner(given);
    if (userId === undefined) throw new GenerationJobError('invalid_argument', 'userId is missing.');
    await this.#input.store.clear({ tenantId, userId });
    await this.#input.store.clear({ tenantId }, { userId });
  }

  async deleteConversation(given: {
    readonly userId: string;
    readonly tenantId?: string | undefined;
    readonly conversationId: string;
  }): Promise<void> {
    const { conversationId } = parseStrictly('invalid_argument', conversationSchema, given, 'conversation');
    const { userId, tenantId } = given;
    const user = checkedOwner({ userId, tenantId });
    const part: ClearedPart = { userId, conversationId };
    await this.#input.store.clear(user, part);
    await this.#input.store.clear({ tenantId }, part);
  }

  async #add(rule: RuleInput & Pick<Rule, 'origin'>): Promise<Rule> {
    const { store, mostRules = MOST_RULES, entropy = systemEntropy } = this.#input;
    const { ruleId = entropy.id(), expiresInMs: ms = this.#input.expiresInMs ?? DEFAULT_EXPIRY_MS } = rule;
    const added = await store.add(ownerOf(rule), { ...rule, ruleId, expiresInMs: ms }, mostRules);
    if (added === 'full')
      throw new GenerationJobError('rules_limit', `There are ${mostRules} rules already.`);
    if (added === 'revoked')
      throw new GenerationJobError('rule_revoked', 'The rule was given before, and revoked.');
    return added;
  }

  async #askHost(asked: AskedRule, userId: string): Promise<void> {
    const { mayGive } = this.#input;
    const isOwn = asked.rule.scope !== 'tenant' && asked.by === userId;
    let mayBe: boolean;
    try {
      mayBe = mayGive ? (await mayGive(asked)) === true : isOwn;
    } catch (cause) {
      throw new GenerationJobError('rule_refused', 'The host could not judge the rule.', { cause });
    }
    if (!mayBe) throw new GenerationJobError('rule_refused', 'The host does not give such a rule.');
  }
}

/** @throws GenerationJobError `invalid_argument`, `invalid_stream_id` */
function checkedOwner(owner: RuleOwner): RuleOwner {
  const { tenantId, userId } = parseStrictly('invalid_argument', ownerSchema, owner, 'owner') as RuleOwner;
  checkOwner({ tenantId, userId });
  return { tenantId, userId };
}
