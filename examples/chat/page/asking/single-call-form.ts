/**
 * One tool call to decide about, with one press: allow it as it stands there.
 *
 * States: `choosing` shows what may be decided. A decision that comes with words leads to a state of its own, in which
 * they are written; it is left by sending them, or back to `choosing`.
 */
import type { ActionRequest } from 'generation-jobs';
import { make } from '../elements.js';
import type { Remembered } from '../following/chat-api.js';
import { ArgumentsField } from './arguments-field.js';
import type { AskForm, Say } from './ask-form.js';
import { choicesOf, decisionOn, typedTexts } from './request-field.js';

type Choice = ReturnType<typeof choicesOf>[number];

const SENDS: Readonly<Record<Choice, string>> = {
  approve: 'Allow',
  reject: 'Reject',
  respond: 'Send this result',
};
const OFFERS = { reject: 'Reject…', respond: 'Answer by hand…' } as const;

export class SingleCallForm implements AskForm {
  readonly element = make('form', '');
  readonly #request: ActionRequest;
  readonly #say: Say;
  readonly #arguments: ArgumentsField;
  readonly #typed = typedTexts();
  readonly #submit = make('button', 'submit');
  readonly #others: ReadonlyMap<Choice, HTMLButtonElement>;
  readonly #remember = rememberField();
  readonly #back = plainButton('Back', () => this.#choose('approve'));
  /** Allowing is what `choosing` has to send. */
  #choice: Choice = 'approve';
  #isSending = false;

  constructor(request: ActionRequest, say: Say) {
    this.#request = request;
    this.#say = say;
    this.#arguments = new ArgumentsField(request);
    this.#others = new Map(
      choicesOf(request).flatMap((choice) =>
        choice === 'approve' ? [] : [[choice, this.#offer(choice)] as const],
      ),
    );
    this.#submit.type = 'submit';
    this.#submit.dataset.testid = 'decide';
    const words = [...this.#typed.values()].map(({ element }) => element);
    const asked = make('div', 'asked request', ...aboutOf(request), this.#arguments.element, ...words);
    asked.dataset.testid = 'request';
    const foot = make(
      'footer',
      'card-foot',
      this.#submit,
      ...this.#others.values(),
      this.#back,
      this.#remember,
    );
    this.element.append(asked, foot);
    this.element.addEventListener('input', () => this.#update());
    this.element.addEventListener('keydown', ({ key }) => {
      if (key === 'Escape' && this.#choice !== 'approve') this.#choose('approve');
    });
    this.element.addEventListener('submit', (event) => {
      event.preventDefault();
      const decision = this.#decision;
      const remember = decision?.decision === 'approve' ? this.#remember.value : '';
      if (decision && !this.#isSending)
        this.#say({ decisions: [decision], ...(remember !== '' && { remember: remember as Remembered }) });
    });
    this.#update();
  }

  showSending(isSending: boolean): void {
    this.#isSending = isSending;
    this.#update();
  }

  get #decision() {
    return decisionOn(this.#request, this.#choice, this.#arguments, this.#typed.get(this.#choice));
  }

  #offer(choice: Exclude<Choice, 'approve'>): HTMLButtonElement {
    return plainButton(OFFERS[choice], () => this.#choose(choice));
  }

  #choose(choice: Choice): void {
    const left = this.#choice;
    this.#choice = choice;
    this.#update();
    if (choice === 'approve') this.#others.get(left)?.focus();
    else this.#typed.get(choice)?.focus();
  }

  #update(): void {
    const isChoosing = this.#choice === 'approve';
    for (const [choice, { element }] of this.#typed) element.hidden = choice !== this.#choice;
    for (const button of this.#others.values()) button.hidden = !isChoosing;
    this.#arguments.element.hidden = !isChoosing;
    this.#back.hidden = isChoosing;
    this.#submit.hidden = isChoosing && !choicesOf(this.#request).includes('approve');
    const isEdited = this.#decision?.decision === 'edit';
    const label = isEdited ? 'Allow with changes' : SENDS[this.#choice];
    // Only what is allowed as it was asked is allowed once for all.
    this.#remember.hidden = !isChoosing || isEdited || this.#submit.hidden;
    this.#submit.textContent = this.#isSending ? 'Sending…' : label;
    this.#submit.disabled = this.#decision === undefined;
    this.#submit.classList.toggle('is-refusal', this.#choice === 'reject');
  }
}

function aboutOf({ description }: ActionRequest): HTMLElement[] {
  return description ? [make('p', 'about', description)] : [];
}

function rememberField(): HTMLSelectElement {
  const field = make('select', 'remember');
  field.append(
    new Option('Ask me each time', ''),
    new Option('Always allow in this conversation', 'conversation'),
    new Option('Always allow everywhere', 'user'),
  );
  field.ariaLabel = 'The same call later';
  field.dataset.testid = 'remember';
  return field;
}

function plainButton(label: string, onPress: () => void): HTMLButtonElement {
  const button = make('button', 'plain', label);
  button.type = 'button';
  button.addEventListener('click', onPress);
  return button;
}
