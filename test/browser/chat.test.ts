/**
 * The page in a real browser, against the built example as a process: whatever happens to the page or to the network,
 * every tab ends with the recording's text, exactly.
 */
import type { Browser, BrowserContext } from 'playwright-core';
import { afterAll, afterEach, beforeAll, expect, it } from 'vitest';
import { pick, seededRandom } from '../contract/seeded.js';
import { ChatPage, launchChromium } from '../support/browser.js';
import { ChatClient, recordedEvents, recordedText } from '../support/chat-client.js';
import { type ChatProcess, startChat } from '../support/chat-process.js';
import { startTcpProxy, type TcpProxy } from '../support/tcp-proxy.js';

const RECORDING = 'openai-chat.text';
const TEXT = recordedText(RECORDING);
const EVENTS = recordedEvents(RECORDING).length;

const HOSTILE = [
  '<img src="http://127.0.0.1:9/leak" onerror="window.ran = true">',
  '![x](http://127.0.0.1:9/leak)',
  '<script>window.ran = true</script>',
  '<a href="javascript:window.ran = true" id="send" class="round">click</a>',
  '<form action="http://127.0.0.1:9/leak"><button>go</button></form>',
  '<input type="password" placeholder="Your password"> <p data-testid="send">x</p>',
  '```js"><img src=http://127.0.0.1:9/leak onerror=window.ran=true>\n</code><b>x</b><img src=x onerror=window.ran=true>\n```',
  '- <pre data-language="&quot;><script>window.ran = true</script>"><code><img src=x onerror=window.ran=true></code></pre>',
];

const seed = Number(process.env.TEST_SEED ?? Math.floor(Math.random() * 2 ** 32));
console.log(`chat in the browser: TEST_SEED=${seed}`);
const random = seededRandom(seed);

let chat: ChatProcess;
let proxy: TcpProxy;
let url: string;
let browser: Browser;
const contexts: BrowserContext[] = [];

beforeAll(async () => {
  chat = await startChat();
  proxy = await startTcpProxy(chat.port);
  url = `http://127.0.0.1:${proxy.port}`;
  browser = await launchChromium();
});

afterEach(async () => {
  for (const context of contexts.splice(0)) await context.close();
});

afterAll(async () => {
  await browser?.close();
  await proxy?.close();
  expect(await chat?.stop()).toBe(0);
});

/** A browser of somebody's own: no cookies, no storage. */
async function newBrowser(options: Parameters<Browser['newContext']>[0] = {}): Promise<BrowserContext> {
  const context = await browser.newContext(options);
  contexts.push(context);
  return context;
}

/**
 * So many sequences in ascending order, one in each stretch of the answer: several reloads that all come near its end
 * would outlast it. What is left after them takes its time too.
 */
function moments(count: number): number[] {
  const stretch = Math.floor((EVENTS - 80) / count);
  return Array.from({ length: count }, (_, index) => 2 + index * stretch + pick(random, stretch));
}

/** The page's user past the page, and past the proxy: it can ask while the page can't. */
async function userOf(page: ChatPage): Promise<ChatClient> {
  const cookies = await page.page.context().cookies();
  return new ChatClient(chat.url, cookies.find(({ name }) => name === 'user-id')?.value ?? '');
}

async function serverSequence(page: ChatPage): Promise<number> {
  const { conversationId } = await page.state();
  const { cursor } = await (await userOf(page)).json<{ cursor: string }>(`/status/${conversationId}`);
  return Number(cursor.split('-')[1]);
}

it('a page reloaded ten times in mid-answer ends with exactly the recorded text', async () => {
  const page = await ChatPage.open(await newBrowser(), url);
  // Ten reloads on a busy machine take their time, and the answer must outlast them.
  await page.send('Tell me something long', RECORDING, 10);
  for (const moment of moments(10)) {
    const { status } = await page.until(({ sequence }) => sequence >= moment);
    expect(status).toBe('running');
    await page.reload();
  }
  await page.expectAnswer(TEXT);
  expect(await page.page.locator('.prompt').allInnerTexts()).toEqual(['Tell me something long']);
  await page.reload();
  await page.expectAnswer(TEXT);
});

it('a second tab shows the same answer, and answers started in one tab appear in the other', async () => {
  const context = await newBrowser();
  const first = await ChatPage.open(context, url);
  await first.send('One', RECORDING, 30);
  await first.until(({ sequence }) => sequence > 50);
  const second = await ChatPage.open(context, first.page.url());
  const { status } = await second.until(({ sequence }) => sequence > 0);
  expect(status).toBe('running');
  await first.expectAnswer(TEXT);
  await second.expectAnswer(TEXT);

  await second.send('Two', 'openai-responses.web-search', 100);
  await second.until(({ turns }) => turns.length === 2);
  await first.until(({ turns }) => turns.length === 2);
  await second.expectAnswer(recordedText('openai-responses.web-search'));
  await first.expectAnswer(recordedText('openai-responses.web-search'));
  expect((await first.state()).turns.map(({ text }) => text)).toEqual(
    (await second.state()).turns.map(({ text }) => text),
  );
  expect(await first.page.locator('.prompt').allInnerTexts()).toEqual(['One', 'Two']);
});

it('an answer goes on where it was when the network comes back', async () => {
  const context = await newBrowser();
  const page = await ChatPage.open(context, url);
  await page.send('Tell me something long', RECORDING, 100);
  for (const moment of moments(2)) {
    const before = await page.until(({ sequence }) => sequence >= moment);
    await context.setOffline(true);
    await page.until(({ connection }) => connection === 'offline');
    await expect.poll(() => page.connection()).toBe('offline');
    const held = await page.state();
    await expect.poll(() => serverSequence(page)).toBeGreaterThan(Math.min(EVENTS, before.sequence + 5));
    expect((await page.state()).cursor).toBe(held.cursor);
    await context.setOffline(false);
    await page.until(({ connection }) => connection === 'live' || connection === 'done');
  }
  await page.expectAnswer(TEXT);
});

