/**
 * The shapes of what a host writes out by hand, checked where it comes in and nowhere else. Plain objects are held to
 * their known keys; an instance of a host's own class has members of its own, and only those that are known are looked at.
 */
import { z } from 'zod';
import { GenerationJobError } from '../errors.js';
import type { Hooks } from './manager-types.js';
import { OBSERVED } from './observer.js';
import { optionsSchema } from './options.js';
import { checkKeys, checkStrictly } from './strict.js';

const callable = z.custom((value) => typeof value === 'function', 'must be a function').optional();

const HOOKS = {
  describeEnd: callable,
  settle: callable,
  recover: callable,
  recoverMode: z.union([z.enum(['restart', 'continue']), callable]).optional(),
  beforeResolve: callable,
  onFollowersGone: callable,
  onDeleted: callable,
  onError: callable,
  publicMetadata: callable,
} satisfies Record<keyof Hooks, z.ZodType>;

const OBSERVER = Object.fromEntries(OBSERVED.map((name) => [name, callable]));
const LOGGER = { debug: callable, info: callable, warn: callable, error: callable };

/** Anything that has these methods. */
const having = (what: string, ...methods: string[]) =>
  z.custom(
    (value) =>
      typeof value === 'object' &&
      value !== null &&
      methods.every((name) => typeof (value as Record<string, unknown>)[name] === 'function'),
    `must be ${what}`,
  );

const model = having('a content model: call it, as in [textContent()]', 'initial', 'fold');

const managerSchema = z.strictObject({
  jobStore: having('a JobStore: spread createStreamServices() into the input', 'create', 'commit', 'readLog'),
  eventTransport: having(
    'an EventTransport: spread createStreamServices() into the input',
    'subscribe',
    'publish',
  ),
  options: z.unknown().optional(),
  contentModels: z.array(model).optional(),
  actionTypes: z.array(z.unknown()).optional(),
  hooks: z.unknown().optional(),
  observer: z.unknown().optional(),
  logger: z.unknown().optional(),
  clock: having('a Clock', 'now', 'monotonic', 'setTimeout', 'clearTimeout', 'defer').optional(),
  entropy: having('an Entropy', 'id', 'random').optional(),
});

/** @throws GenerationJobError `invalid_options` naming each key and value that is not known */
export function checkManagerInput(given: unknown): void {
  for (const key of typeof given === 'object' && given !== null ? Object.keys(given) : []) {
    if (key in managerSchema.shape || !(key in optionsSchema.shape)) continue;
    throw new GenerationJobError('invalid_options', `${key} belongs into options: { options: { ${key} } }.`);
  }
  checkStrictly('invalid_options', managerSchema, given);
  const { hooks, observer, logger } = given as Record<string, unknown>;
  checkStrictly('invalid_options', z.object({ hooks: membersOf(hooks, HOOKS) }), { hooks });
  checkStrictly('invalid_options', z.object({ observer: membersOf(observer, OBSERVER) }), { observer });
  // A logger has more than we use.
  checkStrictly('invalid_options', z.object({ logger: z.looseObject(LOGGER).optional() }), { logger });
}

function membersOf(given: unknown, shape: z.ZodRawShape): z.ZodType {
  const prototype = typeof given === 'object' && given !== null ? Object.getPrototypeOf(given) : null;
  const isPlain = prototype === null || prototype === Object.prototype;
  return (isPlain ? z.strictObject(shape) : z.looseObject(shape)).optional();
}

const createSchema = z.strictObject({
  streamId: z.unknown(),
  userId: z.unknown(),
  tenantId: z.unknown().optional(),
  conversationId: z.string().optional(),
  idempotencyKey: z.string().optional(),
  onConflict: z.enum(['replace', 'reject', 'join']).optional(),
  created: z.unknown().optional(),
  metadata: z.record(z.string(), z.unknown()).optional(),
  contentModel: z.string().optional(),
  merge: z.boolean().optional(),
});

/** @throws GenerationJobError `invalid_argument` naming each key and value that is not known */
export function checkCreateInput(given: unknown): void {
  checkStrictly('invalid_argument', createSchema, given);
}

const ACCESS = ['tenantId', 'userId'];
const KNOWN = {
  access: new Set(ACCESS),
  generation: new Set([...ACCESS, 'generation']),
  list: new Set([...ACCESS, 'limit', 'cursor']),
  action: new Set([...ACCESS, 'actionId']),
  abort: new Set([...ACCESS, 'generation', 'by', 'reason']),
  subscribe: new Set([...ACCESS, 'after', 'generation', 'follow', 'resume', 'signal']),
} as const;

/**
 * Of the input of a call that may be made for every request, the keys alone: a misspelt `userId` would let everybody in.
 * @throws GenerationJobError `invalid_argument`
 */
export function checkCall(call: keyof typeof KNOWN, given: object): void {
  checkKeys('value', KNOWN[call], given);
}
