/**
 * The shapes of what a host writes out by hand to make a manager, checked where it comes in and nowhere else. Those of a
 * manager's calls are in `call-input.ts`.
 */
import { z } from 'zod';
import { GenerationJobError } from '../../errors.js';
import type { Hooks } from '../interfaces/manager-types.js';
import { OBSERVED } from '../interfaces/observer.js';
import { checkContentModel } from '../model/content-model.js';
import { callable, clockSchema, having, membersOf } from '../model/host-values.js';
import { optionsSchema } from '../model/options.js';
import { type Seal, sealedKeysSchema } from '../model/seal.js';
import { isIdText } from '../model/stream-key.js';
import { parseStrictly } from '../model/strict.js';

const HOOKS = {
  describeEnd: callable,
  settle: callable,
  recover: callable,
  startQueued: callable,
  recoverMode: z.union([z.enum(['restart', 'continue']), callable]).optional(),
  beforeResolve: callable,
  onFollowersGone: callable,
  onDeleted: callable,
  onPaused: callable,
  onProgress: callable,
  onError: callable,
  publicMetadata: callable,
} satisfies Record<keyof Hooks, z.ZodType>;

/** The hooks of a host that may be an instance of its own class: by name, each still called on it. */
export function boundHooks(hooks: Hooks): Hooks {
  const named = Object.keys(HOOKS).flatMap((name) => {
    const hook = hooks[name as keyof Hooks];
    return hook === undefined ? [] : [[name, typeof hook === 'function' ? hook.bind(hooks) : hook]];
  });
  return Object.fromEntries(named);
}

const OBSERVER = Object.fromEntries(OBSERVED.map((name) => [name, callable]));
const SEAL = { seal: callable, open: callable, metadata: sealedKeysSchema } satisfies Record<
  keyof Seal,
  z.ZodType
>;
const LOGGER = { debug: callable, info: callable, warn: callable, error: callable };
/** A schema of a host's may be a function, as ArkType's are. */
const actionSchema = z
  .custom(
    (value) =>
      value !== null &&
      (typeof value === 'object' || typeof value === 'function') &&
      typeof (value as { '~standard'?: { validate?: unknown } })['~standard']?.validate === 'function',
    'must follow Standard Schema, as a schema of zod does',
  )
  .optional();

const managerSchema = z.strictObject({
  jobStore: having('a JobStore: spread createStreamServices() into the input', 'create', 'commit', 'readLog'),
  eventTransport: having(
    'an EventTransport: spread createStreamServices() into the input',
    'subscribe',
    'publish',
  ),
  options: z.unknown().optional(),
  contentModels: z.array(z.unknown()).optional(),
  actionTypes: z
    .array(z.strictObject({ type: z.string(), payload: actionSchema, response: actionSchema }))
    .optional(),
  seal: having('a Seal: createSeal makes one', 'seal', 'open').optional(),
  rules: having(
    'standing decisions: createStandingDecisions makes them',
    'remember',
    'deleteUser',
  ).optional(),
  hooks: z.unknown().optional(),
  observer: z.unknown().optional(),
  logger: z.unknown().optional(),
  replicaId: z
    .string()
    .refine((text) => isIdText(text, 128), 'must have 1 to 128 well-formed characters')
    .optional(),
  clock: clockSchema.optional(),
  entropy: having('an Entropy', 'id', 'random').optional(),
});

/** @throws GenerationJobError `invalid_options` naming each key and value that is not known */
export function checkManagerInput(given: unknown): void {
  for (const key of typeof given === 'object' && given !== null ? Object.keys(given) : []) {
    if (key in managerSchema.shape || !(key in optionsSchema.shape)) continue;
    throw new GenerationJobError('invalid_options', `${key} belongs into options: { options: { ${key} } }.`);
  }
  const { seal, hooks, observer, logger, contentModels } = parseStrictly(
    'invalid_options',
    managerSchema,
    given,
  );
  checkMembers('seal', seal, membersOf(seal, SEAL));
  checkMembers('hooks', hooks, membersOf(hooks, HOOKS));
  checkMembers('observer', observer, membersOf(observer, OBSERVER));
  // A logger has more than we use.
  checkMembers('logger', logger, z.looseObject(LOGGER));
  const names = contentModels?.map((model, at) => checkContentModel(model, `contentModels.${at}`)) ?? [];
  const twice = names.find((name, at) => names.indexOf(name) < at);
  if (twice === undefined) return;
  throw new GenerationJobError('invalid_options', `contentModels: two have the name "${twice}".`);
}

function checkMembers(name: string, given: unknown, schema: z.ZodType): void {
  parseStrictly('invalid_options', z.object({ [name]: schema.optional() }), { [name]: given });
}
