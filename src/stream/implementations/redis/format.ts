/**
 * The format of a store: what its records may look like, as a number in one field. It is raised by whoever runs the
 * store, once every replica is of a release that reads the newer format, and never by a replica that starts: the release
 * beside it must still be able to read what it writes. Without it the format is 1, which every release so far writes.
 */
import { GenerationJobError } from '../../../errors.js';
import { isNewer, NEWEST_FORMAT, newerFormat } from './formats.js';
import type { RedisKeys } from './keys.js';
import type { RedisScripts } from './scripts.js';

interface Asked {
  readonly scripts: RedisScripts;
  readonly keys: RedisKeys;
}

/** @throws GenerationJobError `newer_format` when the store's records may be of a format this release can't read */
export async function readFormat({ scripts, keys }: Asked): Promise<number> {
  const stored = await scripts.command('HGET', keys.store, 'format');
  const format = stored === null ? 1 : Number(stored);
  if (isNewer(format)) throw newerFormat('The store', String(stored));
  return format;
}

/**
 * Raises the store's format; it is never lowered.
 * @throws GenerationJobError `invalid_argument` for a format this release can't write
 */
export async function raiseFormat({ scripts, keys }: Asked, format: number): Promise<void> {
  if (!Number.isInteger(format) || format < 1 || isNewer(format)) {
    throw new GenerationJobError('invalid_argument', `format must be 1 to ${NEWEST_FORMAT}.`);
  }
  await scripts.run('raise-format', [keys.store], [format]);
}
