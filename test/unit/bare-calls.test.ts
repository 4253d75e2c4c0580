import { execFile } from 'node:child_process';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { expect, it } from 'vitest';

const ROOT = join(import.meta.dirname, '..', '..');
const SCRIPT = join(import.meta.dirname, '..', 'support', 'bare-calls.mjs');

/** Rejects when the process ends with anything but 0. */
async function run(...args: string[]): Promise<{ stdout: string; stderr: string }> {
  return promisify(execFile)(process.execPath, [SCRIPT, ...args], { cwd: ROOT, timeout: 15_000 });
}

it('no call that is not awaited ends the process: each error reaches onError once', async () => {
  const { stdout, stderr } = await run();
  expect(stderr).toBe('');
  const lines = stdout
    .trim()
    .split('\n')
    .map((line) => JSON.parse(line));
  expect(lines.filter(({ tried }) => tried !== undefined)).toEqual([{ tried: false }]);
  const told = lines.filter(({ where }) => where === 'unawaited');
  const summary = told.map(({ call, code, streamId }) => `${call} ${streamId ?? ''} ${code}`).sort();
  expect(summary).toEqual(
    [
      ...['addUsage', 'complete', 'fail', 'pause', 'update'].map((call) => `${call} ${call} job_ended`),
      'addUsage twice job_ended',
      'flush flush job_ended',
      'subscribe none stream_not_found',
      'next none-read stream_not_found',
      'abortJob  stream_not_found',
      'subscribeWithResume  stream_not_found',
      'resolve  stream_not_found',
      'createJob  closed',
    ].sort(),
  );
});

it('without a logger and without onError the errors are on standard error with their stacks', async () => {
  const { stderr } = await run('silent');
  expect(stderr).toContain(
    'generation-jobs: a call failed that nobody awaited (where unawaited, call update',
  );
  expect(stderr).toMatch(/JobEndedError: This producer has stopped \(aborted\)\..*\n +at /);
  expect(stderr.match(/^generation-jobs: a call failed/gm)).toHaveLength(10);
  expect(stderr).toContain('generation-jobs: 2 more errors were not printed.');
});
