/** A question to answer: by options, by words of one's own, or by both, as it allows. */
import type { ActionQuestion, Answer } from 'generation-jobs';
import { make } from '../elements.js';
import { type CardField, choice, newId, type TypedText, typedText } from './field-parts.js';

export class QuestionField implements CardField<Answer> {
  readonly element: HTMLFieldSetElement;
  readonly #id: string;
  readonly #inputs: readonly HTMLInputElement[];
  readonly #own: TypedText | undefined;

  constructor({ id, question, options, multiSelect, allowText }: ActionQuestion, onChange: () => void) {
    this.#id = id;
    const name = newId();
    const choices = options.map(({ value, label, description: about }) =>
      choice(multiSelect ? 'checkbox' : 'radio', { name, value, label, about }),
    );
    this.#inputs = choices.map(({ input }) => input);
    this.#own = allowText
      ? typedText(options.length > 0 ? 'Or in your own words' : 'Your answer')
      : undefined;
    this.element = make(
      'fieldset',
      'asked question',
      make('legend', '', question),
      ...(multiSelect ? [make('p', 'about', 'Choose as many as you like, but at least one.')] : []),
      make('div', 'options', ...choices.map(({ element }) => element)),
      ...(this.#own ? [this.#own.element] : []),
    );
    this.element.dataset.testid = 'question';
    this.element.addEventListener('input', onChange);
  }

  get said(): Answer | undefined {
    const selected = this.#inputs.filter(({ checked }) => checked).map(({ value }) => value);
    const text = this.#own?.value.trim() ?? '';
    if (selected.length === 0 && text === '') return undefined;
    return { id: this.#id, ...(selected.length > 0 && { selected }), ...(text !== '' && { text }) };
  }
}
