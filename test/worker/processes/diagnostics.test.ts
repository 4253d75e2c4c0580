/** What diagnoses a worker keeps its process alive in nothing: not by a timer, a server, or whoever is connected to it. */
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdtemp, rm } from 'node:fs/promises';
import { connect } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { expect, it, onTestFinished } from 'vitest';
import { ROOT } from '../../support/programs.js';

const DIAGNOSED = `
import { SnapshotCache, startControlServer } from 'generation-jobs/worker';
const cache = new SnapshotCache({ read: async () => ['state'], refreshMs: 600_000 });
await cache.refresh();
const stuck = new SnapshotCache({ read: () => new Promise(() => {}) });
stuck.markDirty();
const log = { level: 'info', levels: ['info'] };
const status = () => {
  process.stdin.destroy(); // what has kept the process until now
  return new Promise(() => {});
};
const control = await startControlServer({ portFile: process.argv[1], log, status, onHookFatal: () => {} });
console.log(control.port);
process.stdin.resume();
`;

it('a process ends by itself beside a cache that reads, and a control server that somebody waits for', async () => {
  const folder = await mkdtemp(join(tmpdir(), 'diagnostics-'));
  onTestFinished(() => rm(folder, { recursive: true }));
  const child = spawn(process.execPath, ['--input-type=module', '-e', DIAGNOSED, join(folder, 'port')], {
    cwd: ROOT,
    stdio: ['pipe', 'pipe', 'inherit'],
  });
  onTestFinished(() => void child.kill('SIGKILL'));
  const ended = once(child, 'exit');
  const [port] = await once(child.stdout, 'data');
  const idle = connect(Number(port), '127.0.0.1').on('error', () => {});
  await once(idle, 'connect');
  const waiting = connect(Number(port), '127.0.0.1').on('error', () => {});
  waiting.write(`GET /status HTTP/1.1\r\nhost: 127.0.0.1:${Number(port)}\r\n\r\n`);
  onTestFinished(() => void [idle, waiting].map((socket) => socket.destroy()));
  expect(await ended).toEqual([0, null]);
});
