/** A run's transcripts through a real gateway: the token and the record decide, whatever the worker says. */
import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import {
  clearTranscripts,
  createMemoryTranscripts,
  hydrateTranscript,
  remoteTranscripts,
  saveTranscript,
  transcriptsOf,
} from 'generation-jobs/transcripts';
import { describe, expect, it } from 'vitest';
import { afterTest, type Gateway, handedOver, post, startGateway } from './gateway.js';

const TOLD = { transcripts: 'main', conversationId: 'c' };
const IN_STORE = { agentId: 'writer', conversationId: 'c' };
const { signal } = new AbortController();

async function setUp(adapter: 'express' | 'web') {
  const store = createMemoryTranscripts();
  const gateway = await startGateway({ adapter, routes: { transcripts: { main: store } } });
  const folder = await mkdtemp(join(tmpdir(), 'gateway-transcripts-'));
  afterTest(() => rm(folder, { recursive: true }));
  const remote = (token: string) => remoteTranscripts({ url: gateway.url, token });
  return { store, gateway, remote, file: join(folder, 'session.jsonl') };
}

async function complete(gateway: Gateway, { token, sequence }: { token: string; sequence: number }) {
  const end = { name: 'complete', callId: 'done', final: null };
  const { status } = await post(gateway, 'events', token, { after: sequence, events: [], end });
  expect(status).toBe(200);
}

describe.each(['express', 'web'] as const)('a worker’s transcripts through the gateway on %s', (adapter) => {
  it('are saved when the record says that the run has completed, and the next run begins with them', async () => {
    const { gateway, store, remote, file } = await setUp(adapter);
    const first = await handedOver(gateway, TOLD);
    const { clears } = await hydrateTranscript(remote(first.token), { file });
    await writeFile(file, '{"role":"user","content":"hi"}\n');
    const save = () => saveTranscript(remote(first.token), { file, clears, outcome: 'completed' });
    expect(await save()).toMatchObject({ result: 'failed', error: { code: 'transcript_not_completed' } });
    await complete(gateway, first);
    expect(await save()).toEqual({ result: 'saved' });
    expect(await save()).toEqual({ result: 'already_saved' });
    const { latest } = await store.latest(IN_STORE, signal);
    expect(latest).toMatchObject({ runId: `s/${first.generation}` });

    const second = await handedOver(gateway, TOLD);
    const copy = `${file}.copy`;
    expect(await hydrateTranscript(remote(second.token), { file: copy })).toMatchObject({
      result: 'hydrated',
    });
    expect(await readFile(copy, 'utf8')).toBe(await readFile(file, 'utf8'));
  });

  it('are those of its own conversation and agent alone, which its token names', async () => {
    const { gateway, store, remote, file } = await setUp(adapter);
    const others = [
      { ...IN_STORE, agentId: 'other' },
      { ...IN_STORE, conversationId: 'other' },
    ];
    for (const other of others) {
      async function* bytes() {
        yield Buffer.from('of others');
      }
      await store.save({ ...other, runId: 'r' }, bytes(), { signal });
    }
    const { token } = await handedOver(gateway, TOLD);
    expect(await hydrateTranscript(remote(token), { file })).toMatchObject({ result: 'none' });
    expect(await clearTranscripts(remote(token))).toEqual({ clears: 1 });
    for (const other of others) expect((await store.latest(other, signal)).latest).not.toBeNull();
  });

  it('are kept nowhere when the token names no store, and refused when it names one that is not there', async () => {
    const { gateway, remote, file } = await setUp(adapter);
    const none = await handedOver(gateway, { conversationId: 'c' }, 'none');
    expect(await hydrateTranscript(remote(none.token), { file })).toEqual({ result: 'none', clears: 0 });
    const other = await handedOver(gateway, { ...TOLD, transcripts: 'other' }, 'other');
    await expect(hydrateTranscript(remote(other.token), { file })).rejects.toMatchObject({
      code: 'transcripts_not_kept',
    });
  });

  it('are refused without a token, and the token is not logged', async () => {
    const { gateway, remote, file } = await setUp(adapter);
    const { token } = await handedOver(gateway, TOLD);
    for (const wrong of ['none', `${token}x`])
      await expect(hydrateTranscript(remote(wrong), { file })).rejects.toMatchObject({
        code: 'token_invalid',
      });
    const shown = gateway.logged.filter((line) => line.includes('transcript'));
    expect(shown).toHaveLength(4); // each of the two is tried twice
    expect(shown.join()).not.toContain(token);
  });

  it('are cleared by the host, without a token and with no worker there', async () => {
    const { gateway, store, remote, file } = await setUp(adapter);
    const run = await handedOver(gateway, TOLD);
    await writeFile(file, 'text');
    await complete(gateway, run);
    const { clears } = await remote(run.token).latest(signal);
    await clearTranscripts(transcriptsOf(store, IN_STORE));
    const saved = await saveTranscript(remote(run.token), { file, outcome: 'completed', clears });
    expect(saved).toEqual({ result: 'cleared' });
  });
});
