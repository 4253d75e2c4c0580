/**
 * The example for pages of the AI SDK, as those see it: the real client over HTTP, with nothing but the settings that its own
 * documentation names.
 */
import {
  type ChatInit,
  DefaultChatTransport,
  lastAssistantMessageIsCompleteWithApprovalResponses,
  type UIMessage,
} from 'ai';
import { afterAll, beforeAll, describe, expect, it, vi } from 'vitest';
import { callsOfMessage, PlainChat, textOfMessage } from '../support/ai-chat.js';
import { recordedText } from '../support/chat-client.js';
import { type ChatProcess, startChat } from '../support/chat-process.js';

const FAST = 1_000_000;
const ASKING = 'openai-responses.mcp-approval';
const RECORDINGS = [
  'anthropic.code-execution',
  'anthropic.web-search',
  'google.search',
  'openai-chat.text',
  'openai-responses.long',
  'openai-responses.mcp-approval.1',
  'openai-responses.mcp-approval.2',
  'openai-responses.mcp-approval.3',
  'openai-responses.mcp-approval.4',
  'openai-responses.reasoning-tool',
  'openai-responses.web-search',
];
const REFUSED = 'The call was not approved, so it was not made.';
const ANSWER = recordedText('openai-chat.text');

let chat: ChatProcess;
let users = 0;

beforeAll(async () => {
  chat = await startChat();
});
afterAll(async () => {
  expect(await chat.stop()).toBe(0);
});

interface Page {
  readonly url: string;
  readonly userId: string;
  readonly id: string;
}

/** One person's chat, to be opened as often as like. */
function newPage(url = chat.url): Page {
  const user = `ai-user-${++users}`;
  return { url, userId: user, id: `chat-of-${user}` };
}

interface Asked {
  readonly recording?: string;
  readonly tokensPerSecond?: number;
}

function opened({ url, userId, id }: Page, asked: Asked = {}, init: ChatInit<UIMessage> = {}): PlainChat {
  const { recording, tokensPerSecond = FAST } = asked;
  const headers = {
    'x-user-id': userId,
    'x-tokens-per-second': String(tokensPerSecond),
    ...(recording !== undefined && { 'x-recording': recording }),
  };
  return new PlainChat({
    id,
    transport: new DefaultChatTransport({ api: `${url}/api/ai`, headers }),
    sendAutomaticallyWhen: lastAssistantMessageIsCompleteWithApprovalResponses,
    ...init,
  });
}

function stop({ url, userId, id }: Page, body: object): Promise<Response> {
  return fetch(`${url}/api/ai/${id}/stop`, {
    method: 'POST',
    headers: { 'content-type': 'application/json', 'x-user-id': userId },
    body: JSON.stringify(body),
  });
}

function streamOf({ url, userId, id }: Page): Promise<Response> {
  return fetch(`${url}/api/ai/${id}/stream`, { headers: { 'x-user-id': userId } });
}

/** Waits until the chat shows so much of its answer. */
function untilShown(shown: PlainChat, characters: number): Promise<boolean> {
  return vi.waitUntil(
    () => textOfMessage(shown.lastMessage).length >= characters && shown.lastMessage?.role === 'assistant',
    {
      timeout: 60_000,
      interval: 5,
    },
  );
}

describe('an answer', () => {
  it.each(RECORDINGS)('of %s has the text of the recording', async (recording) => {
    let finishReason: string | undefined;
    const shown = opened(
      newPage(),
      { recording },
      {
        onFinish: (told) => {
          finishReason = told.finishReason;
        },
      },
    );
    await shown.sendMessage({ text: 'Hello' });
    expect([shown.status, shown.error]).toEqual(['ready', undefined]);
    expect(textOfMessage(shown.lastMessage)).toBe(recordedText(recording));
    expect(finishReason).toMatch(/^(stop|tool-calls)$/);
  });

  it('is resumed in its middle by a page that has just been loaded, as the same message', async () => {
    const page = newPage();
    const first = opened(page, { tokensPerSecond: 300 });
    const sent = first.sendMessage({ text: 'Hello' });
    await untilShown(first, 40);
    const second = opened(page);
    await Promise.all([second.resumeStream(), sent]);
    expect(second.lastMessage?.parts).toEqual(first.lastMessage?.parts);
    expect(second.lastMessage?.id).toBe(first.lastMessage?.id);
    expect(textOfMessage(second.lastMessage)).toBe(ANSWER);
  });

  it('has ended: there is nothing to resume, as for somebody else and for a chat that never was', async () => {
    const page = newPage();
    await opened(page, { recording: 'google.search' }).sendMessage({ text: 'Hello' });
    await vi.waitUntil(async () => (await streamOf(page)).status === 204, { timeout: 30_000, interval: 10 });
    expect((await streamOf({ ...page, userId: 'somebody-else' })).status).toBe(204);
    expect((await streamOf({ ...page, id: 'never-was' })).status).toBe(204);
  });

  it('is stopped by its route; a stale stop is told so and changes nothing', async () => {
    const page = newPage();
    const shown = opened(page, { tokensPerSecond: 100 });
    const sent = shown.sendMessage({ text: 'Hello' });
    await untilShown(shown, 20);
    expect((await stop(page, { messageId: 'an-earlier-message' })).status).toBe(409);
    const before = textOfMessage(shown.lastMessage).length;
    await untilShown(shown, before + 10);
    expect((await stop({ ...page, userId: 'somebody-else' }, {})).ok).toBe(false);
    expect((await stop(page, { messageId: shown.lastMessage?.id })).status).toBe(200);
    await sent;
    expect([shown.status, shown.error]).toEqual(['ready', undefined]);
    const said = textOfMessage(shown.lastMessage);
    expect(ANSWER.startsWith(said) && said.length < ANSWER.length).toBe(true);
  });
});

