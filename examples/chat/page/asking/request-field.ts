/** A tool call to decide about: what it is, and the decisions it allows, each with what it needs. */
import type { ActionRequest, ApprovalDecision, Decision } from 'generation-jobs';
import { make } from '../elements.js';
import { type CardField, choice, jsonBlock, newId, type TypedText, typedText } from './field-parts.js';

const LABELS: Readonly<Record<ApprovalDecision, string>> = {
  approve: 'Approve',
  reject: 'Reject',
  edit: 'Edit',
  respond: 'Respond',
};

export class RequestField implements CardField<Decision> {
  readonly element: HTMLFieldSetElement;
  readonly #request: ActionRequest;
  readonly #typed: ReadonlyMap<ApprovalDecision, TypedText>;
  readonly #choices: ReadonlyMap<ApprovalDecision, HTMLInputElement>;

  constructor(request: ActionRequest, onChange: () => void) {
    this.#request = request;
    const { name, description, allowedDecisions } = request;
    this.#typed = new Map([
      ['reject', typedText('Reason (optional)')],
      ['edit', typedText('Arguments, as JSON', { ...editorOf(request.arguments), isCode: true })],
      ['respond', typedText('Result to give instead of calling it')],
    ]);
    const group = newId();
    const choices = allowedDecisions.map((decision) => ({
      decision,
      ...choice('radio', { name: group, value: decision, label: LABELS[decision] }),
    }));
    this.#choices = new Map(choices.map(({ decision, input }) => [decision, input]));
    const details = allowedDecisions.flatMap((decision) => this.#typed.get(decision)?.element ?? []);
    for (const detail of details) detail.hidden = true;
    this.element = make(
      'fieldset',
      'asked request',
      make('legend', '', make('code', 'asked-name', name)),
      ...(description ? [make('p', 'about', description)] : []),
      ...(request.arguments === undefined ? [] : [jsonBlock(request.arguments, `Arguments of ${name}`)]),
      make('div', 'pills', ...choices.map(({ element }) => element)),
      ...details,
    );
    this.element.dataset.testid = 'request';
    this.element.addEventListener('input', () => {
      this.#update();
      onChange();
    });
  }

  get said(): Decision | undefined {
    const { id } = this.#request;
    const decision = this.#decision;
    const text = decision && this.#typed.get(decision)?.value.trim();
    switch (decision) {
      case undefined:
        return undefined;
      case 'approve':
        return { id, decision };
      case 'reject':
        return text ? { id, decision, reason: text } : { id, decision };
      case 'respond':
        return text ? { id, decision, text } : undefined;
      case 'edit': {
        const edited = objectIn(text ?? '');
        return typeof edited === 'string' ? undefined : { id, decision, arguments: edited };
      }
      default:
        return decision satisfies never;
    }
  }

  get #decision(): ApprovalDecision | undefined {
    return this.#request.allowedDecisions.find((decision) => this.#choices.get(decision)?.checked);
  }

  #update(): void {
    for (const [decision, { element }] of this.#typed) element.hidden = decision !== this.#decision;
    const editor = this.#typed.get('edit');
    const edited = objectIn(editor?.value ?? '');
    editor?.complain(typeof edited === 'string' ? edited : '');
  }
}

type Arguments = Exclude<Decision['arguments'], undefined | null | boolean | number | string>;

/** The object that is written there, or what is wrong with it. */
function objectIn(text: string): Arguments | string {
  try {
    const value: unknown = JSON.parse(text);
    if (typeof value === 'object' && value !== null && !Array.isArray(value)) return value as Arguments;
    return 'Arguments are an object: { "name": value }.';
  } catch (error) {
    return `This is not JSON yet: ${error instanceof Error ? error.message : error}`;
  }
}

function editorOf(value: unknown): { value: string; rows: number } {
  const text = JSON.stringify(value ?? {}, null, 2);
  return { value: text, rows: Math.min(14, text.split('\n').length) };
}
