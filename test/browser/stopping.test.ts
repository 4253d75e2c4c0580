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
    // What is replayed shows as running until its end has come.
    const shown = await page.until((state) => stoppedTexts(state).length === at + 1);
    expect(shown.turns.map((turn) => turn.generation)).toContain(generation);
    const texts = stoppedTexts(shown);
    for (const one of texts) {
      expect(one.length).toBeGreaterThan(20);
      expect(WHOLE.startsWith(one)).toBe(true);
    }
  }
  expect(page.complaints).toEqual([]);
});

it('what is written while an answer is made waits and can be taken back; it takes effect where it says, or comes back', async () => {
  const page = await ChatPage.open(context, chat.url);
  const composer = page.page.getByTestId('composer');
  const say = async (text: string) => {
    await composer.fill(text);
    await composer.press('Enter');
  };
  const shown = (testId: string) => page.page.getByTestId(testId).allInnerTexts();
  // Its text has no paragraphs: nothing that is sent takes effect.
  await page.send('One', 'openai-responses.reasoning-tool', 10);
  await page.until(({ status, sequence }) => status === 'running' && sequence > 1);
  await say('Shorter');
  await expect.poll(() => shown('waiting')).toEqual(['Shorter']);
  await page.page.getByRole('button', { name: 'Change the message' }).click();
  await say('Much shorter');
  await expect.poll(() => shown('waiting')).toEqual(['Much shorter']);
  await page.page.getByRole('button', { name: 'Take the message back' }).click();
  await expect.poll(() => shown('waiting')).toEqual([]);
  await say('In French');
  await expect.poll(() => shown('waiting')).toEqual(['In French']);
  await page.until(({ status }) => status === 'completed');
  await expect.poll(() => composer.inputValue()).toBe('In French');
  await page.send('Two', RECORDING, SPEED);
  await page.until(({ turns, text }) => turns.length === 2 && text.length > 20);
  await say('In Rome');
  await expect.poll(() => shown('taken'), { timeout: 60_000 }).toEqual(['In Rome']);
  expect(await shown('waiting')).toEqual([]);
  await page.page.getByTestId('stop').click();
  await page.until((state) => state.turns.at(-1)?.status === 'aborted');
  await page.reload();
  await page.until(({ turns }) => turns.length === 2);
  expect(await shown('taken')).toEqual(['In Rome']);
  expect(page.complaints).toEqual([]);
});
