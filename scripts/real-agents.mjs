/**
 * Installs what real agents need (real-agents/, half a gigabyte) if it isn't there as its lockfile says. Kept out of the
 * root package so that neither its users nor `npm start` fetch it. Run as a program, it installs and says so.
 *
 * Install scripts are not run: none of what is used has one that matters, and one of them reports the machine to a third
 * party. The SDK asks for a newer Node than it needs; npm's warning about that is nothing to act on.
 */
import { spawnSync } from 'node:child_process';
import { createHash } from 'node:crypto';
import { existsSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';

const folder = join(import.meta.dirname, '..', 'real-agents');
const stamp = join(folder, 'node_modules', '.installed-from');

/** Throws when npm fails; its output is above. */
export function ensureRealAgents() {
  const wanted = createHash('sha256')
    .update(readFileSync(join(folder, 'package-lock.json')))
    .digest('hex');
  if (existsSync(stamp) && readFileSync(stamp, 'utf8') === wanted) return;
  console.log('real-agents: installing the agent SDK (half a gigabyte, once)');
  const { status, error } = spawnSync('npm', ['ci', '--ignore-scripts', '--no-audit', '--loglevel=error'], {
    cwd: folder,
    stdio: ['ignore', 'inherit', 'inherit'],
    env: { ...process.env, DO_NOT_TRACK: '1' },
  });
  if (error) throw error;
  if (status !== 0) throw new Error(`npm ci in real-agents failed with status ${status}`);
  writeFileSync(stamp, wanted);
}

if (process.argv[1] === fileURLToPath(import.meta.url)) ensureRealAgents();
