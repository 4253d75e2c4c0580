/**
 * An answer on the screen: its parts in their order, each drawn by a view of its own that stays as long as the part does,
 * so that what is selected, unfolded or being filled in survives what comes after it.
 */
import { ActionCard, type Decide } from '../asking/action-card.js';
import { type AnswerPart, partsOf } from '../content/answer-parts.js';
import { make } from '../elements.js';
import type { Turn } from '../following/conversation.js';
import { MarkdownView } from './markdown-view.js';
import { ToolsView } from './tools-view.js';

interface PartView {
  readonly element: HTMLElement;
  render(part: AnswerPart, turn: Turn): void;
}

export class AnswerView {
  readonly element = make('div', 'answer');
  readonly #decide: Decide;
  #views = new Map<string, PartView>();
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
    const parts = partsOf(turn.content);
    const isRunning = turn.status === 'running';
    const keys = new Set(parts.map(({ key }) => key));
    for (const [key, { element }] of this.#views) if (!keys.has(key)) element.remove();
    const before = this.#views;
    this.#cards = this.#cards.filter(({ action }) => keys.has(`action ${action.actionId}`));
    this.#views = new Map(
      parts.map((part) => [part.key, before.get(part.key) ?? this.#viewOf(part)] as const),
    );
    for (const [index, part] of parts.entries()) {
      const view = this.#views.get(part.key);
      if (!view) continue;
      const there = this.element.children[index];
      // Moving an element that is in its place would lose the reader's selection.
      if (there !== view.element) this.element.insertBefore(view.element, there ?? null);
      view.render(part, turn);
      const isGrowing = isRunning && index === parts.length - 1;
      view.element.classList.toggle('is-waiting', isGrowing && part.kind === 'text' && part.text === '');
    }
    this.element.setAttribute('aria-busy', String(isRunning));
    if (isLast) this.element.dataset.testid = 'answer';
    else delete this.element.dataset.testid;
  }

  #viewOf(part: AnswerPart): PartView {
    switch (part.kind) {
      case 'text':
        return textView();
      case 'tools':
        return toolsView();
      case 'message':
        return messageView();
      case 'action': {
        const card = new ActionCard(part.asked.action, this.#decide);
        this.#cards.push(card);
        return {
          element: card.element,
          render: (now, turn) => now.kind === 'action' && card.render(now.asked, turn),
        };
      }
      default:
        return part satisfies never;
    }
  }
}

function textView(): PartView {
  const element = make('div', 'markdown');
  const markdown = new MarkdownView(element);
  let shown = '';
  return {
    element,
    render(part) {
      if (part.kind !== 'text' || part.text === shown) return;
      shown = part.text;
      markdown.render(shown);
    },
  };
}

/** What the user wrote meanwhile, where it took effect. */
function messageView(): PartView {
  const element = make('div', 'prompt');
  element.dataset.testid = 'taken';
  return {
    element,
    render(part) {
      if (part.kind === 'message') element.textContent = part.message.text;
    },
  };
}

function toolsView(): PartView {
  const view = new ToolsView();
  return {
    element: view.element,
    render: (part, { status }) => part.kind === 'tools' && view.render(part.tools, status === 'running'),
  };
}