describe('a recording that asks', () => {
  it('goes on when the call is approved, as the same message', async () => {
    const page = newPage();
    const shown = opened(page, { recording: ASKING });
    await shown.sendMessage({ text: 'Shorten it' });
    const [asked] = callsOfMessage(shown.lastMessage);
    expect(asked).toMatchObject({ type: 'tool-create_short_url', state: 'approval-requested' });
    const { id } = shown.lastMessage as UIMessage;
    await shown.addToolApprovalResponse({ id: asked?.approval?.id ?? '', approved: true });
    await answered(shown, recordedText('openai-responses.mcp-approval.2'));
    expect(shown.messages.map((message) => message.role)).toEqual(['user', 'assistant']);
    expect(shown.lastMessage?.id).toBe(id);
  });

  it('says so when the call is refused; whoever decides the opposite later gets the outcome', async () => {
    const page = newPage();
    const shown = opened(page, { recording: ASKING });
    await shown.sendMessage({ text: 'Shorten it' });
    const other = opened(page);
    await other.resumeStream();
    const [asked] = callsOfMessage(other.lastMessage);
    expect(asked?.state).toBe('approval-requested');
    const id = asked?.approval?.id ?? '';
    await shown.addToolApprovalResponse({ id, approved: false, reason: 'Not now.' });
    await answered(shown, REFUSED);
    expect(callsOfMessage(shown.lastMessage)).toMatchObject([{ state: 'output-denied' }]);

    await other.addToolApprovalResponse({ id, approved: true });
    await answered(other, REFUSED);
    expect(callsOfMessage(other.lastMessage)).toMatchObject([{ state: 'output-denied' }]);
  });
});

describe('refused are', () => {
  it('a recording that is not there, and a speed that is none, with the names there are', async () => {
    const shown = opened(newPage(), { recording: 'no-such-recording' });
    await shown.sendMessage({ text: 'Hello' });
    expect(shown.status).toBe('error');
    const told = JSON.parse(shown.error?.message ?? '') as { error: { code: string; message: string } };
    expect(told.error.code).toBe('unknown_recording');
    for (const name of [...RECORDINGS, ASKING]) expect(told.error.message).toContain(name);

    const response = await fetch(`${chat.url}/api/ai`, {
      method: 'POST',
      headers: { 'content-type': 'application/json', 'x-user-id': 'one', 'x-tokens-per-second': 'quick' },
      body: JSON.stringify({ id: 'one', messages: [], trigger: 'submit-message' }),
    });
    expect(response.status).toBe(400);
  });

  it('who names nobody', async () => {
    const shown = opened({ ...newPage(), userId: '' });
    await shown.sendMessage({ text: 'Hello' });
    expect(shown.status).toBe('error');
  });
});

it('on several replicas an answer is resumed, approved and stopped at any, and outlives its own', async () => {
  const many = await startChat({ args: ['--replicas', '2'], env: { LEASE_MS: '1000' } });
  const [one, two] = many.replicas.map(({ url }) => url) as [string, string];
  const page = newPage(one);
  const asking = opened(page, { recording: ASKING });
  await asking.sendMessage({ text: 'Shorten it' });
  const elsewhere = opened({ ...page, url: two });
  await elsewhere.resumeStream();
  const [asked] = callsOfMessage(elsewhere.lastMessage);
  await elsewhere.addToolApprovalResponse({ id: asked?.approval?.id ?? '', approved: true });
  await answered(elsewhere, recordedText('openai-responses.mcp-approval.2'));

  const stopped = newPage(one);
  const playing = opened(stopped, { tokensPerSecond: 100 });
  const sent = playing.sendMessage({ text: 'Hello' });
  await untilShown(playing, 20);
  expect((await stop({ ...stopped, url: two }, {})).status).toBe(200);
  await sent;
  expect(playing.status).toBe('ready');

  const killed = newPage(one);
  const cut = opened(killed, { tokensPerSecond: 200 });
  const broken = cut.sendMessage({ text: 'Hello' });
  await untilShown(cut, 40);
  const owner = many.replicas.find(({ url }) => url === one);
  process.kill(owner?.pid ?? 0, 'SIGKILL');
  await broken;
  const resumed = opened({ ...killed, url: two });
  await resumed.resumeStream();
  expect(textOfMessage(resumed.lastMessage)).toBe(ANSWER);
  expect(resumed.lastMessage?.id).toBe(cut.lastMessage?.id);
  await many.stop();
});

/** Waits until the answer that follows a decision is over, and compares what it says. */
async function answered(shown: PlainChat, text: string): Promise<void> {
  await vi.waitUntil(
    () => shown.status === 'error' || (shown.status === 'ready' && textOfMessage(shown.lastMessage) !== ''),
    {
      timeout: 60_000,
      interval: 5,
    },
  );
  expect([shown.status, shown.error]).toEqual(['ready', undefined]);
  expect(textOfMessage(shown.lastMessage)).toBe(text);
}
