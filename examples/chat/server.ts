/**
 * The example as a process: listens, says where, and on SIGTERM or SIGINT lets running answers end or be handed over
 * before it exits with 0. A second signal ends it at once.
 */
import { createServer, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import { dirname } from 'node:path';
import { SERVER_OPTIONS } from 'generation-jobs/express';
import { destination, pino } from 'pino';
import { createChatApp } from './app.js';
import { readConfig } from './config.js';

const SECOND = 1000;
/** How long answers may go on after a signal. Longer, and a supervisor kills the process first. */
const GRACE_MS = 5 * SECOND;

// Compiled to examples/chat/dist, beside which the recordings and the page lie.
const folder = dirname(import.meta.dirname);
const config = readConfig(process.env);
const logger = pino({ level: config.logLevel }, destination(2));
const { app, manager } = createChatApp(folder, config, logger);
const servers: Server[] = [];

try {
  await listen();
} catch (error) {
  console.error(`chat: can't listen: ${error instanceof Error ? error.message : error}`);
  process.exit(1);
}
process.once('SIGTERM', stop);
process.once('SIGINT', stop);

async function listen(): Promise<void> {
  await manager.start();
  let { port } = config;
  for (const [index, host] of config.hosts.entries()) {
    const server = createServer(SERVER_OPTIONS, app);
    try {
      port = await listenOn(server, port, host);
      servers.push(server);
    } catch (error) {
      // A machine without IPv6 has no second loopback address; the first must be there.
      if (index === 0 || !isMissingAddress(error)) throw error;
    }
  }
  console.log(`chat: http://${urlHost(config.hosts)}:${port}`);
}

function listenOn(server: Server, port: number, host: string): Promise<number> {
  return new Promise((resolve, reject) => {
    server.once('error', reject);
    server.listen(port, host, () => resolve((server.address() as AddressInfo).port));
  });
}

function isMissingAddress(error: unknown): boolean {
  const code = error instanceof Error && 'code' in error ? error.code : undefined;
  return code === 'EADDRNOTAVAIL' || code === 'EAFNOSUPPORT';
}

function urlHost([host = 'localhost', ...others]: readonly string[]): string {
  if (others.length > 0) return 'localhost';
  return host.includes(':') ? `[${host}]` : host;
}

async function stop(): Promise<void> {
  process.once('SIGTERM', () => process.exit(1));
  process.once('SIGINT', () => process.exit(1));
  const closed = servers.map((server) => new Promise((resolve) => server.close(resolve)));
  await manager.drain({ graceMs: GRACE_MS });
  await manager.close();
  for (const server of servers) server.closeAllConnections();
  await Promise.all(closed);
  process.exit(0);
}
