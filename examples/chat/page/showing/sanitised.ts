/**
 * Markdown made into elements, with all that a model must not write taken out: scripts, forms, styles, names that could
 * pass for the page's own, and remote images, as loading one would tell its server what was read.
 */
import DOMPurify, { type Config } from 'dompurify';
import { Marked, type Token, type Tokens } from 'marked';

/** On a `pre`: the language that its author named. */
export const LANGUAGE = 'data-language';

const MARKDOWN = {
  USE_PROFILES: { html: true },
  FORBID_TAGS: ['img', 'picture', 'audio', 'video', 'style', 'form', 'button', 'select', 'textarea'],
  FORBID_ATTR: ['style', 'class', 'id', 'name'],
  ALLOW_DATA_ATTR: false,
  ADD_ATTR: [LANGUAGE],
  RETURN_DOM_FRAGMENT: true,
} satisfies Config & { RETURN_DOM_FRAGMENT: true };

/** What a highlighter makes of code: pieces of text with a class each. */
const HIGHLIGHTED = {
  ALLOWED_TAGS: ['span'],
  ALLOWED_ATTR: ['class'],
  RETURN_DOM_FRAGMENT: true,
} satisfies Config & { RETURN_DOM_FRAGMENT: true };

const marked = new Marked({
  gfm: true,
  breaks: true,
  renderer: {
    code({ text, lang = '' }: Tokens.Code) {
      return `<pre ${LANGUAGE}="${languageOf(lang)}"><code>${escaped(text)}</code></pre>`;
    },
  },
});

/** The blocks of a text, one after the other. */
export function blocksOf(markdown: string): Token[] {
  return marked.lexer(markdown).filter(({ type }) => type !== 'space');
}

export function elementsOf(block: Token): DocumentFragment {
  const fragment = DOMPurify.sanitize(marked.parser([block]), MARKDOWN);
  for (const input of fragment.querySelectorAll('input')) keepIfTask(input);
  for (const link of fragment.querySelectorAll('a')) {
    link.target = '_blank';
    link.rel = 'noopener noreferrer';
  }
  return fragment;
}

export function highlightedElements(html: string): DocumentFragment {
  return DOMPurify.sanitize(html, HIGHLIGHTED);
}

/** The first word after the fence, if it can be one. */
export function languageOf(fence: string): string {
  return /^[\w+#.-]{1,24}/.exec(fence.trim())?.[0].toLowerCase() ?? '';
}

/** The box of a task may stay, and says what it shows; anything else one could type into is no model's to offer. */
function keepIfTask(input: HTMLInputElement): void {
  if (input.type !== 'checkbox') return input.remove();
  input.disabled = true;
  input.ariaLabel = input.checked ? 'done' : 'to do';
}

function escaped(text: string): string {
  return text
    .replaceAll('&', '&amp;')
    .replaceAll('<', '&lt;')
    .replaceAll('>', '&gt;')
    .replaceAll('"', '&quot;');
}
