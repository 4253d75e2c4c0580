/**
 * 20 readers that never read, while 16 MiB pass: how much this process holds for each when they are detached, against
 * the byte budget they were given.
 */
import { fork } from 'node:child_process';
import { once } from 'node:events';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { join } from 'node:path';
import { setImmediate as nextTurn, setTimeout as pause } from 'node:timers/promises';
import express from 'express';
import { createStreamServices, GenerationJobManager, optionsSchema } from 'generation-jobs';
import { createStreamRouter } from 'generation-jobs/express';
import type { OpenRequest } from './sse-clients.js';

const READERS = 20;
const EVENTS = 8000;
const PAD = 'p'.repeat(1950);

export async function benchSlowReaders(): Promise<void> {
  const clients = fork(join(import.meta.dirname, 'sse-clients.js'));
  const manager = new GenerationJobManager(createStreamServices());
  const created = await manager.createJob({ streamId: 'bench', userId: 'bench' });
  if (!created.started) throw new Error('not started');
  const app = express();
  app.use(createStreamRouter(manager, { authorize: () => ({ userId: 'bench' }) }));
  const sockets = new Set<import('node:net').Socket>();
  const server = createServer(app).on('connection', (socket) => sockets.add(socket));
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  const { port } = server.address() as AddressInfo;
  clients.send({ open: READERS, port, path: '/stream/bench', paused: true } satisfies OpenRequest);
  while (manager.followerCount('bench') < READERS) await pause(10);

  let most = 0;
  for (let index = 0; index < EVENTS; index++) {
    await created.job.emit({ event: 'text', data: { index, pad: PAD } });
    if (index % 4 === 3) await nextTurn();
    for (const socket of sockets) most = Math.max(most, socket.writableLength);
  }
  const budget = optionsSchema.parse({}).limits.liveBytes;
  const kept = manager.followerCount('bench');
  console.log(
    `${READERS} readers that never read, ${Math.round((EVENTS * PAD.length) / 2 ** 20)} MiB sent: ` +
      `at most ${(most / 1024).toFixed(0)} KiB queued for one (budget ${budget / 1024} KiB), ${kept} still attached`,
  );
  clients.disconnect();
  await once(clients, 'exit');
  server.closeAllConnections();
  server.close();
  await manager.close();
}
