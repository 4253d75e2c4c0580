/**
 * The host's own types of action. A schema is anything that follows Standard Schema (standardschema.dev): zod, Valibot and
 * ArkType do. What it gives is what is kept, so it may fill in defaults.
 */
import { GenerationJobError } from '../../errors.js';
import { TOOL_UNKNOWN } from './own-actions.js';

/** The part of Standard Schema 1 that is used here. */
export interface ActionSchema {
  /** The schema's own, as Standard Schema defines it. */
  readonly '~standard': {
    readonly version: 1;
    readonly vendor: string;
    readonly validate: (value: unknown) => SchemaResult | Promise<SchemaResult>;
  };
}

type SchemaResult =
  | { readonly value: unknown; readonly issues?: undefined }
  | { readonly issues: readonly SchemaIssue[] };

interface SchemaIssue {
  readonly message: string;
  readonly path?: readonly (PropertyKey | { readonly key: PropertyKey })[] | undefined;
}

export interface ActionType {
  /** 1 to 64 characters: a small letter, then small letters, digits and `_`. Not one of the library's own. */
  readonly type: string;
  /** The schema of what is shown. Without it, any payload. */
  readonly payload?: ActionSchema | undefined;
  /** The schema of what is answered. Without it, there is nothing to respond with. */
  readonly response?: ActionSchema | undefined;
}

const OWN_ACTION_TYPES: ReadonlySet<string> = new Set(['tool_approval', 'ask_user_question', TOOL_UNKNOWN]);
const ACTION_TYPE_NAME = /^[a-z][a-z0-9_]*$/;
const LONGEST_ACTION_TYPE_NAME = 64;

export type ActionTypes = ReadonlyMap<string, ActionType>;

export function isActionTypeName(name: string): boolean {
  return name.length <= LONGEST_ACTION_TYPE_NAME && ACTION_TYPE_NAME.test(name);
}

/** @throws GenerationJobError `invalid_options` for a name that is malformed, taken or given twice */
export function actionTypesFrom(given: readonly ActionType[] = []): ActionTypes {
  const types = new Map<string, ActionType>();
  for (const one of given) {
    const isTaken = types.has(one.type) || OWN_ACTION_TYPES.has(one.type);
    if (!isActionTypeName(one.type) || isTaken) {
      throw new GenerationJobError('invalid_options', `actionTypes: "${one.type}" is malformed or taken.`);
    }
    types.set(one.type, one);
  }
  return types;
}

/** @throws GenerationJobError `invalid_action` with what the schema says is wrong, and where */
export async function checkAgainst(schema: ActionSchema, value: unknown, what: string): Promise<unknown> {
  const result = await schema['~standard'].validate(value);
  if (result.issues === undefined) return result.value;
  const issues = result.issues.map(({ message, path = [] }) => {
    const steps = path.map((step) => String(typeof step === 'object' ? step.key : step));
    return `${[what, ...steps].join('.')}: ${message}`;
  });
  throw new GenerationJobError('invalid_action', `${issues.join('; ')}.`);
}
