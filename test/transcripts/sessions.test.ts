/**
 * An agent's session file at the beginning and the end of its runs: hydrated, saved, cleared.
 */
import { execFileSync } from 'node:child_process';
import { randomBytes } from 'node:crypto';
import { existsSync, readlinkSync } from 'node:fs';
import {
  type FileHandle,
  mkdir,
  mkdtemp,
  open,
  readdir,
  readFile,
  rm,
  stat,
  truncate,
  utimes,
  writeFile,
} from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { FakeClock } from 'generation-jobs/testing';
import {
  clearTranscripts,
  createFileTranscripts,
  createMemoryTranscripts,
  hydrateTranscript,
  type RunTranscripts,
  saveTranscript,
  type TranscriptStore,
  transcriptsOf,
} from 'generation-jobs/transcripts';
import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';
import { gated, pieces } from './contract.js';

const OF = { tenantId: 't', agentId: 'a', conversationId: 'c' };
const { signal } = new AbortController();

let folder: string;
let file: string;
let store: TranscriptStore;
const run = (runId: string, startedAt?: number) => transcriptsOf(store, { ...OF, runId, startedAt });

beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), 'sessions-'));
  file = join(folder, 'session.jsonl');
  store = createMemoryTranscripts();
});
afterEach(async () => {
  vi.restoreAllMocks();
  await rm(folder, { recursive: true });
});

/** Transcripts whose latest one is what a test says. */
function promising(
  read: () => AsyncIterable<Uint8Array>,
  size: number,
  sha256 = '0'.repeat(64),
): RunTranscripts {
  const latest = { runId: 'r', startedAt: 1, savedAt: 2, size, sha256, read };
  const nothing = () => Promise.reject(new Error('not asked for'));
  return { latest: async () => ({ clears: 0, latest }), save: nothing, clear: nothing };
}

/** Notes what is brought onto the disk, and whether the file has its name by then. */
async function watchSyncs(named: () => boolean): Promise<{ path: string; isNamed: boolean }[]> {
  const synced: { path: string; isNamed: boolean }[] = [];
  const opened = await open(folder);
  const prototype: FileHandle = Object.getPrototypeOf(opened);
  await opened.close();
  const { sync } = prototype;
  vi.spyOn(prototype, 'sync').mockImplementation(function (this: FileHandle) {
    synced.push({ path: readlinkSync(`/proc/self/fd/${this.fd}`), isNamed: named() });
    return sync.call(this);
  });
  return synced;
}

