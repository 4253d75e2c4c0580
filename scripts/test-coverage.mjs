/**
 * `npm run test:coverage`: what the tests that start no process reach of `src/`, by folder, and the files of which they
 * reach least. The rest is reached by the tests with real servers and processes, which this leaves out: what runs there
 * runs in other processes, and takes many times as long. There is no threshold: a test is judged by what it would catch, and
 * a run in which a test failed has its figures all the same.
 * `coverage/index.html` has it line by line. Arguments go on to Vitest.
 */
import { spawnSync } from 'node:child_process';
import { readFileSync } from 'node:fs';
import { dirname, join, relative } from 'node:path';

const ROOT = join(import.meta.dirname, '..');
const LEAST = 15;
/** A file with fewer branches than this says little about its tests. */
const FEW_BRANCHES = 4;
const KINDS = ['statements', 'branches', 'functions', 'lines'];

process.chdir(ROOT);
if (run('scripts/build.mjs', ['--if-stale']) !== 0) process.exit(1);
process.exitCode = run('node_modules/vitest/vitest.mjs', [
  ...['run', '--project', 'side-by-side', '--coverage', '--coverage.reporter=json-summary'],
  ...['--coverage.reporter=html', '--coverage.reportOnFailure', ...process.argv.slice(2)],
]);

const { total, ...files } = JSON.parse(readFileSync('coverage/coverage-summary.json', 'utf8'));
const folders = new Map();
for (const [file, covered] of Object.entries(files)) {
  const folder = dirname(relative(ROOT, file));
  const sum =
    folders.get(folder) ?? Object.fromEntries(KINDS.map((kind) => [kind, { total: 0, covered: 0 }]));
  for (const kind of KINDS)
    for (const count of ['total', 'covered']) sum[kind][count] += covered[kind][count];
  folders.set(folder, sum);
}
table(
  'folder',
  [...folders].sort(([one], [other]) => one.localeCompare(other)),
);
table('all', [['src', total]]);
const byBranches = ([, one], [, other]) => share(one.branches) - share(other.branches);
const telling = Object.entries(files).filter(([, { branches }]) => branches.total >= FEW_BRANCHES);
const least = telling.sort(byBranches).slice(0, LEAST);
table(
  'least of',
  least.map(([file, covered]) => [relative(ROOT, file), covered]),
);

function table(head, rows) {
  const width = Math.max(head.length, ...rows.map(([name]) => name.length));
  console.log(`\n${head.padEnd(width)}  ${KINDS.map((kind) => kind.padStart(10)).join('  ')}`);
  for (const [name, covered] of rows) {
    const shares = KINDS.map((kind) => `${share(covered[kind]).toFixed(1)} %`.padStart(10));
    console.log(`${name.padEnd(width)}  ${shares.join('  ')}`);
  }
}

function share({ total, covered }) {
  return total === 0 ? 100 : (100 * covered) / total;
}

function run(script, args) {
  const { status, error } = spawnSync(process.execPath, [script, ...args], {
    stdio: 'inherit',
    env: { ...process.env, DO_NOT_TRACK: '1' },
  });
  if (error) throw error;
  return status ?? 1;
}
