/** An OpenAI-compatible endpoint of a test's own, which writes what it is told to, in small pieces. */
import { once } from 'node:events';
import { createServer, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';

export interface ScriptedModel {
  /** For the process that shall ask it. */
  readonly env: Record<string, string>;
  /** Answers with it from now on; null makes it refuse. */
  say(answer: string | null): void;
  /** Answers with it from now on, but stops after so many characters until the function is called. */
  hold(answer: string, after: number): () => void;
  close(): Promise<void>;
}

interface Hold {
  readonly after: number;
  readonly until: Promise<void>;
}

const PIECE = /[\s\S]{1,12}/g;

export async function startScriptedModel(): Promise<ScriptedModel> {
  let answer: string | null = '';
  let held: Hold | undefined;
  const server = createServer((request, response) => {
    request.resume();
    void write(response, answer, held);
  });
  await once(server.listen(0, '127.0.0.1'), 'listening');
  const { port } = server.address() as AddressInfo;
  return {
    env: {
      OPENAI_BASE_URL: `http://127.0.0.1:${port}/v1`,
      OPENAI_API_KEY: 'sk-test',
      OPENAI_MODEL: 'scripted',
    },
    say(next) {
      answer = next;
      held = undefined;
    },
    hold(next, after) {
      let release = () => {};
      const until = new Promise<void>((resolve) => {
        release = resolve;
      });
      answer = next;
      held = { after, until };
      return release;
    },
    async close() {
      server.closeAllConnections();
      server.close();
      await once(server, 'close');
    },
  };
}

async function write(response: ServerResponse, answer: string | null, held?: Hold): Promise<void> {
  if (answer === null) {
    response.writeHead(500).end();
    return;
  }
  response.writeHead(200, { 'content-type': 'text/event-stream' });
  const send = (text: string) => {
    for (const content of text.match(PIECE) ?? [])
      response.write(`data: ${JSON.stringify({ choices: [{ delta: { content } }] })}\n\n`);
  };
  send(answer.slice(0, held?.after));
  await held?.until;
  if (held) send(answer.slice(held.after));
  response.end('data: [DONE]\n\n');
}
