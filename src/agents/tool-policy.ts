/**
 * A policy says which tool calls run, ask a person, or are refused: from the endpoint's settings, the agent's, those of
 * the skills in use, and the host's own hooks. Off unless the endpoint switches it on, and then as if it were not
 * there.
 *
 * - the endpoint owns the switch and the ground rules
 * - an agent overrides what it sets itself
 * - skills and hooks may only tighten: of all that is said of a call, the strictest counts
 */
import { z } from 'zod';
import { SECOND, systemClock } from '../clock.js';
import type { JobRules } from '../stream/interfaces/standing-rules.js';
import { callable, having, requiredFunction } from '../stream/model/host-values.js';
import { parseStrictly } from '../stream/model/strict.js';
import type { ApprovalDecision } from '../stream/model/types.js';
import { handOut, NO_MANAGER } from '../stream/process/handed-out.js';

export type ToolDecision = 'allow' | 'ask' | 'deny';
const STRICTNESS = { allow: 0, ask: 1, deny: 2 } as const satisfies Record<ToolDecision, number>;

/** The modes by our names and by the SDK's, which hosts have in their settings. */
const MODES = {
  ...{ allow: 'allow', ask: 'ask', deny: 'deny' },
  ...{ bypass: 'allow', default: 'ask', dontAsk: 'deny' },
} as const satisfies Record<string, ToolDecision>;

/**
 * The SDK lets a call run when its hooks reject or take 30 s, so what a host's own hook has not said long before that is
 * no.
 */
const HOOK_DEADLINE_MS = 10 * SECOND;

const globs = z.array(z.string().min(1).max(256)).max(1000).readonly().optional();
const layerSchema = z.strictObject({
  mode: z.enum(['ask', 'deny', 'allow', 'default', 'dontAsk', 'bypass']).optional(),
  allow: globs,
  ask: globs,
  deny: globs,
  edit: globs,
  standing: z.union([z.literal(false), z.array(z.string().min(1).max(256)).max(1000).readonly()]).optional(),
  reason: z.string().max(1000).optional(),
});
const policySchema = z.strictObject({
  endpoint: layerSchema.extend({ enabled: z.boolean().default(false) }).prefault({}),
  agent: layerSchema.optional(),
  skills: z.array(layerSchema).max(100).readonly().default([]),
}) satisfies z.ZodType<unknown, ToolPolicyInput>;

const inputSchema = policySchema.extend({
  hooks: z.array(requiredFunction).optional(),
  rules: having('the rules of a job: `rules.of(job)` of standing decisions', 'allows').optional(),
  onHookError: callable,
});

/**
 * One layer's settings. Lists hold tool names, in which `*` stands for any characters; of the lists, `deny` wins over `ask`
 * over `allow`.
 */
export interface ToolPolicyLayer {
  /**
   * The rule for tools in none of the lists. `ask`: a person is asked. Also by the SDK's names: `default` is `ask`, `dontAsk`
   * is `deny` (nobody is ever asked because of the mode), `bypass` is `allow`. Default: as the layer below, at last `ask`.
   */
  readonly mode?: ToolDecision | 'default' | 'dontAsk' | 'bypass' | undefined;
  /** Tools that run. At most 1,000 names of 1 to 256 characters. Default: none. */
  readonly allow?: readonly string[] | undefined;
  /** Tools a person is asked about. At most 1,000 names of 1 to 256 characters. Default: none. */
  readonly ask?: readonly string[] | undefined;
  /** Tools that are refused. At most 1,000 names of 1 to 256 characters. Default: none. */
  readonly deny?: readonly string[] | undefined;
  /**
   * Tools whose arguments a person who is asked may change: of all others a call can't be decided by `edit`. A skill only
   * takes away. At most 1,000 names of 1 to 256 characters. Default: as the layer below, at last all.
   */
  readonly edit?: readonly string[] | undefined;
  /**
   * Tools whose calls a standing decision may allow when a person would be asked; false for none. A skill only takes away. At
   * most 1,000 names of 1 to 256 characters. Default: as the layer below, at last all.
   */
  readonly standing?: readonly string[] | false | undefined;
  /**
   * The text told to the person when this layer's word is the strictest; `{tool}` stands for the name. At most 1,000
   * characters. Default: none.
   */
  readonly reason?: string | undefined;
}

/** The ground rules, and the switch of the whole policy. */
export interface ToolPolicyEndpoint extends ToolPolicyLayer {
  /** Says whether the policy is on. Default false: everything runs. */
  readonly enabled?: boolean | undefined;
}

