/**
 * CPU of this process for one delivery to one of many SSE followers, who live in another process: what the contenders of a
 * comparison are measured by.
 */
import type { ChildProcess } from 'node:child_process';
import { once } from 'node:events';
import type { Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import { setTimeout as pause } from 'node:timers/promises';
import type { ClientReport, OpenRequest } from './sse-clients.js';

export const FOLLOWERS = 1000;
const EVENTS = 120;
const EVERY_MS = 25;

export interface Contender {
  readonly server: Server;
  /** Below which its followers find the stream. */
  readonly path?: string;
  /** Sends this many events in one turn. */
  send(count: number): Promise<void>;
  close(): Promise<void>;
}

/** Microseconds a delivery. @param burst events that arrive in one turn */
export async function cpuPerDelivery(
  clients: ChildProcess,
  contender: Contender,
  burst: number,
): Promise<number> {
  const { server, path = '/stream/bench' } = contender;
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  const { port } = server.address() as AddressInfo;
  clients.send({ open: FOLLOWERS, port, path } satisfies OpenRequest);
  for (let ready = 0; ready < FOLLOWERS; ready = await connectionsOf(server)) await pause(20);
  await pause(300);
  await contender.send(1);
  await pause(200);
  const before = process.cpuUsage();
  for (let sent = 0; sent < EVENTS; sent += burst) {
    await contender.send(burst);
    await pause(EVERY_MS);
  }
  await pause(100);
  const { user, system } = process.cpuUsage(before);
  const { events } = await ask<ClientReport>(clients, 'report');
  if (events < FOLLOWERS * EVENTS) throw new Error(`${events} deliveries of ${FOLLOWERS * EVENTS} arrived`);
  await ask(clients, 'close');
  await contender.close();
  server.closeAllConnections();
  server.close();
  return (user + system) / (FOLLOWERS * EVENTS);
}

function connectionsOf(server: Server): Promise<number> {
  return new Promise((resolve, reject) => {
    server.getConnections((error, count) => (error ? reject(error) : resolve(count)));
  });
}

async function ask<Answer>(clients: ChildProcess, what: 'report' | 'close'): Promise<Answer> {
  clients.send(what);
  const [answer] = await once(clients, 'message');
  return answer as Answer;
}
