/**
 * What the test run itself promises: a process that a test leaves behind fails the run by name.
 */
import { fork, spawnSync } from 'node:child_process';
import { once } from 'node:events';
import { mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { setTimeout as pause } from 'node:timers/promises';
import { expect, it } from 'vitest';

const ROOT = join(import.meta.dirname, '..', '..');

/** Runs a test file of its own, with this repository's closing line. */
function runOf(body: string): { status: number | null; output: string } {
  const cache = join(ROOT, '.cache');
  mkdirSync(cache, { recursive: true });
  const folder = mkdtempSync(join(cache, 'run-'));
  const file = `import { spawn } from 'node:child_process';\nimport { it } from 'vitest';\nit('is well', () => {${body}});\n`;
  writeFileSync(join(folder, 'one.test.mjs'), file);
  writeFileSync(join(folder, 'vitest.config.mjs'), "export default { test: { pool: 'forks' } };\n");
  const reporter = join(ROOT, 'scripts', 'closing-line-reporter.mjs');
  const args = ['run', '--root', folder, '--reporter', reporter];
  const { status, stdout } = spawnSync(
    process.execPath,
    [join(ROOT, 'node_modules', 'vitest', 'vitest.mjs'), ...args],
    { encoding: 'utf8' },
  );
  rmSync(folder, { recursive: true });
  return { status, output: stdout };
}

/** Nothing when it has ended, also where nobody has asked for its exit code yet. */
function commandOf(pid: number): string {
  try {
    return readFileSync(`/proc/${pid}/cmdline`, 'utf8');
  } catch {
    return '';
  }
}

const SLEEPS = '["-e", "setTimeout(() => {}, 60_000)", "left-behind"]';

it('a process that outlives the run fails it, is named and is ended, although every test has passed', async () => {
  const { status, output } = runOf(
    `const child = spawn(process.execPath, ${SLEEPS}, { detached: true, stdio: 'ignore' }); child.unref();`,
  );
  expect(output).toMatch(/1 passed, 1 failed\s*$/);
  expect(status).toBe(1);
  const pid = Number(/outlived the tests that started it: process (\d+): .* left-behind$/m.exec(output)?.[1]);
  await expect.poll(() => commandOf(pid)).toBe('');
});

it('a process that ends with its test is no failure', () => {
  const { status, output } = runOf(
    `const child = spawn(process.execPath, ${SLEEPS}, { stdio: 'ignore' }); child.kill('SIGKILL');`,
  );
  expect(output).toMatch(/1 passed, 0 failed\s*$/);
  expect(status).toBe(0);
});

it('a replica whose parent is gone before it has loaded, or while its Redis is away, ends', async () => {
  const library = new URL('../../dist/index.js', import.meta.url).href;
  const program = join(ROOT, 'test', 'redis', 'replica-process.mjs');
  const nowhere = JSON.stringify({ library, port: 1 });
  for (const waitMs of [0, 1_000]) {
    const child = fork(program, [nowhere], { stdio: ['ignore', 'ignore', 'ignore', 'ipc'], execArgv: [] });
    const exited = once(child, 'exit');
    await pause(waitMs);
    child.disconnect();
    expect(await exited).toEqual([0, null]);
  }
});
