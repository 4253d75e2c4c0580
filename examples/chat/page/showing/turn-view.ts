/**
 * One turn on the screen: what the user wrote, the work behind the answer in one folded line, the answer with what it
 * asked, and how it ended if it did not simply complete.
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
  readonly #work = make('div', 'work');
  readonly #activity = make('details', 'activity', this.#summary, this.#work);
  readonly answer: AnswerView;
  readonly #note = make('p', 'note');
  #shownWork = '';

  constructor(decide: Decide) {
    this.answer = new AnswerView(decide);
    this.element = make('article', 'turn', this.#prompt, this.#activity, this.answer.element, this.#note);
  }

  render(turn: Turn, isLast: boolean): void {
    const { content, status, code } = turn;
    const isRunning = status === 'running';
    this.#prompt.textContent = content.prompt;
    this.#prompt.hidden = content.prompt === '';
    this.answer.render(turn, isLast);
    this.#renderWork(content, isRunning);
    this.element.dataset.status = status;
    this.#note.textContent = noteOf(status, code, content.text === '');
    this.#note.hidden = this.#note.textContent === '';
  }

  #renderWork({ reasoning, tools }: ChatContent, isRunning: boolean): void {
    this.#activity.hidden = reasoning === '' && tools.length === 0;
    const shown = JSON.stringify([reasoning.length, tools, isRunning]);
    if (shown === this.#shownWork) return;
    this.#shownWork = shown;
    this.#summary.textContent = summaryOf(reasoning, tools, isRunning);
    const lines = tools.map(({ name, detail, isDone }) =>
      make(
        'li',
        isDone ? 'is-done' : '',
        make('b', '', readable(name)),
        ...(detail ? [make('span', '', detail)] : []),
      ),
    );
    this.#work.replaceChildren(
      ...(reasoning ? [make('p', 'reasoning', reasoning.replaceAll('**', ''))] : []),
      ...(lines.length > 0 ? [make('ul', '', ...lines)] : []),
    );
  }
}

function summaryOf(reasoning: string, tools: ChatContent['tools'], isRunning: boolean): string {
  const current = tools.findLast(({ isDone }) => !isDone);
  if (isRunning && current) return `Using ${readable(current.name)}…`;
  if (isRunning && tools.length === 0) return 'Thinking…';
  const counted =
    tools.length === 0 ? '' : `${tools.length} ${tools.length === 1 ? 'tool call' : 'tool calls'}`;
  return [reasoning ? 'Thought' : '', counted].filter(Boolean).join(' · ');
}

function readable(name: string): string {
  return name.replaceAll('_', ' ');
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
