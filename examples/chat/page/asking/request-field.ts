/**
 * One of several tool calls to decide about: what it is, its arguments, and the decisions it allows. Arguments that may
 * be changed are shown in the field they are changed in; allowing them then means allowing what stands there.
 */
import type { ActionRequest, ApprovalDecision, Decision } from 'generation-jobs';
import { make } from '../elements.js';
import { ArgumentsField } from './arguments-field.js';
import { type CardField, choice, newId, type TypedText, typedText } from './field-parts.js';

/** `edit` isn't chosen but typed. */
type Choice = Exclude<ApprovalDecision, 'edit'>;

const LABELS: Readonly<Record<Choice, string>> = {
  approve: 'Allow',
  reject: 'Reject',
  respond: 'Answer by hand',
};

export class RequestField implements CardField<Decision> {
  readonly element: HTMLFieldSetElement;
  readonly #request: ActionRequest;
  readonly #arguments: ArgumentsField;
  readonly #typed: ReadonlyMap<Choice, TypedText>;
  readonly #choices: ReadonlyMap<Choice, HTMLInputElement>;

  constructor(request: ActionRequest, onChange: () => void) {
    this.#request = request;
    this.#arguments = new ArgumentsField(request);
    this.#typed = typedTexts();
    const group = newId();
    const choices = choicesOf(request).map((decision) => ({
      decision,
      ...choice('radio', { name: group, value: decision, label: LABELS[decision] }),
    }));
    this.#choices = new Map(choices.map(({ decision, input }) => [decision, input]));
    for (const { element } of this.#typed.values()) element.hidden = true;
    this.element = make(
      'fieldset',
      'asked request',
      make('legend', '', make('code', 'asked-name', request.name)),
      ...(request.description ? [make('p', 'about', request.description)] : []),
      this.#arguments.element,
      make('div', 'pills', ...choices.map(({ element }) => element)),
      ...[...this.#typed.values()].map(({ element }) => element),
    );
    this.element.dataset.testid = 'request';
    this.element.addEventListener('input', () => {
      this.#update();
      onChange();
    });
  }

  get said(): Decision | undefined {
    const decision = this.#decision;
    return decision && decisionOn(this.#request, decision, this.#arguments, this.#typed.get(decision));
  }

  get #decision(): Choice | undefined {
    return choicesOf(this.#request).find((decision) => this.#choices.get(decision)?.checked);
  }

  #update(): void {
    for (const [decision, { element }] of this.#typed) element.hidden = decision !== this.#decision;
  }
}

export function typedTexts(): ReadonlyMap<Choice, TypedText> {
  return new Map([
    ['reject', typedText('Reason (optional)')],
    ['respond', typedText('Result to give instead of calling it')],
  ]);
}

/** What may be chosen; a call that may only be edited is allowed by changing it. */
export function choicesOf({ allowedDecisions }: ActionRequest): Choice[] {
  const mayBeAllowed = allowedDecisions.some((decision) => decision === 'approve' || decision === 'edit');
  const others = allowedDecisions.filter((decision) => decision === 'reject' || decision === 'respond');
  return mayBeAllowed ? ['approve', ...others] : others;
}

/** Undefined while something is missing for it. */
export function decisionOn(
  { id, allowedDecisions }: ActionRequest,
  choice: Choice,
  given: ArgumentsField,
  typed: TypedText | undefined,
): Decision | undefined {
  const text = typed?.value.trim() ?? '';
  switch (choice) {
    case 'approve': {
      const edited = given.edited;
      if (edited === 'wrong') return undefined;
      if (edited !== undefined) return { id, decision: 'edit', arguments: edited };
      return allowedDecisions.includes('approve') ? { id, decision: 'approve' } : undefined;
    }
    case 'reject':
      return text === '' ? { id, decision: 'reject' } : { id, decision: 'reject', reason: text };
    case 'respond':
      return text === '' ? undefined : { id, decision: 'respond', text };
    default:
      return choice satisfies never;
  }
}
