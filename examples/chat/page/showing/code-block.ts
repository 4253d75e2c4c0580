/** Code in an answer: its language, a button that copies it, and colours where the language is known. */
import { make } from '../elements.js';
import { copyButton } from './copying.js';
import { highlightedElements, languageOf } from './sanitised.js';

/** Longer code is shown plain: colouring it anew with every frame would be felt. */
const LONGEST_HIGHLIGHTED = 30_000;

type Highlighter = typeof import('./highlighting.js');
let highlighter: Promise<Highlighter> | undefined;
let loaded: Highlighter | undefined;

export class CodeBlock {
  readonly element: HTMLElement;
  readonly language: string;
  readonly #code = make('code', '');
  #text = '';

  constructor(language: string) {
    this.language = languageOf(language);
    const name = make('span', '', this.language || 'code');
    const head = make(
      'figcaption',
      'code-head',
      name,
      copyButton('Copy the code', () => this.#text),
    );
    const pre = make('pre', '', this.#code);
    // It may be wider than the page: then it scrolls, by keyboard too.
    pre.tabIndex = 0;
    pre.setAttribute('role', 'group');
    pre.setAttribute('aria-label', this.language ? `Code in ${this.language}` : 'Code');
    this.element = make('figure', 'code', head, pre);
  }

  render(text: string): void {
    this.#text = text;
    this.#code.textContent = text;
    if (this.language === '' || text.length > LONGEST_HIGHLIGHTED) return;
    if (loaded) this.#colour(loaded);
    else void this.#colourLater();
  }

  /** The highlighter is fetched for the first code there is; without it, code is plain. */
  async #colourLater(): Promise<void> {
    highlighter ??= import('./highlighting.js');
    try {
      loaded = await highlighter;
      this.#colour(loaded);
    } catch (error) {
      highlighter = undefined;
      console.warn('code is shown without colours', error);
    }
  }

  #colour({ highlighted }: Highlighter): void {
    const html = highlighted(this.#text, this.language);
    if (html !== undefined) this.#code.replaceChildren(highlightedElements(html));
  }
}
