/**
 * An answer of 100,000 deltas reaches a chat that has just been opened: by a resume, which tells each part in one delta, against
 * a replay of all its chunks as they came. Both without sockets, through the chat's own parser, and both until the chat has shown
 * them.
 */
import { DefaultChatTransport } from 'ai';
import { createStreamServices, GenerationJobManager } from 'generation-jobs';
import { createChatHandler, UI_EVENT } from 'generation-jobs/ai-sdk';
import { uiMessageContent } from 'generation-jobs/content';
import { PlainChat, textOfMessage } from '../../test/support/ai-chat.js';
import { median, ratioOf, repeatShuffled } from '../figures.js';

const DELTAS = 100_000;
const DELTA = 'word ';
const REPETITIONS = 5;
const CHAT = 'bench';

export async function benchResume(): Promise<void> {
  const { handler, close } = await answered();
  const replay = framesOfAll();
  let bytes = 0;
  const counted = async (request: Request): Promise<Response> => {
    const response = await handler(request);
    bytes = 0;
    const counting = new TransformStream<Uint8Array, Uint8Array>({
      transform(piece, controller) {
        bytes += piece.byteLength;
        controller.enqueue(piece);
      },
    });
    return new Response(response.body?.pipeThrough(counting), response);
  };
  const results = await repeatShuffled(REPETITIONS, {
    resume: () => millisecondsOf(counted),
    replay: () => millisecondsOf(async () => new Response(new Blob(replay).stream())),
  });
  await close();
  const content = DELTAS * DELTA.length;
  console.log(`an answer of ${DELTAS} deltas in a chat that has just been opened`);
  console.log(
    `  resume ${median(results.resume).toFixed(0)} ms, all chunks ${median(results.replay).toFixed(0)} ms, ` +
      `x all chunks ${ratioOf(results.resume, results.replay, 4)} (goal <= 0.1)`,
  );
  console.log(`  ${bytes} bytes, x content ${(bytes / content).toFixed(3)} (goal <= 1.3)`);
}

/** The time until a new chat has shown the answer. */
async function millisecondsOf(answer: (request: Request) => Promise<Response>): Promise<number> {
  const fetch = async (url: string | URL | Request, init?: RequestInit) => answer(new Request(url, init));
  const api = 'http://localhost/api/chat';
  const chat = new PlainChat({ id: CHAT, transport: new DefaultChatTransport({ api, fetch }) });
  const startedAt = performance.now();
  await chat.resumeStream();
  const took = performance.now() - startedAt;
  const shown = textOfMessage(chat.lastMessage).length;
  if (shown !== DELTAS * DELTA.length) throw new Error(`${shown} characters arrived: ${chat.error}`);
  return took;
}

/** An answer that is over and not yet settled: such a one is told whole. */
async function answered() {
  let mayEnd = () => {};
  const waiting = new Promise<void>((resolve) => {
    mayEnd = resolve;
  });
  const manager = new GenerationJobManager({
    ...createStreamServices(),
    contentModels: [uiMessageContent()],
    hooks: { settle: () => waiting },
  });
  const authorize = () => ({ userId: 'bench' });
  const handler = createChatHandler(manager, {
    basePath: '/api/chat',
    authorize,
    onMessage: () => undefined,
  });
  const created = await manager.createJob({
    ...{ streamId: CHAT, userId: 'bench', contentModel: 'ui-message' },
    created: { chatId: CHAT, messageId: 'answer' },
  });
  if (!created.started) throw new Error('not started');
  await created.job.pipe(chunksOfAll(), (data) => ({ event: UI_EVENT, data }));
  await created.job.complete();
  const close = async () => {
    mayEnd();
    await manager.close();
  };
  return { handler, close };
}

function* chunksOfAll() {
  yield { type: 'start-step' };
  yield { type: 'text-start', id: '0' };
  for (let index = 0; index < DELTAS; index++) yield { type: 'text-delta', id: '0', delta: DELTA };
  yield { type: 'text-end', id: '0' };
  yield { type: 'finish-step' };
  yield { type: 'finish', finishReason: 'stop' };
}

/** The body of a server that tells every chunk again. */
function framesOfAll(): string[] {
  const chunks = [{ type: 'start', messageId: 'answer' }, ...chunksOfAll()];
  return chunks.map((chunk) => `data: ${JSON.stringify(chunk)}\n\n`);
}
