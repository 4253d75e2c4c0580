/**
 * One turn on the screen: what the user wrote, the reasoning in one folded line, the answer with the tools it used and
 * what it asked, how it ended if it did not simply complete, and what can be done with each.
 */
import type { Decide } from '../asking/action-card.js';
import type { ChatContent } from '../content/chat-content.js';
import { iconButton, make } from '../elements.js';
import type { Turn } from '../following/conversation.js';
import { AnswerView } from './answer-view.js';
import { copyButton } from './copying.js';
import { endWords } from './failure-words.js';

export interface TurnHandlers {
  readonly decide: Decide;
  /** The same message is to be answered again. */
  readonly onRetry: (prompt: string) => void;
  /** The message is to be changed before it is sent again. */
  readonly onEdit: (prompt: string) => void;
}

export class TurnView {
  readonly element: HTMLElement;
  readonly answer: AnswerView;
  readonly #prompt = make('div', 'prompt');
  readonly #promptTools: HTMLElement;
  readonly #summary = make('summary', '');
  readonly #reasoning = make('p', 'reasoning');
  readonly #thought = make('details', 'activity', this.#summary, make('div', 'work', this.#reasoning));
  readonly #status = make('p', 'activity');
  readonly #noteWords = make('span', '');
  readonly #noteCode = make('code', '');
  readonly #note: HTMLElement;
  readonly #tryAgain = make('button', 'plain', 'Try again');
  readonly #answerTools: HTMLElement;
  readonly #copyAnswer: HTMLButtonElement;
  readonly #retry: HTMLButtonElement;
  #turn: Turn | undefined;

  constructor({ decide, onRetry, onEdit }: TurnHandlers) {
    const prompt = () => this.#turn?.content.prompt ?? '';
    this.answer = new AnswerView(decide);
    this.#promptTools = make(
      'div',
      'tools of-prompt',
      copyButton('Copy the message', prompt),
      iconButton('edit', 'Edit the message', () => onEdit(prompt())),
    );
    this.#copyAnswer = copyButton('Copy the answer', () => this.#turn?.content.text ?? '');
    this.#retry = iconButton('retry', 'Answer again', () => onRetry(prompt()));
    this.#answerTools = make('div', 'tools', this.#copyAnswer, this.#retry);
    this.#tryAgain.type = 'button';
    this.#tryAgain.addEventListener('click', () => onRetry(prompt()));
    this.#status.dataset.testid = 'status';
    this.#note = make('div', 'note', this.#noteWords, this.#noteCode, this.#tryAgain);
    this.element = make(
      'article',
      'turn',
      this.#prompt,
      this.#promptTools,
      this.#thought,
      this.answer.element,
      this.#status,
      this.#note,
      this.#answerTools,
    );
  }

  render(turn: Turn, isLast: boolean): void {
    this.#turn = turn;
    const { content, status } = turn;
    this.#prompt.textContent = content.prompt;
    this.#prompt.hidden = content.prompt === '';
    this.#promptTools.hidden = content.prompt === '';
    this.answer.render(turn, isLast);
    this.#renderThought(content, status === 'running');
    const busyWith = status === 'running' ? (content.status ?? '') : '';
    this.#status.hidden = busyWith === '';
    this.#status.textContent = busyWith && `The agent is ${busyWith}…`;
    this.element.dataset.status = status;
    this.element.classList.toggle('is-last', isLast);
    this.#renderEnd(turn, isLast);
  }

  #renderEnd({ status, code, content }: Turn, isLast: boolean): void {
    const end = endWords(status, code, content.text === '');
    this.#note.hidden = end === undefined;
    this.#noteWords.textContent = end?.words ?? '';
    this.#noteCode.textContent = end?.code ?? '';
    this.#noteCode.hidden = !end?.code;
    const hasEnded = status !== 'running' && status !== 'requires_action';
    this.#tryAgain.hidden = !isLast || status !== 'failed';
    this.#retry.hidden = !isLast || !hasEnded || status === 'failed' || content.prompt === '';
    this.#copyAnswer.hidden = content.text === '';
    this.#answerTools.hidden = !hasEnded || (this.#copyAnswer.hidden && this.#retry.hidden);
  }

  #renderThought({ reasoning, text, tools }: ChatContent, isRunning: boolean): void {
    this.#thought.hidden = reasoning === '';
    this.#summary.textContent = isRunning && text === '' && tools.length === 0 ? 'Thinking…' : 'Thought';
    const shown = reasoning.replaceAll('**', '');
    if (this.#reasoning.textContent !== shown) this.#reasoning.textContent = shown;
  }
}
