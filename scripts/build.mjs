/**
 * Builds the library (src -> dist), then the example's server and page, which import the library by its
 * own package name and so need it built first. Old output is removed, so no output outlives its source.
 * With --if-stale it does nothing when the inputs are those of the last good build; the stamp is written
 * last, so a failed or interrupted build is repeated. A part without TypeScript in its folder is skipped.
 * Exits with the compiler's status at the first part that fails.
 */
import { spawnSync } from 'node:child_process';
import { createHash } from 'node:crypto';
import { existsSync, mkdirSync, readdirSync, readFileSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { dirname, join } from 'node:path';

const inputs = [
  'src',
  'examples/chat',
  'test/contract',
  'package.json',
  'package-lock.json',
  'tsconfig.base.json',
  'tsconfig.build.json',
];
const outputs = ['dist', 'examples/chat/dist'];
const parts = [
  { folder: 'src', project: 'tsconfig.build.json' },
  { folder: 'test/contract', project: 'test/contract/tsconfig.json' },
  { folder: 'examples/chat', project: 'examples/chat/tsconfig.json' },
  { folder: 'examples/chat/page', project: 'examples/chat/page/tsconfig.json' },
];
const stamp = '.cache/build-stamp';
const compiler = 'node_modules/typescript/bin/tsc';

process.chdir(join(import.meta.dirname, '..'));

// Taken before compiling: an input saved while the compiler runs makes the next build stale, not fresh.
const fingerprint = inputFingerprint();
if (process.argv.includes('--if-stale') && isFresh()) process.exit(0);

for (const path of [stamp, ...outputs]) rmSync(path, { recursive: true, force: true });
for (const { folder, project } of parts) {
  if (!hasTypeScript(folder)) {
    console.log(`build: ${folder} has nothing to compile`);
    continue;
  }
  const { status, error } = spawnSync(process.execPath, [compiler, '-p', project], { stdio: 'inherit' });
  if (error) throw error;
  if (status !== 0) {
    console.error(`build: ${project} failed`);
    process.exit(status ?? 1);
  }
}
mkdirSync(dirname(stamp), { recursive: true });
writeFileSync(stamp, fingerprint);

function isFresh() {
  return existsSync('dist') && existsSync(stamp) && readFileSync(stamp, 'utf8') === fingerprint;
}

/** Paths, sizes and times rather than contents: cheap, and a removed file changes it too. */
function inputFingerprint() {
  const hash = createHash('sha256');
  for (const file of inputs.flatMap(filesOf).sort()) {
    const { size, mtimeMs } = statSync(file);
    hash.update(`${file} ${size} ${mtimeMs}\n`);
  }
  return hash.digest('hex');
}

function filesOf(path) {
  if (outputs.includes(path) || !existsSync(path)) return [];
  if (!statSync(path).isDirectory()) return [path];
  return readdirSync(path).flatMap((name) => filesOf(`${path}/${name}`));
}

function hasTypeScript(folder) {
  return existsSync(folder) && readdirSync(folder).some((name) => name.endsWith('.ts'));
}
