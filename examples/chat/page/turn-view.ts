/**
 * One turn on the screen: what the user wrote, the work behind the answer in one folded line, the answer, and how it
 * ended if it did not simply complete.
 */
import { type ChatContent, shownText } from './chat-content.js';
import type { Turn } from './conversation.js';
import { make } from './elements.js';
import { MarkdownView } from './markdown-view.js';

export class TurnView {
  readonly element: HTMLElement;
  readonly #prompt = make('div', 'prompt');
  readonly #summary = make('summary', '');
  readonly #work = make('div', 'work');
  readonly #activity = make('details', 'activity', this.#summary, this.#work);
  readonly #answer = make('div', 'markdown');
  readonly #note = make('p', 'note');
  readonly #markdown = new MarkdownView(this.#answer);
  #shownText = '';
  #shownWork = '';

  constructor() {
    this.element = make('article', 'turn', this.#prompt, this.#activity, this.#answer, this.#note);
  }

  /** `isLast` marks the one answer that tests and readers look for. */
  render({ content, status, code }: Turn, isLast: boolean): void {
    const isRunning = status === 'running';
    this.#prompt.textContent = content.prompt;
    this.#prompt.hidden = content.prompt === '';
    if (content.text !== this.#shownText) this.#markdown.render(shownText(content));
    this.#shownText = content.text;
    this.#renderWork(content, isRunning);
    this.element.dataset.status = status;
    this.#answer.classList.toggle('is-waiting', isRunning && content.text === '');
    this.#answer.setAttribute('aria-busy', String(isRunning));
    if (isLast) this.#answer.dataset.testid = 'answer';
    else delete this.#answer.dataset.testid;
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
      return code === 'replaced' ? 'Replaced by a newer message.' : 'Stopped.';
    case 'failed':
      return `The answer failed${code ? ` (${code})` : ''}. Send your message again to retry.`;
    case 'requires_action':
      return 'Waiting for a decision.';
    case 'completed':
      return isEmpty ? 'Finished without any text.' : '';
    default:
      return '';
  }
}
