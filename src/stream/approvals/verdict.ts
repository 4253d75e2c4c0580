/**
 * A verdict decides every request once and as the action allows, answers every question once and as it allows, and says
 * nothing else. Each thing that can be wrong has a code of its own, because a client shows each differently.
 */

import { z } from 'zod';
import { GenerationJobError } from '../../errors.js';
import type { ResolveInput } from '../interfaces/action-input.js';
import { type ActionTypes, checkAgainst } from '../model/action-types.js';
import type { Options } from '../model/options.js';
import { isObject } from '../model/plain-values.js';
import { rememberSchema } from '../model/rule-shapes.js';
import { parseStrictly } from '../model/strict.js';
import type {
  ActionQuestion,
  ActionRequest,
  Answer,
  Decision,
  PendingAction,
  Verdict,
} from '../model/types.js';
import { ACTION_LIMITS, asJson, DECISIONS, idSchema, textSchema } from '../producing/pending-action.js';

/** Bounds and types only: what it means is asked of the action. Also what the HTTP route takes. */
export const verdictShape = {
  actionId: idSchema,
  decisions: z
    .array(
      z.strictObject({
        id: idSchema,
        decision: z.enum(DECISIONS),
        reason: textSchema.optional(),
        arguments: z.unknown().optional(),
        text: textSchema.optional(),
      }),
    )
    .max(ACTION_LIMITS.requests)
    .optional(),
  answers: z
    .array(
      z.strictObject({
        id: idSchema,
        text: textSchema.optional(),
        selected: z.array(z.string().max(ACTION_LIMITS.labelLength)).max(ACTION_LIMITS.options).optional(),
      }),
    )
    .max(ACTION_LIMITS.questions)
    .optional(),
  response: z.unknown().optional(),
  payloadDigest: idSchema.optional(),
  idempotencyKey: idSchema.optional(),
};

const resolveSchema = z.strictObject({
  ...verdictShape,
  by: idSchema,
  fingerprint: idSchema.optional(),
  generation: z.number().int().positive().max(Number.MAX_SAFE_INTEGER).optional(),
  via: z.literal('link').optional(),
  userId: z.string().optional(),
  tenantId: z.unknown().optional(),
  context: z.unknown().optional(),
  remember: rememberSchema.optional(),
} satisfies Record<keyof ResolveInput, z.ZodType>);
export type CheckedResolve = Omit<
  z.output<typeof resolveSchema>,
  'userId' | 'tenantId' | 'context' | 'remember'
>;

/** A copy of what was given, of the right shape. @throws GenerationJobError `invalid_action`, `event_too_large`, `json_too_deep` */
export function parseResolve(input: ResolveInput, options: Options): CheckedResolve {
  const parsed = parseStrictly('invalid_action', resolveSchema, input, 'decision');
  const { userId: _, tenantId: __, context: ___, remember: ____, ...said } = parsed;
  return asJson(said, 'The decision', options) as CheckedResolve;
}

/**
 * @throws GenerationJobError `request_unknown`, `request_decided_twice`, `request_undecided`, `decision_not_allowed`,
 *   `edit_without_arguments`, `respond_without_text`, `answer_not_allowed`, `invalid_action`
 */
export async function verdictOn(
  action: PendingAction,
  given: Pick<CheckedResolve, 'decisions' | 'answers' | 'response'>,
  rules: { readonly actionTypes: ActionTypes; readonly options: Options },
): Promise<Verdict> {
  const decisions = inOrder(
    action.requests,
    given.decisions as readonly Decision[] | undefined,
    checkDecision,
  );
  const answers = inOrder(action.questions, given.answers, checkAnswer);
  const schema = rules.actionTypes.get(action.type)?.response;
  if (schema === undefined) {
    if (given.response === undefined) return { decisions, answers };
    throw new GenerationJobError('invalid_action', 'This type of action takes no response.');
  }
  const checked = { response: await checkAgainst(schema, given.response, 'response') };
  return {
    decisions,
    answers,
    ...(asJson(checked, 'The response', rules.options) as Pick<Verdict, 'response'>),
  };
}

/** Returns what was said of each thing asked, in the order asked. */
function inOrder<Asked extends { readonly id: string }, Said extends { readonly id: string }>(
  asked: readonly Asked[],
  said: readonly Said[] = [],
  check: (asked: Asked, said: Said) => void,
): readonly Said[] {
  const byId = new Map<string, Said>();
  for (const one of said) {
    const about = asked.find(({ id }) => id === one.id);
    if (about === undefined)
      throw new GenerationJobError('request_unknown', 'A decision names nothing that was asked.');
    if (byId.has(one.id))
      throw new GenerationJobError('request_decided_twice', 'Something is decided twice.');
    check(about, one);
    byId.set(one.id, one);
  }
  return asked.map(({ id }) => {
    const one = byId.get(id);
    if (one === undefined) throw new GenerationJobError('request_undecided', 'Something is left undecided.');
    return one;
  });
}

function checkDecision(
  { allowedDecisions }: ActionRequest,
  { decision, arguments: edited, text }: Decision,
): void {
  if (!allowedDecisions.includes(decision)) {
    throw new GenerationJobError('decision_not_allowed', `"${decision}" is not allowed for a request.`);
  }
  if (decision === 'edit' && !isObject(edited)) {
    throw new GenerationJobError('edit_without_arguments', '"edit" comes without an object of arguments.');
  }
  if (decision === 'respond' && isBlank(text)) {
    throw new GenerationJobError('respond_without_text', '"respond" comes without text.');
  }
  // Whoever reads them later must not have to remember that they don't count.
  if ((edited !== undefined && decision !== 'edit') || (text !== undefined && decision !== 'respond')) {
    throw new GenerationJobError('invalid_action', 'Only "edit" has arguments, and only "respond" has text.');
  }
}

function checkAnswer(question: ActionQuestion, { text, selected = [] }: Answer): void {
  if (selected.length === 0 && isBlank(text)) {
    throw new GenerationJobError('request_undecided', 'A question is left unanswered.');
  }
  const offered = new Set(question.options.map(({ value }) => value));
  const isOffered = selected.every((value) => offered.delete(value)); // each at most once
  const isTooMany = selected.length > 1 && !question.multiSelect;
  if (!isOffered || isTooMany || (text !== undefined && !question.allowText)) {
    throw new GenerationJobError('answer_not_allowed', 'A question is not answered as it allows.');
  }
}

function isBlank(text: string | undefined): boolean {
  return text === undefined || text.trim() === '';
}
