/**
 * The seal that comes with the library: AES-256-GCM, with keys by id so that they can be changed. Sealed text is
 * `v1.<key id>.<nonce>.<ciphertext and tag>`, the last two in base64url. The place it was sealed for, the version and the
 * key's id are authenticated with it: what was changed, or lies in another place, does not open.
 */
import { createCipheriv, createDecipheriv, randomBytes } from 'node:crypto';
import { z } from 'zod';
import { GenerationJobError } from '../../errors.js';
import { areUnique } from './plain-values.js';
import { type Seal, type SealContext, sealedKeysSchema } from './seal.js';
import { parseStrictly } from './strict.js';

export interface SealKey {
  /** Names the key in what it seals: 1 to 64 characters of `A-Z a-z 0-9 _ -`. Never used again for another key. */
  readonly id: string;
  /** The key: 32 random bytes, or their base64 (`openssl rand -base64 32`). */
  readonly key: Uint8Array | string;
}

export interface SealInput {
  /** The keys, 1 to 32. The first one seals; what any of them has sealed opens. */
  readonly keys: readonly SealKey[];
  /** The keys of the metadata whose values are sealed, at most 64. Default: none. */
  readonly metadata?: readonly string[] | undefined;
}

const VERSION = 'v1';
const PARTS = 4;
const KEY_BYTES = 32;
/** The length that GCM takes as it is; random, it is safe for 2³² texts under one key. */
const NONCE_BYTES = 12;
const TAG_BYTES = 16;
const ID = /^[A-Za-z0-9_-]+$/;
const LONGEST_ID = 64;
const LONGEST_KEY_TEXT = 44;

const inputSchema = z.strictObject({
  keys: z
    .array(
      z.strictObject({
        id: z.string().refine(isKeyId, 'must have 1 to 64 characters of A-Z a-z 0-9 _ -'),
        key: z.custom<Uint8Array | string>(isKey, 'must be 32 bytes, or their base64'),
      }),
    )
    .min(1)
    .max(32)
    .refine((keys) => areUnique(keys.map(({ id }) => id)), 'two keys share an id'),
  metadata: sealedKeysSchema,
});

/**
 * Makes a seal of AES-256-GCM keys, for the manager's `seal`. To change the key: add the new one behind the old on every
 * replica, then put it first on every replica; take the old one away when nothing is kept any more that it has sealed.
 * @throws GenerationJobError `invalid_options` naming each key that is none
 * @example
 * const seal = createSeal({ keys: [{ id: '2026-11', key: process.env.SEAL_KEY ?? '' }], metadata: ['mcpTokens'] });
 * const manager = new GenerationJobManager({ ...createStreamServices(), seal });
 */
export function createSeal(input: SealInput): Seal {
  const { keys, metadata } = parseStrictly('invalid_options', inputSchema, input, 'seal');
  const known = new Map(keys.map(({ id, key }) => [id, bytesOf(key)]));
  const [{ id: first } = { id: '' }] = keys;
  return {
    seal: (text, context) => seal(text, { id: first, key: known.get(first) as Uint8Array }, context),
    open: (text, context) => open(text, known, context),
    ...(metadata && { metadata }),
  };
}

function seal(text: string, { id, key }: { id: string; key: Uint8Array }, context: SealContext): string {
  const nonce = randomBytes(NONCE_BYTES);
  const cipher = createCipheriv('aes-256-gcm', key, nonce).setAAD(boundTo(id, context));
  const sealed = Buffer.concat([cipher.update(text, 'utf8'), cipher.final(), cipher.getAuthTag()]);
  return [VERSION, id, nonce.toString('base64url'), sealed.toString('base64url')].join('.');
}

/** @throws GenerationJobError `seal_unavailable` */
function open(text: string, known: ReadonlyMap<string, Uint8Array>, context: SealContext): string {
  const [version, id = '', nonceText = '', sealedText = '', ...more] = text.split('.', PARTS + 1);
  const isOurs = version === VERSION && isKeyId(id) && more.length === 0;
  if (!isOurs) throw refused('It was sealed by something else.');
  const key = known.get(id);
  if (key === undefined) throw refused(`There is no key of the id ${id} here.`);
  const nonce = fromBase64Url(nonceText);
  const sealed = fromBase64Url(sealedText);
  if (nonce.length !== NONCE_BYTES || sealed.length < TAG_BYTES) throw refused('It is not whole.');
  const decipher = createDecipheriv('aes-256-gcm', key, nonce, { authTagLength: TAG_BYTES })
    .setAAD(boundTo(id, context))
    .setAuthTag(sealed.subarray(-TAG_BYTES));
  try {
    return Buffer.concat([decipher.update(sealed.subarray(0, -TAG_BYTES)), decipher.final()]).toString(
      'utf8',
    );
  } catch (cause) {
    throw refused('It was changed, or sealed for another place or with another key of this id.', { cause });
  }
}

/** Returns what is authenticated with a text: where it belongs, in a form in which no two places are the same. */
function boundTo(id: string, context: SealContext): Buffer {
  const { tenantId = null, streamId } = context;
  return Buffer.from(JSON.stringify([VERSION, id, context.of, tenantId, streamId, ...placeOf(context)]));
}

function placeOf(context: SealContext): readonly (string | number)[] {
  switch (context.of) {
    case 'metadata':
      return [context.createId, context.key];
    case 'resumeContext':
      return [context.generation, context.actionId];
    case 'handOver':
      return [context.generation, context.attempt];
    case 'receipt':
      return [context.generation, context.key];
    default:
      return context satisfies never;
  }
}

/** Node reads base64url leniently: only the one way to write some bytes counts. */
function fromBase64Url(text: string): Buffer {
  const bytes = Buffer.from(text, 'base64url');
  return bytes.toString('base64url') === text ? bytes : Buffer.alloc(0);
}

function isKeyId(id: string): boolean {
  return id.length <= LONGEST_ID && ID.test(id);
}

function isKey(value: unknown): boolean {
  if (typeof value !== 'string') return value instanceof Uint8Array && value.length === KEY_BYTES;
  if (value.length > LONGEST_KEY_TEXT) return false;
  const bytes = bytesOf(value);
  return (
    bytes.length === KEY_BYTES && [bytes.toString('base64'), bytes.toString('base64url')].includes(value)
  );
}

/** Returns bytes of its own: what the host does with its array afterwards changes nothing. */
function bytesOf(key: Uint8Array | string): Buffer {
  return typeof key === 'string' ? Buffer.from(key, 'base64') : Buffer.from(key);
}

function refused(why: string, options?: { cause: unknown }): GenerationJobError {
  return new GenerationJobError('seal_unavailable', `A sealed text can’t be opened. ${why}`, options);
}
