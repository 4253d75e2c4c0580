/**
 * `npm test`: gets the tools and the agent SDK, builds what child processes of the tests run, then runs Vitest; arguments go on
 * to Vitest (`npm test -- test/cursor.test.ts`). Exits with the first failing step's status.
 *
 * Within one CI run, which names itself in CI_RUN_ID, a full run that passed is not repeated for the same files
 * on the same Node: `npm test` and `npm run verify` follow each other there, and a second run would tell nothing
 * new. Any changed, added or removed file, another Node or another run makes the tests run again.
 */
import { execFileSync, spawnSync } from 'node:child_process';
import { createHash } from 'node:crypto';
import { existsSync, mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { ensureRealAgents } from './real-agents.mjs';
import { ensureTools } from './tools.mjs';

const passedStamp = '.cache/tests-passed';

process.chdir(join(import.meta.dirname, '..'));
const vitestArgs = process.argv.slice(2);
const runKey =
  process.env.CI_RUN_ID && vitestArgs.length === 0
    ? `${process.env.CI_RUN_ID} ${process.version} ${treeHash()}`
    : undefined;

if (runKey && existsSync(passedStamp) && readFileSync(passedStamp, 'utf8') === runKey) {
  console.log(
    `test: these files have passed on Node ${process.version} earlier in this CI run; not run twice`,
  );
  process.exit(0);
}

const environment = { ...process.env, DO_NOT_TRACK: '1', ...(await ensureTools().catch(explainAndExit)) };
run('scripts/build.mjs', ['--if-stale']);
if (vitestArgs.length === 0 || vitestArgs.some((arg) => arg.startsWith('real-agents'))) installRealAgents();
run('node_modules/vitest/vitest.mjs', ['run', ...vitestArgs]);
if (runKey) {
  mkdirSync(dirname(passedStamp), { recursive: true });
  writeFileSync(passedStamp, runKey);
}

function run(script, args) {
  const { status, error } = spawnSync(process.execPath, [script, ...args], {
    stdio: 'inherit',
    env: environment,
  });
  if (error) throw error;
  if (status !== 0) process.exit(status ?? 1);
}

function installRealAgents() {
  try {
    ensureRealAgents();
  } catch (error) {
    explainAndExit(error);
  }
}

function explainAndExit(error) {
  console.error(`test: ${error.message}`);
  process.exit(1);
}

/** One hash over the name and content of every file that is or could be committed. */
function treeHash() {
  const names = execFileSync('git', ['ls-files', '-z', '--cached', '--others', '--exclude-standard'], {
    encoding: 'utf8',
  });
  const hash = createHash('sha256');
  for (const name of names.split('\0').filter((name) => name && existsSync(name))) {
    hash.update(`${name}\0`).update(readFileSync(name)).update('\0');
  }
  return hash.digest('hex');
}