describe('hydrateTranscript', () => {
  it('brings the file onto the disk before it has its name, and its folder after, before it returns', async () => {
    await store.save({ ...OF, runId: 'r-1' }, pieces('text'), { signal });
    const synced = await watchSyncs(() => existsSync(file));
    await hydrateTranscript(run('r-2'), { file });
    expect(synced).toEqual([
      { path: expect.stringMatching(/\.session\.jsonl\..*\.part$/), isNamed: false },
      { path: folder, isNamed: true },
    ]);
  });

  it('brings the folders that it makes onto the disk as well', async () => {
    await store.save({ ...OF, runId: 'r-1' }, pieces('text'), { signal });
    const synced = await watchSyncs(() => false);
    const made = join(folder, 'made', 'for it');
    await hydrateTranscript(run('r-2'), { file: join(made, 'session.jsonl') });
    expect(synced.map(({ path }) => path)).toEqual([
      ...[join(folder, 'made'), folder],
      ...[expect.stringMatching(/\.part$/), made],
    ]);
  });

  it('that was given up leaves the file alone, also when its bytes are on the disk only then', async () => {
    await writeFile(file, 'mine');
    await store.save({ ...OF, runId: 'r-1' }, pieces('saved'), { signal });
    const opened = await open(folder);
    const prototype: FileHandle = Object.getPrototypeOf(opened);
    await opened.close();
    let goOn = () => {};
    const isSyncing = new Promise<void>((reached) => {
      vi.spyOn(prototype, 'sync').mockImplementation(() => {
        reached();
        return new Promise<void>((resolve) => {
          goOn = resolve;
        });
      });
    });
    const clock = new FakeClock();
    const outcome = hydrateTranscript(run('r-2'), { file, clock }).catch((error: unknown) => error);
    await isSyncing;
    await clock.advance(30_000);
    expect(await outcome).toMatchObject({ code: 'transcript_timeout' });
    goOn();
    await expect.poll(() => readdir(folder)).toEqual(['session.jsonl']);
    expect(await readFile(file, 'utf8')).toBe('mine');
  });

  it('writes the latest transcript byte for byte, for the user alone, and says whose it is', async () => {
    const bytes = randomBytes(700_000);
    await store.save({ ...OF, runId: 'r-1' }, pieces(bytes), { signal });
    const deep = join(folder, 'made', 'for it', 'session.jsonl');
    expect(await hydrateTranscript(run('r-2'), { file: deep })).toEqual({
      ...{ result: 'hydrated', clears: 0, runId: 'r-1', size: bytes.length },
    });
    expect(bytes.equals(await readFile(deep))).toBe(true);
    expect((await stat(deep)).mode & 0o777).toBe(0o600);
    expect(await readdir(join(folder, 'made', 'for it'))).toEqual(['session.jsonl']);
  });

  it('replaces a longer file that another run has left', async () => {
    await writeFile(file, 'a longer text than that which is saved');
    await store.save({ ...OF, runId: 'r-1' }, pieces('saved'), { signal });
    await hydrateTranscript(run('r-2'), { file });
    expect(await readFile(file, 'utf8')).toBe('saved');
  });

  it('leaves the file as it is when there is no transcript, also when it was cleared', async () => {
    await writeFile(file, 'mine');
    expect(await hydrateTranscript(run('r-1'), { file })).toEqual({ result: 'none', clears: 0 });
    await store.clear(OF, signal);
    expect(await hydrateTranscript(run('r-1'), { file })).toEqual({ result: 'none', clears: 1 });
    expect(await readFile(file, 'utf8')).toBe('mine');
  });

  it.each([
    ['too short', 10, 'transcript_damaged'],
    ['too long', 3, 'transcript_damaged'],
    ['of another digest', 5, 'transcript_damaged'],
    ['larger than it may be', 101, 'transcript_too_large'],
  ])('throws for bytes that are %s, and leaves the file and no part of another', async (_, size, code) => {
    await writeFile(file, 'mine');
    const hydrating = hydrateTranscript(
      promising(() => pieces('bytes'), size),
      { file, maxBytes: 100 },
    );
    await expect(hydrating).rejects.toMatchObject({ code });
    expect(await readFile(file, 'utf8')).toBe('mine');
    expect(await readdir(folder)).toEqual(['session.jsonl']);
  });

  it('gives up after 30 s, leaves no part, and keeps no timer', async () => {
    const clock = new FakeClock();
    const stuck = gated('half', '');
    const hydrating = hydrateTranscript(
      promising(() => stuck.bytes, 10),
      { file, clock },
    );
    const outcome = hydrating.catch((error: unknown) => error);
    await stuck.reached;
    await expect.poll(() => readdir(folder)).toHaveLength(1);
    await clock.advance(29_999);
    expect(await readdir(folder)).toHaveLength(1);
    await clock.advance(1);
    expect(await outcome).toMatchObject({ code: 'transcript_timeout' });
    await expect.poll(() => readdir(folder)).toEqual([]);
    expect(clock.pendingTimers).toBe(0);
  });

  it('takes the newer transcript when the one it reads is replaced and gone', async () => {
    let asked = 0;
    const gone = promising(() => pieces('ol'), 3);
    const newer = run('r-3');
    await store.save({ ...OF, runId: 'r-2' }, pieces('new'), { signal });
    const transcripts = { ...newer, latest: () => (asked++ ? newer.latest(signal) : gone.latest(signal)) };
    expect(await hydrateTranscript(transcripts, { file })).toMatchObject({ runId: 'r-2' });
    expect(await readFile(file, 'utf8')).toBe('new');
  });

  it('removes the parts that processes which died have left, and nobody else’s', async () => {
    // A process of this number can't be there: Linux has none above 2 ** 22.
    const gone = 2 ** 22 + 1;
    const left = `.session.jsonl.${gone}-x.part`;
    // In a container every process has the number that the one before it had.
    const before = `.session.jsonl.${process.pid}-x.part`;
    const old = `.session.jsonl.${process.ppid}-old.part`;
    const alive = `.session.jsonl.${process.ppid}-x.part`;
    const other = `.other.jsonl.${gone}-x.part`;
    for (const part of [left, before, old, alive, other]) await writeFile(join(folder, part), 'half');
    const yesterday = new Date(Date.now() - 86_400_000);
    await utimes(join(folder, old), yesterday, yesterday);
    await store.save({ ...OF, runId: 'r-1' }, pieces('saved'), { signal });
    await hydrateTranscript(run('r-2'), { file });
    expect((await readdir(folder)).sort()).toEqual([alive, other, 'session.jsonl'].sort());
  });

  it('throws what the file system refuses, with what it said', async () => {
    await store.save({ ...OF, runId: 'r-1' }, pieces('saved'), { signal });
    await mkdir(file);
    const hydrating = hydrateTranscript(run('r-2'), { file });
    await expect(hydrating).rejects.toMatchObject({ code: 'unavailable', cause: { code: 'EISDIR' } });
    expect(await readdir(folder)).toEqual(['session.jsonl']);
  });
});

