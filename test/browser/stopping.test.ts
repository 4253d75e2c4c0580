/**
 * A person stops an answer, reloads at once and asks again, while a history takes its time to be saved: the page never
 * shows the conversation without the answer that was stopped.
 */
import type { Browser, BrowserContext } from 'playwright-core';
import { afterAll, beforeAll, expect, it } from 'vitest';
import { ChatPage, type ChatState, launchChromium } from '../support/browser.js';
import { recordedText } from '../support/chat-client.js';
import { type ChatProcess, startChat } from '../support/chat-process.js';

const RECORDING = 'openai-responses.long';
const WHOLE = recordedText(RECORDING);
const SAVE_MS = 400;
const SPEED = 30;

let chat: ChatProcess;
let browser: Browser;
let context: BrowserContext;
beforeAll(async () => {
  chat = await startChat({ env: { SAVE_MS: String(SAVE_MS) } });
  browser = await launchChromium();
  context = await browser.newContext();
});
afterAll(async () => {
  await context?.close();
  await browser?.close();
  expect(await chat?.stop()).toBe(0);
});

const stoppedTexts = ({ turns }: ChatState) =>
  turns.filter(({ status }) => status === 'aborted').map(({ text }) => text);

it('stop, reload and ask again: no answer that was stopped is ever missing', async () => {
  const page = await ChatPage.open(context, chat.url);
  for (const [at, text] of ['One', 'Two', 'Three'].entries()) {
    await page.send(text, RECORDING, SPEED);
    const { generation } = await page.until(
      (state) => state.turns.length === at + 1 && state.status === 'running' && state.text.length > 20,
    );
    await page.page.getByTestId('stop').click();
    await page.until((state) => state.turns.at(-1)?.status === 'aborted');
    await page.reload();
    const shown = await page.until(({ turns }) => turns.length > 0);
    expect(shown.turns.map((turn) => turn.generation)).toContain(generation);
    const texts = stoppedTexts(shown);
    expect(texts).toHaveLength(at + 1);
    for (const one of texts) {
      expect(one.length).toBeGreaterThan(20);
      expect(WHOLE.startsWith(one)).toBe(true);
    }
  }
  expect(page.complaints).toEqual([]);
});
