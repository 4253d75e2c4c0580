/**
 * What a person was asked in an answer, and what came of it, as the content keeps it: folded from `requires_action` and
 * `resumed`. A question nobody answered has no decision; how it ended is how the answer ended.
 */
import type { Answer, Decision, PublicAction } from 'generation-jobs';
import { field, text } from './provider-text.js';

/** Of a text that a person types into a card; the server refuses more. */
export const LONGEST_TYPED = 4000;

export interface Decided {
  readonly by: string;
  readonly decisions: readonly Decision[];
  readonly answers: readonly Answer[];
}

/** Without its times: the store sets them, and the attempt that asks folds its event before it knows them. */
export type ShownAction = Omit<PublicAction, 'askedAt' | 'expiresAt'>;

export interface AskedAction {
  readonly action: ShownAction;
  /** Where it stands in the answer's text. */
  readonly at: number;
  readonly decided?: Decided;
}

/** `withdrawn`: the answer was stopped or replaced while it waited. */
export type ActionState = 'pending' | 'decided' | 'expired' | 'withdrawn';

export function actionState(
  asked: AskedAction,
  { status, code }: { status: string; code: string },
): ActionState {
  if (asked.decided) return 'decided';
  if (status === 'requires_action') return 'pending';
  return code === 'expired' ? 'expired' : 'withdrawn';
}

export function withAsked(actions: readonly AskedAction[], data: unknown, at: number): AskedAction[] {
  const { askedAt: _, expiresAt: __, ...action } = field(data, 'action') as PublicAction;
  return [...actions, { action, at }];
}

export function withDecided(actions: readonly AskedAction[], data: unknown): AskedAction[] {
  const { actionId, ...decided } = decidedIn(data);
  return actions.map((asked) => (asked.action.actionId === actionId ? { ...asked, decided } : asked));
}

/** From a `resumed` event, or from the outcome that comes with a refusal. */
export function decidedIn(data: unknown): Decided & { readonly actionId: string } {
  return {
    actionId: text(field(data, 'actionId')),
    by: text(field(data, 'by')),
    decisions: (field(data, 'decisions') as Decision[] | undefined) ?? [],
    answers: (field(data, 'answers') as Answer[] | undefined) ?? [],
  };
}
