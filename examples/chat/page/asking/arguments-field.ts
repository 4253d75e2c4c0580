/** The arguments of a tool call, shown once: as a field where they may be changed, otherwise to be read. */
import type { ActionRequest, Decision } from 'generation-jobs';
import { make } from '../elements.js';
import { jsonBlock, type TypedText, typedText } from './field-parts.js';

type Arguments = Exclude<Decision['arguments'], undefined | null | boolean | number | string>;

const MOST_ROWS = 14;

export class ArgumentsField {
  readonly element: HTMLElement;
  readonly #given: string;
  readonly #editor: TypedText | undefined;

  constructor({ name, arguments: given, allowedDecisions }: ActionRequest) {
    this.#given = JSON.stringify(given ?? {}, null, 2);
    if (!allowedDecisions.includes('edit')) {
      this.element = given === undefined ? make('div', '') : jsonBlock(given, `Arguments of ${name}`);
      return;
    }
    const rows = Math.min(MOST_ROWS, this.#given.split('\n').length);
    this.#editor = typedText('Arguments, as JSON; you may change them', {
      value: this.#given,
      rows,
      isCode: true,
    });
    this.element = this.#editor.element;
    this.element.addEventListener('input', () => this.#complain());
  }

  /** What was changed; undefined when nothing was, `wrong` while it can't be sent. */
  get edited(): Arguments | undefined | 'wrong' {
    const text = this.#editor?.value ?? this.#given;
    if (text.trim() === this.#given) return undefined;
    const value = objectIn(text);
    if (typeof value === 'string') return 'wrong';
    // Other spaces or line breaks change nothing.
    return JSON.stringify(value, null, 2) === this.#given ? undefined : value;
  }

  #complain(): void {
    const value = objectIn(this.#editor?.value ?? '');
    this.#editor?.complain(typeof value === 'string' ? value : '');
  }
}

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
