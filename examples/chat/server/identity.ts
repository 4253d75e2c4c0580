/**
 * Who is asking. The example believes the header `x-user-id`, or the cookie the page makes up for itself: enough to try
 * the library with several users, and no protection at all. A real backend answers this from its session.
 */
import type { IncomingMessage } from 'node:http';
import type { Identity } from '../conversations/conversations.js';

const COOKIE = 'user-id';
const LONGEST_USER_ID = 256;
const TENANT_ID = /^[A-Za-z0-9_.~-]{1,128}$/;

/** Null when the request names nobody, or somebody nobody can be. */
export function identityOf({ headers }: Pick<IncomingMessage, 'headers'>): Identity | null {
  const userId = single(headers['x-user-id']) ?? cookie(headers.cookie, COOKIE);
  const tenantId = single(headers['x-tenant-id']);
  if (userId === undefined || userId === '' || userId.length > LONGEST_USER_ID) return null;
  if (tenantId === undefined) return { userId };
  return TENANT_ID.test(tenantId) ? { userId, tenantId } : null;
}

function single(header: string | string[] | undefined): string | undefined {
  return typeof header === 'string' ? header : undefined;
}

function cookie(header: string | undefined, name: string): string | undefined {
  const pairs = (header ?? '').split(';').map((pair) => pair.trim());
  return pairs.find((pair) => pair.startsWith(`${name}=`))?.slice(name.length + 1);
}
