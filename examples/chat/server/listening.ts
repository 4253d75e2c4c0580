/** Listens on several addresses with one port, so that `localhost` is right whichever address it means. */
import { createServer, type RequestListener, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import { SERVER_OPTIONS } from 'generation-jobs/express';

export interface Listening {
  readonly port: number;
  /** For people. */
  readonly url: string;
  /** Takes no new connections; resolves when the last one is gone. */
  close(): Promise<void>;
  /** Cuts the connections that are left. */
  cut(): void;
}

/** @throws Error in words when the port is taken */
export async function listen(
  handler: RequestListener,
  wanted: number,
  hosts: readonly string[],
): Promise<Listening> {
  const servers: Server[] = [];
  let port = wanted;
  for (const [index, host] of hosts.entries()) {
    const server = createServer(SERVER_OPTIONS, handler);
    try {
      port = await listenOn(server, port, host);
      servers.push(server);
    } catch (error) {
      // A machine without IPv6 has no second loopback address; the first must be there.
      if (index === 0 || !isMissingAddress(error))
        throw new Error(`can't listen: ${error instanceof Error ? error.message : error}`);
    }
  }
  return {
    port,
    url: `http://${urlHost(hosts)}:${port}`,
    async close() {
      await Promise.all(servers.map((server) => new Promise((resolve) => server.close(resolve))));
    },
    cut() {
      for (const server of servers) server.closeAllConnections();
    },
  };
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
