/**
 * The conversation on the screen: turns, title, connection and cursor. Drawn at most once a frame, however many events
 * arrive in between.
 */
import { announce, byId, make } from '../elements.js';
import type { Conversation } from '../following/conversation.js';
import type { Loss } from '../following/failures.js';
import type { Queue } from '../following/queue.js';
import { replicaChoice } from '../following/replica-choice.js';
import { AwayBanner } from './away-banner.js';
import type { Mark } from './conversation-line.js';
import { type QueueHandlers, QueueList } from './queue-list.js';
import { ScrollKeeper } from './scroll-keeper.js';
import { type TurnHandlers, TurnView } from './turn-view.js';
import { type WaitingHandlers, WaitingList } from './waiting-list.js';

export type Connection = 'ready' | 'connecting' | 'live' | 'reconnecting' | 'offline' | 'done';

export interface Shown {
  readonly conversation: Conversation | undefined;
  /** What waits for its turn in it. */
  readonly queue: Queue | undefined;
  /** What it is called; empty for one that has no name yet. */
  readonly title: string;
  readonly mark: Mark | undefined;
  /** Whether any conversation waits for a person, this one or another. */
  readonly needsYou: boolean;
  readonly connection: Connection;
  /** What is being tried again. */
  readonly loss: Loss | undefined;
  /** A message on its way, not yet in the conversation. */
  readonly pendingText: string | undefined;
  /** What went wrong; empty when nothing did. */
  readonly problem: string;
}

export interface ChatViewHandlers extends TurnHandlers, WaitingHandlers, QueueHandlers {
  readonly onTryNow: () => void;
}

/** Frames stop in a hidden tab; this often it is brought up to date all the same. */
const HIDDEN_TAB_MS = 250;
/** In front of the tab's title: read before the title is cut off. */
const NEEDS_YOU = '● needs you · ';
const WRITING = '✎ ';

export class ChatView {
  readonly #turns = byId('turns', HTMLDivElement);
  readonly #title = byId('title', HTMLElement);
  readonly #welcome = byId('welcome', HTMLElement);
  readonly #connection = byId('connection', HTMLElement);
  readonly #cursor = byId('cursor', HTMLElement);
  readonly #replica = byId('replica', HTMLElement);
  readonly #switchReplica = byId('switch-replica', HTMLButtonElement);
  readonly #problem = byId('problem', HTMLElement);
  readonly #pending = make('article', 'turn');
  readonly #text = byId('text', HTMLTextAreaElement);
  readonly #scroll = new ScrollKeeper();
  readonly #banner: AwayBanner;
  readonly #waiting: WaitingList;
  readonly #queue: QueueList;
  readonly #current: () => Shown;
  readonly #handlers: TurnHandlers;
  #views = new Map<number, TurnView>();
  #conversation: Conversation | undefined;
  #isScheduled = false;
  #announced = '';
  /** The id of the action that has been given the focus. */
  #shownAction = '';

  constructor(current: () => Shown, { onTryNow, ...handlers }: ChatViewHandlers) {
    this.#current = current;
    this.#handlers = handlers;
    this.#banner = new AwayBanner(onTryNow);
    this.#waiting = new WaitingList(handlers);
    this.#queue = new QueueList(handlers);
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

  #draw(shown: Shown): void {
    const { conversation, queue, pendingText } = shown;
    const isOpened = conversation !== this.#conversation;
    const hasJustSent = pendingText !== undefined && !this.#pending.isConnected;
    const isFollowing = isOpened || hasJustSent || this.#scroll.isAtEnd;
    if (isOpened) this.#views.clear();
    this.#conversation = conversation;
    const turns = conversation?.turns ?? [];
    const elements = turns.map((turn, index) => this.#drawTurn(turn, index === turns.length - 1));
    if (pendingText !== undefined)
      this.#pending.replaceChildren(make('div', 'prompt is-pending', pendingText));
    const waiting = conversation?.isAnswering ? conversation.waiting : [];
    this.#waiting.render(waiting);
    const queued = queue?.waiting ?? [];
    this.#queue.render(queued, queue?.isHeld === true);
    this.#show([
      ...elements,
      ...(waiting.length === 0 ? [] : [this.#waiting.element]),
      ...(pendingText === undefined ? [] : [this.#pending]),
      ...(queued.length === 0 ? [] : [this.#queue.element]),
    ]);
    const isWelcome = turns.length === 0 && pendingText === undefined;
    this.#welcome.hidden = !isWelcome || shown.connection === 'connecting';
    this.#drawFrame(shown);
    this.#announce(conversation);
    this.#scroll.keep(isFollowing && !isWelcome, !isWelcome);
    this.#focusOnAction();
  }

  /** What stands around the turns. */
  #drawFrame({ conversation, title, mark, needsYou, connection, loss, problem }: Shown): void {
    this.#title.textContent = title;
    const marks = `${needsYou ? NEEDS_YOU : ''}${mark === 'writing' ? WRITING : ''}`;
    document.title = `${marks}${title.slice(0, 60)}`;
    this.#connection.textContent = connection;
    this.#connection.dataset.state = connection;
    this.#cursor.textContent = conversation?.cursor ?? '';
    this.#replica.textContent = replicaChoice.current;
    this.#switchReplica.hidden = !replicaChoice.hasOthers;
    this.#problem.textContent = problem;
    this.#problem.hidden = problem === '';
    this.#banner.render(loss);
  }

  #drawTurn(turn: Conversation['turns'][number], isLast: boolean): HTMLElement {
    const view = this.#views.get(turn.generation) ?? new TurnView(this.#handlers);
    this.#views.set(turn.generation, view);
    view.render(turn, isLast);
    return view.element;
  }

  /** Touches what changed alone: an element that is moved loses the reader's selection, and the list its place. */
  #show(elements: readonly HTMLElement[]): void {
    for (const shown of [...this.#turns.children])
      if (!elements.some((element) => element === shown)) shown.remove();
    for (const [index, element] of elements.entries()) {
      const there = this.#turns.children[index];
      if (there !== element) this.#turns.insertBefore(element, there ?? null);
    }
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
    if (this.#announced !== '' || conversation?.isAnswering) announce(said);
    this.#announced = said;
  }

  /** Once for each action, and never away from somebody who is writing. */
  #focusOnAction(): void {
    const last = this.#conversation?.lastTurn;
    const card = last && this.#views.get(last.generation)?.answer.pendingCard;
    if (!card || card.action.actionId === this.#shownAction) return;
    this.#shownAction = card.action.actionId;
    const isElsewhere = /^(TEXTAREA|SELECT|INPUT)$/.test(document.activeElement?.tagName ?? '');
    const isIdle = document.activeElement === this.#text && this.#text.value === '';
    if (isIdle || !isElsewhere) card.focus();
  }
}
