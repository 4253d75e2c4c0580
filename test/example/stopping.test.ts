/**
 * Stop, reload and ask again, with a history that takes its time to be saved: whatever is shown or sent to the model has
 * the answer that was stopped.
 */
import { once } from 'node:events';
import { createServer, type IncomingMessage, type Server, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import { afterAll, beforeAll, expect, it } from 'vitest';
import { providerText } from '../../examples/chat/page/content/provider-text.js';
import { ChatClient, recordedEvents } from '../support/chat-client.js';
import { type ChatProcess, startChat } from '../support/chat-process.js';

const SAVE_MS = 400;
const chunks = recordedEvents('openai-chat.text').slice(0, 40);
const SAID = chunks.map(providerText).join('');

interface Message {
  readonly role: string;
  readonly content: string;
}
interface Turn {
  readonly generation: number;
  readonly status: string;
  readonly code: string;
  readonly text: string;
}

let model: Server;
let chat: ChatProcess;
/** What the model was asked, newest last. */
const prompts: (readonly Message[])[] = [];

beforeAll(async () => {
  model = createServer((request, response) => void answer(request, response));
  await once(model.listen(0, '127.0.0.1'), 'listening');
  const { port } = model.address() as AddressInfo;
  const env = { OPENAI_BASE_URL: `http://127.0.0.1:${port}/v1/`, OPENAI_API_KEY: 'k' };
  chat = await startChat({ env: { ...env, SAVE_MS: String(SAVE_MS) } });
});
afterAll(async () => {
  expect(await chat.stop()).toBe(0);
  model.closeAllConnections();
  model.close();
});

/** Says the beginning of an answer, and then goes on for as long as it is let. */
async function answer(request: IncomingMessage, response: ServerResponse): Promise<void> {
  const body = JSON.parse(Buffer.concat(await request.toArray()).toString()) as { messages: Message[] };
  prompts.push(body.messages);
  response.writeHead(200, { 'content-type': 'text/event-stream' });
  for (const chunk of chunks) response.write(`data: ${JSON.stringify(chunk)}\n\n`);
}

const turnsOf = async (user: ChatClient, id: string) =>
  (await user.json<{ turns: Turn[] }>(`/conversations/${id}`)).turns;

/** Follows until the model has said all that it says before it is stopped. */
const heard = (user: ChatClient, streamId: string, generation: number) =>
  user.follow(streamId, { enough: ({ id }) => id === `${generation}-${chunks.length + 1}` });

it.each(['stop', 'replace'] as const)(
  '%s, reload and ask again: nothing lacks the answer before',
  async (how) => {
    const user = new ChatClient(chat.url, `user-${how}`);
    const first = await user.start({ text: 'One', expects: null });
    const { conversationId } = first;
    let { generation } = first;
    await heard(user, conversationId, generation);
    for (const text of ['Two', 'Three']) {
      if (how === 'stop') {
        const stopped = await user.post('/abort?wait=settled', { streamId: conversationId, generation });
        expect(stopped.status).toBe(200);
      }
      const asking = user.start({ text, conversationId, expects: { generation } });
      // A page that is loaded anew at any moment from here on.
      const shown = await turnsOf(user, conversationId);
      const next = await asking;
      expect(next.generation).toBeGreaterThan(generation);
      for (const turns of [shown, await turnsOf(user, conversationId)]) {
        const before = turns.find((turn) => turn.generation === generation);
        if (how === 'stop' || turns !== shown)
          expect(before).toMatchObject({
            status: 'aborted',
            text: SAID,
            code: how === 'stop' ? 'aborted' : 'replaced',
          });
      }
      generation = next.generation;
      await heard(user, conversationId, generation);
    }
    const said = { role: 'assistant', content: SAID };
    expect(prompts.slice(-3)).toEqual([
      [{ role: 'user', content: 'One' }],
      [{ role: 'user', content: 'One' }, said, { role: 'user', content: 'Two' }],
      [
        { role: 'user', content: 'One' },
        said,
        { role: 'user', content: 'Two' },
        said,
        { role: 'user', content: 'Three' },
      ],
    ]);
    await user.post('/abort', { streamId: conversationId });
  },
);

it('a page that has not seen the newest answer is told so, and nothing is stopped for it', async () => {
  const user = new ChatClient(chat.url, 'two-tabs');
  const first = await user.start({ text: 'One' });
  const { conversationId } = first;
  await heard(user, conversationId, first.generation);
  const second = await user.start({ text: 'Two', conversationId, expects: { generation: first.generation } });
  const late = await user.post('', {
    text: 'Late',
    conversationId,
    expects: { generation: first.generation },
  });
  expect([late.status, ((await late.json()) as { error: { code: string } }).error.code]).toEqual([
    409,
    'conflict',
  ]);
  const none = await user.post('', { text: 'Later', conversationId, expects: null });
  expect(none.status).toBe(409);
  expect(await user.json(`/status/${conversationId}`)).toMatchObject({
    active: true,
    generation: second.generation,
  });
  await user.post('/abort', { streamId: conversationId });
});
