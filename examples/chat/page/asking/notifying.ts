/**
 * Lets this browser be told of an answer that waits, though no page is open: asked for by a press, since a page that asks by itself is
 * refused. A browser that can't, or may not, has no button.
 */
import { byId } from '../elements.js';

const WORKER = '/push-worker.js';
const ROUTES = '/api/push';

declare global {
  interface Window {
    /** Of browsers that keep scripts from being named by text. */
    readonly trustedTypes?: {
      createPolicy(
        name: string,
        rules: { createScriptURL(url: string): string },
      ): { createScriptURL(url: string): string };
    };
  }
}

/** @param onProblem told in words why it could not be done */
export function initNotifying(onProblem: (problem: string) => void): void {
  const button = byId('notify', HTMLButtonElement);
  if (!('serviceWorker' in navigator) || !('PushManager' in window)) return;
  const show = () => {
    button.hidden = Notification.permission !== 'default';
  };
  show();
  button.addEventListener('click', async () => {
    try {
      await subscribe();
    } catch (error) {
      onProblem(`This browser can’t be told. ${error instanceof Error ? error.message : ''}`);
    }
    show();
  });
}

async function subscribe(): Promise<void> {
  if ((await Notification.requestPermission()) !== 'granted') return;
  const registration = await navigator.serviceWorker.register(workerAddress());
  await navigator.serviceWorker.ready;
  const key: { publicKey: string } = await (await fetch(`${ROUTES}/key`)).json();
  const subscription = await registration.pushManager.subscribe({
    userVisibleOnly: true,
    applicationServerKey: key.publicKey,
  });
  const response = await fetch(ROUTES, {
    method: 'POST',
    headers: { 'content-type': 'application/json' },
    body: JSON.stringify(subscription),
  });
  if (!response.ok) throw new Error(`The server answered ${response.status}.`);
}

/** The page's policy lets no text name a script but by a rule, which is made once and knows one. */
let address: string | undefined;
function workerAddress(): string {
  const rule = { createScriptURL: () => WORKER };
  address ??= window.trustedTypes?.createPolicy('push-worker', rule).createScriptURL(WORKER) ?? WORKER;
  return address;
}
