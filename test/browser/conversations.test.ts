/**
 * The list of conversations and the tab's title, in a real browser: what is being written, what waits for somebody,
 * and renaming and deleting.
 */
import type { Browser, BrowserContext, Locator } from 'playwright-core';
import { afterAll, afterEach, beforeAll, describe, expect, it } from 'vitest';
import { ChatPage, launchChromium } from '../support/browser.js';
import { ChatClient, recordedText } from '../support/chat-client.js';
import { type ChatProcess, startChat } from '../support/chat-process.js';
import { type ScriptedModel, startScriptedModel } from '../support/scripted-model.js';

let model: ScriptedModel;
let chat: ChatProcess;
let browser: Browser;
const contexts: BrowserContext[] = [];

beforeAll(async () => {
  model = await startScriptedModel();
  chat = await startChat({ env: model.env });
  browser = await launchChromium();
});

afterEach(async () => {
  for (const context of contexts.splice(0)) await context.close();
});

afterAll(async () => {
  await browser?.close();
  expect(await chat?.stop()).toBe(0);
  await model?.close();
});

async function newPage(options: Parameters<Browser['newContext']>[0] = {}): Promise<ChatPage> {
  const context = await browser.newContext(options);
  contexts.push(context);
  return ChatPage.open(context, chat.url);
}

/** The page's user past the page. */
async function userOf({ page }: ChatPage): Promise<ChatClient> {
  const cookies = await page.context().cookies();
  return new ChatClient(chat.url, cookies.find(({ name }) => name === 'user-id')?.value ?? '');
}

function line({ page }: ChatPage, title: string): Locator {
  return page.getByTestId('conversations').locator('li', { hasText: title });
}

async function startNew({ page }: ChatPage): Promise<void> {
  await page.getByTestId('new-chat').click();
}

