import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { createFileTranscripts, createMemoryTranscripts } from 'generation-jobs/transcripts';
import { describeTranscriptStore } from './contract.js';

describeTranscriptStore('memory', async (options) => {
  const store = createMemoryTranscripts(options); // one process has one
  return { connect: () => store, dispose: async () => {} };
});

describeTranscriptStore('files', async (options) => {
  const folder = await mkdtemp(join(tmpdir(), 'transcripts-'));
  return {
    connect: () => createFileTranscripts({ folder: join(folder, 'all'), ...options }),
    dispose: () => rm(folder, { recursive: true }),
  };
});
