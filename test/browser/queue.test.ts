/** Messages that are sent while an answer is made, to be answered when it is done, in a real browser. */
import type { Browser, BrowserContext } from 'playwright-core';
import { afterAll, afterEach, beforeAll, expect, it } from 'vitest';
import { ChatPage, launchChromium } from '../support/browser.js';
import { type ChatProcess, startChat } from '../support/chat-process.js';
import { type ScriptedModel, startScriptedModel } from '../support/scripted-model.js';

const BEGUN = 'An answer';
const WHOLE = `${BEGUN}, and its end.`;

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

async function newContext(): Promise<BrowserContext> {
  const context = await browser.newContext();
  contexts.push(context);
  return context;
}

async function sendWhenDone({ page }: ChatPage, text: string): Promise<void> {
  await page.getByTestId('composer').fill(text);
  await page.getByTestId('when-done').click();
}

const prompts = ({ page }: ChatPage) => page.locator('.turn .prompt').allInnerTexts();

it('L169 what is sent while an answer is made waits in a list, is moved and taken out there, and is answered in its turn', async () => {
  const context = await newContext();
  const page = await ChatPage.open(context, chat.url);
  const release = model.hold(WHOLE, BEGUN.length);
  await page.send('First', '', 1000);
  await page.until(({ text }) => text === BEGUN);
  await page.page.getByTestId('when-done').waitFor({ state: 'hidden' });
  await sendWhenDone(page, 'Second');
  await page.until(({ queued }) => queued.length === 1);
  await sendWhenDone(page, 'Third');
  await page.until(({ queued }) => queued.join() === 'Second,Third');
  const shown = page.page.getByTestId('queued');
  await expect.poll(() => shown.allInnerTexts()).toEqual(['Second', 'Third']);
  await page.page.getByRole('link', { name: 'First (is being written, 2 queued)' }).waitFor();

  await shown.nth(1).getByRole('button', { name: 'Answer it earlier' }).click();
  await page.until(({ queued }) => queued.join() === 'Third,Second');
  const address = page.page.url();
  const other = await ChatPage.open(context, address);
  await other.until(({ queued }) => queued.join() === 'Third,Second');
  await shown.nth(1).getByRole('button', { name: 'Take the message out' }).click();
  await page.until(({ queued }) => queued.join() === 'Third');
  await expect.poll(() => page.page.getByTestId('composer').inputValue()).toBe('Second');
  await other.until(({ queued }) => queued.join() === 'Third');
  await page.reload();
  await page.until(({ queued, text }) => queued.join() === 'Third' && text === BEGUN);

  release();
  const done = await page.until(
    ({ turns }) => turns.filter(({ status }) => status === 'completed').length === 2,
  );
  expect(done.turns.map(({ text }) => text)).toEqual([WHOLE, WHOLE]);
  await page.until(({ queued }) => queued.length === 0);
  await expect.poll(() => prompts(page)).toEqual(['First', 'Third']);
  await expect.poll(() => shown.count()).toBe(0);
  await page.page.getByRole('link', { name: 'First', exact: true }).waitFor();
  expect([done.problem, page.complaints, other.complaints]).toEqual(['', [], []]);
});

it('L169 a stop holds what waits until it is let go on, also when the list was opened anew', async () => {
  const page = await ChatPage.open(await newContext(), chat.url);
  const release = model.hold(WHOLE, BEGUN.length);
  await page.send('First', '', 1000);
  await page.until(({ text }) => text === BEGUN);
  await sendWhenDone(page, 'Later');
  await page.until(({ queued }) => queued.length === 1);
  await page.page.getByTestId('stop').click();
  await page.until(({ status }) => status === 'aborted');
  const goOn = page.page.getByTestId('go-on');
  await goOn.waitFor();
  await page.reload();
  await goOn.waitFor();
  await page.until(({ queued }) => queued.join() === 'Later');
  release();
  await goOn.click();
  await page.until(({ turns, queued }) => turns.at(-1)?.text === WHOLE && queued.length === 0);
  await expect.poll(() => prompts(page)).toEqual(['First', 'Later']);
  expect(page.complaints).toEqual([]);
});
