/** A worker's transcripts through its client, whose token lasts as long as the run, and a little longer. */
import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { createStreamServices } from 'generation-jobs';
import { FakeClock } from 'generation-jobs/testing';
import {
  createMemoryTranscripts,
  hydrateTranscript,
  saveTranscript,
  type TranscriptStore,
} from 'generation-jobs/transcripts';
import { createWorkerClient } from 'generation-jobs/worker';
import { expect, it } from 'vitest';
import { afterTest, handedOver, startGateway, until } from './gateway.js';

const MINUTE = 60_000;

it('a run that lasts longer than its token is saved, also when its last token has just expired, and no later', async () => {
  const clock = new FakeClock();
  const store = createMemoryTranscripts({ clock });
  const gateway = await startGateway({
    services: createStreamServices({ clock }),
    manager: { clock, options: { idleTimeoutMs: 120 * MINUTE, maxRunMs: 240 * MINUTE } },
    routes: { transcripts: { main: store }, tokenMs: 15 * MINUTE, tokenGraceMs: 10 * MINUTE },
  });
  const folder = await mkdtemp(join(tmpdir(), 'client-transcripts-'));
  afterTest(() => rm(folder, { recursive: true }));
  const file = join(folder, 'session.jsonl');
  const { token } = await handedOver(gateway, {
    ...{ transcripts: 'main', conversationId: 'c', workerLeaseMs: 360 * MINUTE },
  });
  let shown: string | null = null;
  const noted = (url: string, init: RequestInit) => {
    shown = new Headers(init.headers).get('authorization');
    return fetch(url, init);
  };
  const client = await createWorkerClient({
    url: gateway.url,
    token,
    clock,
    fetch: noted,
    onError: () => {},
  });
  afterTest(() => client.close({ graceMs: 0 }));
  const { clears } = await hydrateTranscript(client.transcripts, { file });
  await client.job.run(async () => {
    for (let renewals = 0; renewals < 3; renewals++) {
      await client.transcripts.latest(new AbortController().signal);
      const before = shown;
      await clock.advance(11 * MINUTE);
      await until('it has another token', async () => {
        await client.transcripts.latest(new AbortController().signal);
        return shown !== before;
      });
    }
    await writeFile(file, '{"role":"user","content":"hi"}\n');
  });
  await client.close();
  // The last token is 0 to 3 minutes old, good for 15, and may be 10 too old.
  await clock.advance(20 * MINUTE);
  const save = () => saveTranscript(client.transcripts, { file, clears, outcome: client.job.reason });
  expect(await save()).toEqual({ result: 'saved' });
  await clock.advance(6 * MINUTE);
  expect(await save()).toMatchObject({ result: 'failed', error: { code: 'token_expired' } });

  const next = await handedOver(gateway, { transcripts: 'main', conversationId: 'c' });
  const other = await createWorkerClient({ url: gateway.url, token: next.token, clock, onError: () => {} });
  afterTest(() => other.close({ graceMs: 0 }));
  const copy = join(folder, 'copy');
  expect(await hydrateTranscript(other.transcripts, { file: copy })).toMatchObject({ result: 'hydrated' });
  expect(await readFile(copy, 'utf8')).toBe(await readFile(file, 'utf8'));
  await other.job.complete();
});

it('a worker that opens answers and reads none of them is refused before it costs the others anything', async () => {
  const piece = Buffer.alloc(1024 * 1024);
  const store = {
    latest: async () => ({
      clears: 0,
      latest: {
        ...{ runId: 'r', startedAt: 1, savedAt: 2, size: 64 * piece.length, sha256: '0'.repeat(64) },
        async *read() {
          for (let n = 0; n < 64; n++) yield piece;
        },
      },
    }),
    save: async () => 'nothing' as const,
    clear: async () => 1,
  } satisfies TranscriptStore;
  const gateway = await startGateway({ routes: { transcripts: { main: store } } });
  const greedy = await handedOver(gateway, { transcripts: 'main', conversationId: 'c' }, 'greedy');
  const quiet = await handedOver(gateway, { transcripts: 'main', conversationId: 'c' }, 'quiet');
  const leaving = new AbortController();
  const get = ({ token }: { token: string }) =>
    fetch(`${gateway.url}/transcript/snapshot`, {
      headers: { authorization: `Bearer ${token}` },
      signal: leaving.signal,
    });
  const held: Response[] = []; // one that nobody holds is cancelled when it is collected
  for (let n = 0; n < 32; n++) held.push(await get(greedy));
  expect(held.map(({ status }) => status)).toEqual(held.map(() => 200));
  expect((await get(greedy)).status).toBe(429);
  expect((await get(quiet)).status).toBe(200);
  leaving.abort();
  const again = () =>
    fetch(`${gateway.url}/transcript/snapshot`, {
      method: 'HEAD',
      headers: { authorization: `Bearer ${greedy.token}` },
    });
  await until('its answers are over', async () => (await again()).status === 200);
  for (const streamId of ['greedy', 'quiet']) await gateway.manager.abortJob(streamId);
});
