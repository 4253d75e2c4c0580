/**
 * A card for what an answer asks. Pending, it is a form: everything asked is decided there and sent with one submit.
 * Afterwards it says what came of it, and who decided. What is being filled in stays through lost connections and
 * switched replicas.
 *
 * States: `pending` is left, when the stream says so, for `decided`, `expired` or `withdrawn`; nothing leaves those. A
 * submit changes nothing here but the message: what is shown as decided is what the log has, or what a refusal says it
 * has.
 */
import type { Answer, Decision } from 'generation-jobs';
import {
  type ActionState,
  type AskedAction,
  actionState,
  type Decided,
  type ShownAction,
} from '../content/asked-action.js';
import { make } from '../elements.js';
import type { Turn } from '../following/conversation.js';
import { nameOf } from '../identity.js';
import type { DecideResult, Said } from './deciding.js';
import { newId } from './field-parts.js';
import { isRejected, outcomeView, outcomeWords } from './outcome-view.js';
import { QuestionField } from './question-field.js';
import { RequestField } from './request-field.js';

const LABELS = {
  approve: 'Approve',
  reject: 'Reject',
  edit: 'Approve with changes',
  respond: 'Send result',
} as const;

export type Decide = (action: ShownAction, said: Said) => Promise<DecideResult>;

export class ActionCard {
  readonly element: HTMLElement;
  readonly action: ShownAction;
  readonly #decide: Decide;
  readonly #title = make('h2', '');
  readonly #when = make('p', 'when');
  readonly #body = make('div', '');
  readonly #message = make('p', 'card-problem');
  readonly #submit = make('button', 'submit');
  readonly #progress = make('p', 'progress');
  readonly #fields: readonly (RequestField | QuestionField)[];
  #state: ActionState | undefined;
  /** What somebody else had decided when this page's decision came. */
  #late: Decided | undefined;
  #isSending = false;

