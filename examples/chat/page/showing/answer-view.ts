/**
 * An answer on the screen: its text, and between its pieces the cards of what it asked. There is always a piece after
 * the last card; it is the one that grows.
 */
import { ActionCard, type Decide } from '../asking/action-card.js';
import { shownTexts } from '../content/chat-content.js';
import { make } from '../elements.js';
import type { Turn } from '../following/conversation.js';
import { MarkdownView } from './markdown-view.js';

export class AnswerView {
  readonly element = make('div', 'answer');
  readonly #decide: Decide;
  #pieces: { readonly element: HTMLElement; readonly markdown: MarkdownView; shown: string }[] = [];
  #cards: ActionCard[] = [];

  constructor(decide: Decide) {
    this.#decide = decide;
  }

  /** The card that waits for a decision, if there is one. */
  get pendingCard(): ActionCard | undefined {
    return this.#cards.find(({ element }) => element.dataset.state === 'pending');
  }

  /** `isLast` marks the one answer that tests and readers look for. */
  render(turn: Turn, isLast: boolean): void {
    const { actions } = turn.content;
    const isSame = this.#cards.every(
      ({ action }, index) => action.actionId === actions[index]?.action.actionId,
    );
    if (!isSame) this.#clear();
    if (this.#pieces.length === 0) this.#addPiece();
    for (const { action } of actions.slice(this.#cards.length)) {
      this.#addCard(new ActionCard(action, this.#decide));
      this.#addPiece();
    }
    for (const [index, asked] of actions.entries()) this.#cards[index]?.render(asked, turn);
    for (const [index, text] of shownTexts(turn.content).entries()) this.#renderPiece(index, text);
    const last = this.#pieces.at(-1);
    if (!last) return;
    last.element.classList.toggle('is-waiting', turn.status === 'running' && last.shown === '');
    last.element.setAttribute('aria-busy', String(turn.status === 'running'));
    if (isLast) last.element.dataset.testid = 'answer';
    else delete last.element.dataset.testid;
  }

  #renderPiece(index: number, text: string): void {
    const piece = this.#pieces[index];
    if (!piece || piece.shown === text) return;
    piece.shown = text;
    piece.markdown.render(text);
  }

  #addPiece(): void {
    const before = this.#pieces.at(-1)?.element;
    before?.classList.remove('is-waiting');
    before?.removeAttribute('aria-busy');
    if (before) delete before.dataset.testid;
    const element = make('div', 'markdown');
    this.#pieces.push({ element, markdown: new MarkdownView(element), shown: '' });
    this.element.append(element);
  }

  #addCard(card: ActionCard): void {
    this.#cards.push(card);
    this.element.append(card.element);
  }

  #clear(): void {
    this.#pieces = [];
    this.#cards = [];
    this.element.replaceChildren();
  }
}
