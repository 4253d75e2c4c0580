/** Tools that were called one after the other, as one folded line that stands where they were called. */
import type { ToolUse } from '../content/chat-content.js';
import { make } from '../elements.js';

export class ToolsView {
  readonly #summary = make('summary', '');
  readonly #list = make('ul', '');
  readonly element = make('details', 'activity', this.#summary, make('div', 'work', this.#list));
  #shown = '';

  constructor() {
    this.element.dataset.testid = 'tools';
  }

  /** `isRunning`: the answer is being made; a call without a result may still get one. */
  render(tools: readonly ToolUse[], isRunning: boolean): void {
    const shown = JSON.stringify([tools, isRunning]);
    if (shown === this.#shown) return;
    this.#shown = shown;
    this.#summary.textContent = summaryOf(tools, isRunning);
    this.#list.replaceChildren(...tools.map((tool) => lineOf(tool, isRunning)));
  }
}

function summaryOf(tools: readonly ToolUse[], isRunning: boolean): string {
  const current = isRunning ? tools.findLast(({ isDone }) => !isDone) : undefined;
  if (current) return `Using ${readable(current)}…`;
  const [first] = tools;
  const isOne = new Set(tools.map(readable)).size === 1;
  if (!first || !isOne) return `${tools.length} tool calls`;
  return `Used ${readable(first)}${tools.length > 1 ? ` ${tools.length} times` : ''}`;
}

function lineOf(tool: ToolUse, isRunning: boolean): HTMLElement {
  const state = tool.isDone ? 'done' : isRunning ? 'running' : 'without a result';
  return make(
    'li',
    tool.isDone ? 'is-done' : '',
    make('b', '', readable(tool)),
    make('span', 'hidden', state),
    ...(tool.detail ? [make('span', 'detail', tool.detail)] : []),
  );
}

function readable({ name }: ToolUse): string {
  return name.replaceAll('_', ' ') || 'a tool';
}
