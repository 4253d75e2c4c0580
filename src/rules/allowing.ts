/**
 * A call is allowed by a rule, or asked about. It goes, in this order
 * - read: what the user has, and what the tenant has, as it stands now
 * - matched, the oldest rule first; of each that fits
 * - spent: one step of the store, repeated as it was while no answer comes
 * - told: the event `rule_used` is committed, and only then the answer is yes
 *
 * A step that fails allows nothing. A use that was spent and not told has cost one of the budget and made no call; asked
 * for again it is the same use.
 */
import { SECOND } from '../clock.js';
import { isGenerationJobError, JobEndedError } from '../errors.js';
import type { NewRuleUse, RuleStore } from '../stream/interfaces/rule-store.js';
import type { Rule } from '../stream/interfaces/rules.js';
import type { RuleAnswer } from '../stream/interfaces/standing-rules.js';
import { isDecidedCall } from '../stream/process/decided-calls.js';
import { boundHook } from '../stream/process/host-code.js';
import { repeatUntilAnswered } from '../stream/process/repeat.js';
import { type AskedCall, fits, oldestFirst, ownerOf } from './asked-call.js';

/** A call as the host's `matches` is told of it. */
export interface MatchedCall {
  /** The name of the tool. */
  readonly tool: string;
  /** The arguments, none of which the rule does not name. */
  readonly arguments: Readonly<Record<string, unknown>>;
  /** The call, by its id in the generation. */
  readonly callId: string;
  /** The user whose call it is. */
  readonly userId: string;
  /** The tenant it is made in, if there is one. */
  readonly tenantId: string | undefined;
  /** The conversation it is made in. */
  readonly conversationId: string;
}

export interface AllowingInput {
  readonly store: RuleStore;
  readonly matches?: ((rule: Rule, call: MatchedCall) => boolean | Promise<boolean>) | undefined;
}

/** A hook of the agent SDK has 30 s, and then the call runs; the tool policy gives up after 10 s, and this before it. */
const ANSWER_MS = 8 * SECOND;
const NOT_ALLOWED: RuleAnswer = { allowed: false };

export class Allowing {
  readonly #input: AllowingInput;
  /** The events that each job has emitted, by the name of the use: one for each use. */
  readonly #told = new WeakMap<object, Map<string, Promise<void>>>();

  constructor(input: AllowingInput) {
    this.#input = input;
  }

  /** Never rejects: whatever keeps a rule from being used, a person can be asked. */
  async allows(call: AskedCall): Promise<RuleAnswer> {
    const { internals, job, callId } = call;
    if (job.isOver || isDecidedCall(job, callId)) return NOT_ALLOWED;
    const over = new AbortController();
    const limitMs = Math.min(internals.options.hookMs, ANSWER_MS);
    try {
      return await boundHook(internals, 'rules', () => this.#ask(call, limitMs, over.signal), limitMs);
    } catch (error) {
      // That the job is over is told by its own calls.
      if (error instanceof JobEndedError || isGenerationJobError(error, 'limit_exceeded')) return NOT_ALLOWED;
      internals.observer.ruleUsed('failed');
      job.report('rules', error);
      return NOT_ALLOWED;
    } finally {
      over.abort();
    }
  }

  /** @param over fires when the answer was given: nothing more is spent or told then */
  async #ask(call: AskedCall, limitMs: number, over: AbortSignal): Promise<RuleAnswer> {
    const { store } = this.#input;
    const { tenantId, userId, useName, internals } = call;
    if (useName === undefined) return NOT_ALLOWED;
    const until = internals.clock.monotonic() + limitMs / 2;
    const answered = <Answer>(work: () => Promise<Answer>) => repeatUntilAnswered(internals, work, until);
    const owners = [{ tenantId, userId }, { tenantId }];
    const lists = await Promise.all(owners.map((owner) => answered(() => store.list(owner))));
    for (const rule of oldestFirst(lists.flat())) {
      if (!fits(rule, call) || !(await this.#hostAllows(rule, call))) continue;
      over.throwIfAborted();
      const use = { ...useOf(rule, call), name: useName };
      const reply = await answered(() => store.spend(ownerOf(rule), rule.ruleId, use));
      over.throwIfAborted();
      if (reply === 'spent' || reply === 'known') {
        await this.#tell(rule, call, useName);
        internals.observer.ruleUsed(reply === 'spent' ? 'allowed' : 'repeated');
        return { allowed: true, rule, isRepeat: reply === 'known' };
      }
      internals.observer.ruleUsed('refused'); // by now: it was revoked, is over, or its budget is spent
    }
    return NOT_ALLOWED;
  }

  async #hostAllows(rule: Rule, call: AskedCall): Promise<boolean> {
    if (rule.match.kind !== 'host') return true;
    const { matches } = this.#input;
    const { tool, arguments: args = {}, callId, userId, tenantId, conversationId } = call;
    try {
      const asked = { tool, arguments: args, callId, userId, tenantId, conversationId };
      return (await boundHook(call.internals, 'matches', () => matches?.(rule, asked))) === true;
    } catch (error) {
      call.job.report('rules', error);
      return false;
    }
  }

  /** Commits the event that says so, once for each use of a job. @throws JobEndedError when that can't be */
  #tell(rule: Rule, call: AskedCall, useName: string): Promise<void> {
    const told = this.#told.get(call.job) ?? new Map<string, Promise<void>>();
    this.#told.set(call.job, told);
    const telling = told.get(useName) ?? commitUse(rule, call);
    told.set(useName, telling);
    telling.catch(() => told.delete(useName));
    return telling;
  }
}

async function commitUse({ ruleId, scope, givenBy, givenAt }: Rule, call: AskedCall): Promise<void> {
  const { job, events, internals, tool, callId } = call;
  const { streamId, generation, attempt } = job;
  await events.emitOwn('rule_used', { ruleId, tool, callId, scope, givenBy, givenAt });
  await job.flush();
  internals.logger.info({ streamId, generation, attempt, ruleId, tool, callId }, 'a rule has allowed a call');
}

function useOf({ ruleId, tool, scope, givenBy, givenAt }: Rule, call: AskedCall): Omit<NewRuleUse, 'name'> {
  const { userId, conversationId, callId, job } = call;
  const { streamId, generation } = job;
  return { ruleId, tool, scope, givenBy, givenAt, userId, conversationId, streamId, generation, callId };
}
