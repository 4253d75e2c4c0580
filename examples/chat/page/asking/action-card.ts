/**
 * A card for what an answer asks. Pending, it is a form: everything asked is decided there and sent with one submit.
 * Afterwards it says what came of it, and who decided. What is being filled in stays through lost connections and
 * switched replicas.
 *
 * States: `pending` is left, when the stream says so, for `decided`, `expired` or `withdrawn`; nothing leaves those. A
 * submit changes nothing here but the message: what is shown as decided is what the log has, or what a refusal says it
 * has.
 */
import type { ActionRequest } from 'generation-jobs';
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
import type { AskForm } from './ask-form.js';
import type { DecideResult, Said } from './deciding.js';
import { newId } from './field-parts.js';
import { FieldsForm } from './fields-form.js';
import { isRejected, outcomeView, outcomeWords } from './outcome-view.js';
import { SingleCallForm } from './single-call-form.js';

export type Decide = (action: ShownAction, said: Said) => Promise<DecideResult>;

export class ActionCard {
  readonly element: HTMLElement;
  readonly action: ShownAction;
  readonly #decide: Decide;
  readonly #title = make('h2', '');
  readonly #when = make('p', 'when');
  readonly #body = make('div', '');
  readonly #message = make('p', 'card-problem');
  readonly #form: AskForm;
  #state: ActionState | undefined;
  /** What somebody else had decided when this page's decision came. */
  #late: Decided | undefined;
  #isSending = false;

  constructor(action: ShownAction, decide: Decide) {
    this.action = action;
    this.#decide = decide;
    this.#form = formOf(action, (said) => void this.#send(said));
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
    this.#title.replaceChildren(...titleOf(state, this.action, decided));
    this.#when.replaceChildren(...whenOf(state, turn.expiresAt, decided));
    if (state === 'pending') this.#body.replaceChildren(this.#form.element);
    else this.#body.replaceChildren(outcomeView(this.action, decided));
    if (state !== 'pending' && !this.#late) this.#say('');
    if (hadFocus) this.focus();
  }

  focus(): void {
    this.#title.focus();
  }

  async #send(said: Said): Promise<void> {
    if (this.#isSending) return;
    this.#say('');
    this.#showSending(true);
    const result = await this.#decide(this.action, said);
    // What was taken, the stream will show.
    this.#showSending(result.kind === 'taken');
    if (result.kind === 'refused') this.#say(result.message);
    if (result.kind === 'late') this.#showLate(result.decided);
  }

  #showSending(isSending: boolean): void {
    this.#isSending = isSending;
    this.#form.showSending(isSending);
    this.element.setAttribute('aria-busy', String(isSending));
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

/** In words; the one call that is asked about is named. */
function titleOf(
  state: ActionState,
  { requests, questions }: ShownAction,
  decided: Decided | undefined,
): (Node | string)[] {
  const [only] = requests.length === 1 && questions.length === 0 ? requests : [];
  switch (state) {
    case 'pending':
      if (only) return [make('span', '', 'Allow ', nameTag(only), '?')];
      if (questions.length === 0) return [`Allow these ${requests.length} calls?`];
      return [questions.length === 1 ? 'A question for you' : `${questions.length} questions for you`];
    case 'decided': {
      const words = decided ? outcomeWords(decided) : '';
      return only ? [make('span', '', `${words}: `, nameTag(only))] : [words];
    }
    case 'expired':
      return ['Expired: nobody decided in time'];
    case 'withdrawn':
      return ['No longer asked'];
    default:
      return state satisfies never;
  }
}

function nameTag({ name }: ActionRequest): HTMLElement {
  return make('code', 'asked-name', name);
}

function formOf(action: ShownAction, say: (said: Said) => void): AskForm {
  const [request, ...others] = action.requests;
  const isSingle = request !== undefined && others.length === 0 && action.questions.length === 0;
  return isSingle ? new SingleCallForm(request, say) : new FieldsForm(action, say);
}

function shortTime(at: number): string {
  const isToday = new Date(at).toDateString() === new Date().toDateString();
  const day = isToday ? {} : ({ day: 'numeric', month: 'short' } as const);
  return new Date(at).toLocaleString(undefined, { ...day, hour: '2-digit', minute: '2-digit' });
}
