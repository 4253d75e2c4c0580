/**
 * `npm run test:long`: what takes too long for `npm test`. The tests that try chance, twenty times as often: properties,
 * random histories against the model, rounds of faults among replicas; and every contract through every client library.
 * Seeds are chosen anew, printed, and with the outcome written to test/long-run.md, which is checked in, so that
 * everybody sees what was last tried, and can try it again.
 */
import { spawn } from 'node:child_process';
import { readFileSync, writeFileSync } from 'node:fs';
import { cpus } from 'node:os';
import { join } from 'node:path';
import { ensureTools } from './tools.mjs';

const REPORT = 'test/long-run.md';
const LONGEST_TEST_MS = 6 * 3_600_000;
const SEED = /\b((?:PROPERTY|MODEL|FAULT)_SEED)=(\d+)/g;

/** The suites to try, and what of each. */
const SUITES = [
  { name: 'properties', filters: ['test/unit', 'test/worker'], options: ['--project', 'side-by-side'] },
  { name: 'random histories against the model', filters: ['test/model'], options: [] },
  {
    name: 'every contract through every client library',
    filters: ['test/contract/redis-ioredis5.test.ts', 'test/contract/redis-iovalkey.test.ts'],
    options: [],
  },
  {
    name: 'workers and gateways killed in mid-answer',
    filters: ['test/worker/processes/kills.test.ts'],
    options: [],
  },
  { name: 'rounds of faults among three replicas', filters: ['test/redis/rounds.test.ts'], options: [] },
  {
    name: 'answers stopped and asked over among three replicas',
    filters: ['test/redis/asking-again.test.ts'],
    options: [],
  },
  {
    name: 'workers killed beside their outbox',
    filters: ['test/worker/processes/outbox-kills.test.ts'],
    options: [],
  },
];

process.chdir(join(import.meta.dirname, '..'));
const environment = { ...process.env, LONG_TESTS: '1', ...(await ensureTools()) };
await run('scripts/build.mjs', ['--if-stale']);
const rows = [];
let failed = 0;
for (const { name, filters, options } of SUITES) {
  const startedAt = performance.now();
  const args = ['run', ...options, '--testTimeout', `${LONGEST_TEST_MS}`, ...filters];
  const { status, output } = await run('node_modules/vitest/vitest.mjs', args);
  const seeds = [
    ...new Set([...output.matchAll(SEED)].map(([, variable, seed]) => `\`${variable}=${seed}\``)),
  ];
  const outcome = /(\d+ passed, \d+ failed.*)\s*$/.exec(output)?.[1] ?? 'did not end';
  const minutes = ((performance.now() - startedAt) / 60_000).toFixed(1);
  rows.push(`| ${name} | ${outcome} | ${minutes} | ${seeds.join(' ')} |`);
  if (status !== 0) failed++;
}
const { version } = JSON.parse(readFileSync('package.json', 'utf8'));
const head = `Version ${version}, Node ${process.version}, ${cpus().length} x ${cpus()[0]?.model.trim()}, ${new Date().toISOString().slice(0, 10)}.`;
const table = ['| what | outcome | minutes | seeds |', '| --- | --- | --- | --- |', ...rows];
writeFileSync(
  REPORT,
  `# The last long run\n\nWritten by \`npm run test:long\`; a variable of the last column repeats its run.\n\n${head}\n\n${table.join('\n')}\n`,
);
console.log(`\ntest:long: ${REPORT} has been written`);
process.exitCode = failed === 0 ? 0 : 1;

/** Runs a script of Node, shows what it says as it says it, and returns it. */
function run(script, args) {
  return new Promise((resolve, reject) => {
    const child = spawn(process.execPath, [script, ...args], {
      stdio: ['ignore', 'pipe', 'inherit'],
      env: { ...environment, NO_COLOR: '1', DO_NOT_TRACK: '1' },
    });
    let output = '';
    child.stdout.on('data', (text) => {
      output += text;
      process.stdout.write(text);
    });
    child.on('error', reject);
    child.on('close', (status) => resolve({ status, output }));
  });
}