/** The call as the SDK's `PreToolUse` hook is told of it. */
export interface ToolUse {
  /** The name of the tool. */
  readonly toolName: string;
  /** The arguments of the call. */
  readonly toolInput?: unknown;
  /** The call's id. */
  readonly toolUseId?: string | undefined;
  /** The agent that makes the call. */
  readonly agentId?: string | undefined;
}

type HostHook = (use: ToolUse) => ToolDecision | undefined | Promise<ToolDecision | undefined>;

export interface ToolPolicyInput {
  /** The ground rules, and the switch. Default: off. */
  readonly endpoint?: ToolPolicyEndpoint | undefined;
  /** The agent's settings, which override what they set. Default: none. */
  readonly agent?: ToolPolicyLayer | undefined;
  /** The settings of the skills in use, at most 100, which only tighten. Default: none. */
  readonly skills?: readonly ToolPolicyLayer[] | undefined;
  /**
   * The host's own judgement of a call, asked all at once: undefined says nothing. One that throws or takes 10 s denies.
   */
  readonly hooks?: readonly HostHook[];
  /**
   * The standing decisions for the calls of one job, `rules.of(job)`: asked about what a person would be asked about, and about
   * nothing else. A call that one allows is spent, recorded and runs; without its call id none is asked. Where they can't be
   * asked in 10 s the person is. Default: none.
   */
  readonly rules?: JobRules | undefined;
  /** Is told what a hook threw, or that it or a standing decision took too long. */
  readonly onHookError?: ((error: unknown) => void) | undefined;
}

/** The SDK's hook answers this. */
export interface ToolUseAnswer {
  /** Says whether the call runs, asks a person, or is refused. */
  readonly decision: ToolDecision;
  /** The text told to the person. */
  readonly reason?: string | undefined;
  /** Says how a call that is asked about may be decided; absent where no layer has said anything: in every way. */
  readonly allowedDecisions?: readonly ApprovalDecision[] | undefined;
}

export interface ToolPolicy {
  /** Says whether the endpoint has switched it on. */
  readonly enabled: boolean;
  /** Judges one call, which may spend a standing decision. A policy that is off allows everything. */
  decide(use: ToolUse): Promise<ToolDecision>;
  /**
   * Goes into `new HookRegistry().register('PreToolUse', { hooks: [hook] })`; undefined when the policy is off: then
   * register nothing and leave `humanInTheLoop` out.
   */
  readonly hook: ((use: ToolUse) => Promise<ToolUseAnswer>) | undefined;
}

/** Makes the policy of an endpoint's tools. @throws GenerationJobError `invalid_options` naming what is not known */
export function createToolPolicy(input: ToolPolicyInput): ToolPolicy {
  const { endpoint, agent, skills } = parseStrictly('invalid_options', inputSchema, input, 'input');
  const { hooks = [], onHookError, rules } = input;
  const { enabled, ...ground } = endpoint;
  const base = { ...ground, ...withoutUndefined(agent) };

  const judge = async (use: ToolUse): Promise<Judgement> => {
    if (!enabled) return { decision: 'allow' };
    const sayings: (ToolDecision | undefined)[] = await Promise.all(
      hooks.map((hook) => judged(hook, use, onHookError)),
    );
    let strictest: Judgement = saidBy(base, use.toolName) ?? { ...base, decision: 'ask' };
    for (const skill of skills) strictest = stricter(strictest, saidBy(skill, use.toolName));
    for (const decision of sayings) strictest = stricter(strictest, decision && { decision });
    const mayStand =
      strictest.decision === 'ask' && isListed(use.toolName, 'standing', [base, ...skills]) !== false;
    return mayStand && (await isStanding(rules, use, onHookError)) ? { decision: 'allow' } : strictest;
  };
  const decide = async (use: ToolUse) => (await judge(use)).decision;
  const answer = async (use: ToolUse): Promise<ToolUseAnswer> => {
    const { decision, reason } = await judge(use);
    if (decision === 'allow') return { decision };
    const allowedDecisions = decision === 'ask' ? decisionsOn(use.toolName, [base, ...skills]) : undefined;
    return {
      decision,
      ...(reason !== undefined && { reason: reason.replaceAll('{tool}', () => use.toolName) }),
      ...(allowedDecisions !== undefined && { allowedDecisions }),
    };
  };
  const hook = (use: ToolUse) => handOut(NO_MANAGER, 'hook', () => answer(use));
  return {
    enabled,
    decide: (use) => handOut(NO_MANAGER, 'decide', () => decide(use)),
    hook: enabled ? hook : undefined,
  };
}

