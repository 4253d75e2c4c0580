/**
 * Installs what real agents need (real-agents/). Run as a program, it installs and says so. The SDK asks for a newer Node
 * than it needs; npm's warning about that is nothing to act on.
 */
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { ensureInstalled } from './installed.mjs';

const folder = join(import.meta.dirname, '..', 'real-agents');

/** Throws when npm fails; its output is above. */
export function ensureRealAgents() {
  ensureInstalled(folder, 'the agent SDK');
}

if (process.argv[1] === fileURLToPath(import.meta.url)) ensureRealAgents();