it('connections reset again and again in mid-answer lose nothing', async () => {
  const page = await ChatPage.open(await newBrowser(), url);
  await page.send('Tell me something long', RECORDING, 30);
  for (const moment of moments(5)) {
    await page.until(({ sequence }) => sequence >= moment);
    const connections = proxy.accepted;
    proxy.cut();
    await page.until(({ connection }) => connection === 'reconnecting');
    proxy.restore();
    await page.until(({ connection }) => connection === 'live');
    expect(proxy.accepted).toBeGreaterThan(connections);
  }
  await page.expectAnswer(TEXT);
});

it('a message sent while the server can’t be reached is sent once when it can', async () => {
  const page = await ChatPage.open(await newBrowser(), url);
  proxy.cut();
  await page.send('Are you there?', RECORDING, 1000);
  await page.page.locator('.prompt.is-pending').waitFor();
  proxy.restore();
  await page.expectAnswer(TEXT);
  expect((await page.state()).turns).toHaveLength(1);
});

it('an answer can be stopped, and says so in every tab', async () => {
  const context = await newBrowser();
  const first = await ChatPage.open(context, url);
  await first.send('Tell me something long', RECORDING, 30);
  await first.until(({ text }) => text.length > 100);
  const second = await ChatPage.open(context, first.page.url());
  await second.until(({ text }) => text.length > 100);
  await second.page.getByTestId('stop').click();
  for (const page of [first, second]) {
    const { text, problem } = await page.until(({ status }) => status === 'aborted');
    expect(TEXT.startsWith(text)).toBe(true);
    expect(text.length).toBeLessThan(TEXT.length);
    expect(problem).toBe('');
    await page.page.locator('.note', { hasText: 'Stopped.' }).waitFor();
    await page.page.getByTestId('send').waitFor();
  }
  expect((await first.state()).text).toBe((await second.state()).text);
  await first.reload();
  const stopped = await second.state();
  await first.until(({ status, text }) => status === 'aborted' && text === stopped.text);
});

it('a hidden tab with nothing to expect lets go of its connection, and catches up when it is shown', async () => {
  const page = await ChatPage.open(await newBrowser(), url);
  await page.send('One', RECORDING, 1000);
  await page.expectAnswer(TEXT);
  await page.setHidden(true);
  const user = await userOf(page);
  const { conversationId = '' } = await page.state();
  const started = await user.start({
    conversationId,
    text: 'Two',
    recording: 'google.search',
    tokensPerSecond: 1000,
  });
  await user.follow(started.streamId);
  expect((await page.state()).turns).toHaveLength(1);
  await page.setHidden(false);
  await page.until(({ turns }) => turns.length === 2);
  await page.expectAnswer(recordedText('google.search'));
});

it('an answer that died with its server is shown as failed, and can be asked for again', async () => {
  const dying = await startChat();
  const page = await ChatPage.open(await newBrowser(), dying.url);
  await page.send('Tell me something long', RECORDING, 30);
  const { text } = await page.until(({ sequence }) => sequence > 20);
  await dying.kill();
  await page.until(({ connection }) => connection === 'reconnecting');
  const next = await startChat({ env: { PORT: String(dying.port) } });
  const lost = await page.until(({ status }) => status === 'failed');
  expect(lost.text.startsWith(text)).toBe(true);
  await page.send('Again', RECORDING, 1000);
  await page.until(({ turns }) => turns.length === 2);
  await page.expectAnswer(TEXT);
  expect(await next.stop()).toBe(0);
});

it('earlier conversations can be opened again from the list, on a phone too', async () => {
  const phone = await newBrowser({ viewport: { width: 390, height: 844 }, hasTouch: true, isMobile: true });
  const page = await ChatPage.open(phone, url);
  await page.send('A first chat', RECORDING, 1000);
  await page.expectAnswer(TEXT);
  const first = await page.state();
  await page.page.locator('#menu').tap();
  await page.page.getByTestId('new-chat').tap();
  await page.until(({ turns }) => turns.length === 0);
  await page.send('A second chat', 'google.search', 1000);
  await page.expectAnswer(recordedText('google.search'));
  await page.page.locator('#menu').tap();
  await page.page.getByTestId('conversations').getByText('A first chat').tap();
  await page.until(({ conversationId }) => conversationId === first.conversationId);
  await page.expectAnswer(TEXT);
  const overflow = await page.page.evaluate('document.documentElement.scrollWidth - innerWidth');
  expect(overflow).toBeLessThanOrEqual(0);
});

it('what a model writes can’t run, load or disguise anything', async () => {
  const page = await ChatPage.open(await newBrowser(), url);
  const requested: string[] = [];
  page.page.on('request', (request) => requested.push(request.url()));
  await page.page.evaluate(`(async () => {
    const { MarkdownView } = await import('/page/showing/markdown-view.js');
    const element = document.createElement('div');
    element.id = 'probe';
    document.body.append(element);
    new MarkdownView(element).render(${JSON.stringify(HOSTILE.join('\n\n'))});
    await import('/page/showing/highlighting.js');
    document.querySelector('#probe a')?.click();
  })()`);
  const probe = page.page.locator('#probe');
  expect(
    await probe
      .locator(
        'img, script, form, input, b, button:not(.code-head > *), [id], [onerror], [href^="javascript"], [data-testid]:not(.code-head > *)',
      )
      .count(),
  ).toBe(0);
  expect(await page.page.evaluate('window.ran')).toBeUndefined();
  expect(requested.filter((address) => address.includes('leak'))).toEqual([]);
});
