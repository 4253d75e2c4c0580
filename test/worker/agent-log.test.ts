import { chmodSync } from 'node:fs';
import {
  appendFile,
  mkdir,
  mkdtemp,
  readdir,
  readFile,
  rm,
  stat,
  symlink,
  writeFile,
} from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { basename, dirname, join } from 'node:path';
import { FakeClock } from 'generation-jobs/testing';
import { type AgentLog, type AgentLogOptions, openAgentLog } from 'generation-jobs/worker';
import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';

/** A disk that takes half of what is written and then no more, while it is full. */
const disk = vi.hoisted(() => ({ isFull: false }));
vi.mock('node:fs', async (importActual) => {
  const actual = await importActual<typeof import('node:fs')>();
  const writeSync = (fd: number, bytes: Uint8Array | string, at = 0) => {
    if (!disk.isFull || typeof bytes === 'string') return actual.writeSync(fd, bytes as Uint8Array, at);
    if (at > 0) throw Object.assign(new Error('no space left on device'), { code: 'ENOSPC' });
    return actual.writeSync(fd, bytes, 0, Math.floor(bytes.length / 2));
  };
  return { ...actual, writeSync };
});

let folder: string;
let clock: FakeClock;
const logs: AgentLog[] = [];

async function open(more: Partial<AgentLogOptions> = {}): Promise<AgentLog> {
  const log = await openAgentLog({ folder: join(folder, 'logs'), agentId: 'helper', clock, ...more });
  logs.push(log);
  return log;
}

async function records(file: string): Promise<Record<string, unknown>[]> {
  const text = await readFile(file, 'utf8');
  return text
    .split('\n')
    .slice(0, -1)
    .map((line) => JSON.parse(line));
}

beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), 'agent-log-'));
  clock = new FakeClock();
});
afterEach(async () => {
  vi.restoreAllMocks();
  for (const log of logs.splice(0)) log.close();
  await rm(folder, { recursive: true });
});

describe('the log of an agent', () => {
  it('has one line for each record, whatever is in it, in a file for this user alone', async () => {
    const { logger, file } = await open();
    logger.info({ id: 'two\nlines', odd: 'a\u2028b\r' }, 'said\n{"level":60}');
    logger.error({ err: new Error('no\nway') }, 'failed');
    expect(await records(file)).toMatchObject([
      { level: 30, agentId: 'helper', id: 'two\nlines', odd: 'a\u2028b\r', msg: 'said\n{"level":60}' },
      { level: 50, err: { message: 'no\nway' }, msg: 'failed' },
    ]);
    expect((await stat(file)).mode & 0o777).toBe(0o600);
    expect((await stat(dirname(file))).mode & 0o777).toBe(0o700);
  });

  it('has a level that is read and set while it runs, of the levels there are', async () => {
    const log = await open({ level: 'warn' });
    expect(log.levels).toEqual(['trace', 'debug', 'info', 'warn', 'error', 'fatal', 'silent']);
    log.logger.info({}, 'not yet');
    log.level = 'trace';
    expect(log.level).toBe('trace');
    log.logger.debug({}, 'now');
    log.level = 'silent';
    log.logger.fatal({}, 'no more');
    expect(await records(log.file)).toMatchObject([{ msg: 'now' }]);
    expect(() => {
      log.level = 'wran';
    }).toThrow('did you mean "warn"?');
    expect(log.level).toBe('silent');
    await expect(open({ level: 'wran' })).rejects.toMatchObject({ code: 'invalid_options' });
  });

  it('is in a file of its agent’s own, under a safe name, whatever the agent is called', async () => {
    const ids = [
      'Helper',
      'helper',
      '../../etc/passwd',
      'a/b',
      'a-b',
      '.',
      'con',
      '\u0000',
      'x'.repeat(256),
      'é',
    ];
    const files = await Promise.all(ids.map(async (agentId) => (await open({ agentId })).file));
    expect(new Set(files.map((file) => file.toLowerCase())).size).toBe(ids.length);
    for (const file of files) {
      expect(dirname(file)).toBe(join(folder, 'logs'));
      expect(basename(file)).toMatch(/^[a-z0-9-]{1,80}\.log$/);
    }
  });

  it('goes on in a new file when it is large, and keeps the one before', async () => {
    const { logger, file } = await open({ maxBytes: 64 * 1024 });
    for (let n = 0; n < 150; n++) logger.info({ n, text: 'x'.repeat(1_000) }, 'said');
    const sizes = await Promise.all([file, `${file}.1`].map(async (name) => (await stat(name)).size));
    for (const size of sizes) expect(size).toBeLessThanOrEqual(64 * 1024);
    expect(await readdir(dirname(file))).toHaveLength(2);
    const [last] = (await records(file)).slice(-1);
    expect(last).toMatchObject({ n: 149 });
  });

  it('tells error and fatal on standard error while the file can’t be written, and is back when it can', async () => {
    const said: string[] = [];
    vi.spyOn(process.stderr, 'write').mockImplementation((text) => {
      said.push(String(text));
      return true;
    });
    await writeFile(join(folder, 'logs'), 'a file where the folder should be');
    const log = await open();
    log.logger.warn({}, 'not told');
    log.logger.error({}, 'told');
    log.logger.fatal({}, 'told too');
    expect(said.map((line) => JSON.parse(line).msg)).toEqual(['told', 'told too']);
    expect(said.every((line) => line.endsWith('\n') && line.trim().split('\n').length === 1)).toBe(true);
    expect(log.error).toMatchObject({ code: expect.stringMatching(/ENOTDIR|EEXIST/) });
    await rm(join(folder, 'logs'));
    await clock.advance(1_000);
    log.logger.error({}, 'in the file');
    expect(log.error).toBeUndefined();
    expect(await records(log.file)).toMatchObject([{ msg: 'in the file' }]);
    expect(said).toHaveLength(2);
  });

  it('begins a line of its own after half a record, of a process that died or of a disk that was full', async () => {
    const before = await open();
    before.logger.info({}, 'before');
    before.close();
    await appendFile(before.file, '{"level":30,"ti');
    const { logger, file } = await open();
    logger.info({}, 'after');
    disk.isFull = true;
    logger.info({ lost: true }, 'half of it');
    disk.isFull = false;
    await clock.advance(1_000);
    logger.info({}, 'whole');
    const lines = (await readFile(file, 'utf8')).split('\n');
    expect(lines).toHaveLength(6);
    expect(lines[1]).toBe('{"level":30,"ti');
    expect(lines[3]).toMatch(/^\{"level":30/);
    const whole = [0, 2, 4].map((at) => JSON.parse(lines[at] ?? '').msg);
    expect(whole).toEqual(['before', 'after', 'whole']);
  });

  it('writes through no link that somebody has put in its place', async () => {
    const { file } = await open();
    await mkdir(dirname(file), { recursive: true });
    const target = join(folder, 'target');
    await writeFile(target, '');
    await symlink(target, file);
    vi.spyOn(process.stderr, 'write').mockReturnValue(true);
    const log = await open();
    log.logger.error({}, 'told');
    expect(await readFile(target, 'utf8')).toBe('');
    expect(process.stderr.write).toHaveBeenCalledOnce();
    chmodSync(dirname(file), 0o700);
  });

  it('needs pino, and says so where there is none', async () => {
    const importPeer = () => Promise.reject(new Error('Cannot find package'));
    await expect(open({ importPeer })).rejects.toMatchObject({
      code: 'log_unavailable',
      cause: { message: 'Cannot find package' },
    });
    await expect(open({ importPeer: async () => ({}) })).rejects.toMatchObject({ code: 'log_unavailable' });
  });
});
