/**
 * Followers in a process of their own: opens connections on request and counts the bytes and events that come, without
 * parsing more than it must. With `paused`, it never reads.
 */
import { connect, type Socket } from 'node:net';

export interface OpenRequest {
  readonly open: number;
  readonly port: number;
  readonly path: string;
  readonly paused?: boolean;
}
export interface ClientReport {
  readonly connections: number;
  readonly events: number;
}

let sockets: Socket[] = [];
let events = 0;

process.on('message', (message: OpenRequest | 'report' | 'close') => {
  if (message === 'report') process.send?.({ connections: sockets.length, events } satisfies ClientReport);
  else if (message === 'close') {
    for (const socket of sockets) socket.destroy();
    sockets = [];
    events = 0;
    process.send?.('closed');
  } else open(message);
});

function open({ open: count, port, path, paused }: OpenRequest): void {
  for (let index = 0; index < count; index++) {
    const socket = connect(port, '127.0.0.1');
    socket.on('error', () => socket.destroy());
    if (paused) socket.pause();
    else socket.on('data', (chunk) => countEvents(chunk));
    socket.write(`GET ${path} HTTP/1.1\r\nhost: 127.0.0.1\r\nx-user-id: bench\r\n\r\n`);
    sockets.push(socket);
  }
}

/** Every event we send here holds the mark once, and chunks rarely cut it in two. */
function countEvents(chunk: Buffer): void {
  for (let at = chunk.indexOf('"mark"'); at >= 0; at = chunk.indexOf('"mark"', at + 1)) events++;
}
