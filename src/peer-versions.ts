/**
 * This package is tested with these versions of its optional peers. npm enforces the ranges in package.json, so they
 * refuse only what is known not to work; anything else is let in, and what no test has seen is told once when it is
 * used.
 */
import { createRequire } from 'node:module';

/** The least minor version, by package and major version. */
export const TESTED_PEERS = {
  express: { 4: 21, 5: 0 },
  ioredis: { 5: 4, 6: 0 },
  mongoose: { 8: 24, 9: 10 },
  'prom-client': { 14: 0, 15: 0 },
} as const satisfies Record<string, Readonly<Record<number, number>>>;

export type Peer = keyof typeof TESTED_PEERS;

const warned = new Set<string>();

/** Warns, once for each version and through the process's warnings, when no test has seen it. */
export function warnIfUntested(peer: Peer, version: string | undefined = installedVersion(peer)): void {
  if (version === undefined || isTested(peer, version) || warned.has(`${peer}@${version}`)) return;
  warned.add(`${peer}@${version}`);
  const tested = Object.entries(TESTED_PEERS[peer]).map(
    ([major, minor]) => `${major} (from ${major}.${minor})`,
  );
  process.emitWarning(
    `generation-jobs is not tested with ${peer} ${version}, only with ${tested.join(' and ')}.`,
    { type: 'UntestedPeerWarning', code: 'GENERATION_JOBS_UNTESTED_PEER' },
  );
}

function isTested(peer: Peer, version: string): boolean {
  const [major = 0, minor = 0] = version.split('.', 2).map(Number);
  const from = (TESTED_PEERS[peer] as Readonly<Record<number, number>>)[major];
  return from !== undefined && minor >= from;
}

/** Undefined where packages are not to be found by name, in a bundle say: then nobody can tell. */
function installedVersion(peer: Peer): string | undefined {
  try {
    const manifest: { version?: unknown } = createRequire(import.meta.url)(`${peer}/package.json`);
    return typeof manifest.version === 'string' ? manifest.version : undefined;
  } catch {
    return undefined;
  }
}