  constructor(action: ShownAction, decide: Decide) {
    this.action = action;
    this.#decide = decide;
    const update = () => this.#update();
    this.#fields = [
      ...action.requests.map((request) => new RequestField(request, update)),
      ...action.questions.map((question) => new QuestionField(question, update)),
    ];
    this.#title.tabIndex = -1;
    this.#title.id = newId();
    this.#message.setAttribute('role', 'alert');
    this.#message.hidden = true;
    const head = make('header', 'card-head', this.#title, this.#when);
    this.element = make('section', 'card', head, this.#body, this.#message);
    this.element.dataset.testid = 'action';
    this.element.setAttribute('aria-labelledby', this.#title.id);
  }

  render(asked: AskedAction, turn: Pick<Turn, 'status' | 'code' | 'expiresAt'>): void {
    const decided = asked.decided ?? this.#late;
    const state = decided ? 'decided' : actionState(asked, turn);
    if (state === this.#state) return;
    const hadFocus = this.element.contains(document.activeElement);
    this.#state = state;
    this.element.dataset.state = state;
    this.element.classList.toggle('is-rejected', decided !== undefined && isRejected(decided));
    this.#title.textContent = titleOf(state, this.action, decided);
    this.#when.replaceChildren(...whenOf(state, turn.expiresAt, decided));
    if (state === 'pending') this.#showForm();
    else this.#body.replaceChildren(outcomeView(this.action, decided));
    if (state !== 'pending' && !this.#late) this.#say('');
    if (hadFocus) this.focus();
  }

  focus(): void {
    this.#title.focus();
  }

  #showForm(): void {
    this.#submit.type = 'submit';
    this.#submit.dataset.testid = 'decide';
    this.#progress.setAttribute('role', 'status');
    const foot = make('footer', 'card-foot', this.#progress, this.#submit);
    const form = make('form', '', ...this.#fields.map(({ element }) => element), foot);
    form.addEventListener('submit', (event) => {
      event.preventDefault();
      void this.#send();
    });
    this.#body.replaceChildren(form);
    this.#update();
  }

  #update(): void {
    const said = this.#said();
    const open = this.#fields.length - said.length;
    const done = this.action.questions.length > 0 ? 'answered' : 'decided';
    this.#progress.textContent =
      this.#fields.length === 1 ? '' : `${said.length} of ${this.#fields.length} ${done}`;
    this.#submit.disabled = open > 0;
    this.#submit.textContent = this.#isSending ? 'Sending…' : labelOf(said, this.action);
    this.element.setAttribute('aria-busy', String(this.#isSending));
  }

  #said(): (Decision | Answer)[] {
    return this.#fields.flatMap(({ said }) => said ?? []);
  }

  async #send(): Promise<void> {
    const said = this.#said();
    if (this.#isSending || said.length < this.#fields.length) return;
    this.#isSending = true;
    this.#say('');
    this.#update();
    const decisions = said.filter((one) => 'decision' in one);
    const answers = said.filter((one) => !('decision' in one));
    const result = await this.#decide(this.action, {
      ...(decisions.length > 0 && { decisions }),
      ...(answers.length > 0 && { answers }),
    });
    // What was taken, the stream will show.
    this.#isSending = result.kind === 'taken';
    this.#update();
    if (result.kind === 'refused') this.#say(result.message);
    if (result.kind === 'late') this.#showLate(result.decided);
  }

  #showLate(decided: Decided): void {
    this.#late = decided;
    const words =
      decided.decisions.length === 1 ? `: ${outcomeWords(decided).toLowerCase()}` : ', as it stands here';
    this.#say(`Already decided by ${nameOf(decided.by)}${words}. What you sent changed nothing.`);
    this.render({ action: this.action, at: 0, decided }, { status: '', code: '' });
  }

  #say(message: string): void {
    this.#message.textContent = message;
    this.#message.hidden = message === '';
    if (message !== '') this.#message.scrollIntoView({ block: 'nearest' });
  }
}

function whenOf(
  state: ActionState,
  expiresAt: number | undefined,
  decided: Decided | undefined,
): (Node | string)[] {
  if (decided) {
    const name = make('b', '', nameOf(decided.by));
    name.title = decided.by;
    return ['by ', name];
  }
  if (state !== 'pending' || expiresAt === undefined) return [];
  const time = make('time', '', shortTime(expiresAt));
  time.dateTime = new Date(expiresAt).toISOString();
  return ['open until ', time];
}

function titleOf(
  state: ActionState,
  { requests, questions }: ShownAction,
  decided: Decided | undefined,
): string {
  const isQuestion = questions.length > 0;
  const count = isQuestion ? questions.length : requests.length;
  switch (state) {
    case 'pending':
      if (isQuestion) return count === 1 ? 'A question for you' : `${count} questions for you`;
      return count === 1 ? 'May this tool be called?' : `May these ${count} tools be called?`;
    case 'decided':
      return decided ? outcomeWords(decided) : '';
    case 'expired':
      return 'Expired: nobody decided in time';
    case 'withdrawn':
      return 'No longer asked';
    default:
      return state satisfies never;
  }
}

/** On a button that says what it will do, where that is one thing. */
function labelOf(said: readonly (Decision | Answer)[], { requests, questions }: ShownAction): string {
  const count = requests.length + questions.length;
  const [only] = said;
  if (count === 1 && only && 'decision' in only) return LABELS[only.decision];
  const noun = questions.length > 0 ? 'answer' : 'decision';
  return `Send ${noun}${count === 1 ? '' : 's'}`;
}

function shortTime(at: number): string {
  const isToday = new Date(at).toDateString() === new Date().toDateString();
  const day = isToday ? {} : ({ day: 'numeric', month: 'short' } as const);
  return new Date(at).toLocaleString(undefined, { ...day, hour: '2-digit', minute: '2-digit' });
}
