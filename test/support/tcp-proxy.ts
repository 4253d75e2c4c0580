/**
 * A TCP proxy in front of a server on this machine that can do what networks do: drop every connection at once, refuse
 * new ones, and come back.
 */
import { once } from 'node:events';
import { type AddressInfo, connect, createServer, type Socket } from 'node:net';

export interface TcpProxy {
  readonly port: number;
  /** Connections accepted so far. */
  readonly accepted: number;
  /** Ends every open connection in an orderly way (FIN), as a proxy that goes down does, in the middle of whatever it is. */
  hangUp(): void;
  /** Resets every open connection, and every new one until `restore`. */
  cut(): void;
  restore(): void;
  /** Takes and gives nothing more on any connection that is open, and leaves them open: a half-open link. New ones work. */
  freeze(): void;
  close(): Promise<void>;
}

export async function startTcpProxy(targetPort: number): Promise<TcpProxy> {
  const sockets = new Set<Socket>();
  let isCut = false;
  let accepted = 0;
  const keep = (socket: Socket) => {
    sockets.add(socket);
    // A reset is what this proxy is for.
    socket.on('error', () => {});
    socket.on('close', () => sockets.delete(socket));
  };
  const server = createServer((client) => {
    keep(client);
    if (isCut) return client.resetAndDestroy();
    accepted++;
    const target = connect(targetPort, '127.0.0.1');
    keep(target);
    client.on('close', () => target.destroy());
    target.on('close', () => client.destroy());
    return client.pipe(target).pipe(client);
  });
  await once(server.listen(0, '127.0.0.1'), 'listening');
  const resetAll = () => {
    for (const socket of sockets) socket.resetAndDestroy();
  };
  return {
    port: (server.address() as AddressInfo).port,
    get accepted() {
      return accepted;
    },
    hangUp() {
      for (const socket of sockets) socket.end();
    },
    cut() {
      isCut = true;
      resetAll();
    },
    restore() {
      isCut = false;
    },
    freeze() {
      for (const socket of sockets) socket.unpipe().pause();
    },
    async close() {
      server.close();
      resetAll();
      await once(server, 'close');
    },
  };
}
