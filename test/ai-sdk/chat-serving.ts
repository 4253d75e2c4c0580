/**
 * A server with the routes of a chat at `/api/chat`, behind any adapter, whose answers the test writes piece by piece.
 */
import type { IncomingMessage, ServerResponse } from 'node:http';
import type { Request as ExpressRequest } from 'express';
import {
  createStreamServices,
  GenerationJobManager,
  type ManagerInput,
  type StreamServices,
} from 'generation-jobs';
import {
  type ChatInput,
  type ChatRouterOptions,
  createChatHandler,
  createChatRouter,
  type UIChunk,
} from 'generation-jobs/ai-sdk';
import { uiMessageContent } from 'generation-jobs/content';
import { type ADAPTERS, bridge, EXPRESSES, type Served, serveWith } from '../http/serving.js';

type Options = Partial<Omit<ChatRouterOptions<never, unknown>, 'authorize' | 'framing'>>;

export interface ChatServeInput {
  readonly adapter?: (typeof ADAPTERS)[number];
  readonly manager?: Partial<ManagerInput>;
  readonly services?: StreamServices;
  readonly chat?: Options;
}

export interface ServedChat extends Served {
  /** What `onMessage` was given, unless the test has one of its own. */
  readonly asked: ChatInput[];
}

/** Says who asks by the header `x-session`. */
const bySession = (session: string | null | undefined) => (session ? { userId: session } : null);

export async function serveChat(input: ChatServeInput = {}): Promise<ServedChat> {
  const { adapter = 'express', services = createStreamServices() } = input;
  const manager = new GenerationJobManager({
    ...services,
    contentModels: [uiMessageContent()],
    ...input.manager,
  });
  const asked: ChatInput[] = [];
  const onMessage = (given: ChatInput) => {
    asked.push(given);
    return saying('Hello there.');
  };
  const options = { onMessage, ...(input.chat as object) };
  return { ...(await serveWith(manager, listenerOf(manager, adapter, options))), asked };
}

function listenerOf(
  manager: GenerationJobManager,
  adapter: (typeof ADAPTERS)[number],
  options: Pick<ChatRouterOptions<never, unknown>, 'onMessage'>,
) {
  if (adapter === 'web') {
    const authorize = (request: Request) => bySession(request.headers.get('x-session'));
    const handler = createChatHandler(manager, { ...options, basePath: '/api/chat', authorize });
    return (request: IncomingMessage, response: ServerResponse) => {
      bridge(handler, request, response).catch(() => response.destroy());
    };
  }
  const app = EXPRESSES[adapter]();
  const authorize = (request: ExpressRequest) => bySession(request.get('x-session'));
  app.use('/api/chat', createChatRouter(manager, { ...options, authorize }));
  return app;
}

/** A gate that a producer waits at until the test opens it. */
export class Gate {
  readonly opened: Promise<void>;
  open!: () => void;
  constructor() {
    this.opened = new Promise((resolve) => {
      this.open = resolve;
    });
  }
}

/** An answer as a model gives it: one step with one text, a piece a word, and the gates at which it waits. */
export async function* saying(...said: readonly (string | Gate | UIChunk)[]): AsyncGenerator<UIChunk> {
  yield { type: 'start' };
  yield { type: 'start-step' };
  let open = false;
  for (const one of said) {
    if (one instanceof Gate) await one.opened;
    else if (typeof one === 'string') {
      if (!open) yield { type: 'text-start', id: 't' };
      open = true;
      for (const delta of one.split(/(?<= )/)) yield { type: 'text-delta', id: 't', delta };
    } else {
      if (open) yield { type: 'text-end', id: 't' };
      open = false;
      yield one;
    }
  }
  if (open) yield { type: 'text-end', id: 't' };
  yield { type: 'finish-step' };
  yield { type: 'finish', finishReason: 'stop' };
}

/** Reads the chunks of a UI message stream's body. */
export function chunksIn(body: string): UIChunk[] {
  return body
    .split('\n\n')
    .filter((frame) => frame.startsWith('data: ') && frame !== 'data: [DONE]')
    .map((frame) => JSON.parse(frame.slice('data: '.length)) as UIChunk);
}