/** A judgement has what was said of a call, and what its layer tells the person. */
type Judgement = Pick<ToolPolicyLayer, 'reason'> & { readonly decision: ToolDecision };

/** Returns what a layer says of the tool; undefined when that is nothing. */
function saidBy(layer: ToolPolicyLayer, tool: string): Judgement | undefined {
  const decision = opinionOf(layer, tool) ?? (layer.mode && MODES[layer.mode]);
  return decision && { decision, reason: layer.reason };
}

/** Returns what the lists say of a tool; undefined when it is in none. */
function opinionOf({ allow, ask, deny }: ToolPolicyLayer, tool: string): ToolDecision | undefined {
  if (deny?.some((glob) => matches(glob, tool))) return 'deny';
  if (ask?.some((glob) => matches(glob, tool))) return 'ask';
  return allow?.some((glob) => matches(glob, tool)) ? 'allow' : undefined;
}

/** Returns how a person may decide on a call of the tool; undefined when no layer says anything of it. */
function decisionsOn(
  tool: string,
  layers: readonly ToolPolicyLayer[],
): readonly ApprovalDecision[] | undefined {
  const mayEdit = isListed(tool, 'edit', layers);
  if (mayEdit === undefined) return undefined;
  return mayEdit ? ['approve', 'reject', 'edit', 'respond'] : ['approve', 'reject', 'respond'];
}

/** Says whether a tool is in each of the layers' lists of a name; undefined when no layer has one. */
function isListed(
  tool: string,
  name: 'edit' | 'standing',
  layers: readonly ToolPolicyLayer[],
): boolean | undefined {
  const lists = layers.flatMap(({ [name]: list }) => (list === undefined ? [] : [list || []]));
  if (lists.length === 0) return undefined;
  return lists.every((list) => list.some((glob) => matches(glob, tool)));
}

/** Says whether a standing decision allows the call. Never rejects: the SDK would let the call run. */
async function isStanding(
  rules: JobRules | undefined,
  { toolName: tool, toolInput, toolUseId }: ToolUse,
  onError: ToolPolicyInput['onHookError'],
): Promise<boolean> {
  if (rules === undefined || toolUseId === undefined) return false;
  try {
    const call = { tool, arguments: toolInput, callId: toolUseId };
    return (await inTime(() => rules.allows(call))).allowed === true;
  } catch (error) {
    tell(onError, error);
    return false; // a person is asked, as without rules
  }
}

/** Asks a hook, and never rejects: the SDK would let the call run. */
async function judged(
  hook: HostHook,
  use: ToolUse,
  onError: ToolPolicyInput['onHookError'],
): Promise<ToolDecision | undefined> {
  try {
    const said: unknown = await inTime(async () => hook(use));
    return said === undefined || said === 'allow' || said === 'ask' ? said : 'deny';
  } catch (error) {
    tell(onError, error);
    return 'deny'; // what could not be judged is not allowed; the SDK tells the model that the call was blocked
  }
}

function tell(onError: ToolPolicyInput['onHookError'], error: unknown): void {
  try {
    onError?.(error);
  } catch {
    // The host's own report; what comes of the call is told by the answer.
  }
}

/** Waits for a hook's answer. @throws Error when it took too long */
async function inTime<Answer>(ask: () => Promise<Answer>): Promise<Answer> {
  let timer: unknown;
  const late = new Promise<never>((_, reject) => {
    const error = new Error(`A hook of the tool policy did not answer in ${HOOK_DEADLINE_MS} ms.`);
    timer = systemClock.setTimeout(() => reject(error), HOOK_DEADLINE_MS);
  });
  try {
    return await Promise.race([ask(), late]);
  } finally {
    systemClock.clearTimeout(timer);
  }
}

function stricter(one: Judgement, other: Judgement | undefined): Judgement {
  return other !== undefined && STRICTNESS[other.decision] > STRICTNESS[one.decision] ? other : one;
}

/** Matches a name in time that is linear in it for each part of the pattern, whatever is in either. */
function matches(glob: string, tool: string): boolean {
  const parts = glob.split('*');
  const [first = '', ...rest] = parts;
  const last = rest.pop();
  if (last === undefined) return glob === tool;
  if (!tool.startsWith(first)) return false;
  let at = first.length;
  for (const part of rest) {
    const found = tool.indexOf(part, at);
    if (found < 0) return false;
    at = found + part.length;
  }
  return tool.length - last.length >= at && tool.endsWith(last);
}

function withoutUndefined(layer: ToolPolicyLayer = {}): ToolPolicyLayer {
  return Object.fromEntries(Object.entries(layer).filter(([, value]) => value !== undefined));
}