describe('a conversation', () => {
  it('that is being written and one that waits are marked differently, in the list and in the tab', async () => {
    const page = await newPage();
    await page.sendUntilAsked('demo.question');
    await expect.poll(() => page.page.title()).toBe('● needs you · Please');
    const waiting = page.page.getByRole('link', { name: 'Please (waits for you)' });
    await waiting.waitFor();

    await startNew(page);
    const release = model.hold('A story, and its end.', 8);
    await page.send('A story', '', 1000);
    await page.until(({ text }) => text === 'A story,');
    await expect.poll(() => page.page.title()).toBe('● needs you · ✎ A story');
    const writing = page.page.getByRole('link', { name: 'A story (is being written)' });
    await writing.waitFor();
    const shape = (link: Locator) =>
      link.evaluate((element) => {
        const { content, width } =
          element.ownerDocument.defaultView?.getComputedStyle(element, '::before') ?? {};
        return `${content} ${width}`;
      });
    expect(await shape(writing)).not.toBe(await shape(waiting));

    release();
    await page.until(({ status }) => status === 'completed');
    await expect.poll(() => page.page.title()).toBe('● needs you · A story');
    await page.page.getByRole('link', { name: 'A story', exact: true }).waitFor();
    await waiting.waitFor();
  });

  it('that this tab does not follow is marked too, until it has ended', async () => {
    const page = await newPage();
    await page.send('Here', 'google.search', 1000);
    await page.until(({ status }) => status === 'completed');
    const user = await userOf(page);
    const release = model.hold('Elsewhere.', 4);
    const { streamId } = await user.start({ text: 'There' });
    await page.page.getByRole('link', { name: 'There (is being written)' }).waitFor();
    release();
    await user.follow(streamId);
    // Nobody has looked at it yet; opened, it has been seen, here and by whoever comes later.
    const unread = page.page.getByRole('link', { name: 'There (has a new answer)' });
    await unread.waitFor();
    const seen = page.page.waitForResponse((response) => response.url().endsWith('/seen'));
    await unread.click();
    await seen;
    await page.page.getByRole('link', { name: 'There', exact: true }).waitFor();
    await page.reload();
    await page.page.getByRole('link', { name: 'Here', exact: true }).click();
    await page.page.getByRole('link', { name: 'There', exact: true }).waitFor();
  });

  it('that waits elsewhere is told in the title of every tab, by a notice where nobody looks, and until it is decided', async () => {
    const page = await newPage({ permissions: ['notifications'] });
    await page.send('Here', 'google.search', 1000);
    await page.until(({ status }) => status === 'completed');
    const tab = await ChatPage.open(page.page.context(), chat.url);
    for (const one of [page, tab]) {
      await one.page.evaluate(`
        window.notices = [];
        window.Notification = class extends EventTarget {
          static permission = 'granted';
          constructor(title, { body }) {
            super();
            window.notices.push(title + ': ' + body);
          }
        };
      `);
      await one.setHidden(true);
    }
    const user = await userOf(page);
    const { streamId } = await user.start({ text: 'Please', recording: 'demo.question' });
    await expect.poll(() => page.page.title()).toBe('● needs you · Here');
    await expect.poll(() => tab.page.title()).toBe('● needs you · New chat');
    const notices = async () =>
      (await Promise.all([page, tab].map((one) => one.page.evaluate('window.notices')))).flat();
    await expect.poll(notices).toEqual(['Please: It waits for your decision.']);
    await user.post('/abort', { streamId });
    await expect.poll(() => page.page.title()).toBe('Here');
    await expect.poll(() => tab.page.title()).toBe('New chat');
    await tab.page.getByRole('link', { name: 'Please (has a new answer)' }).waitFor();
  });

  it('is marked without a request for the list of what is active: all tabs of a browser share one feed', async () => {
    const page = await newPage();
    const asked: string[] = [];
    page.page.context().on('request', (request) => asked.push(new URL(request.url()).pathname));
    const tabs = [page, await ChatPage.open(page.page.context(), chat.url)];
    const user = await userOf(page);
    const release = model.hold('Elsewhere.', 4);
    const { streamId } = await user.start({ text: 'There' });
    for (const one of tabs) await one.page.getByRole('link', { name: 'There (is being written)' }).waitFor();
    release();
    await user.follow(streamId);
    for (const one of tabs) await one.page.getByRole('link', { name: 'There (has a new answer)' }).waitFor();
    expect(asked).not.toContain('/api/chat/active');
    expect(asked.filter((path) => path === '/api/chat/feed').length).toBeLessThanOrEqual(1);
  });

  it('is renamed by keyboard, for good and in every tab', async () => {
    const page = await newPage();
    await page.send('First words', 'google.search', 1000);
    await page.expectAnswer(recordedText('google.search'));
    const other = await ChatPage.open(page.page.context(), page.page.url());
    await page.page.getByRole('link', { name: 'First words' }).focus();
    for (const key of ['Tab', 'Enter']) await page.page.keyboard.press(key);
    const input = page.page.getByRole('dialog', { name: 'Rename the conversation' }).getByLabel('Title');
    expect(await input.inputValue()).toBe('First words');
    await page.page.keyboard.type('A better title');
    await page.page.keyboard.press('Enter');
    for (const at of [page, other]) {
      await line(at, 'A better title').waitFor();
      await expect.poll(() => at.page.getByTestId('title').innerText()).toBe('A better title');
      await expect.poll(() => at.page.title()).toBe('A better title');
    }
    const focused = page.page.locator(':focus');
    expect(await focused.getAttribute('aria-label')).toBe('Rename “A better title”');
    await page.send('More', 'google.search', 1000);
    await page.until(({ turns, status }) => turns.length === 2 && status === 'completed');
    await page.reload();
    await line(page, 'A better title').waitFor();
    expect(page.complaints).toEqual([]);
  });

  it('is deleted once that is confirmed, with what is being written', async () => {
    const page = await newPage();
    await page.send('Keep me', 'google.search', 1000);
    await page.until(({ status }) => status === 'completed');
    await startNew(page);
    await page.send('Delete me', 'openai-chat.text', 10);
    const { conversationId } = await page.until(({ status }) => status === 'running');
    const user = await userOf(page);
    const remove = page.page.getByRole('button', { name: 'Delete “Delete me”' });
    await line(page, 'Delete me').hover();
    await remove.click();
    await page.page.getByRole('dialog').getByText('“Delete me”').waitFor();
    await page.page.keyboard.press('Escape');
    expect((await user.get(`/conversations/${conversationId}`)).status).toBe(200);
    expect(await remove.evaluate((element) => element === element.ownerDocument.activeElement)).toBe(true);
    await remove.click();
    await page.page.getByRole('dialog').getByRole('button', { name: 'Delete' }).click();
    await line(page, 'Delete me').waitFor({ state: 'detached' });
    await page.until(({ turns }) => turns.length === 0);
    expect((await user.get(`/conversations/${conversationId}`)).status).toBe(404);
    expect(await user.json('/active')).toEqual([]);
    await line(page, 'Keep me').click();
    await page.expectAnswer(recordedText('google.search'));
  });

  it('can be renamed and deleted on a phone, where nothing hovers', async () => {
    const page = await newPage({ viewport: { width: 360, height: 740 }, hasTouch: true, isMobile: true });
    await page.send('On the phone', 'google.search', 1000);
    await page.until(({ status }) => status === 'completed');
    await page.page.locator('#menu').tap();
    await page.page.getByRole('button', { name: 'Rename “On the phone”' }).tap();
    await page.page.getByLabel('Title').fill('Renamed there');
    await page.page.getByRole('dialog').getByRole('button', { name: 'Rename' }).tap();
    await page.page.getByRole('button', { name: 'Delete “Renamed there”' }).tap();
    await page.page.getByRole('dialog').getByRole('button', { name: 'Delete' }).tap();
    await line(page, 'Renamed there').waitFor({ state: 'detached' });
    const overflow = await page.page.evaluate('document.documentElement.scrollWidth - innerWidth');
    expect(overflow).toBeLessThanOrEqual(0);
  });
});
