/**
 * What every store of transcripts must do. A backend gives stores of several processes over the same transcripts.
 */

import { createHash, randomBytes } from 'node:crypto';
import type {
  ConversationState,
  SaveResult,
  TranscriptRun,
  TranscriptStore,
  TranscriptStoreOptions,
} from 'generation-jobs/transcripts';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';

export interface TranscriptBackend {
  /** One more store over the same transcripts. */
  connect(): TranscriptStore;
  dispose(): Promise<void>;
}

const RUN = { tenantId: 't', agentId: 'a', conversationId: 'c', runId: 'r-1' } satisfies TranscriptRun;
const MIB = 1024 * 1024;

export async function* pieces(...given: readonly (string | Uint8Array)[]): AsyncGenerator<Uint8Array> {
  for (const piece of given) yield typeof piece === 'string' ? Buffer.from(piece) : piece;
}

function deferred() {
  let [resolve, reject]: [() => void, (reason: unknown) => void] = [() => {}, () => {}];
  const promise = new Promise<void>((...settle) => {
    [resolve, reject] = settle;
  });
  return { promise, resolve, reject };
}

/** Bytes that stop at a gate until they are let go on, and then end, or break off. */
export function gated(first: string, rest: string) {
  const reached = deferred();
  const gate = deferred();
  async function* read(): AsyncGenerator<Uint8Array> {
    yield Buffer.from(first);
    reached.resolve();
    await gate.promise;
    yield Buffer.from(rest);
  }
  return { bytes: read(), reached: reached.promise, goOn: gate.resolve, breakOff: gate.reject };
}

async function textOf({ latest }: ConversationState): Promise<string | null> {
  return latest && (await bytesOf(latest.read())).toString();
}

async function bytesOf(bytes: AsyncIterable<Uint8Array>): Promise<Buffer> {
  const read: Uint8Array[] = [];
  for await (const piece of bytes) read.push(piece);
  return Buffer.concat(read);
}

