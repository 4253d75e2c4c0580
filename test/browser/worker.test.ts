/**
 * The page in a real browser, while a worker behind the gateway makes the answers: whole, or killed in mid-answer; and with an
 * agent that is a command beside it.
 */
import type { Browser, BrowserContext } from 'playwright-core';
import { afterAll, beforeAll, expect, it, onTestFinished } from 'vitest';
import { answerFor } from '../../examples/chat/standing-in/words.js';
import { ChatPage, launchChromium } from '../support/browser.js';
import { recordedText } from '../support/chat-client.js';
import { type ChatProcess, startChat, workerOf } from '../support/chat-process.js';

const LONG_LEASE = { WORKER_LEASE_MS: '3600000' };
const RECORDING = 'openai-chat.text';
const TEXT = recordedText(RECORDING);

let chat: ChatProcess;
let browser: Browser;
let context: BrowserContext;
beforeAll(async () => {
  // Nobody goes on with what has died, and no lease lapses within this test.
  const env = { ...LONG_LEASE, RECOVER: '0' };
  chat = await startChat({ args: ['--worker'], env });
  browser = await launchChromium();
  context = await browser.newContext();
});
afterAll(async () => {
  await context?.close();
  await browser?.close();
  expect(await chat?.stop()).toBe(0);
});

it('an answer that a worker makes is shown whole, also after a reload in its middle', async () => {
  const page = await ChatPage.open(context, chat.url);
  await page.send('Tell me something long', RECORDING, 100);
  const { status } = await page.until(({ sequence }) => sequence >= 30);
  expect(status).toBe('running');
  await page.reload();
  await page.expectAnswer(TEXT);
});

it('a worker killed in mid-answer: the page shows at once that the answer has failed, and the next one is whole', async () => {
  const page = await ChatPage.open(context, chat.url);
  await page.send('Tell me something long', RECORDING, 10);
  await page.until(({ sequence }) => sequence >= 10);
  process.kill(await workerOf(chat), 'SIGKILL');
  const { text } = await page.until(({ status }) => status === 'failed');
  expect(text).not.toBe('');
  expect(TEXT.startsWith(text)).toBe(true);
  const note = page.page.locator('.turn.is-last .note');
  await expect.poll(() => note.innerText()).toContain('producer_lost');
  await page.send('Once more', RECORDING, 1000);
  await page.until(({ turns }) => turns.length === 2);
  await page.expectAnswer(TEXT);
});

it('an agent’s words, its tool and its question are shown, and it goes on once it is allowed to', async () => {
  const commands = await startChat({
    args: ['--worker', '--cli', 'claude-code'],
    env: { ...LONG_LEASE, PATH: '' },
  });
  onTestFinished(async () => {
    expect(await commands.stop()).toBe(0);
  });
  const page = await ChatPage.open(await browser.newContext(), commands.url);
  const choice = page.page.getByTestId('recording').locator('option').first();
  expect(await choice.textContent()).toBe('claude-code (a stand-in)');
  await page.page.getByTestId('composer').fill('Look around');
  await page.page.getByTestId('send').click();
  await page.untilCard('pending');
  await page.card.getByRole('button', { name: 'Allow', exact: true }).click();
  await page.expectAnswer(answerFor('claude-code', 'Look around'));
  expect(await page.page.getByTestId('tools').innerText()).toContain('Bash');
});
