/**
 * Models of the AI SDK itself behind a chat: `streamText` with a tool that needs approval is a pause here, decided once, and goes
 * on from what this package keeps.
 */

import * as ai from 'ai';
import {
  convertToModelMessages,
  simulateReadableStream,
  stepCountIs,
  streamText,
  tool,
  type UIMessage,
} from 'ai';
import { MockLanguageModelV3 } from 'ai/test';
import { chatOf, chatStreamId } from 'generation-jobs/ai-sdk';
import { type UIMessageContent, uiMessageOf } from 'generation-jobs/content';
import { expect, it } from 'vitest';
import { z } from 'zod';
import { until } from '../http/serving.js';
import { openPage } from './chat-page.js';
import { serveChat } from './chat-serving.js';

const USAGE = {
  inputTokens: { total: 3, noCache: 3, cacheRead: undefined, cacheWrite: undefined },
  outputTokens: { total: 10, text: 10, reasoning: undefined },
};

/** A model that first calls the tool, and then tells what came of it. */
function model() {
  let turn = 0;
  const prompts: unknown[] = [];
  const text = (delta: string) => [
    { type: 'text-start' as const, id: '1' },
    { type: 'text-delta' as const, id: '1', delta },
    { type: 'text-end' as const, id: '1' },
  ];
  const finish = (unified: 'tool-calls' | 'stop') => ({
    type: 'finish' as const,
    finishReason: { unified, raw: undefined },
    usage: USAGE,
  });
  const turns = [
    [
      ...text('I look. '),
      { type: 'tool-call' as const, toolCallId: 'call-1', toolName: 'weather', input: '{"city":"Rome"}' },
      finish('tool-calls'),
    ],
    [...text('It is sunny.'), finish('stop')],
  ];
  const made = new MockLanguageModelV3({
    doStream: async ({ prompt }) => {
      prompts.push(prompt);
      return { stream: simulateReadableStream({ chunks: turns[turn++] ?? [] }) };
    },
  });
  return { model: made, prompts };
}

it('a tool that needs approval pauses the job, and streamText goes on with what was approved', async () => {
  const { model: mock, prompts } = model();
  const calls: unknown[] = [];
  const tools = {
    weather: tool({
      inputSchema: z.object({ city: z.string() }),
      needsApproval: true,
      execute: async (input) => {
        calls.push(input);
        return 'sunny';
      },
    }),
  };
  const answer = async (messages: UIMessage[]) =>
    streamText({
      model: mock,
      messages: await convertToModelMessages(messages),
      tools,
      stopWhen: stepCountIs(3),
    });
  const served = await serveChat({
    chat: {
      onMessage: ({ messages }) => answer(messages as UIMessage[]),
      onResume: (_job, { content }, asked) => {
        const history = (asked?.messages ?? []).slice(0, -1) as UIMessage[];
        return answer([...history, uiMessageOf(content as UIMessageContent) as UIMessage]);
      },
    },
  });
  const page = openPage({ ai, api: served.url });
  await page.sendMessage({ text: 'How is the weather?' });
  const record = await served.manager.getJob(chatStreamId('chat-1'));
  expect(record).toMatchObject({
    status: 'requires_action',
    pendingAction: { requests: [{ id: 'call-1', name: 'weather', arguments: { city: 'Rome' } }] },
  });
  expect([page.text, page.calls[0]?.state]).toEqual(['I look. ', 'approval-requested']);
  await page.addToolApprovalResponse({ id: page.calls[0]?.approval?.id ?? '', approved: true });
  await until('it is told', () => page.text === 'I look. It is sunny.');
  await until('the page is ready', () => page.status === 'ready');
  expect(page.calls).toMatchObject([{ state: 'output-available', output: 'sunny' }]);
  expect([calls, prompts.length]).toEqual([[{ city: 'Rome' }], 2]);
  expect(page.lastMessage?.id).toBe(record && chatOf(record)?.messageId);
  const reloaded = openPage({ ai, api: served.url, messages: page.messages.slice(0, 1) });
  await reloaded.resumeStream();
  expect(page.posts.map(({ status }) => status)).toEqual([200, 200]);
});
