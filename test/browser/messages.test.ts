/**
 * What a person can do with messages and answers, in a real browser: copy, edit and retry them, find the end, and learn
 * what failed and when it is tried again.
 */
import type { Browser, BrowserContext } from 'playwright-core';
import { afterAll, afterEach, beforeAll, describe, expect, it } from 'vitest';
import { ChatPage, launchChromium } from '../support/browser.js';
import { recordedText } from '../support/chat-client.js';
import { type ChatProcess, startChat } from '../support/chat-process.js';
import { type ScriptedModel, startScriptedModel } from '../support/scripted-model.js';
import { startTcpProxy, type TcpProxy } from '../support/tcp-proxy.js';

const RECORDING = 'openai-chat.text';

let model: ScriptedModel;
let chat: ChatProcess;
let proxy: TcpProxy;
let browser: Browser;
const contexts: BrowserContext[] = [];

beforeAll(async () => {
  model = await startScriptedModel();
  chat = await startChat({ env: model.env });
  proxy = await startTcpProxy(chat.port);
  browser = await launchChromium();
});

afterEach(async () => {
  proxy.restore();
  for (const context of contexts.splice(0)) await context.close();
});

afterAll(async () => {
  await browser?.close();
  await proxy?.close();
  expect(await chat?.stop()).toBe(0);
  await model?.close();
});

async function newPage(options: Parameters<Browser['newContext']>[0] = {}): Promise<ChatPage> {
  const context = await browser.newContext(options);
  contexts.push(context);
  return ChatPage.open(context, `http://127.0.0.1:${proxy.port}`);
}

function turn({ page }: ChatPage, index: number) {
  return page.locator('.turn').nth(index);
}

describe('a message', () => {
  it('and its answer are copied as they were written', async () => {
    const page = await newPage({ permissions: ['clipboard-read', 'clipboard-write'] });
    const clipboard = () => page.page.evaluate('navigator.clipboard.readText()');
    await page.send('A **message**\nof two lines', RECORDING, 1000);
    await page.expectAnswer(recordedText(RECORDING));
    await turn(page, 0).getByRole('button', { name: 'Copy the message' }).click();
    await expect.poll(clipboard).toBe('A **message**\nof two lines');
    await turn(page, 0).getByRole('button', { name: 'Copy the answer' }).click();
    await expect.poll(clipboard).toBe(recordedText(RECORDING));
  });

  it('is copied without the Clipboard API too, as on a phone in the same network', async () => {
    const page = await newPage();
    await page.page.evaluate(`
      Object.defineProperty(navigator, 'clipboard', { value: undefined });
      document.addEventListener('copy', () => { window.copied = String(document.activeElement.value); });
    `);
    await page.send('Copy me', 'google.search', 1000);
    await page.until(({ status }) => status === 'completed');
    const button = turn(page, 0).getByRole('button', { name: 'Copy the message' });
    await button.click();
    await expect.poll(() => page.page.evaluate('window.copied')).toBe('Copy me');
    await expect.poll(() => page.page.locator('#announcement').textContent()).toBe('Copied');
    expect(await button.evaluate((element) => element === element.ownerDocument.activeElement)).toBe(true);
  });

  it('is edited where messages are written, and sent as a new one', async () => {
    const page = await newPage();
    await page.send('Tell me about birds', 'google.search', 1000);
    await page.until(({ status }) => status === 'completed');
    await turn(page, 0).getByRole('button', { name: 'Edit the message' }).click();
    const composer = page.page.getByTestId('composer');
    expect(await composer.inputValue()).toBe('Tell me about birds');
    await page.page.keyboard.type(' of prey');
    await page.page.keyboard.press('Enter');
    await page.until(({ turns, status }) => turns.length === 2 && status === 'completed');
    expect(await page.page.locator('.prompt').allInnerTexts()).toEqual([
      'Tell me about birds',
      'Tell me about birds of prey',
    ]);
  });

  it('is answered again with one press, by what is chosen below', async () => {
    const page = await newPage();
    await page.send('Tell me', 'google.search', 1000);
    await page.expectAnswer(recordedText('google.search'));
    await page.page.getByTestId('recording').selectOption(RECORDING);
    await turn(page, 0).getByRole('button', { name: 'Answer again' }).click();
    await page.until(({ turns }) => turns.length === 2);
    await page.expectAnswer(recordedText(RECORDING));
    expect(await page.page.locator('.prompt').allInnerTexts()).toEqual(['Tell me', 'Tell me']);
    expect(await page.page.getByRole('button', { name: 'Answer again' }).count()).toBe(1);
  });
});

