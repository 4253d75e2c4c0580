/** A process that is killed while it hydrates: the session file is the old one, and the next hydration takes away what it left. */
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdtemp, readdir, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { createMemoryTranscripts, hydrateTranscript, transcriptsOf } from 'generation-jobs/transcripts';
import { expect, it } from 'vitest';
import { ROOT } from '../../support/programs.js';

const OF = { agentId: 'a', conversationId: 'c' };

/** Hydrates from a source that gives half of it and then nothing more. */
const HYDRATING = `
import { hydrateTranscript } from 'generation-jobs/transcripts';
async function* read() {
  yield Buffer.from('half of it');
  console.log('half');
  await new Promise((resolve) => setTimeout(resolve, 600_000));
}
const latest = { runId: 'r', startedAt: 1, savedAt: 2, size: 20, sha256: '0'.repeat(64), read };
const transcripts = { latest: async () => ({ clears: 0, latest }) };
await hydrateTranscript(transcripts, { file: process.argv[1] });
`;

it('a hydration that is killed leaves the old file whole, and the next one takes its half away', async () => {
  const folder = await mkdtemp(join(tmpdir(), 'hydrate-killed-'));
  const file = join(folder, 'session.jsonl');
  await writeFile(file, 'the old one');
  const child = spawn(process.execPath, ['--input-type=module', '-e', HYDRATING, file], {
    ...{ cwd: ROOT, stdio: ['ignore', 'pipe', 'inherit'] },
  });
  await once(child.stdout, 'data');
  expect(await readdir(folder)).toHaveLength(2);
  const died = once(child, 'exit');
  child.kill('SIGKILL');
  await died;
  expect(await readFile(file, 'utf8')).toBe('the old one');

  const store = createMemoryTranscripts();
  async function* bytes() {
    yield Buffer.from('the new one');
  }
  await store.save({ ...OF, runId: 'r' }, bytes(), { signal: new AbortController().signal });
  await hydrateTranscript(transcriptsOf(store, OF), { file });
  expect(await readdir(folder)).toEqual(['session.jsonl']);
  expect(await readFile(file, 'utf8')).toBe('the new one');
  await rm(folder, { recursive: true });
});
