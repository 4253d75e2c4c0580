/** A button that puts a text on the clipboard, and says for a moment whether it did. */
import { announce, icon, iconButton } from '../elements.js';

const SAID_MS = 2_000;

/** @param label what is copied, as in "Copy the code" */
export function copyButton(label: string, textOf: () => string): HTMLButtonElement {
  let timer: ReturnType<typeof setTimeout> | undefined;
  const button = iconButton('copy', label, () => void copy());
  button.dataset.testid = 'copy';
  return button;

  async function copy(): Promise<void> {
    const isCopied = await writeToClipboard(textOf());
    const words = isCopied ? 'Copied' : 'Your browser did not allow it to be copied';
    announce(words);
    button.title = words;
    button.classList.toggle('is-done', isCopied);
    button.replaceChildren(icon(isCopied ? 'done' : 'copy'));
    clearTimeout(timer);
    timer = setTimeout(() => {
      button.title = label;
      button.classList.remove('is-done');
      button.replaceChildren(icon('copy'));
    }, SAID_MS);
  }
}

/** The Clipboard API is missing outside secure contexts (a phone on the LAN); the old command is not. */
async function writeToClipboard(text: string): Promise<boolean> {
  try {
    await navigator.clipboard.writeText(text);
    return true;
  } catch {
    return copySelected(text);
  }
}

function copySelected(text: string): boolean {
  const focused = document.activeElement;
  const area = document.createElement('textarea');
  area.className = 'hidden';
  area.value = text;
  document.body.append(area);
  area.select();
  const isCopied = document.execCommand('copy');
  area.remove();
  if (focused instanceof HTMLElement) focused.focus();
  return isCopied;
}
