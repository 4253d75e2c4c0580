/**
 * A process between the example and its private Redis: it ends the server, and removes its files, when the example lets
 * go of it or dies. A server that was a plain child would outlive a kill -9.
 */
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdtemp, rm } from 'node:fs/promises';
import { createServer } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';

export type KeeperReport = { readonly port: number } | { readonly problem: string };

const [, , program = 'redis-server'] = process.argv;
// A signal to the whole group must not part the keeper from what it keeps.
for (const signal of ['SIGINT', 'SIGTERM', 'SIGHUP']) process.on(signal, () => {});
const folder = await mkdtemp(join(tmpdir(), 'chat-redis-'));
const port = await freePort();
const bounds = [
  '--bind',
  '127.0.0.1',
  '--port',
  `${port}`,
  '--dir',
  folder,
  '--save',
  '',
  '--appendonly',
  'no',
];
const redis = spawn(program, bounds, { stdio: ['ignore', 'pipe', 'pipe'] });
let output = '';

process.on('disconnect', () => redis.kill('SIGTERM'));
if (!process.connected) redis.kill('SIGTERM'); // the example has died meanwhile
const gone = new Promise<void>((resolve) => {
  redis.once('exit', () => resolve());
  redis.once('error', (error) => {
    output += error.message;
    resolve();
  });
});
const isReady = new Promise<boolean>((resolve) => {
  const hear = (chunk: Buffer) => {
    output = (output + chunk).slice(-10_000);
    if (output.includes('Ready to accept connections')) resolve(true);
  };
  redis.stdout.on('data', hear);
  redis.stderr.on('data', hear);
  void gone.then(() => resolve(false));
});

if (!process.connected) redis.kill('SIGTERM');
if (await isReady) report({ port });
await gone;
report({ problem: `${program} ended: ${output.trim().split('\n').at(-1) ?? ''}` });
await rm(folder, { recursive: true, force: true });
process.exit(0);

function report(message: KeeperReport): void {
  if (process.connected) process.send?.(message);
}

async function freePort(): Promise<number> {
  const server = createServer();
  await once(server.listen(0, '127.0.0.1'), 'listening');
  const address = server.address();
  server.close();
  await once(server, 'close');
  return typeof address === 'object' && address !== null ? address.port : 0;
}
