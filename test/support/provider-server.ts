/**
 * A provider's server on this machine: it plays events as the provider frames them, for the SDKs' real clients. A request is answered
 * as the next of `answers` says.
 */
import { once } from 'node:events';
import { createServer, type IncomingMessage, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';

export interface ProviderAnswer {
  /** Default 200, with `events` as the body. */
  readonly status?: number;
  readonly headers?: Readonly<Record<string, string>>;
  readonly body?: object;
  readonly events?: readonly object[];
  /** Default: the stream ends with its events, and with `[DONE]` where the provider says so. `hold` leaves it open, `cut` the connection closed. */
  readonly ending?: 'end' | 'hold' | 'cut';
}

export interface ProviderServer {
  readonly url: string;
  /** The connections that were closed by the other side before their answer was over. */
  readonly left: () => number;
  readonly answer: (next: ProviderAnswer) => void;
  close(): Promise<void>;
}

export async function serveProvider(framing: 'chat' | 'named'): Promise<ProviderServer> {
  let next: ProviderAnswer = {};
  let left = 0;
  const server = createServer(
    (request, response) => void play(request, response, next, framing, () => left++),
  );
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  return {
    url: `http://127.0.0.1:${(server.address() as AddressInfo).port}`,
    left: () => left,
    answer: (answer) => {
      next = answer;
    },
    close: async () => {
      server.close();
      server.closeAllConnections();
      await once(server, 'close');
    },
  };
}

async function play(
  request: IncomingMessage,
  response: ServerResponse,
  { status = 200, headers = {}, body, events = [], ending = 'end' }: ProviderAnswer,
  framing: 'chat' | 'named',
  onLeft: () => void,
): Promise<void> {
  request.resume();
  await once(request, 'end');
  response.on('close', () => {
    if (!response.writableFinished && ending !== 'cut') onLeft();
  });
  if (body !== undefined) {
    response.writeHead(status, { 'content-type': 'application/json', ...headers }).end(JSON.stringify(body));
    return;
  }
  response.writeHead(status, { 'content-type': 'text/event-stream', ...headers });
  for (const event of events) {
    const named = framing === 'named' ? `event: ${(event as { type?: string }).type}\n` : '';
    response.write(`${named}data: ${JSON.stringify(event)}\n\n`);
  }
  if (ending === 'hold') return;
  if (ending === 'end') response.end(framing === 'chat' ? 'data: [DONE]\n\n' : '');
  // What is written goes out first: a chunked body that stops without its last chunk.
  else response.write(':\n\n', () => request.socket.destroy());
}
