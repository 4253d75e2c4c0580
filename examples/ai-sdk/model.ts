/** Yours: the model. Any OpenAI-compatible endpoint that the environment names; without one, the SDK's own stand-in for tests. */
import { createOpenAICompatible } from '@ai-sdk/openai-compatible';
import { type LanguageModel, simulateReadableStream } from 'ai';
import { MockLanguageModelV3 } from 'ai/test';

const { OPENAI_BASE_URL, OPENAI_API_KEY, OPENAI_MODEL = 'gpt-4.1-mini', WORD_MS = '120' } = process.env;

export const model: LanguageModel = OPENAI_BASE_URL
  ? createOpenAICompatible({
      name: 'openai-compatible',
      baseURL: OPENAI_BASE_URL,
      ...(OPENAI_API_KEY && { apiKey: OPENAI_API_KEY }),
    })(OPENAI_MODEL)
  : standIn();

const STORY =
  'Once upon a time there was an answer that nobody had to wait for twice. It was reloaded, and it was still there. ' +
  'Somebody opened it in a second tab, and it was the same. Then the link broke, and it came back by itself.';

type Prompt = Parameters<MockLanguageModelV3['doStream']>[0]['prompt'];
type Streamed = Awaited<ReturnType<MockLanguageModelV3['doStream']>>['stream'];
type Part = Streamed extends ReadableStream<infer One> ? One : never;

/** Tells a story word by word, or wants to send a mail when that is asked for. */
function standIn(): MockLanguageModelV3 {
  return new MockLanguageModelV3({
    doStream: async ({ prompt }) => ({
      stream: simulateReadableStream({ chunks: partsFor(prompt), chunkDelayInMs: Number(WORD_MS) }),
    }),
  });
}

function partsFor(prompt: Prompt): Part[] {
  const last = prompt.at(-1);
  if (last?.role === 'tool') return saying('Done: that is what came of it.', 'stop');
  const asked =
    last?.role === 'user' ? last.content.map((part) => (part.type === 'text' ? part.text : '')).join() : '';
  if (!/mail/i.test(asked)) return saying(STORY, 'stop');
  const input = JSON.stringify({ to: 'bob', text: 'Lunch?' });
  const call: Part = { type: 'tool-call', toolCallId: crypto.randomUUID(), toolName: 'send_mail', input };
  return [...saying('I would write to Bob.', 'tool-calls').slice(0, -1), call, finish('tool-calls')];
}

function saying(text: string, reason: 'stop' | 'tool-calls'): Part[] {
  const words: Part[] = text.split(/(?<= )/).map((delta) => ({ type: 'text-delta', id: 'text', delta }));
  return [{ type: 'text-start', id: 'text' }, ...words, { type: 'text-end', id: 'text' }, finish(reason)];
}

function finish(reason: 'stop' | 'tool-calls'): Part {
  const usage = {
    inputTokens: { total: 10, noCache: 10, cacheRead: 0, cacheWrite: 0 },
    outputTokens: { total: 20, text: 20, reasoning: 0 },
  };
  return { type: 'finish', finishReason: { unified: reason, raw: reason }, usage };
}