export function describeTranscriptStore(
  name: string,
  start: (options: TranscriptStoreOptions) => Promise<TranscriptBackend>,
): void {
  describe(`the contract of transcript stores on ${name}`, () => {
    let backend: TranscriptBackend;
    let store: TranscriptStore;
    const { signal } = new AbortController();
    const save = (
      run: Partial<TranscriptRun>,
      bytes: AsyncIterable<Uint8Array>,
      { clears, on = store }: { clears?: number; on?: TranscriptStore } = {},
    ): Promise<SaveResult> => on.save({ ...RUN, ...run }, bytes, { clears, signal });
    const latest = (of: Partial<TranscriptRun> = {}, on = store) => on.latest({ ...RUN, ...of }, signal);

    beforeEach(async () => {
      backend = await start({ keepRuns: 3 });
      store = backend.connect();
    });
    afterEach(() => backend.dispose());

    it('gives back byte for byte what was saved, with its length, digest and run, in every process', async () => {
      const bytes = Buffer.concat([randomBytes(300_000), Buffer.from([0, 10, 13, 10, 255])]);
      expect(
        await save({ startedAt: 5 }, pieces(bytes.subarray(0, 7), bytes.subarray(7, 7), bytes.subarray(7))),
      ).toBe('saved');
      const { clears, latest: saved } = await latest({}, backend.connect());
      expect(clears).toBe(0);
      const sha256 = createHash('sha256').update(bytes).digest('hex');
      expect(saved).toMatchObject({ runId: 'r-1', startedAt: 5, size: bytes.length, sha256 });
      for (let reading = 0; reading < 2; reading++)
        expect(saved && bytes.equals(await bytesOf(saved.read()))).toBe(true);
    });

    it('keeps what is larger than a document of 16 MB', async () => {
      const block = randomBytes(MIB);
      const hash = createHash('sha256');
      async function* many(count: number) {
        for (let i = 0; i < count; i++) {
          block.writeUInt32LE(i);
          hash.update(block);
          yield block;
        }
      }
      expect(await save({}, many(18))).toBe('saved');
      const { latest: saved } = await latest();
      const sha256 = hash.digest('hex');
      expect(saved).toMatchObject({ size: 18 * MIB, sha256 });
      const read = createHash('sha256');
      for await (const piece of saved?.read() ?? []) read.update(piece);
      expect(read.digest('hex')).toBe(sha256);
    });

    it('has nothing of a conversation that nobody saved', async () => {
      expect(await latest()).toEqual({ clears: 0, latest: null });
    });

    it('saves nothing of no bytes', async () => {
      expect(await save({}, pieces())).toBe('nothing');
      expect(await save({}, pieces(''))).toBe('nothing');
      expect(await latest()).toEqual({ clears: 0, latest: null });
      expect(await save({}, pieces('x'))).toBe('saved');
    });

    it('answers a second save of a run that it is saved already, and keeps the first', async () => {
      await save({}, pieces('first'));
      expect(await save({}, pieces('second'), { on: backend.connect() })).toBe('already_saved');
      expect(await textOf(await latest())).toBe('first');
    });

    it('gives the transcript of the run that began last, in whatever order they were saved', async () => {
      await save({ runId: 'r-2', startedAt: 20 }, pieces('two'));
      await save({ runId: 'r-1', startedAt: 10 }, pieces('one'));
      expect(await textOf(await latest())).toBe('two');
      await save({ runId: 'r-3', startedAt: 30 }, pieces('three'));
      expect(await textOf(await latest())).toBe('three');
    });

    it.each([
      ['tenant', { tenantId: 'other' }],
      ['tenant, that is none', { tenantId: undefined }],
      ['agent', { agentId: 'a/c' }],
      ['conversation', { conversationId: 'c\u2028../..' }],
    ])('keeps apart what differs by its %s alone, also when it is cleared', async (_, other) => {
      await save({}, pieces('mine'));
      await save(other, pieces('theirs'));
      expect(await textOf(await latest())).toBe('mine');
      expect(await textOf(await latest(other))).toBe('theirs');
      await store.clear({ ...RUN, ...other }, signal);
      expect(await textOf(await latest())).toBe('mine');
      expect(await latest(other)).toEqual({ clears: 1, latest: null });
    });

    it('is cleared as often as one likes, also with nothing in it, and begins anew', async () => {
      expect(await store.clear(RUN, signal)).toBe(1);
      await save({}, pieces('before'));
      expect(await backend.connect().clear(RUN, signal)).toBe(2);
      expect(await store.clear(RUN, signal)).toBe(3);
      expect(await latest()).toEqual({ clears: 3, latest: null });
      expect(await save({}, pieces('after'))).toBe('saved');
      expect(await textOf(await latest())).toBe('after');
    });

    it('a save that is under way while its conversation is cleared saves nothing', async () => {
      const late = gated('a', 'b');
      const saving = save({}, late.bytes);
      await late.reached;
      await backend.connect().clear(RUN, signal);
      late.goOn();
      expect(await saving).toBe('cleared');
      expect(await latest()).toEqual({ clears: 1, latest: null });
    });

    it('nor does it take away what another run saved after the clearing', async () => {
      const late = gated('a', 'b');
      const saving = save({}, late.bytes);
      await late.reached;
      await store.clear(RUN, signal);
      expect(await save({ runId: 'r-2', startedAt: 1 }, pieces('new'))).toBe('saved');
      expect(await save({ startedAt: 2 }, pieces('once more'))).toBe('saved');
      late.goOn();
      expect(await saving).toMatch(/cleared|already_saved/);
      expect(await textOf(await latest())).toBe('once more');
    });

    it('a run of before a clearing that says so saves nothing, however late it comes', async () => {
      const { clears } = await latest();
      await store.clear(RUN, signal);
      expect(await save({}, pieces('old'), { clears })).toBe('cleared');
      expect(await save({}, pieces('new'), { clears: clears + 1 })).toBe('saved');
    });

    it('of two saves of one run at once, one is saved and the other told so', async () => {
      const [one, other] = [gated('one', '.'), gated('other', '.')];
      const saves = [save({}, one.bytes), save({}, other.bytes, { on: backend.connect() })];
      await Promise.all([one.reached, other.reached]);
      one.goOn();
      other.goOn();
      const results = await Promise.all(saves);
      expect([...results].sort()).toEqual(['already_saved', 'saved']);
      expect(await textOf(await latest())).toBe(results[0] === 'saved' ? 'one.' : 'other.');
    });

    it('clearings at once leave nothing, whatever they count, and the next one counts on', async () => {
      await save({}, pieces('before'));
      const stores = [store, backend.connect(), backend.connect()];
      const counts = await Promise.all(stores.map((one) => one.clear(RUN, signal)));
      const clears = Math.max(...counts);
      expect(await latest()).toEqual({ clears, latest: null });
      expect(await store.clear(RUN, signal)).toBe(clears + 1);
    });

    it('leaves nothing of a save whose bytes broke off, and the run can be saved after', async () => {
      const broken = gated('half', '');
      const saving = save({}, broken.bytes);
      await broken.reached;
      broken.breakOff(new Error('the worker died'));
      await expect(saving).rejects.toThrow();
      expect(await latest()).toEqual({ clears: 0, latest: null });
      expect(await save({}, pieces('whole'))).toBe('saved');
      expect(await textOf(await latest())).toBe('whole');
    });

    it('gives a save up whose signal fires, also while it waits for bytes, and leaves nothing', async () => {
      const stopping = new AbortController();
      const stuck = gated('half', '');
      const saving = store.save(RUN, stuck.bytes, { signal: stopping.signal });
      await stuck.reached;
      stopping.abort(new Error('enough'));
      await expect(saving).rejects.toThrow('enough');
      expect(await latest()).toEqual({ clears: 0, latest: null });
      stuck.goOn();
    });

    it('a save that fails costs none that was there, and a late one none that began after it', async () => {
      const narrow = await start({ keepRuns: 1 });
      const on = narrow.connect();
      await save({ runId: 'r-2', startedAt: 20 }, pieces('two'), { on });
      const broken = gated('half', '');
      const saving = save({ runId: 'r-3', startedAt: 30 }, broken.bytes, { on });
      await broken.reached;
      broken.breakOff(new Error('the worker died'));
      await expect(saving).rejects.toThrow();
      expect(await textOf(await latest({}, on))).toBe('two');
      expect(await save({ runId: 'r-1', startedAt: 10 }, pieces('one'), { on })).toBe('saved');
      expect(await textOf(await latest({}, on))).toBe('two');
      expect(await save({ runId: 'r-4', startedAt: 40 }, pieces('four'), { on })).toBe('saved');
      expect(await textOf(await latest({}, on))).toBe('four');
      await narrow.dispose();
    });

    it('keeps the transcripts of so many runs, those that began last', async () => {
      for (const startedAt of [1, 2, 3, 4, 5])
        expect(await save({ runId: `r-${startedAt}`, startedAt }, pieces(`${startedAt}`))).toBe('saved');
      expect(await textOf(await latest())).toBe('5');
      expect(await save({ runId: 'r-4' }, pieces('again'))).toBe('already_saved');
      expect(await save({ runId: 'r-1', startedAt: 1 }, pieces('again'))).toBe('saved');
      expect(await textOf(await latest())).toBe('5');
    });
  });
}
