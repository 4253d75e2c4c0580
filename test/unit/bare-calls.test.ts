import { execFile } from 'node:child_process';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { expect, it } from 'vitest';

const ROOT = join(import.meta.dirname, '..', '..');
const SUPPORT = join(import.meta.dirname, '..', 'support');
const BARE_CALLS = join(SUPPORT, 'bare-calls.mjs');
const BARE_ENTRIES = join(SUPPORT, 'bare-entries.mjs');
const BARE_WORKERS = join(SUPPORT, 'bare-workers.mjs');
const BARE_TRANSCRIPTS = join(SUPPORT, 'bare-transcripts.mjs');

/** Rejects when the process ends with anything but 0. */
async function run(...script: string[]): Promise<{ stdout: string; stderr: string }> {
  return promisify(execFile)(process.execPath, script, { cwd: ROOT, timeout: 15_000 });
}

it('no call that is not awaited ends the process: each error reaches onError once', async () => {
  const { stdout, stderr } = await run(BARE_CALLS);
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
      ...['addUsage', 'complete', 'fail', 'handOver', 'pause', 'update'].map(
        (call) => `${call} ${call} job_ended`,
      ),
      'addUsage twice job_ended',
      'flush flush job_ended',
      'subscribe none stream_not_found',
      'next none-read stream_not_found',
      'abortJob  stream_not_found',
      'annotate  stream_not_found',
      'send  stream_not_found',
      'take take job_ended',
      'subscribeWithResume  stream_not_found',
      'resolve  stream_not_found',
      'createJob  closed',
    ].sort(),
  );
});

it('without a logger and without onError the errors are on standard error with their stacks', async () => {
  const { stderr } = await run(BARE_CALLS, 'silent');
  expect(stderr).toContain(
    'generation-jobs: a call failed that nobody awaited (where unawaited, call update',
  );
  expect(stderr).toMatch(/JobEndedError: This producer has stopped \(aborted\)\..*\n +at /);
  expect(stderr.match(/^generation-jobs: a call failed/gm)).toHaveLength(10);
  expect(stderr).toContain('generation-jobs: 6 more errors were not printed.');
});

it('no call of any entry ends the process when nobody awaits it: those of no manager tell standard error', async () => {
  const { stdout, stderr } = await run(BARE_ENTRIES);
  const lines = stdout
    .trim()
    .split('\n')
    .map((line) => JSON.parse(line));
  const called = lines.flatMap(({ called: name }) => name ?? []);
  expect(called.length).toBeGreaterThan(15);
  const told = lines.filter(({ where }) => where === 'unawaited');
  expect(told.map(({ call }) => call).sort()).toEqual(
    [
      ...called,
      ...['createChatHandler', 'createStreamHandler', 'createWorkerHandler', 'workerLost'],
      ...['createDecisionHandler', 'tellOnce'],
    ].sort(),
  );
  const printed = [...stderr.matchAll(/^generation-jobs: a call failed .*call (\w+)\)$/gm)];
  expect(printed.map(([, call]) => call).sort()).toEqual(
    [
      ...['connectRedis', 'connectRedis', 'createCheckpointer', 'createCheckpointer', 'deleteThread'],
      ...['isPausedAt', 'raiseFormat', 'decide', 'createDecisionLink'],
    ].sort(),
  );
});

it('nor does one of the entry for transcripts, nor of diagnostics', async () => {
  const { stderr } = await run(BARE_TRANSCRIPTS);
  const printed = [...stderr.matchAll(/^generation-jobs: a call failed .*call (\w+)\)$/gm)];
  expect(printed.map(([, call]) => call).sort()).toEqual(
    [
      ...['latest', 'save', 'clear', 'hydrateTranscript', 'clearTranscripts', 'readTranscript'],
      ...['openAgentLog', 'startControlServer'],
    ].sort(),
  );
});

it('nor does one of the entries for workers', async () => {
  const { stderr } = await run(BARE_WORKERS);
  const printed = [...stderr.matchAll(/^generation-jobs: a call failed .*call (\w+)\)$/gm)];
  expect(printed.map(([, call]) => call).sort()).toEqual(
    ['issueRunToken', 'verifyRunToken', 'createWorkerClient'].sort(),
  );
});
