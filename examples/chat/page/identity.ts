/**
 * Gives the browser a user of its own: a made-up id in a cookie that every request then carries. A real page has the
 * user signed in instead.
 */
const COOKIE = 'user-id';
const A_YEAR_S = 365 * 24 * 60 * 60;

/** Longer ids are shown by their beginning. */
const LONGEST_NAME = 24;

export function ensureIdentity(): void {
  if (ownId() !== undefined) return;
  const secure = location.protocol === 'https:' ? '; secure' : '';
  // biome-ignore lint/suspicious/noDocumentCookie: the Cookie Store API is missing outside secure contexts (a phone on the LAN)
  document.cookie = `${COOKIE}=u-${randomName()}; path=/; samesite=strict; max-age=${A_YEAR_S}${secure}`;
}

/** Who did something, as this page's user would say it. */
export function nameOf(userId: string): string {
  if (userId === ownId()) return 'you';
  return userId.length > LONGEST_NAME ? `${userId.slice(0, LONGEST_NAME)}…` : userId;
}

function ownId(): string | undefined {
  const pair = document.cookie.split('; ').find((one) => one.startsWith(`${COOKIE}=`));
  return pair?.slice(COOKIE.length + 1);
}

/** 32 hexadecimal digits; `crypto.randomUUID` is missing outside secure contexts. */
export function randomName(): string {
  const bytes = crypto.getRandomValues(new Uint8Array(16));
  return Array.from(bytes, (byte) => byte.toString(16).padStart(2, '0')).join('');
}
