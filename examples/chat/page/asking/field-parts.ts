/** What the fields of a card are made of: choices, texts to write, and values to look at. */
import { LONGEST_TYPED } from '../content/asked-action.js';
import { make } from '../elements.js';

/** Something asked, on the screen; `said` is undefined until it is decided as it allows. */
export interface CardField<Said> {
  readonly element: HTMLElement;
  readonly said: Said | undefined;
}

let ids = 0;

/** A name no other element of the page has. */
export function newId(): string {
  return `field-${++ids}`;
}

export function choice(
  type: 'radio' | 'checkbox',
  {
    name,
    value,
    label,
    about = '',
  }: { name: string; value: string; label: string; about?: string | undefined },
): { readonly element: HTMLLabelElement; readonly input: HTMLInputElement } {
  const input = make('input', '');
  Object.assign(input, { type, name, value });
  const words = make(
    'span',
    'choice-words',
    make('b', '', label),
    ...(about ? [make('span', '', about)] : []),
  );
  return { element: make('label', 'choice-label', input, words), input };
}

export interface TypedText {
  readonly element: HTMLElement;
  readonly value: string;
  /** Empty when there is nothing to complain about. */
  complain(message: string): void;
  focus(): void;
}

export function typedText(
  label: string,
  { value = '', rows = 2, isCode = false }: { value?: string; rows?: number; isCode?: boolean } = {},
): TypedText {
  const area = make('textarea', isCode ? 'is-code' : '');
  area.rows = rows;
  area.value = value;
  area.spellcheck = !isCode;
  if (!isCode) area.maxLength = LONGEST_TYPED;
  const complaint = make('p', 'field-problem');
  complaint.id = newId();
  complaint.hidden = true;
  area.setAttribute('aria-describedby', complaint.id);
  return {
    element: make('div', 'typed', make('label', '', make('span', '', label), area), complaint),
    get value() {
      return area.value;
    },
    complain(message) {
      complaint.textContent = message;
      complaint.hidden = message === '';
      area.setAttribute('aria-invalid', String(message !== ''));
    },
    focus: () => area.focus(),
  };
}

/** A JSON value as people read it. Can be scrolled by keyboard when it is wide. */
export function jsonBlock(value: unknown, label: string): HTMLElement {
  const block = make('pre', 'json', make('code', '', JSON.stringify(value, null, 2)));
  block.tabIndex = 0;
  block.setAttribute('role', 'group');
  block.setAttribute('aria-label', label);
  return block;
}
