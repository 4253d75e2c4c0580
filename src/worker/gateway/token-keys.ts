/**
 * The keys of run tokens: secrets for HS256, or the keys of a JSON Web Key set. A token names its key (`kid`), so that keys are
 * rotated by putting the new one first and leaving the old one until its tokens have expired. A key verifies its own algorithm
 * and no other.
 */
import { type CryptoKey, importJWK, type JWK } from 'jose';
import { z } from 'zod';
import { GenerationJobError } from '../../errors.js';
import { parseStrictly } from '../../stream/model/strict.js';

/** The shortest secret, in bytes: HS256 has as many of its own (RFC 7518, section 3.2). */
const LEAST_SECRET_BYTES = 32;
const MOST_KEYS = 64;

/** A secret for HS256. */
export interface RunTokenSecret {
  /** Names the key in tokens: 1 to 128 characters. */
  readonly id: string;
  /** Signs and verifies: at least 32 bytes, or as many as UTF-8. */
  readonly secret: string | Uint8Array;
}

/** The keys, newest first: the first signs, all of them verify. A set with public keys alone verifies only. */
export type RunTokenKeys = readonly RunTokenSecret[] | RunTokenKeySet;

/** A JSON Web Key set (RFC 7517). */
export interface RunTokenKeySet {
  /** The keys, each with its `kid` and `alg`. */
  readonly keys: readonly JWK[];
}

export interface LoadedKey {
  readonly id: string;
  readonly algorithm: string;
  readonly key: Uint8Array | CryptoKey;
  readonly signs: boolean;
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
    .array(z.looseObject({ kid: id, alg: z.string().min(1), kty: z.string().min(1) }))
    .min(1)
    .max(MOST_KEYS),
});

const loaded = new WeakMap<object, Promise<readonly LoadedKey[]>>();

/** @throws GenerationJobError `invalid_options` naming what is no key, or two of one id */
export function checkTokenKeys(keys: RunTokenKeys): void {
  const ids = isSecrets(keys)
    ? parseStrictly('invalid_options', z.object({ keys: secretsSchema }), { keys }).keys.map((one) => one.id)
    : parseStrictly('invalid_options', z.object({ keys: setSchema }), { keys }).keys.keys.map(
        ({ kid }) => kid,
      );
  const twice = ids.find((one, at) => ids.indexOf(one) < at);
  if (twice === undefined) return;
  throw new GenerationJobError('invalid_options', `keys: two have the id ${JSON.stringify(twice)}.`);
}

/** Loads keys, once for each list. @throws GenerationJobError `invalid_options` */
export function loadTokenKeys(keys: RunTokenKeys): Promise<readonly LoadedKey[]> {
  checkTokenKeys(keys);
  const known = loaded.get(keys);
  if (known) return known;
  const loading = load(keys);
  loaded.set(keys, loading);
  loading.catch(() => loaded.delete(keys)); // whoever asked is told
  return loading;
}

async function load(keys: RunTokenKeys): Promise<readonly LoadedKey[]> {
  if (isSecrets(keys)) {
    return keys.map((one) => ({ id: one.id, algorithm: 'HS256', key: bytesOf(one.secret), signs: true }));
  }
  return Promise.all(keys.keys.map(importOne));
}

async function importOne(jwk: JWK): Promise<LoadedKey> {
  const { kid: named = '', alg = '', kty } = jwk;
  try {
    const key = await importJWK(jwk, alg);
    return { id: named, algorithm: alg, key, signs: kty === 'oct' || jwk.d !== undefined };
  } catch (cause) {
    const message = `keys: ${JSON.stringify(named)} is no key for ${alg.slice(0, 16)}.`;
    throw new GenerationJobError('invalid_options', message, { cause });
  }
}

function isSecrets(keys: RunTokenKeys): keys is readonly RunTokenSecret[] {
  return Array.isArray(keys);
}
