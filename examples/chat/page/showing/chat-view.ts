/**
 * The conversation on the screen: turns, title, connection and cursor. Drawn at most once a frame, however many events
 * arrive in between, and kept at the bottom as long as the reader is there.
 */
import type { Decide } from '../asking/action-card.js';
import { byId, make } from '../elements.js';
import type { Conversation } from '../following/conversation.js';
import { replicaChoice } from '../following/replica-choice.js';
import { TurnView } from './turn-view.js';

export type Connection = 'ready' | 'connecting' | 'live' | 'reconnecting' | 'offline' | 'done';

export interface Shown {
  readonly conversation: Conversation | undefined;
  readonly connection: Connection;
  /** A message on its way, not yet in the conversation. */
  readonly pendingText: string | undefined;
  /** What went wrong; empty when nothing did. */
  readonly problem: string;
}

/** Frames stop in a hidden tab; this often it is brought up to date all the same. */
const HIDDEN_TAB_MS = 250;
/** Nearer to the bottom than this, the reader is taken along. */
const NEAR_BOTTOM_PX = 80;

export class ChatView {
  readonly #scroller = byId('scroller', HTMLDivElement);
  readonly #turns = byId('turns', HTMLDivElement);
  readonly #welcome = byId('welcome', HTMLElement);
  readonly #connection = byId('connection', HTMLElement);
  readonly #cursor = byId('cursor', HTMLElement);
  readonly #replica = byId('replica', HTMLElement);
  readonly #switchReplica = byId('switch-replica', HTMLButtonElement);
  readonly #problem = byId('problem', HTMLElement);
  readonly #announcement = byId('announcement', HTMLElement);
  readonly #pending = make('article', 'turn');
  readonly #text = byId('text', HTMLTextAreaElement);
  readonly #current: () => Shown;
  readonly #decide: Decide;
  #views = new Map<number, TurnView>();
  #conversation: Conversation | undefined;
  #isScheduled = false;
  #announced = '';
  /** The id of the action that has been given the focus. */
  #shownAction = '';

  constructor(current: () => Shown, decide: Decide) {
    this.#current = current;
    this.#decide = decide;
  }

  /** Something changed; it is drawn with the next frame. */
  schedule(): void {
    if (this.#isScheduled) return;
    this.#isScheduled = true;
    const draw = () => {
      cancelAnimationFrame(frame);
      clearTimeout(timer);
      this.#isScheduled = false;
      this.#draw(this.#current());
    };
    const frame = requestAnimationFrame(draw);
    const timer = setTimeout(draw, HIDDEN_TAB_MS);
  }

  #draw({ conversation, connection, pendingText, problem }: Shown): void {
    const isOpened = conversation !== this.#conversation;
    const hasJustSent = pendingText !== undefined && !this.#pending.isConnected;
    const isFollowing = isOpened || hasJustSent || this.#distanceFromBottom() < NEAR_BOTTOM_PX;
    if (isOpened) this.#views.clear();
    this.#conversation = conversation;
    const turns = conversation?.turns ?? [];
    const elements = turns.map((turn, index) => this.#drawTurn(turn, index === turns.length - 1));
    if (pendingText !== undefined)
      this.#pending.replaceChildren(make('div', 'prompt is-pending', pendingText));
    this.#show([...elements, ...(pendingText === undefined ? [] : [this.#pending])]);
    this.#welcome.hidden = turns.length > 0 || pendingText !== undefined || connection === 'connecting';
    this.#connection.textContent = connection;
    this.#connection.dataset.state = connection;
    this.#cursor.textContent = conversation?.cursor ?? '';
    this.#replica.textContent = replicaChoice.current;
    this.#switchReplica.hidden = !replicaChoice.hasOthers;
    this.#problem.textContent = problem;
    this.#problem.hidden = problem === '';
    document.title = turns[0]?.content.prompt.slice(0, 60) || 'Chat';
    this.#announce(conversation);
    if (isFollowing) this.#scroller.scrollTop = this.#scroller.scrollHeight;
    this.#focusOnAction();
  }

  #drawTurn(turn: Conversation['turns'][number], isLast: boolean): HTMLElement {
    const view = this.#views.get(turn.generation) ?? new TurnView(this.#decide);
    this.#views.set(turn.generation, view);
    view.render(turn, isLast);
    return view.element;
  }

  /** Touches the list only when it changed: moving an element would lose the reader's selection. */
  #show(elements: readonly HTMLElement[]): void {
    const shown = [...this.#turns.children];
    const isSame =
      shown.length === elements.length && elements.every((element, index) => element === shown[index]);
    if (!isSame) this.#turns.replaceChildren(...elements);
  }

  /** Says the beginning, the pauses and the end of an answer; reading out every token would drown them. */
  #announce(conversation: Conversation | undefined): void {
    const said = conversation?.isAsking
      ? 'The answer waits for your decision.'
      : conversation?.isAnswering
        ? 'The answer is being written.'
        : 'The answer has ended.';
    if (said === this.#announced) return;
    // A page that has just been opened has nothing to announce.
    if (this.#announced !== '' || conversation?.isAnswering) this.#announcement.textContent = said;
    this.#announced = said;
  }

  /** Once for each action, and never away from somebody who is writing. */
  #focusOnAction(): void {
    const last = this.#conversation?.lastTurn;
    const card = last && this.#views.get(last.generation)?.answer.pendingCard;
    if (!card || card.action.actionId === this.#shownAction) return;
    this.#shownAction = card.action.actionId;
    const isElsewhere = /^(TEXTAREA|SELECT)$/.test(document.activeElement?.tagName ?? '');
    const isIdle = document.activeElement === this.#text && this.#text.value === '';
    if (isIdle || !isElsewhere) card.focus();
  }

  #distanceFromBottom(): number {
    const { scrollHeight, scrollTop, clientHeight } = this.#scroller;
    return scrollHeight - scrollTop - clientHeight;
  }
}
