/**
 * Gives the browser a user of its own: a made-up id in a cookie that every request then carries. A real page has the
 * user signed in instead.
 */
const COOKIE = 'user-id';
const A_YEAR_S = 365 * 24 * 60 * 60;

export function ensureIdentity(): void {
  const isKnown = document.cookie.split('; ').some((pair) => pair.startsWith(`${COOKIE}=`));
  if (isKnown) return;
  const secure = location.protocol === 'https:' ? '; secure' : '';
  // biome-ignore lint/suspicious/noDocumentCookie: the Cookie Store API is missing outside secure contexts (a phone on the LAN)
  document.cookie = `${COOKIE}=u-${randomName()}; path=/; samesite=strict; max-age=${A_YEAR_S}${secure}`;
}

/** 32 hexadecimal digits; `crypto.randomUUID` is missing outside secure contexts. */
export function randomName(): string {
  const bytes = crypto.getRandomValues(new Uint8Array(16));
  return Array.from(bytes, (byte) => byte.toString(16).padStart(2, '0')).join('');
}