describe('saveTranscript', () => {
  const completed = { outcome: 'completed' };

  it('saves the file of a run that completed, and answers a second time that it is saved', async () => {
    const bytes = randomBytes(700_000);
    await writeFile(file, bytes);
    expect(await saveTranscript(run('r-1'), { file, ...completed })).toEqual({ result: 'saved' });
    expect(await saveTranscript(run('r-1'), { file, ...completed })).toEqual({ result: 'already_saved' });
    await hydrateTranscript(run('r-2'), { file: join(folder, 'copy') });
    expect(bytes.equals(await readFile(join(folder, 'copy')))).toBe(true);
  });

  it.each(['failed', 'aborted', 'replaced', 'lease_lost', 'handed_over', undefined])(
    'saves nothing of a run that ended as %s, and none is hydrated after it',
    async (outcome) => {
      await writeFile(file, 'half an answer');
      expect(await saveTranscript(run('r-1'), { file, outcome })).toEqual({ result: 'not_completed' });
      expect(await hydrateTranscript(run('r-2'), { file })).toMatchObject({ result: 'none' });
    },
  );

  it('has nothing to do where the file is empty or missing', async () => {
    expect(await saveTranscript(run('r-1'), { file, ...completed })).toEqual({ result: 'nothing' });
    await writeFile(file, '');
    expect(await saveTranscript(run('r-1'), { file, ...completed })).toEqual({ result: 'nothing' });
    expect((await store.latest(OF, signal)).latest).toBeNull();
  });

  it('saves nothing of a conversation that was cleared since it was hydrated', async () => {
    const { clears } = await hydrateTranscript(run('r-1'), { file });
    await writeFile(file, 'of before');
    await clearTranscripts(transcriptsOf(store, OF));
    expect(await saveTranscript(run('r-1'), { file, ...completed, clears })).toEqual({ result: 'cleared' });
  });

  it('never throws: what fails is its result', async () => {
    const failing = { ...run('r-1'), save: () => Promise.reject(new Error('ECONNRESET')) };
    await writeFile(file, 'text');
    const failed = (code: string) => ({ result: 'failed', error: { code } });
    expect(await saveTranscript(failing, { file, ...completed })).toMatchObject(failed('unavailable'));
    const thrown = {
      ...failing,
      save: () => {
        throw new Error('at once');
      },
    };
    expect(await saveTranscript(thrown, { file, ...completed })).toMatchObject(failed('unavailable'));
    const misspelt = { file, ...completed, witihnMs: 1 };
    expect(await saveTranscript(failing, misspelt)).toMatchObject(failed('invalid_options'));
    const small = { file, ...completed, maxBytes: 3 };
    expect(await saveTranscript(run('r-1'), small)).toMatchObject(failed('transcript_too_large'));
    const pipe = join(folder, 'pipe');
    execFileSync('mkfifo', [pipe]); // to open it would wait for a writer
    for (const odd of [folder, pipe])
      expect(await saveTranscript(run('r-1'), { file: odd, ...completed })).toMatchObject(
        failed('invalid_argument'),
      );
    expect((await store.latest(OF, signal)).latest).toBeNull();
  });

  it('gives up after 60 s, and at once when it is told to stop', async () => {
    await writeFile(file, 'text');
    const clock = new FakeClock();
    const hanging = { ...run('r-1'), save: () => new Promise<never>(() => {}) };
    const saving = saveTranscript(hanging, { file, ...completed, clock });
    await expect.poll(() => clock.pendingTimers).toBe(1);
    await clock.advance(60_000);
    expect(await saving).toMatchObject({ result: 'failed', error: { code: 'transcript_timeout' } });
    const dying = new AbortController();
    const stopped = saveTranscript(hanging, { file, ...completed, clock, signal: dying.signal });
    await expect.poll(() => clock.pendingTimers).toBe(1);
    dying.abort();
    expect(await stopped).toEqual({ result: 'stopped' });
    expect(clock.pendingTimers).toBe(0);
  });

  it('saves a file that grows up to where it was, and one that shrinks not at all', async () => {
    await writeFile(file, 'x'.repeat(600_000));
    const change = (length: number): RunTranscripts => ({
      ...run(`r-${length}`),
      save: async (bytes, options) => {
        await truncate(file, length);
        return run(`r-${length}`).save(bytes, options);
      },
    });
    expect(await saveTranscript(change(900_000), { file, ...completed })).toEqual({ result: 'saved' });
    expect((await store.latest(OF, signal)).latest).toMatchObject({ size: 600_000 });
    const shrunk = await saveTranscript(change(100), { file, ...completed });
    expect(shrunk).toMatchObject({ result: 'failed', error: { code: 'transcript_damaged' } });
  });

  it('needs to know the run', async () => {
    await writeFile(file, 'text');
    const saving = saveTranscript(transcriptsOf(store, OF), { file, ...completed });
    expect(await saving).toMatchObject({ result: 'failed', error: { code: 'invalid_argument' } });
  });
});

