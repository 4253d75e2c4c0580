/**
 * `npm run test:long`: what takes too long for `npm test`. The tests that try chance, twenty times as often: properties,
 * random histories against the model, rounds of faults among replicas and workers; and every contract through every client
 * library and on a cluster. `npm run test:long -- model rounds` runs the suites named. Seeds are chosen anew, printed, and with
 * the outcome written to test/long-run.md as each suite ends. That file is checked in, so that everybody sees what was last
 * tried, and when, and can try it again.
 */
import { spawn } from 'node:child_process';
import { existsSync, readFileSync, writeFileSync } from 'node:fs';
import { cpus } from 'node:os';
import { join } from 'node:path';
import { ensureTools } from './tools.mjs';

const REPORT = 'test/long-run.md';
const LONGEST_TEST_MS = 6 * 3_600_000;
const SEED = /\b((?:PROPERTY|MODEL|FAULT|CONTRACT|APPROVAL|MESSAGES)_SEED)=(\d+)/g;

/** The suites to try, what each tries, and where that is. */
const SUITES = {
  properties: {
    what: 'properties',
    run: ['--project', 'side-by-side', 'test/unit', 'test/rules', 'test/worker'],
  },
  chats: {
    what: 'chats of the AI SDK: any stream, joined anywhere, and links that break anywhere',
    run: ['--project', 'side-by-side', 'test/ai-sdk/content', 'test/ai-sdk/wire', 'test/ai-sdk/cuts'],
  },
  model: { what: 'random histories against the model', run: ['test/model'] },
  contracts: {
    what: 'every contract in memory and through every client library',
    run: [
      'test/contract/memory.test.ts',
      'test/contract/redis-ioredis5.test.ts',
      'test/contract/redis-iovalkey.test.ts',
    ],
  },
  cluster: { what: 'every contract on a Redis cluster', run: ['test/contract/redis-cluster.test.ts'] },
  workers: {
    what: 'workers and gateways killed in mid-answer',
    run: ['test/worker/processes/kills.test.ts'],
  },
  'either-side': {
    what: 'workers, gateways and the way between them taken away by chance',
    run: ['test/worker/processes/kill-either-side.test.ts'],
  },
  outbox: {
    what: 'workers killed beside their outbox',
    run: ['test/worker/processes/outbox-kills.test.ts'],
  },
  feeds: {
    what: 'the feed of a user with a thousand streams, while links are killed',
    run: ['test/redis/feed-rounds.test.ts'],
  },
  rules: {
    what: 'a budget that two replicas spend, and a rule that is revoked meanwhile',
    run: ['test/redis/rule-processes.test.ts'],
  },
  rounds: { what: 'rounds of faults among three replicas', run: ['test/redis/rounds.test.ts'] },
  queues: {
    what: 'replicas killed around the starts of runs that wait',
    run: ['test/redis/queue-processes.test.ts'],
  },
  'rolling-restart': {
    what: 'three replicas restarted in turn while answers are written',
    run: ['test/redis/rolling-restart.test.ts'],
  },
  receipts: {
    what: 'processes killed around the calls that they make once',
    run: ['test/redis/receipts-processes.test.ts'],
  },
  'asking-again': {
    what: 'answers stopped and asked over among three replicas',
    run: ['test/redis/asking-again.test.ts'],
  },
  approvals: {
    what: 'people who decide at once, and processes that die behind a decision',
    run: ['test/redis/approval-processes.test.ts'],
  },
  messages: {
    what: 'producers killed while they take messages',
    run: ['test/redis/messages.test.ts'],
  },
};

process.chdir(join(import.meta.dirname, '..'));
const chosen = process.argv.slice(2);
const unknown = chosen.filter((name) => !Object.hasOwn(SUITES, name));
if (unknown.length > 0) {
  console.error(`test:long: no suite ${unknown.join(', ')}; there are ${Object.keys(SUITES).join(', ')}`);
  process.exit(1);
}
const environment = { ...process.env, LONG_TESTS: '1', ...(await ensureTools()) };
await run('scripts/build.mjs', ['--if-stale']);
const { version } = JSON.parse(readFileSync('package.json', 'utf8'));
const where = `${version}, Node ${process.versions.node}, ${cpus().length} x ${cpus()[0]?.model.trim()}`;
const rows = rowsOf(REPORT);
for (const name of chosen.length > 0 ? chosen : Object.keys(SUITES)) {
  const suite = SUITES[name];
  const startedAt = performance.now();
  const args = ['run', '--testTimeout', `${LONGEST_TEST_MS}`, ...suite.run];
  const { status, output } = await run('node_modules/vitest/vitest.mjs', args);
  if (status !== 0) process.exitCode = 1;
  const seeds = [...new Set([...output.matchAll(SEED)].map(([seed]) => `\`${seed}\``))];
  const outcome = /(\d+ passed, \d+ failed.*)\s*$/.exec(output)?.[1] ?? 'did not end';
  const minutes = ((performance.now() - startedAt) / 60_000).toFixed(1);
  const day = new Date().toISOString().slice(0, 10);
  rows.set(suite.what, `| ${[suite.what, outcome, minutes, seeds.join(' '), day, where].join(' | ')} |`);
  write();
}
console.log(`\ntest:long: ${REPORT} has been written`);

/** The rows of the report as it is, by what each tells of. */
function rowsOf(file) {
  const lines = existsSync(file) ? readFileSync(file, 'utf8').split('\n') : [];
  return new Map(
    lines.filter((line) => line.startsWith('| ')).map((line) => [line.split(' | ')[0].slice(2), line]),
  );
}

function write() {
  const table = Object.values(SUITES).flatMap(({ what }) => rows.get(what) ?? []);
  const intro = 'Written by `npm run test:long`. A variable of the fourth column repeats its run.';
  const head = ['| what | outcome | minutes | seeds | on | with |', '| --- | --- | --- | --- | --- | --- |'];
  writeFileSync(REPORT, `${['# The last long runs', '', intro, '', ...head, ...table].join('\n')}\n`);
}

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
