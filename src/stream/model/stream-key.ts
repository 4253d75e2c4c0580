/**
 * Names of streams and users. A key is built only here, from parts that were checked, so no odd character ever reaches
 * a store, and two tenants' streams can never meet.
 */
import { createHash } from 'node:crypto';
import { GenerationJobError } from '../../errors.js';
import type { StreamKey, UserKey } from './types.js';

const NAME = /^[A-Za-z0-9_.~-]{1,128}$/;
const LONGEST_USER_ID = 256;

/** Says whether `text` may name a stream or a tenant: 1 to 128 characters of `A-Z a-z 0-9 _ . ~ -`. */
export function isStreamId(text: unknown): text is string {
  return typeof text === 'string' && text.length <= 128 && NAME.test(text);
}

/**
 * Names a stream within its tenant, in the form that stores and transports are given.
 * @throws GenerationJobError `invalid_stream_id`
 */
export function streamKey(streamId: string, tenantId?: string): StreamKey {
  if (!isStreamId(streamId)) throw new GenerationJobError('invalid_stream_id', 'streamId is malformed.');
  checkTenant(tenantId);
  return { tenantId, streamId, id: `${tenantId ?? ''}/${streamId}` };
}

/**
 * Says whether `text` may be an id or a key: 1 to `most` UTF-16 units, and no half of a surrogate pair. What is sent to
 * a store travels as UTF-8, which has no such half: two users could become one.
 */
export function isIdText(text: unknown, most: number): text is string {
  return typeof text === 'string' && text.length > 0 && text.length <= most && text.isWellFormed();
}

/**
 * Names a user within their tenant, in the form that stores are given.
 * @throws GenerationJobError `invalid_argument` unless the user id has 1 to 256 characters and the tenant id is well formed
 */
export function userKey(userId: string, tenantId?: string): UserKey {
  if (!isIdText(userId, LONGEST_USER_ID)) {
    throw new GenerationJobError('invalid_argument', 'userId must have 1 to 256 well-formed characters.');
  }
  checkTenant(tenantId);
  return { tenantId, userId };
}

/** @throws GenerationJobError `invalid_stream_id` for a malformed tenant id */
export function checkTenant(tenantId: string | undefined): void {
  if (tenantId === undefined || isStreamId(tenantId)) return;
  throw new GenerationJobError('invalid_stream_id', 'tenantId is malformed.');
}

/** Returns the owner of a stream, from parts that were checked. */
export function ownerOf({ tenantId }: StreamKey, userId: string): UserKey {
  return { tenantId, userId };
}

/**
 * Returns the key under which a user's feed is announced and followed. No stream has such an id: a tenant's holds no colon. The
 * user's own id is digested, since it may hold anything.
 */
export function feedKey({ tenantId, userId }: UserKey): StreamKey {
  const digest = createHash('sha256').update(userId).digest('base64url');
  return { tenantId, streamId: digest, id: `user:${tenantId ?? ''}/${digest}` };
}

/** @throws GenerationJobError `invalid_argument` */
export function checkConversationId(conversationId: string | undefined): void {
  if (conversationId === undefined || conversationId === '' || isIdText(conversationId, 1024)) return;
  throw new GenerationJobError(
    'invalid_argument',
    'conversationId must have at most 1,024 well-formed characters.',
  );
}

/**
 * A stream id for a chat that has none yet, derived from the caller's idempotency key: a retry of the same request, on
 * any replica, lands on the same stream, and nobody else's can.
 */
export function streamIdFor(tenantId: string | undefined, userId: string, key: string): string {
  const digest = createHash('sha256')
    .update(JSON.stringify([tenantId ?? null, userId, key]))
    .digest('base64url');
  return `s-${digest}`;
}
