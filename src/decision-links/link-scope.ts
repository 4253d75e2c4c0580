/**
 * A link may decide this much: one decision for all requests of an action, and fixed options as the answers to its questions. What
 * can't be decided so is refused when the link is made; a response that only the host's type of action asks for, when the link is
 * followed, before anybody has pressed it. Answers are kept as places of options, which the digest of the action holds still.
 */
import { GenerationJobError } from '../errors.js';
import type { ActionQuestion, Decision, PublicAction, Resolution } from '../stream/model/types.js';

/** The decisions that a link may make: those that need no more words. */
export const LINK_DECISIONS = ['approve', 'reject'] as const;
export type LinkDecision = (typeof LINK_DECISIONS)[number];

export interface LinkScope {
  /** The decisions to choose from, one for all requests; none when nothing is to be approved. */
  readonly decisions: readonly LinkDecision[];
  /** The places of the options that answer each question, in the order asked. */
  readonly answers: readonly (readonly number[])[];
}

/** The fixed answer to a question of the action. */
export interface LinkAnswer {
  /** The question that is answered. */
  readonly id: string;
  /** Values of its options: one, or several where it allows that. */
  readonly selected: readonly string[];
}

type Asked = Pick<PublicAction, 'requests' | 'questions'>;
type Answered = { readonly id: string; readonly selected?: readonly string[] | undefined };

/** @throws GenerationJobError `decision_not_linkable` saying what stands in the way */
export function scopeOf(
  action: Asked,
  decision: LinkDecision | undefined,
  answers: readonly LinkAnswer[] = [],
): LinkScope {
  const { requests, questions } = action;
  if (requests.length === 0 && questions.length === 0)
    throw notLinkable('The action has neither requests nor questions.');
  if (requests.length === 0 && decision !== undefined)
    throw notLinkable('The action has no requests: give `answers`, and no `decision`.');
  const unknown = answers.find(({ id }) => !questions.some((one) => one.id === id));
  if (unknown) throw notLinkable(`answers: the action has no question ${JSON.stringify(unknown.id)}.`);
  return {
    decisions: requests.length === 0 ? [] : decisionsOf(action, decision),
    answers: questions.map((question) => placesOf(question, answers)),
  };
}

/** Returns what all requests allow, or the one decision that was chosen of it. */
function decisionsOf({ requests }: Asked, chosen: LinkDecision | undefined): readonly LinkDecision[] {
  const allowed = LINK_DECISIONS.filter((one) =>
    requests.every(({ allowedDecisions }) => allowedDecisions.includes(one)),
  );
  if (chosen === undefined && allowed.length > 0) return allowed;
  if (chosen !== undefined && allowed.includes(chosen)) return [chosen];
  const what = chosen ?? LINK_DECISIONS.join(' or ');
  throw notLinkable(`Not every request of the action allows ${what}.`);
}

function placesOf(question: ActionQuestion, answers: readonly LinkAnswer[]): readonly number[] {
  const { id, options, multiSelect } = question;
  const name = JSON.stringify(id);
  if (options.length === 0) throw notLinkable(`The question ${name} is answered in words.`);
  const given = answers.filter((one) => one.id === id);
  const selected = given[0]?.selected ?? [];
  const places = selected.map((value) => options.findIndex((option) => option.value === value));
  const isWhole = given.length === 1 && places.length > 0 && !places.includes(-1);
  if (!isWhole || new Set(places).size < places.length || (places.length > 1 && !multiSelect))
    throw notLinkable(`answers: the question ${name} needs fixed options of its own.`);
  return places;
}

/** Says which of a link's decisions is made. @throws GenerationJobError `decision_not_allowed` */
export function decisionIn(
  { decisions }: LinkScope,
  chosen: LinkDecision | undefined,
): LinkDecision | undefined {
  const [only] = decisions.length === 1 ? decisions : [];
  const made = chosen ?? only;
  const isAllowed = made === undefined ? decisions.length === 0 : decisions.includes(made);
  if (!isAllowed)
    throw new GenerationJobError('decision_not_allowed', 'The link does not allow this decision.');
  return made;
}

interface Said {
  readonly decisions: readonly Pick<Decision, 'id' | 'decision'>[];
  readonly answers: readonly { readonly id: string; readonly selected: readonly string[] }[];
}

/** Returns what a link says of an action that waits. */
export function saidOf(scope: LinkScope, action: Asked, decision: LinkDecision | undefined): Said {
  return {
    decisions: decision === undefined ? [] : action.requests.map(({ id }) => ({ id, decision })),
    answers: action.questions.map(({ id, options }, at) => ({
      id,
      selected: (scope.answers[at] ?? []).flatMap((place) => options[place]?.value ?? []),
    })),
  };
}

/** Returns what a link says of an action that has been decided, of which no more than the resolution is known. */
export function saidAgain({ decisions, answers }: Resolution, decision: LinkDecision | undefined): Said {
  return {
    decisions: decision === undefined ? [] : decisions.map(({ id }) => ({ id, decision })),
    answers: answers.map(({ id, selected = [] }: Answered) => ({ id, selected })),
  };
}

function notLinkable(why: string): GenerationJobError {
  return new GenerationJobError('decision_not_linkable', why);
}
