/**
 * Installs what a folder with a lockfile of its own needs, if it isn't there as that lockfile says: half a gigabyte each,
 * kept out of the root package so that neither its users nor `npm start` fetch it.
 *
 * Install scripts are not run: none of what is used has one that matters, and one of them reports the machine to a third
 * party.
 */
import { spawnSync } from 'node:child_process';
import { createHash } from 'node:crypto';
import { existsSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';

/** Throws when npm fails; its output is above. */
export function ensureInstalled(folder, what) {
  const stamp = join(folder, 'node_modules', '.installed-from');
  const wanted = createHash('sha256')
    .update(readFileSync(join(folder, 'package-lock.json')))
    .digest('hex');
  if (existsSync(stamp) && readFileSync(stamp, 'utf8') === wanted) return;
  console.log(`${folder}: installing ${what} (half a gigabyte, once)`);
  const { status, error } = spawnSync('npm', ['ci', '--ignore-scripts', '--no-audit', '--loglevel=error'], {
    cwd: folder,
    stdio: ['ignore', 'inherit', 'inherit'],
    env: { ...process.env, DO_NOT_TRACK: '1' },
  });
  if (error) throw error;
  if (status !== 0) throw new Error(`npm ci in ${folder} failed with status ${status}`);
  writeFileSync(stamp, wanted);
}
