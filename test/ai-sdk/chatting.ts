/** A server that answers the AI SDK's chat with jobs, and chats that ask it. */
import { createServer, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import { type ChatInit, DefaultChatTransport, type UIMessage } from 'ai';
import {
  createStreamServices,
  type GenerationJob,
  GenerationJobManager,
  type ManagerInput,
} from 'generation-jobs';
import { pipeUIMessageStream, type UIChunk, type UIStreamOptions } from 'generation-jobs/ai-sdk';
import { uiMessageContent } from 'generation-jobs/content';
import { onTestFinished } from 'vitest';
import { PlainChat } from '../support/ai-chat.js';
import { asJson } from './chunk-streams.js';

export const STREAM = 'chat-1';
const CREATED = { messageId: 'm-1' };

export interface ChatHost {
  readonly manager: GenerationJobManager;
  /** The answer's job, once somebody has asked. */
  readonly job: Promise<GenerationJob>;
  /** Where the chat asks. */
  readonly api: string;
}

interface HostInput extends Partial<ManagerInput> {
  readonly stream?: UIStreamOptions;
  /** Breaks the link of the first answer when so many characters of it were sent. Default: never. */
  readonly cutAfter?: number | undefined;
  /** Starts the jobs. Default: the manager that answers. */
  readonly producing?: GenerationJobManager;
}

/** Starts a host whose POST starts a job, and whose GET resumes it; the test produces. An answer is never settled. */
export async function chatHost({
  stream = {},
  cutAfter,
  producing,
  ...input
}: HostInput = {}): Promise<ChatHost> {
  let letSettle: (isOver: unknown) => void = () => {};
  const settling = new Promise((resolve) => {
    letSettle = resolve;
  });
  const manager = new GenerationJobManager({
    ...createStreamServices(),
    contentModels: [uiMessageContent()],
    ...input,
    hooks: { settle: () => settling, ...input.hooks },
  });
  let give: (job: GenerationJob) => void = () => {};
  const job = new Promise<GenerationJob>((resolve) => {
    give = resolve;
  });
  const server = createServer(async (request, response) => {
    if (request.method === 'POST') {
      if (cutAfter !== undefined) cut(response, cutAfter);
      const created = await (producing ?? manager).createJob({
        ...{ streamId: STREAM, userId: 'u', created: CREATED, contentModel: 'ui-message' },
      });
      if (created.started) give(created.job);
    }
    const subscription = manager.subscribe(STREAM, { userId: 'u', resume: true });
    await subscription.ready;
    pipeUIMessageStream(subscription, response, stream);
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  onTestFinished(async () => {
    letSettle(true);
    server.closeAllConnections();
    await new Promise((resolve) => server.close(resolve));
    await manager.close();
  });
  const { port } = server.address() as AddressInfo;
  return { manager, job, api: `http://127.0.0.1:${port}/api/chat` };
}

/** Ends the connection of a response once so much of it was sent. */
function cut({ socket }: ServerResponse, after: number): void {
  if (socket === null) return;
  const write = socket.write.bind(socket) as (text: string, ...more: readonly unknown[]) => boolean;
  let left = after;
  socket.write = ((text: string, ...more: readonly unknown[]) => {
    const piece = text.slice(0, left);
    left -= piece.length;
    const takesMore = piece === '' || write(piece, ...more);
    if (left === 0) socket.destroySoon();
    return takesMore;
  }) as typeof socket.write;
}

export function chatAt(api: string, more: Pick<ChatInit<UIMessage>, 'onData'> = {}): PlainChat {
  return new PlainChat({ id: STREAM, transport: new DefaultChatTransport({ api }), ...more });
}

export async function emitAll(job: GenerationJob, chunks: readonly UIChunk[]): Promise<void> {
  for (const data of chunks) await job.emit({ event: 'ui', data });
  await job.flush();
}

/** What a page shows of a chat's answer. */
export function shown(chat: PlainChat) {
  const last = chat.lastMessage;
  return {
    message: asJson(last?.role === 'assistant' ? last : undefined),
    status: chat.status,
    error: chat.error?.message,
  };
}
