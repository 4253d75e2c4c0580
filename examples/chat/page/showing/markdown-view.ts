/**
 * Shows Markdown that is still growing. Only the blocks that changed are rendered again, so earlier paragraphs keep
 * their selection and a long answer costs no more per frame than its last block. Code that grows keeps its element, and
 * so the focus on its button.
 */
import type { Token, Tokens } from 'marked';
import { make } from '../elements.js';
import { CodeBlock } from './code-block.js';
import { blocksOf, elementsOf, LANGUAGE, languageOf } from './sanitised.js';

interface Block {
  readonly raw: string;
  readonly element: HTMLElement;
  readonly code?: CodeBlock;
}

export class MarkdownView {
  readonly #element: HTMLElement;
  #blocks: Block[] = [];

  constructor(element: HTMLElement) {
    this.#element = element;
  }

  render(markdown: string): void {
    const tokens = blocksOf(markdown);
    const kept = countWhile(tokens, (token, index) => token.raw === this.#blocks[index]?.raw);
    const changed = this.#blocks.slice(kept);
    const made = tokens.slice(kept).map((token, index) => grown(changed[index], token) ?? blockOf(token));
    for (const [index, { element }] of changed.entries())
      if (element !== made[index]?.element) element.remove();
    this.#element.append(...made.flatMap(({ element }) => (element.isConnected ? [] : [element])));
    this.#blocks = [...this.#blocks.slice(0, kept), ...made];
  }
}

/** The block with what was added to it, if it is code of the same language. */
function grown(block: Block | undefined, token: Token): Block | undefined {
  if (!isCode(token) || block?.code?.language !== languageOf(token.lang ?? '')) return undefined;
  block.code.render(token.text);
  return { ...block, raw: token.raw };
}

function blockOf(token: Token): Block {
  const element = make('div', 'block');
  if (isCode(token)) {
    const code = new CodeBlock(languageOf(token.lang ?? ''));
    code.render(token.text);
    element.append(code.element);
    return { raw: token.raw, element, code };
  }
  element.append(elementsOf(token));
  for (const table of element.querySelectorAll('table')) scrollable(table);
  // Code in a list or in a quotation.
  for (const pre of element.querySelectorAll('pre')) {
    const code = new CodeBlock(pre.getAttribute(LANGUAGE) ?? '');
    code.render(pre.textContent ?? '');
    pre.replaceWith(code.element);
  }
  return { raw: token.raw, element };
}

function isCode(token: Token): token is Tokens.Code {
  return token.type === 'code';
}

/** A wide table scrolls by itself instead of widening the page, by keyboard too. */
function scrollable(table: HTMLTableElement): void {
  const frame = make('div', 'scroll');
  frame.tabIndex = 0;
  frame.setAttribute('role', 'group');
  frame.setAttribute('aria-label', 'Table');
  table.replaceWith(frame);
  frame.append(table);
}

function countWhile<T>(items: readonly T[], holds: (item: T, index: number) => boolean): number {
  const end = items.findIndex((item, index) => !holds(item, index));
  return end < 0 ? items.length : end;
}
