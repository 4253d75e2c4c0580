/** Asks for a conversation's new title, or whether it is to be deleted. */
import { byId } from '../elements.js';

/** Undefined when it is to stay as it is. */
export async function askTitle(current: string): Promise<string | undefined> {
  const input = byId('new-title', HTMLInputElement);
  input.value = current;
  const isDone = ask('rename-dialog');
  input.select();
  const title = (await isDone) ? input.value.trim() : '';
  return title === '' || title === current ? undefined : title;
}

export function confirmDelete(title: string): Promise<boolean> {
  byId('deleted-title', HTMLElement).textContent = title;
  return ask('delete-dialog');
}

/** Escape and "Cancel" are a no; the focus goes back to where it was. */
function ask(id: string): Promise<boolean> {
  const dialog = byId(id, HTMLDialogElement);
  const form = dialog.querySelector('form');
  const cancel = dialog.querySelector('.plain');
  return new Promise((resolve) => {
    const done = new AbortController();
    const { signal } = done;
    dialog.returnValue = '';
    form?.addEventListener(
      'submit',
      (event) => {
        event.preventDefault();
        dialog.close('yes');
      },
      { signal },
    );
    cancel?.addEventListener('click', () => dialog.close(), { signal });
    dialog.addEventListener(
      'close',
      () => {
        done.abort();
        resolve(dialog.returnValue === 'yes');
      },
      { signal },
    );
    dialog.showModal();
  });
}
