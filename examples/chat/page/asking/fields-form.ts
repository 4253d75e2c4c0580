/** Several calls, or questions: each is decided in its own field, and all are sent together. */
import type { Answer, Decision } from 'generation-jobs';
import type { ShownAction } from '../content/asked-action.js';
import { make } from '../elements.js';
import type { AskForm, Say } from './ask-form.js';
import { QuestionField } from './question-field.js';
import { RequestField } from './request-field.js';

export class FieldsForm implements AskForm {
  readonly element: HTMLFormElement;
  readonly #isQuestion: boolean;
  readonly #fields: readonly (RequestField | QuestionField)[];
  readonly #submit = make('button', 'submit');
  readonly #progress = make('p', 'progress');
  #isSending = false;

  constructor({ requests, questions }: ShownAction, say: Say) {
    this.#isQuestion = questions.length > 0;
    const update = () => this.#update();
    this.#fields = [
      ...requests.map((request) => new RequestField(request, update)),
      ...questions.map((question) => new QuestionField(question, update)),
    ];
    this.#submit.type = 'submit';
    this.#submit.dataset.testid = 'decide';
    this.#progress.setAttribute('role', 'status');
    const foot = make('footer', 'card-foot', this.#submit, this.#progress);
    this.element = make('form', '', ...this.#fields.map(({ element }) => element), foot);
    this.element.addEventListener('submit', (event) => {
      event.preventDefault();
      this.#send(say);
    });
    this.#update();
  }

  showSending(isSending: boolean): void {
    this.#isSending = isSending;
    this.#update();
  }

  #said(): (Decision | Answer)[] {
    return this.#fields.flatMap(({ said }) => said ?? []);
  }

  #send(say: Say): void {
    const said = this.#said();
    if (this.#isSending || said.length < this.#fields.length) return;
    const decisions = said.filter((one) => 'decision' in one);
    const answers = said.filter((one) => !('decision' in one));
    say({
      ...(decisions.length > 0 && { decisions }),
      ...(answers.length > 0 && { answers }),
    });
  }

  #update(): void {
    const count = this.#fields.length;
    const said = this.#said().length;
    this.#progress.textContent =
      count === 1 ? '' : `${said} of ${count} ${this.#isQuestion ? 'answered' : 'decided'}`;
    this.#submit.disabled = said < count;
    const noun = this.#isQuestion ? 'answer' : 'decision';
    this.#submit.textContent = this.#isSending ? 'Sending…' : `Send ${noun}${count === 1 ? '' : 's'}`;
  }
}