describe('clearTranscripts', () => {
  it('clears that conversation alone, also without a run, as often as one likes', async () => {
    await store.save({ ...OF, runId: 'r-1' }, pieces('mine'), { signal });
    await store.save({ ...OF, conversationId: 'other', runId: 'r-1' }, pieces('other'), { signal });
    expect(await clearTranscripts(transcriptsOf(store, OF))).toEqual({ clears: 1 });
    expect(await clearTranscripts(transcriptsOf(store, OF))).toEqual({ clears: 2 });
    expect((await store.latest(OF, signal)).latest).toBeNull();
    expect((await store.latest({ ...OF, conversationId: 'other' }, signal)).latest).not.toBeNull();
  });

  it('gives up after 30 s', async () => {
    const clock = new FakeClock();
    const hanging = { ...run('r-1'), clear: () => new Promise<never>(() => {}) };
    const clearing = clearTranscripts(hanging, { clock }).catch((error: unknown) => error);
    await expect.poll(() => clock.pendingTimers).toBe(1);
    await clock.advance(30_000);
    expect(await clearing).toMatchObject({ code: 'transcript_timeout' });
  });
});

describe('the names of a conversation', () => {
  it.each([
    [{ ...OF, agentId: '' }, 'agentId'],
    [{ ...OF, agentId: 'x'.repeat(257) }, 'agentId'],
    [{ ...OF, conversationId: '\ud800' }, 'conversationId'],
    [{ ...OF, tenantId: 'a/b' }, 'tenantId'],
    [{ ...OF, conversationID: 'c' }, 'did you mean "conversationId"?'],
  ])('are checked: %j', (of, named) => {
    expect(() => transcriptsOf(store, of)).toThrow(named);
  });
});

describe('transcripts in files', () => {
  const inFiles = () => createFileTranscripts({ folder: join(folder, 'all') });

  /** The file of the only transcript there is. */
  async function onlyFile(): Promise<string> {
    const names = await readdir(join(folder, 'all'), { recursive: true });
    return join(folder, 'all', names.find((name) => name.endsWith('.jsonl')) ?? 'none');
  }

  it('are on the disk, with the names of their folders, when they are saved', async () => {
    store = inFiles();
    const synced = await watchSyncs(() => false);
    await store.save({ ...OF, runId: 'r-1' }, pieces('text'), { signal });
    const all = join(folder, 'all');
    const paths = synced.map(({ path }) => path);
    const conversation = expect.stringMatching(/[0-9a-f]{40}$/);
    expect(paths).toEqual([
      ...[conversation, all, folder], // as they are made
      ...[expect.stringMatching(/\.part$/), expect.stringMatching(/\/0$/), conversation, all],
    ]);
  });

  it('notice bytes that are no longer those that were saved', async () => {
    store = inFiles();
    await store.save({ ...OF, runId: 'r-1' }, pieces('saved'), { signal });
    await writeFile(await onlyFile(), 'x', { flag: 'a' });
    await expect(hydrateTranscript(run('r-2'), { file })).rejects.toMatchObject({
      code: 'transcript_damaged',
    });
    expect(await readdir(folder)).toEqual(['all']);
  });

  it('a damaged one costs the conversation’s next run nothing, once it has saved', async () => {
    store = inFiles();
    await store.save({ ...OF, runId: 'r-1', startedAt: 1 }, pieces('saved'), { signal });
    await writeFile(await onlyFile(), '{"transcript":');
    await expect(hydrateTranscript(run('r-2'), { file })).rejects.toMatchObject({
      code: 'transcript_damaged',
    });
    const other = { ...OF, conversationId: 'other' };
    expect(await store.latest(other, signal)).toMatchObject({ latest: null });
    expect(
      await store.save({ ...OF, runId: 'r-2', startedAt: Date.now() + 60_000 }, pieces('next'), { signal }),
    ).toBe('saved');
    expect(await hydrateTranscript(run('r-3'), { file })).toMatchObject({ runId: 'r-2' });
  });

  it('keep nothing of saves that broke off, nor of what was cleared', async () => {
    store = inFiles();
    const broken = gated('half', '');
    const saving = store.save({ ...OF, runId: 'r-1' }, broken.bytes, { signal });
    await broken.reached;
    broken.breakOff(Object.assign(new Error('the session file is gone'), { code: 'ENOENT' }));
    await expect(saving).rejects.toMatchObject({ code: 'unavailable' });
    await store.save({ ...OF, runId: 'r-1' }, pieces('saved'), { signal });
    await store.clear(OF, signal);
    const names = await readdir(join(folder, 'all'), { recursive: true });
    expect(names.filter((name) => name.includes('.'))).toEqual([]);
  });
});
