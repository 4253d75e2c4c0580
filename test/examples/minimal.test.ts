import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import type { Browser, Page } from 'playwright-core';
import { afterAll, beforeAll, expect, it } from 'vitest';
import { launchChromium } from '../support/browser.js';
import { followed, post, textOf } from '../support/following.js';
import { compiledExample, type Program, ROOT, startProgram } from '../support/programs.js';

const ANSWER = 'Once upon a time there was an answer that nobody had to wait for twice. ';
const WORDS = ANSWER.trim().split(' ').length;

let program: Program;
let browser: Browser;

beforeAll(async () => {
  program = await startProgram(compiledExample('minimal'));
  browser = await launchChromium();
});

afterAll(async () => {
  await browser?.close();
  await program?.end('SIGTERM');
});

it.each([
  ['minimal', 80],
  ['approvals', 150],
  ['redis', 60],
])('the example %s is read in a minute: server and page have at most %i lines', (name, most) => {
  const folder = join(ROOT, 'examples', name);
  const lines = readdirSync(folder).flatMap((file) =>
    readFileSync(join(folder, file), 'utf8').trimEnd().split('\n'),
  );
  expect(lines.length).toBeLessThanOrEqual(most);
});

it('an answer is streamed, goes on after a cursor, and begins with its content so far for who comes late', async () => {
  const { streamId } = (await post(`${program.url}/api/chat`)).body;
  const url = `${program.url}/api/chat/stream/${streamId}`;
  const events = await followed(url);
  expect(events.map(({ event }) => event)).toEqual(['created', ...Array(WORDS).fill('text'), 'completed']);
  expect(textOf(events)).toBe(ANSWER);

  expect(await followed(url, { 'last-event-id': events[1]?.id ?? '' })).toEqual(events.slice(2));
  const [sync] = await followed(`${url}?resume=true`);
  expect(JSON.parse(sync?.data ?? '')).toMatchObject({ content: { text: ANSWER }, status: 'completed' });
  const atEnd = await fetch(url, { headers: { 'last-event-id': events.at(-1)?.id ?? '' } });
  expect(atEnd.status).toBe(204);
});

it('the page survives reloads in the middle of an answer, and a second tab shows the same', async () => {
  const page = await opened();
  await page.click('#ask');
  for (const words of [2, 5]) {
    await expect.poll(() => wordsOn(page)).toBeGreaterThanOrEqual(words);
    const before = await textOn(page);
    await page.reload();
    await expect.poll(() => textOn(page)).toContain(before);
    expect(await stateOf(page)).toBe('running');
  }
  const second = await opened(page.url());
  for (const one of [page, second]) {
    await expect.poll(() => stateOf(one)).toBe('completed');
    expect(await textOn(one)).toBe(ANSWER);
  }
  await page.reload();
  await expect.poll(() => stateOf(page)).toBe('completed');
  expect(await textOn(page)).toBe(ANSWER);
});

it('the page stops an answer, also one that it has found again by a reload', async () => {
  const page = await opened();
  await page.click('#ask');
  await expect.poll(() => wordsOn(page)).toBeGreaterThanOrEqual(2);
  await page.reload();
  await expect.poll(() => stateOf(page)).toBe('running');
  await page.click('#stop');
  await expect.poll(() => stateOf(page)).toBe('aborted');
  const stopped = await textOn(page);
  expect(ANSWER.startsWith(stopped)).toBe(true);
  expect(stopped).not.toBe(ANSWER);
});

it('the page says so when the answer is not there any more', async () => {
  const page = await opened(`${program.url}/#no-such-answer`);
  await expect.poll(() => stateOf(page)).toBe('gone');
});

async function opened(url = program.url): Promise<Page> {
  const context = await browser.newContext();
  const page = await context.newPage();
  await page.goto(url);
  return page;
}

async function textOn(page: Page): Promise<string> {
  return (await page.textContent('#answer')) ?? '';
}

async function wordsOn(page: Page): Promise<number> {
  return (await textOn(page)).split(' ').length - 1;
}

async function stateOf(page: Page): Promise<string> {
  return (await page.textContent('#state')) ?? '';
}
