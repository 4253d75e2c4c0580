/**
 * The example in front of an OpenAI-compatible endpoint: a small server that plays a recorded answer, and misbehaves
 * on request.
 */
import { once } from 'node:events';
import { createServer, type IncomingMessage, type Server, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import { afterAll, beforeAll, expect, it } from 'vitest';
import { providerText } from '../../examples/chat/page/content/provider-text.js';
import { ChatClient, recordedEvents, recordedText } from '../support/chat-client.js';
import { type ChatProcess, startChat } from '../support/chat-process.js';
import { producingReplica } from '../support/replicas-of.js';

const chunks = recordedEvents('openai-chat.text');
const KEY = 'sk-canary-123';

let endpoint: Server;
let env: Record<string, string>;
let chat: ChatProcess;
/** What the endpoint was asked, and how it shall answer. */
let asked: { url: string | undefined; authorization: string | undefined; body: { messages: unknown[] } }[] =
  [];
let behaviour: 'whole' | 'cut' | 'busy' | 'hanging' = 'whole';
let openAnswers = 0;

beforeAll(async () => {
  endpoint = createServer((request, response) => void answer(request, response));
  await once(endpoint.listen(0, '127.0.0.1'), 'listening');
  const { port } = endpoint.address() as AddressInfo;
  env = { OPENAI_BASE_URL: `http://127.0.0.1:${port}/v1/`, OPENAI_API_KEY: KEY, OPENAI_MODEL: 'tiny' };
  chat = await startChat({ env });
});

afterAll(async () => {
  expect(await chat.stop()).toBe(0);
  expect(chat.output()).not.toContain(KEY);
  endpoint.closeAllConnections();
  endpoint.close();
});

async function answer(request: IncomingMessage, response: ServerResponse): Promise<void> {
  const { url, headers } = request;
  const body = Buffer.concat(await request.toArray()).toString();
  asked.push({ url, authorization: headers.authorization, body: JSON.parse(body) });
  if (behaviour === 'busy') {
    response.writeHead(429).end('upstream-secret');
    return;
  }
  response.writeHead(200, { 'content-type': 'text/event-stream' });
  openAnswers++;
  response.on('close', () => openAnswers--);
  const sent = behaviour === 'whole' ? chunks : chunks.slice(0, 100);
  for (const chunk of sent) response.write(`data: ${JSON.stringify(chunk)}\n\n`);
  if (behaviour === 'whole') response.end('data: [DONE]\n\n');
  if (behaviour === 'cut') response.end();
}

function newUser(name: string, how: typeof behaviour): ChatClient {
  asked = [];
  behaviour = how;
  return new ChatClient(chat.url, name);
}

it('each chunk of the endpoint becomes one provider event', async () => {
  const user = newUser('a', 'whole');
  const { streamId, conversationId } = await user.start({ text: 'Hello' });
  const events = await user.follow(streamId);
  expect(events.filter(({ event }) => event === 'provider').map(({ data }) => data)).toEqual(chunks);
  expect(events.at(-1)).toMatchObject({
    event: 'completed',
    data: { final: { text: recordedText('openai-chat.text'), usage: { output_tokens: 300 } } },
  });
  expect(asked).toMatchObject([
    {
      url: '/v1/chat/completions',
      authorization: `Bearer ${KEY}`,
      body: { model: 'tiny', stream: true, messages: [{ role: 'user', content: 'Hello' }] },
    },
  ]);
  const next = await user.start({ text: 'And then?', conversationId });
  await user.follow(next.streamId);
  expect(asked[1]?.body.messages).toEqual([
    { role: 'user', content: 'Hello' },
    { role: 'assistant', content: recordedText('openai-chat.text') },
    { role: 'user', content: 'And then?' },
  ]);
});

it('a named recording is played all the same', async () => {
  const user = newUser('b', 'busy');
  const { streamId } = await user.start({ recording: 'google.search', tokensPerSecond: 1000 });
  expect((await user.follow(streamId)).at(-1)?.event).toBe('completed');
  expect(asked).toEqual([]);
  expect(await user.json('/recordings')).toMatchObject({ liveModel: 'tiny' });
});

it.each(['cut', 'busy'] as const)(
  'an endpoint that is %s fails the answer without telling why it did',
  async (how) => {
    const user = newUser(`c-${how}`, how);
    const { streamId } = await user.start({});
    const events = await user.follow(streamId);
    expect(events.at(-1)).toMatchObject({ event: 'failed', data: { code: 'model_failed', retryable: true } });
    expect(JSON.stringify(events.at(-1))).not.toContain('upstream-secret');
    expect(events.filter(({ event }) => event === 'provider')).toHaveLength(how === 'cut' ? 100 : 0);
  },
);

it('stopping lets go of the endpoint', async () => {
  const user = newUser('d', 'hanging');
  const { streamId, generation } = await user.start({});
  await user.follow(streamId, { enough: ({ id }) => id.endsWith('-101') });
  expect(openAnswers).toBe(1);
  expect((await user.post('/abort', { streamId, generation })).status).toBe(200);
  await expect.poll(() => openAnswers).toBe(0);
});

it('an answer whose replica was killed ends by name, because nobody knows where the model stood', async () => {
  const replicas = await startChat({ args: ['--replicas', '2'], env: { ...env, LEASE_MS: '1000' } });
  newUser('e', 'hanging');
  const user = new ChatClient(replicas.url, 'e');
  const { streamId } = await user.start({ text: 'Hello' });
  const before = await user.follow(streamId, { enough: ({ id }) => id.endsWith('-101') });
  process.kill((await producingReplica(replicas)).pid, 'SIGKILL');
  const after = await user.follow(streamId, { after: before.at(-1)?.id ?? '' });
  const text = chunks.slice(0, 100).map(providerText).join('');
  expect(after.at(-1)).toMatchObject({ event: 'failed', data: { code: 'producer_lost', retryable: true } });
  expect(await user.json(`/status/${streamId}`)).toMatchObject({ content: { prompt: 'Hello', text } });
  expect(asked).toHaveLength(1);
  expect(await replicas.stop()).toBe(0);
  expect(replicas.output()).not.toContain(KEY);
});
