/** What a page costs in numbers that are the same on every machine: the bytes of a resume, and texts that are made once for all. */
import { createParser } from 'eventsource-parser';
import { createStreamServices, type GenerationJob, GenerationJobManager } from 'generation-jobs';
import { createChatHandler, UI_EVENT } from 'generation-jobs/ai-sdk';
import { uiMessageContent } from 'generation-jobs/content';
import { afterEach, expect, it, vi } from 'vitest';

const CHAT = 'chat';
const DELTA = 'word ';
const DELTAS = 5000;
/** In each event, for a count of how often it is looked into. */
const MARK = 'marked-';

afterEach(() => {
  vi.restoreAllMocks();
});

it('a resume tells a text in one delta: at most 1.3 times the bytes of what it says', async () => {
  const { job, resumed, close } = await chatting();
  for (let index = 0; index < DELTAS; index++) await job.emit(delta(DELTA));
  await job.flush();
  const { body } = await resumed();
  let bytes = 0;
  const chunks: { type: string; delta?: string }[] = [];
  const parser = createParser({ onEvent: ({ data }) => chunks.push(JSON.parse(data)) });
  for await (const piece of body as unknown as AsyncIterable<Uint8Array>) {
    bytes += piece.byteLength;
    parser.feed(new TextDecoder().decode(piece));
    if (chunks.some(({ type }) => type === 'text-delta')) break;
  }
  expect(chunks.map(({ type }) => type)).toEqual(['start', 'start-step', 'text-start', 'text-delta']);
  expect(chunks.at(-1)?.delta).toBe(DELTA.repeat(DELTAS));
  expect(bytes).toBeLessThanOrEqual(1.3 * DELTAS * DELTA.length);
  await close();
});

it('the text of an event is made once, however many pages read it', async () => {
  const alone = await looksInto(1);
  expect(alone).toBeGreaterThan(0);
  expect(await looksInto(40)).toBe(alone);
});

/** How often the events of an answer are parsed, or made text, while so many pages read them. */
async function looksInto(pages: number): Promise<number> {
  const { job, resumed, close } = await chatting();
  await job.emit(delta('Begun.'));
  await job.flush();
  const bodies = await Promise.all(Array.from({ length: pages }, async () => (await resumed()).body));
  const readers = bodies.map((body) => readerOf(body as ReadableStream<Uint8Array>));
  await Promise.all(readers.map((reader) => reader.until('Begun.')));
  const [parse, stringify] = [vi.spyOn(JSON, 'parse'), vi.spyOn(JSON, 'stringify')];
  for (let index = 0; index < 20; index++) {
    await job.emit(delta(`${MARK}${index}.`));
    await job.flush();
    await Promise.all(readers.map((reader) => reader.until(`${MARK}${index}.`)));
  }
  const looks = [
    ...parse.mock.calls.filter(([text]) => String(text).includes(MARK)),
    ...stringify.mock.results.filter(({ value }) => String(value).includes(MARK)),
  ].length;
  vi.restoreAllMocks();
  await Promise.all(readers.map((reader) => reader.cancel()));
  await close();
  return looks;
}

function readerOf(body: ReadableStream<Uint8Array>) {
  const reader = body.getReader();
  let text = '';
  return {
    /** Reads on until it has come. */
    async until(words: string): Promise<void> {
      while (!text.includes(words)) {
        const { done, value } = await reader.read();
        if (done) throw new Error(`the body ended before ${words}`);
        text += new TextDecoder().decode(value);
      }
    },
    cancel: () => reader.cancel(),
  };
}

function delta(piece: string) {
  return { event: UI_EVENT, data: { type: 'text-delta', id: '0', delta: piece } };
}

/** An answer that is being made, and the route that resumes it. */
async function chatting() {
  const manager = new GenerationJobManager({
    ...createStreamServices(),
    contentModels: [uiMessageContent()],
  });
  const authorize = () => ({ userId: 'ann' });
  const handler = createChatHandler(manager, { basePath: '/chat', authorize, onMessage: () => undefined });
  const created = await manager.createJob({
    ...{ streamId: CHAT, userId: 'ann', contentModel: 'ui-message' },
    created: { chatId: CHAT, messageId: 'answer' },
  });
  if (!created.started) throw new Error('not started');
  const job: GenerationJob = created.job;
  for (const data of [{ type: 'start-step' }, { type: 'text-start', id: '0' }])
    await job.emit({ event: UI_EVENT, data });
  await job.flush();
  const resumed = () => handler(new Request(`http://localhost/chat/${CHAT}/stream`));
  return { job, resumed, close: () => manager.close() };
}
