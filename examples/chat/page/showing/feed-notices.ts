/**
 * Notices of the browser, once its user has allowed them: of a conversation that has ended, or waits, while nobody looks at the
 * page. Where the server can push to this browser, it tells by itself of what waits, and whether or not a page is open.
 */
import type { FeedEvent } from 'generation-jobs/client';

const WORDS: Readonly<Partial<Record<FeedEvent['event'], string>>> = {
  waiting: 'It waits for your decision.',
  ended: 'It has been answered.',
};

/** Tells of an event while the page is hidden. `titleOf` names a conversation, if it can. */
export async function notifyOf(
  { event, data }: FeedEvent,
  titleOf: (id: string) => string | undefined,
): Promise<void> {
  const body = WORDS[event];
  if (body === undefined || !document.hidden || !('streamId' in data)) return;
  if (!('Notification' in window) || Notification.permission !== 'granted') return;
  if (event === 'waiting' && (await isPushedTo())) return;
  const { streamId } = data;
  const notice = new Notification(titleOf(streamId) || 'A conversation', { body, tag: streamId });
  notice.addEventListener('click', () => {
    window.focus();
    location.hash = encodeURIComponent(streamId);
  });
}

async function isPushedTo(): Promise<boolean> {
  const { serviceWorker } = navigator as { serviceWorker?: ServiceWorkerContainer };
  const registration = await serviceWorker?.getRegistration();
  return (await registration?.pushManager?.getSubscription()) != null;
}
