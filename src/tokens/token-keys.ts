/**
 * The keys of signed tokens (run tokens, decision links): secrets for HS256, or the keys of a JSON Web Key set. A token names its key (`kid`), so that keys are
 * rotated by putting the new one first and leaving the old one until its tokens have expired. A key verifies its own algorithm
 * and no other.
 */
import { type CryptoKey, importJWK, type JWK, jwtVerify, SignJWT } from 'jose';
import { z } from 'zod';
import { GenerationJobError } from '../errors.js';
import { parseStrictly } from '../stream/model/strict.js';

/** The shortest secret, in bytes: HS256 has as many of its own (RFC 7518, section 3.2). */
const LEAST_SECRET_BYTES = 32;
const MOST_KEYS = 64;
/** Bytes of the hash: a secret that is shorter is weaker than its algorithm. */
const SECRET_BYTES: Readonly<Record<string, number>> = { HS256: 32, HS384: 48, HS512: 64 };
/** The algorithms that sign tokens; an algorithm of encryption, or none, is a mistake that is told at once. */
const ALGORITHMS = [
  ...['HS256', 'HS384', 'HS512', 'RS256', 'RS384', 'RS512', 'PS256', 'PS384', 'PS512'],
  ...['ES256', 'ES384', 'ES512', 'EdDSA', 'Ed25519'],
] as const;
/** The members of a private key that its public half has not (RFC 7518, section 6; RFC 8037), and those that say its use. */
const PRIVATE = new Set(['d', 'p', 'q', 'dp', 'dq', 'qi', 'oth', 'key_ops', 'ext']);

/** A secret for HS256. */
export interface TokenSecret {
  /** Names the key in tokens: 1 to 128 characters. */
  readonly id: string;
  /** Signs and verifies: at least 32 bytes, or as many as UTF-8. */
  readonly secret: string | Uint8Array;
}

/** The keys, newest first: the first signs, all of them verify. A set with public keys alone verifies only. */
export type TokenKeys = readonly TokenSecret[] | TokenKeySet;

/** A JSON Web Key set (RFC 7517). */
export interface TokenKeySet {
  /** The keys, each with its `kid` and `alg`. A private key verifies too, by its public half. */
  readonly keys: readonly JWK[];
}

export interface LoadedKey {
  readonly id: string;
  readonly algorithm: string;
  readonly verifying: Uint8Array | CryptoKey;
  /** Undefined of a public key. */
  readonly signing: Uint8Array | CryptoKey | undefined;
}

const id = z.string().min(1).max(128);
const bytesOf = (secret: string | Uint8Array) => (typeof secret === 'string' ? Buffer.from(secret) : secret);
const secretsSchema = z
  .array(
    z.strictObject({
      id,
      secret: z
        .union([z.string(), z.instanceof(Uint8Array)])
        .refine((secret) => bytesOf(secret).length >= LEAST_SECRET_BYTES, 'must have at least 32 bytes'),
    }),
  )
  .min(1)
  .max(MOST_KEYS);
const setSchema = z.strictObject({
  keys: z
    .array(z.looseObject({ kid: id, alg: z.enum(ALGORITHMS), kty: z.string().min(1) }))
    .min(1)
    .max(MOST_KEYS),
});

/** The imported keys, by each key itself, so that a list may be changed in place. */
const loaded = new WeakMap<object, Promise<LoadedKey>>();

/** @throws GenerationJobError `invalid_options` naming what is no key, or two of one id */
export function checkTokenKeys(keys: TokenKeys): void {
  const ids = isSecrets(keys)
    ? parseStrictly('invalid_options', z.object({ keys: secretsSchema }), { keys }).keys.map((one) => one.id)
    : parseStrictly('invalid_options', z.object({ keys: setSchema }), { keys }).keys.keys.map(
        ({ kid }) => kid,
      );
  const twice = ids.find((one, at) => ids.indexOf(one) < at);
  if (twice === undefined) return;
  throw new GenerationJobError('invalid_options', `keys: two have the id ${JSON.stringify(twice)}.`);
}

/** Loads keys, each once. @throws GenerationJobError `invalid_options` */
export async function loadTokenKeys(keys: TokenKeys): Promise<readonly LoadedKey[]> {
  checkTokenKeys(keys);
  if (!isSecrets(keys)) return Promise.all(keys.keys.map(importOnce));
  return keys.map((one) => {
    const secret = bytesOf(one.secret);
    return { id: one.id, algorithm: 'HS256', verifying: secret, signing: secret };
  });
}

function importOnce(jwk: JWK): Promise<LoadedKey> {
  const known = loaded.get(jwk);
  if (known) return known;
  const loading = importOne(jwk);
  loaded.set(jwk, loading);
  loading.catch(() => loaded.delete(jwk)); // whoever asked is told
  return loading;
}

/** A key that signs is tried, so that nothing is done for a token that then can't be made. */
async function importOne(jwk: JWK): Promise<LoadedKey> {
  const { kid: named = '', alg = '', kty } = jwk;
  try {
    const key = await importJWK(jwk, alg);
    if (kty !== 'oct' && jwk.d === undefined)
      return { id: named, algorithm: alg, verifying: key, signing: undefined };
    if (key instanceof Uint8Array && key.length < (SECRET_BYTES[alg] ?? 0))
      throw new Error(`The secret has fewer than ${SECRET_BYTES[alg]} bytes.`);
    const verifying = kty === 'oct' ? key : await importJWK(publicHalf(jwk), alg);
    await jwtVerify(await new SignJWT({}).setProtectedHeader({ alg }).sign(key), verifying);
    return { id: named, algorithm: alg, verifying, signing: key };
  } catch (cause) {
    const message = `keys: ${JSON.stringify(named)} is no key for ${alg.slice(0, 16)}.`;
    throw new GenerationJobError('invalid_options', message, { cause });
  }
}

function publicHalf(jwk: JWK): JWK {
  return Object.fromEntries(Object.entries(jwk).filter(([name]) => !PRIVATE.has(name))) as JWK;
}

function isSecrets(keys: TokenKeys): keys is readonly TokenSecret[] {
  return Array.isArray(keys);
}

/** Returns the first key that can sign. @throws GenerationJobError `invalid_options` when none can */
export async function signingKey(
  keys: TokenKeys,
): Promise<LoadedKey & { readonly signing: Uint8Array | CryptoKey }> {
  for (const one of await loadTokenKeys(keys)) if (one.signing) return { ...one, signing: one.signing };
  throw new GenerationJobError('invalid_options', 'keys: none of them can sign a token.');
}
