/** What is no POST of a chat is refused before anything is started, each with its code. */
import { safeValidateUIMessages, tool, type UIMessage } from 'ai';
import { createStreamServices, GenerationJobManager } from 'generation-jobs';
import { createChatRouter } from 'generation-jobs/ai-sdk';
import { uiMessageContent } from 'generation-jobs/content';
import { describe, expect, it } from 'vitest';
import { z } from 'zod';
import { codeOf, postJson } from '../http/serving.js';
import { userMessage } from './chat-page.js';
import { serveChat } from './chat-serving.js';

const hi = userMessage('Hi');
const body = (more: object = {}) => ({ id: 'chat-1', messages: [hi], trigger: 'submit-message', ...more });
const part = (one: unknown) => body({ messages: [{ ...hi, parts: [one] }] });
const call = (more: object) => part({ type: 'tool-x', toolCallId: 'c', state: 'input-available', ...more });

const malformed: readonly [string, unknown][] = [
  ['nothing', ''],
  ['no JSON', '{"id":'],
  ['no object', [body()]],
  ['no id', body({ id: undefined })],
  ['an empty id', body({ id: '' })],
  ['an id that is too long', body({ id: 'x'.repeat(257) })],
  ['an id with half of a character', body({ id: '\ud800' })],
  ['no messages', body({ messages: undefined })],
  ['an empty list of messages', body({ messages: [] })],
  ['messages that are no list', body({ messages: { 0: hi } })],
  ['a message that is none', body({ messages: [hi, null] })],
  ['a message without an id', body({ messages: [{ ...hi, id: undefined }] })],
  ['a message of an unknown role', body({ messages: [{ ...hi, role: 'tool' }] })],
  ['a message without parts', body({ messages: [{ ...hi, parts: undefined, content: 'Hi' }] })],
  ['a part that is none', part('Hi')],
  ['a part without a type', part({ text: 'Hi' })],
  ['a text without a text', part({ type: 'text' })],
  ['a text that is none', part({ type: 'text', text: { toString: 'Hi' } })],
  ['a file without an address', part({ type: 'file', mediaType: 'image/png' })],
  ['a call without an id', call({ toolCallId: undefined })],
  ['a call in an unknown state', call({ state: 'approved' })],
  ['a call of no tool', part({ type: 'dynamic-tool', toolCallId: 'c', state: 'input-available' })],
  ['an approval without an id', call({ state: 'approval-responded', approval: { approved: true } })],
  ['an approval that says neither', call({ state: 'approval-responded', approval: { id: 'a:b' } })],
  [
    'a reason that is no text',
    call({ state: 'approval-responded', approval: { id: 'a:b', approved: false, reason: 7 } }),
  ],
  ['an unknown trigger', body({ trigger: 'resume-stream' })],
  ['a message id that is none', body({ messageId: 7 })],
  ['edits that are none', body({ edits: [] })],
];

describe('a POST of a chat', () => {
  it.each(malformed)('with %s is refused, and starts nothing', async (_what, wrong) => {
    const served = await serveChat();
    expect(await postJson(served.url, wrong)).toMatchObject({
      status: 400,
      body: { error: { code: 'invalid_body' } },
    });
    expect(served.asked).toEqual([]);
    expect(await served.manager.getJob('chat-1')).toBeNull();
  });

  it('is refused for what it is sent as, by whom, from where and how large it is', async () => {
    const served = await serveChat({ chat: { bodyBytes: 2000 } });
    const headers = { 'x-session': 'ann', 'content-type': 'application/json' };
    const send = async (more: RequestInit, path = '') => {
      const answer = await fetch(served.url + path, {
        method: 'POST',
        body: JSON.stringify(body()),
        ...more,
        headers: { ...headers, ...more.headers },
      });
      return [answer.status, codeOf({ body: JSON.parse((await answer.text()) || 'null') })];
    };
    expect(await send({ headers: { 'content-type': 'text/plain' } })).toEqual([
      415,
      'unsupported_media_type',
    ]);
    expect(await send({ headers: { 'x-session': '' } })).toEqual([404, 'stream_not_found']);
    expect(await send({ headers: { origin: 'https://elsewhere.example' } })).toEqual([403, 'origin_refused']);
    expect(await send({ body: JSON.stringify(body({ x: 'x'.repeat(2000) })) })).toEqual([
      413,
      'body_too_large',
    ]);
    expect(await send({ body: '['.repeat(200) + ']'.repeat(200) })).toEqual([400, 'json_too_deep']);
    expect(await send({}, '/chat-1/stream')).toEqual([405, 'method_not_allowed']);
    expect(await send({}, '/chat-1/stop')).toEqual([404, 'stream_not_found']);
    expect(await send({ body: '{"messageId":7}' }, '/chat-1/stop')).toEqual([400, 'invalid_body']);
    expect(await send({ method: 'GET', body: null }, '/chat-1/stop')).toEqual([405, 'method_not_allowed']);
    expect(served.asked).toEqual([]);
  });

  it('on another’s chat is refused, and tells nothing of it', async () => {
    const served = await serveChat();
    await (
      await fetch(served.url, {
        method: 'POST',
        headers: { 'x-session': 'ann', 'content-type': 'application/json' },
        body: JSON.stringify(body()),
      })
    ).text();
    const theirs = await postJson(served.url, body(), { 'x-session': 'bob' });
    expect([theirs.status, codeOf(theirs)]).toEqual([409, 'stream_taken']);
    const stopped = await postJson(`${served.url}/chat-1/stop`, {}, { 'x-session': 'bob' });
    expect([stopped.status, codeOf(stopped)]).toEqual([404, 'stream_not_found']);
    expect(served.asked).toHaveLength(1);
  });

  it('whose messages the host finds wrong is refused: an unknown tool, or one whose input is not its own', async () => {
    const tools = { weather: tool({ inputSchema: z.object({ city: z.string() }) }) };
    const served = await serveChat({
      chat: {
        validate: async ({ messages }) => {
          const checked = await safeValidateUIMessages({ messages, tools: tools as never });
          return checked.success;
        },
      },
    });
    const withCall = (name: string, state: string, input: object) => {
      const made = { type: `tool-${name}`, toolCallId: 'c', state, input, output: 'fine' };
      const answer = { id: 'a-1', role: 'assistant', parts: [made] } as unknown as UIMessage;
      return body({ messages: [userMessage('Weather?', 'u-0'), answer, hi] });
    };
    const wrongs = [
      withCall('delete_all', 'input-available', { city: 'Rome' }),
      withCall('weather', 'output-available', { town: 'Rome' }),
    ];
    for (const wrong of wrongs) {
      const refused = await postJson(served.url, wrong);
      expect([refused.status, codeOf(refused)]).toEqual([400, 'invalid_body']);
    }
    expect(served.asked).toEqual([]);
  });

  it('needs a manager that has the content model of chats, and options that are known', () => {
    const bare = new GenerationJobManager(createStreamServices());
    const host = { authorize: () => ({ userId: 'ann' }), onMessage: () => undefined };
    expect(() => createChatRouter(bare, host)).toThrow(/uiMessageContent/);
    const manager = new GenerationJobManager({
      ...createStreamServices(),
      contentModels: [uiMessageContent()],
    });
    const wrong = { ...host, onConflict: 'join', version: 5, onMesage: host.onMessage };
    expect(() => createChatRouter(manager, wrong as never)).toThrow(
      /onConflict.*version: must be 6 or 7.*did you mean "onMessage"/s,
    );
    expect(() => createChatRouter(manager, { authorize: host.authorize } as never)).toThrow(/onMessage/);
  });
});
