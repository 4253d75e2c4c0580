/**
 * Keeps the reader at the end while they are there, and where they are when they have scrolled up; a button then leads
 * back to the end.
 */
import { byId } from '../elements.js';

/** Nearer to the end than this, the reader is taken along. */
const NEAR_END_PX = 80;

export class ScrollKeeper {
  readonly #scroller = byId('scroller', HTMLDivElement);
  readonly #button = byId('to-end', HTMLButtonElement);
  /** Whether there is a conversation, which has an end to go to. */
  #hasEnd = false;

  constructor() {
    this.#scroller.addEventListener('scroll', () => this.#update(), { passive: true });
    new ResizeObserver(() => this.#update()).observe(this.#scroller);
    this.#button.addEventListener('click', () => {
      // The button goes away with the press, and the focus must not go with it.
      this.#scroller.focus();
      this.toEnd();
    });
  }

  get isAtEnd(): boolean {
    const { scrollHeight, scrollTop, clientHeight } = this.#scroller;
    return scrollHeight - scrollTop - clientHeight < NEAR_END_PX;
  }

  toEnd(): void {
    this.#scroller.scrollTop = this.#scroller.scrollHeight;
    this.#update();
  }

  /** What is shown has changed. `isFollowing`: the reader was at the end before, or asked to be. */
  keep(isFollowing: boolean, hasEnd: boolean): void {
    this.#hasEnd = hasEnd;
    if (isFollowing) this.toEnd();
    else this.#update();
  }

  #update(): void {
    this.#button.hidden = !this.#hasEnd || this.isAtEnd;
  }
}
