/** The servers that tests start, where something else has their port: each waits for its own, and none is taken for another's. */
import { once } from 'node:events';
import { createServer } from 'node:net';
import { setTimeout as pause } from 'node:timers/promises';
import { expect, it } from 'vitest';
import { RedisServer } from '../support/redis-server.js';

/** Listens on a port, answering nothing, until it is told to stop. */
async function occupy(port: number): Promise<() => Promise<unknown>> {
  const server = createServer((socket) => socket.destroy()).listen(port, '127.0.0.1');
  await once(server, 'listening');
  return () => {
    server.close();
    return once(server, 'close');
  };
}

it.each([
  ['its port', 0],
  ['the port of its bus', 10_000],
])('a node of a cluster starts as soon as nothing else has %s', async (_, above) => {
  const server = await RedisServer.start('--cluster-enabled', 'yes');
  await server.halt();
  const free = await occupy(server.port + above);
  const running = server.run();
  expect(await Promise.race([running.then(() => 'runs'), pause(300, 'waits')])).toBe('waits');
  await free();
  await running;
  const client = server.connect();
  expect(await client.info('server')).toContain(`process_id:${server.pid}\r\n`);
  client.disconnect();
  await server.stop();
});

it('another server that answers on the port is not taken for it', async () => {
  const server = await RedisServer.start();
  await server.halt();
  expect(await server.tryRun()).toBe(true);
  const { pid } = server;
  expect(await server.tryRun()).toBe(false);
  process.kill(pid, 'SIGKILL');
  await server.run();
  await server.stop();
});