describe('what failed', () => {
  it('is named, and tried again with one press', async () => {
    const page = await newPage();
    model.say(null);
    await page.send('Hello?', '', 1000);
    await page.until(({ status }) => status === 'failed');
    const note = turn(page, 0).locator('.note');
    expect(await note.innerText()).toMatch(/^The model could not finish the answer\.\s+model_failed/);
    model.say('Here I am.');
    await note.getByRole('button', { name: 'Try again' }).click();
    await page.until(({ text, status }) => text === 'Here I am.' && status === 'completed');
    expect(await page.page.locator('.prompt').allInnerTexts()).toEqual(['Hello?', 'Hello?']);
    expect(await page.page.getByRole('button', { name: 'Try again' }).count()).toBe(0);
  });

  it('to be sent is named too, and what was written is still there', async () => {
    const page = await newPage();
    await page.page.route('**/api/chat', (route) =>
      route.fulfill({ status: 413, json: { error: { code: 'body_too_large', message: 'It is too long.' } } }),
    );
    await page.send('Too long', RECORDING, 1000);
    await page.until(({ problem }) => problem === 'The message was not sent. It is too long.');
    expect(await page.page.getByTestId('composer').inputValue()).toBe('Too long');
  });
});

describe('while the server is away', () => {
  it('a banner says why, counts down to the next try, and has it tried at once', async () => {
    const page = await newPage();
    await page.send('Tell me something long', RECORDING, 30);
    await page.until(({ sequence }) => sequence > 5);
    const banner = page.page.getByTestId('away');
    expect(await banner.isVisible()).toBe(false);
    proxy.cut();
    await banner
      .getByText(/^The connection to the conversation is lost: the server can’t be reached\./)
      .waitFor();
    await banner.getByText(/Trying again in [2-8] s/).waitFor();
    await expect.poll(() => page.page.locator('#announcement').textContent()).toMatch(/is lost.*by itself/);
    proxy.restore();
    await page.page.getByTestId('try-now').click();
    await banner.waitFor({ state: 'hidden' });
    await page.expectAnswer(recordedText(RECORDING));
  });

  it('the banner names what the server answered, and what isn’t sent yet', async () => {
    const page = await newPage();
    let isAway = true;
    await page.page.route('**/api/chat', (route) =>
      isAway
        ? route.fulfill({ status: 503, json: { error: { code: 'draining', message: '' } } })
        : route.continue(),
    );
    await page.send('Hello', RECORDING, 1000);
    const banner = page.page.getByTestId('away');
    await banner.getByText('The message is not sent yet: the server answered 503: draining.').waitFor();
    isAway = false;
    await page.until(({ status, text }) => status === 'completed' && text === recordedText(RECORDING));
    await banner.waitFor({ state: 'hidden' });
  });
});

it('whoever has scrolled up stays there, and gets back to the end with one press', async () => {
  const page = await newPage({ viewport: { width: 700, height: 500 } });
  const below = () =>
    page.page
      .locator('#scroller')
      .evaluate(({ scrollHeight, scrollTop, clientHeight }) => scrollHeight - scrollTop - clientHeight);
  // What is offered at the beginning is taller than this window, but has no end to go to.
  expect(await below()).toBeGreaterThan(100);
  expect(await page.page.getByTestId('to-end').isVisible()).toBe(false);
  await page.send('One', RECORDING, 1000);
  await page.expectAnswer(recordedText(RECORDING));
  const button = page.page.getByTestId('to-end');
  expect(await button.isVisible()).toBe(false);
  const top = () => page.page.locator('#scroller').evaluate((element) => element.scrollTop);
  const release = model.hold('Much more.\n\n'.repeat(40), 100);
  await page.send('Two', '', 1000);
  await page.until(({ text }) => text.includes('Much more.'));
  await page.page.locator('#scroller').evaluate((element) => element.scrollTo(0, 40));
  await button.waitFor();
  release();
  await page.until(({ status }) => status === 'completed');
  expect(await top()).toBe(40);
  await button.click();
  await button.waitFor({ state: 'hidden' });
  expect(await below()).toBeLessThan(2);
});

it('replica and cursor are shown to those who ask for details, also after a reload', async () => {
  const page = await newPage();
  await page.send('Hello', 'google.search', 1000);
  await page.until(({ status }) => status === 'completed');
  const details = page.page.getByTestId('details');
  const cursor = page.page.getByTestId('cursor');
  expect(await cursor.isVisible()).toBe(false);
  expect(await page.page.getByTestId('replica').isVisible()).toBe(false);
  await details.press('Enter');
  expect(await details.getAttribute('aria-expanded')).toBe('true');
  expect(await cursor.innerText()).toBe((await page.state()).cursor);
  expect(await page.page.getByTestId('replica').innerText()).toBe('1');
  await page.reload();
  await cursor.waitFor();
  await details.click();
  expect(await cursor.isVisible()).toBe(false);
});

it('recordings have names that people can read', async () => {
  const page = await newPage();
  const response = await fetch(`${chat.url}/api/chat/recordings`);
  const { recordings, demos } = (await response.json()) as Record<string, string[]>;
  const files = [...(recordings ?? []), ...(demos ?? [])];
  const select = page.page.getByTestId('recording');
  for (const file of files) {
    const name = await select.locator(`option[value="${file}"]`).textContent();
    expect(name).toMatch(/^[A-Z][a-z]* .*[a-z)]$/);
    expect(name).not.toContain(file);
  }
  const labels = await select
    .locator('optgroup')
    .evaluateAll((groups) => groups.map((group) => (group as HTMLOptGroupElement).label));
  expect(labels).toEqual(['Recorded answers', 'Made up for this page']);
});
