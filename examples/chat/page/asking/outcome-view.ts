/** What was asked and what became of it, to read: for actions that are decided, expired or withdrawn. */
import type { ActionQuestion, ActionRequest, Answer, Decision } from 'generation-jobs';
import type { Decided, ShownAction } from '../content/asked-action.js';
import { make } from '../elements.js';
import { jsonBlock } from './field-parts.js';

const WORDS = {
  approve: 'Allowed',
  reject: 'Rejected',
  edit: 'Allowed with changes',
  respond: 'Answered by hand',
} as const;

/** In a word or two: what was decided. */
export function outcomeWords({ decisions }: Decided): string {
  const words = [...new Set(decisions.map(({ decision }) => WORDS[decision]))];
  const [only] = words;
  if (only === undefined) return 'Answered';
  return words.length === 1 ? only : 'Decided';
}

export function isRejected({ decisions }: Decided): boolean {
  return decisions.length > 0 && decisions.every(({ decision }) => decision === 'reject');
}

export function outcomeView({ requests, questions }: ShownAction, decided: Decided | undefined): HTMLElement {
  const { decisions = [], answers = [] } = decided ?? {};
  const about = <Said extends { readonly id: string }>(said: readonly Said[], id: string) =>
    said.find((one) => one.id === id);
  return make(
    'ul',
    'outcomes',
    ...requests.map((request) => requestLine(request, about(decisions, request.id), requests.length === 1)),
    ...questions.map((question) => questionLine(question, about(answers, question.id))),
  );
}

/** `isOnly`: the card's title has said what was decided, and about which call. */
function requestLine(
  { name, arguments: given }: ActionRequest,
  said: Decision | undefined,
  isOnly: boolean,
): HTMLElement {
  const head = make('p', 'outcome-head', make('code', 'asked-name', name));
  if (said && !isOnly) {
    const badge = make('span', 'badge', WORDS[said.decision]);
    badge.dataset.decision = said.decision;
    head.append(badge);
  }
  const shown = said?.decision === 'edit' ? said.arguments : given;
  const line = make('li', '', ...(said && isOnly ? [] : [head]));
  const words = said?.reason ?? said?.text;
  if (words !== undefined) line.append(make('blockquote', '', words));
  if (shown === undefined) return line;
  const label = said?.decision === 'edit' ? 'Changed arguments' : 'Arguments';
  line.append(make('details', '', make('summary', '', label), jsonBlock(shown, `${label} of ${name}`)));
  return line;
}

function questionLine({ question, options }: ActionQuestion, said: Answer | undefined): HTMLElement {
  const labels = (said?.selected ?? []).map(
    (value) => options.find((option) => option.value === value)?.label ?? value,
  );
  const line = make('li', '', make('p', 'outcome-head', question));
  if (labels.length > 0) {
    const chips = labels.map((label) => make('span', 'badge', label));
    line.append(make('p', 'chips', ...chips));
  }
  if (said?.text !== undefined) line.append(make('blockquote', '', said.text));
  return line;
}
