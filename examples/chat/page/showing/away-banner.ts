/** Says that something is tried again, why, and when; and lets the person have it tried at once. */
import { announce, byId } from '../elements.js';
import type { Loss } from '../following/failures.js';

const SECOND = 1000;

export class AwayBanner {
  readonly #banner = byId('away', HTMLElement);
  readonly #words = byId('away-words', HTMLElement);
  readonly #when = byId('away-when', HTMLElement);
  #loss: Loss | undefined;
  #timer: ReturnType<typeof setInterval> | undefined;

  constructor(onTryNow: () => void) {
    byId('try-now', HTMLButtonElement).addEventListener('click', onTryNow);
  }

  render(loss: Loss | undefined): void {
    if (loss === this.#loss) return;
    const before = this.#loss;
    this.#loss = loss;
    this.#banner.hidden = loss === undefined;
    clearInterval(this.#timer);
    if (before && !loss) announce('The connection is back.');
    if (!loss) return;
    this.#words.textContent = loss.words;
    this.#countDown();
    this.#timer = setInterval(() => this.#countDown(), SECOND);
    // Said once: a voice that counts seconds would say nothing else.
    if (before?.words !== loss.words) announce(`${loss.words} It is tried again by itself.`);
  }

  #countDown(): void {
    const seconds = Math.ceil(((this.#loss?.retryAt ?? 0) - Date.now()) / SECOND);
    this.#when.textContent = seconds > 0 ? `Trying again in ${seconds} s` : 'Trying again…';
  }
}
