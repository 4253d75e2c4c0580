/** "Always allow" on the card of a real browser, and the list that takes it back. */
import type { Browser } from 'playwright-core';
import { afterAll, beforeAll, expect, it } from 'vitest';
import { ChatPage, launchChromium } from '../support/browser.js';
import { recordedText } from '../support/chat-client.js';
import { type ChatProcess, startChat } from '../support/chat-process.js';

const RECORDING = 'openai-responses.mcp-approval.1';
const NEXT = recordedText('openai-responses.mcp-approval.2');

let chat: ChatProcess;
let browser: Browser;

beforeAll(async () => {
  chat = await startChat();
  browser = await launchChromium();
});

afterAll(async () => {
  await browser?.close();
  expect(await chat?.stop()).toBe(0);
});

it('L155 a call is always allowed on its card, is made unasked elsewhere, and asked about again once that is revoked', async () => {
  const page = await ChatPage.open(await browser.newContext(), chat.url);
  const { page: tab } = page;
  const rules = tab.getByTestId('rules');
  await page.sendUntilAsked(RECORDING);
  await page.card.getByTestId('remember').selectOption('user');
  await page.card.getByTestId('decide').click();
  await page.untilCard('decided');
  await page.expectAnswer(NEXT);

  await tab.getByTestId('new-chat').click();
  await page.send('Please', RECORDING, 1000);
  await page.expectAnswer(NEXT);
  expect(await page.card.count()).toBe(0);
  await tab.getByText('allowed by a rule of yours').first().waitFor({ state: 'attached' });

  await tab.getByTestId('show-rules').click();
  await rules.getByTestId('rule').getByText('create_short_url').waitFor();
  await rules.getByTestId('rule').getByText('everywhere, used 1 times').waitFor();
  await rules.getByRole('button', { name: 'Revoke' }).click();
  await rules.getByText('Nothing: you are asked about every call.').waitFor();
  await rules.getByRole('button', { name: 'Close' }).click();

  await tab.getByTestId('new-chat').click();
  await page.sendUntilAsked(RECORDING);
  expect(page.complaints).toEqual([]);
});
