/**
 * One turn on the screen: what the user wrote, the reasoning in one folded line, the answer with the tools it used and
 * what it asked, and how it ended if it did not simply complete.
 */
import type { Decide } from '../asking/action-card.js';
import type { ChatContent } from '../content/chat-content.js';
import { make } from '../elements.js';
import type { Turn } from '../following/conversation.js';
import { AnswerView } from './answer-view.js';

export class TurnView {
  readonly element: HTMLElement;
  readonly #prompt = make('div', 'prompt');
  readonly #summary = make('summary', '');
  readonly #reasoning = make('p', 'reasoning');
  readonly #thought = make('details', 'activity', this.#summary, make('div', 'work', this.#reasoning));
  readonly answer: AnswerView;
  readonly #note = make('p', 'note');

  constructor(decide: Decide) {
    this.answer = new AnswerView(decide);
    this.element = make('article', 'turn', this.#prompt, this.#thought, this.answer.element, this.#note);
  }

  render(turn: Turn, isLast: boolean): void {
    const { content, status, code } = turn;
    this.#prompt.textContent = content.prompt;
    this.#prompt.hidden = content.prompt === '';
    this.answer.render(turn, isLast);
    this.#renderThought(content, status === 'running');
    this.element.dataset.status = status;
    this.#note.textContent = noteOf(status, code, content.text === '');
    this.#note.hidden = this.#note.textContent === '';
  }

  #renderThought({ reasoning, text, tools }: ChatContent, isRunning: boolean): void {
    this.#thought.hidden = reasoning === '';
    this.#summary.textContent = isRunning && text === '' && tools.length === 0 ? 'Thinking…' : 'Thought';
    const shown = reasoning.replaceAll('**', '');
    if (this.#reasoning.textContent !== shown) this.#reasoning.textContent = shown;
  }
}

function noteOf(status: string, code: string, isEmpty: boolean): string {
  switch (status) {
    case 'aborted':
      // The card says it.
      if (code === 'expired') return '';
      return code === 'replaced' ? 'Replaced by a newer message.' : 'Stopped.';
    case 'failed':
      return `The answer failed${code ? ` (${code})` : ''}. Send your message again to retry.`;
    case 'completed':
      return isEmpty ? 'Finished without any text.' : '';
    default:
      return '';
  }
}
