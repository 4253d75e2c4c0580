/**
 * The page of the AI SDK's example in a browser: the real `useChat`, with what its own documentation names and the three places
 * that the example adds.
 */
import { spawnSync } from 'node:child_process';
import { join } from 'node:path';
import type { Browser, BrowserContext, Page } from 'playwright-core';
import { afterAll, beforeAll, expect, it } from 'vitest';
import { launchChromium } from '../support/browser.js';
import { type Program, programFolder, ROOT, startProgram } from '../support/programs.js';
import { startTcpProxy, type TcpProxy } from '../support/tcp-proxy.js';

const STORY = /^Once upon a time .* it came back by itself\.$/;
const WAIT = { timeout: 60_000, interval: 20 };

let program: Program;
let link: TcpProxy;
let browser: Browser;
let context: BrowserContext;
const complaints: string[] = [];

beforeAll(async () => {
  const folder = programFolder();
  bundle('--outDir', join(folder, 'page'));
  bundle('--outDir', join(folder, 'server'), '--ssr', 'server.ts');
  program = await startProgram(join(folder, 'server', 'server.js'), { HOST: '127.0.0.1', WORD_MS: '60' });
  link = await startTcpProxy(Number(new URL(program.url).port));
  browser = await launchChromium();
  context = await browser.newContext();
});
afterAll(async () => {
  await browser?.close();
  await link?.close();
  await program?.end('SIGTERM');
});

/** As the command of its README does, elsewhere. */
function bundle(...args: readonly string[]): void {
  const vite = [join('node_modules', 'vite', 'bin', 'vite.js'), 'build', join('examples', 'ai-sdk')];
  const { status, stderr } = spawnSync(process.execPath, [...vite, ...args], { cwd: ROOT, encoding: 'utf8' });
  if (status !== 0) throw new Error(`Vite says:\n${stderr}`);
}

async function opened(url = `http://127.0.0.1:${link.port}`): Promise<Page> {
  const page = await context.newPage();
  page.on('pageerror', (error) => complaints.push(error.message));
  await page.goto(url);
  await page.waitForSelector('form');
  return page;
}

async function say(page: Page, text: string): Promise<void> {
  await page.fill('input[name=text]', text);
  await page.click('button[type=submit]');
}

/** What the newest answer says, its calls included. */
async function answerOn(page: Page): Promise<string> {
  const answers = page.locator('article[data-role=assistant]');
  return (await answers.count()) === 0 ? '' : answers.last().innerText();
}

const wordsOn = async (page: Page) => (await answerOn(page)).split(' ').length;
const stateOf = (page: Page) => page.textContent('[role=status]');

/** Until the answer is over. */
async function over(page: Page): Promise<string> {
  await expect.poll(() => stateOf(page), WAIT).toBe('ready');
  return answerOn(page);
}

it('an answer survives a reload in its middle, and a second tab shows the same', async () => {
  const page = await opened();
  await say(page, 'Tell me a story');
  await expect.poll(() => wordsOn(page), WAIT).toBeGreaterThan(5);
  const before = await answerOn(page);
  await page.reload();
  await expect.poll(() => answerOn(page), WAIT).toContain(before);
  expect(await stateOf(page)).toBe('streaming');
  const second = await opened(page.url());
  expect(await over(page)).toMatch(STORY);
  expect(await over(second)).toBe(await answerOn(page));
  // Once it is saved it comes from there.
  await expect
    .poll(async () => {
      await page.reload();
      await page.waitForSelector('article[data-role=user]');
      return answerOn(page);
    }, WAIT)
    .toMatch(STORY);
});

it('a broken link is come back from, without a lost or a doubled word', async () => {
  const page = await opened();
  await say(page, 'Tell me a story');
  await expect.poll(() => wordsOn(page), WAIT).toBeGreaterThan(5);
  link.cut();
  await expect.poll(() => stateOf(page), WAIT).not.toBe('streaming');
  link.restore();
  await expect.poll(() => answerOn(page), WAIT).toMatch(STORY);
  expect(await over(page)).toMatch(STORY);
});

it('an answer is stopped for good, not only on the page', async () => {
  const page = await opened();
  await say(page, 'Tell me a story');
  await expect.poll(() => wordsOn(page), WAIT).toBeGreaterThan(5);
  await page.click('text=Stop');
  const stopped = await over(page);
  expect(stopped).not.toMatch(STORY);
  await page.reload();
  await expect.poll(() => answerOn(page), WAIT).toContain(stopped);
  expect(await over(page)).not.toMatch(STORY);
});

it('a mail waits for a person, through a reload, and goes as it was edited', async () => {
  const page = await opened();
  await say(page, 'Send a mail to Bob');
  await page.waitForSelector('fieldset');
  await page.reload();
  await page.waitForSelector('fieldset');
  await page.fill('textarea', '{ "to": "eve", "text": "Tea?" }');
  await page.click('text=Allow as edited');
  await expect.poll(() => answerOn(page), WAIT).toContain('Done: that is what came of it.');
  expect(await over(page)).toContain('Sent “Tea?” to eve.');
  expect(await page.locator('fieldset').count()).toBe(0);
});

it('it goes as it was asked for when it is allowed, and not at all when it is rejected; a second tab comes too late', async () => {
  for (const [button, outcome] of [
    ['Allow', 'Sent “Lunch?” to bob.'],
    ['Reject', 'not allowed'],
  ]) {
    const page = await opened();
    await say(page, 'Send a mail to Bob');
    await page.waitForSelector('fieldset');
    const second = await opened(page.url());
    await second.waitForSelector('fieldset');
    await page.click(`fieldset button:has-text("${button}")`);
    await expect.poll(() => answerOn(page), WAIT).toContain('Done: that is what came of it.');
    expect(await over(page)).toContain(outcome);
    await second.click('text=Reject');
    await expect.poll(() => second.locator('fieldset').count(), WAIT).toBe(0);
    await expect.poll(() => stateOf(second), WAIT).not.toMatch(/submitted|streaming/);
    await second.reload();
    await expect.poll(() => answerOn(second), WAIT).toContain(outcome);
  }
  expect(complaints).toEqual([]);
});
