/** What the front of the example's replicas knows of them while they are restarted in turn. */
import { createServer } from 'node:http';
import type { AddressInfo, Socket } from 'node:net';
import { afterEach, expect, it } from 'vitest';
import { ReplicaPool } from '../../examples/chat/replicas/replica-pool.js';

const closes: (() => void)[] = [];
afterEach(() => {
  for (const close of closes.splice(0)) close();
});

/** A replica that takes connections and never answers. */
async function startSilent(): Promise<{ port: number; sockets: Socket[]; asked: Promise<void> }> {
  const sockets: Socket[] = [];
  const server = createServer();
  const asked = new Promise<void>((resolve) => server.once('request', () => resolve()));
  server.on('connection', (socket: Socket) => sockets.push(socket));
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  closes.push(() => {
    for (const socket of sockets) socket.destroy();
    server.close();
  });
  return { port: (server.address() as AddressInfo).port, sockets, asked };
}

function poolOf(ports: readonly number[]): ReplicaPool {
  const pool = new ReplicaPool(ports.map((port, at) => ({ name: String(at + 1), port })));
  closes.push(() => pool.stop());
  return pool;
}

it('a look that the one before of a name has not answered says nothing of the next one', async () => {
  const [before, after, other] = [await startSilent(), await startSilent(), await startSilent()];
  const pool = poolOf([before.port, other.port]);
  pool.suspect('1');
  await before.asked;
  pool.leave('1');
  pool.come({ name: '1', port: after.port });
  const looked = new Promise((resolve) => before.sockets[0]?.once('close', resolve));
  before.sockets[0]?.destroy();
  await looked;
  // The next look at it is under way only when the lost one has been judged.
  await expect
    .poll(() => {
      pool.suspect('1');
      return after.sockets.length;
    })
    .toBeGreaterThan(0);
  expect(pool.alive).toEqual(['1', '2']);
});

it('a connection that the one before of a name has refused says nothing of the next one, which is asked too', async () => {
  const [after, other] = [await startSilent(), await startSilent()];
  const pool = poolOf([1, other.port]);
  const chosen = pool.choose('1', new Set());
  pool.leave('1');
  pool.come({ name: '1', port: after.port });
  pool.drop(chosen ?? { name: '1', port: 1 });
  expect(pool.alive).toEqual(['1', '2']);
  expect(pool.choose('1', new Set([1]))).toEqual({ name: '1', port: after.port });
  pool.drop({ name: '1', port: after.port });
  expect(pool.alive).toEqual(['2']);
});
