/**
 * The switch for what only a developer wants to see: connection, replica and cursor. Chosen once, it stays so in this
 * browser.
 */
import { byId } from '../elements.js';

const KEY = 'chat.details';

export function initDetails(): void {
  const button = byId('details-switch', HTMLButtonElement);
  const details = byId('details', HTMLElement);
  let isShown = false;
  const show = (next: boolean) => {
    isShown = next;
    details.hidden = !isShown;
    button.setAttribute('aria-expanded', String(isShown));
  };
  button.addEventListener('click', () => {
    show(!isShown);
    localStorage.setItem(KEY, isShown ? 'shown' : 'hidden');
  });
  show(localStorage.getItem(KEY) === 'shown');
}
