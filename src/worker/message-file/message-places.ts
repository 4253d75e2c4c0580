/**
 * Names of files: a tenant's folder and a conversation's file, safe on any file system whatever the ids hold, and two ids never
 * share one, also where capitals do not count.
 */
import { createHash } from 'node:crypto';
import { join } from 'node:path';
import type { ConversationPlace } from './message-types.js';

const READABLE = 40;
const DIGITS = 24;
const SAFE = 'abcdefghijklmnopqrstuvwxyz0123456789_-';

export function folderOf(root: string, tenantId: string | undefined): string {
  return join(root, tenantId === undefined ? 'no-tenant' : `tenant-${safe(tenantId)}`);
}

export function fileNameOf({ conversationId }: Pick<ConversationPlace, 'conversationId'>): string {
  return `${safe(conversationId)}.jsonl`;
}

export const INDEX_NAME = 'index.json';

/** The beginning of the id, for whoever looks, and a digest of all of it. */
function safe(id: string): string {
  const readable = Array.from(id.slice(0, READABLE).toLowerCase(), (letter) =>
    SAFE.includes(letter) ? letter : '-',
  ).join('');
  const digest = createHash('sha256').update(id).digest('hex').slice(0, DIGITS);
  return `${readable}-${digest}`;
}
