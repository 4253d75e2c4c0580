/**
 * The service worker: shows that an answer waits, with a button for each decision, though no page is open. A button posts the token
 * that came with it; what was pushed is for this browser alone. Pressed elsewhere, it opens the conversation.
 */
const WAITING = { requireInteraction: true, icon: '/icon.svg' };

self.addEventListener('push', (event) => {
  const { title, body, tag, actions, token, url } = event.data.json();
  event.waitUntil(
    self.registration.showNotification(title, { ...WAITING, body, tag, actions, data: { token, url } }),
  );
});

self.addEventListener('notificationclick', (event) => {
  const { action, notification } = event;
  notification.close();
  const { token, url } = notification.data;
  event.waitUntil(action === '' || token === undefined ? openPage(url) : decide(action, token, url));
});

async function decide(decision, token, url) {
  const refusal = await post(token, decision).catch(() => 'The server could not be reached.');
  if (refusal === undefined) return;
  await self.registration.showNotification('Nothing was decided', {
    body: refusal,
    icon: '/icon.svg',
    data: { url },
  });
}

/** Resolves with why it was not decided; with nothing when it was. */
async function post(token, decision) {
  const response = await fetch('/api/chat/decide', {
    method: 'POST',
    headers: { 'content-type': 'application/json' },
    body: JSON.stringify({ token, decision }),
  });
  if (response.ok) return undefined;
  const { error } = await response.json();
  return error.message;
}

async function openPage(url) {
  const [page] = await self.clients.matchAll({ type: 'window' });
  if (page === undefined) return self.clients.openWindow(url);
  await page.focus();
  return page.navigate(url);
}
