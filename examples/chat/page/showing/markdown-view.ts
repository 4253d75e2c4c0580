/**
 * Shows Markdown that is still growing. Only the blocks that changed are rendered again, so earlier paragraphs keep
 * their selection and a long answer costs no more per frame than its last block. Everything a model wrote is sanitised;
 * remote images are left out, as loading one would tell its server what was read.
 */
import DOMPurify, { type Config } from 'dompurify';
import { marked } from 'marked';

interface Block {
  readonly raw: string;
  readonly element: HTMLElement;
}

const SANITISE = {
  USE_PROFILES: { html: true },
  FORBID_TAGS: ['img', 'picture', 'audio', 'video', 'style', 'form', 'button', 'select', 'textarea'],
  FORBID_ATTR: ['style', 'class', 'id', 'name'],
  RETURN_DOM_FRAGMENT: true,
} satisfies Config & { RETURN_DOM_FRAGMENT: true };

export class MarkdownView {
  readonly #element: HTMLElement;
  #blocks: Block[] = [];

  constructor(element: HTMLElement) {
    this.#element = element;
  }

  render(markdown: string): void {
    const tokens = marked.lexer(markdown, { gfm: true, breaks: true }).filter(({ type }) => type !== 'space');
    const kept = countWhile(tokens, (token, index) => token.raw === this.#blocks[index]?.raw);
    for (const { element } of this.#blocks.slice(kept)) element.remove();
    const made = tokens
      .slice(kept)
      .map((token) => ({ raw: token.raw, element: blockOf(marked.parser([token])) }));
    this.#element.append(...made.map(({ element }) => element));
    this.#blocks = [...this.#blocks.slice(0, kept), ...made];
  }
}

function blockOf(html: string): HTMLElement {
  const element = document.createElement('div');
  element.className = 'block';
  element.append(DOMPurify.sanitize(html, SANITISE));
  for (const link of element.querySelectorAll('a')) {
    link.target = '_blank';
    link.rel = 'noopener noreferrer';
  }
  for (const table of element.querySelectorAll('table')) scrollable(table);
  return element;
}

/** A wide table scrolls by itself instead of widening the page. */
function scrollable(table: HTMLTableElement): void {
  const frame = document.createElement('div');
  frame.className = 'scroll';
  table.replaceWith(frame);
  frame.append(table);
}

function countWhile<T>(items: readonly T[], holds: (item: T, index: number) => boolean): number {
  const end = items.findIndex((item, index) => !holds(item, index));
  return end < 0 ? items.length : end;
}
