/**
 * The page behind the example's front, on three replicas: whichever replica it is on, and whichever one dies, every tab
 * ends with the recording's text, exactly; or, with recovery switched off, with the named failure.
 */
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { fileURLToPath } from 'node:url';
import type { Browser, BrowserContext } from 'playwright-core';
import { afterAll, afterEach, beforeAll, expect, it } from 'vitest';
import { pick, seededRandom } from '../contract/seeded.js';
import { ChatPage, launchChromium } from '../support/browser.js';
import { recordedEvents, recordedText } from '../support/chat-client.js';
import { type ChatProcess, startChat } from '../support/chat-process.js';
import { producingReplica } from '../support/replicas-of.js';

const RECORDING = 'openai-chat.text';
const TEXT = recordedText(RECORDING);
const EVENTS = recordedEvents(RECORDING).length;
const ASKING = 'openai-responses.mcp-approval.1';
const DECIDED_TEXT = recordedText('openai-responses.mcp-approval.2');
const DECIDE_AND_DIE = fileURLToPath(new URL('../example/decide-and-die.mjs', import.meta.url));
const SETTINGS = { LEASE_MS: '1000' };

const seed = Number(process.env.TEST_SEED ?? Math.floor(Math.random() * 2 ** 32));
console.log(`replicas in the browser: TEST_SEED=${seed}`);
const random = seededRandom(seed);

let browser: Browser;
let context: BrowserContext;
const chats: ChatProcess[] = [];

beforeAll(async () => {
  browser = await launchChromium();
});

afterEach(async () => {
  await context.close();
  for (const chat of chats.splice(0)) expect(await chat.stop()).toBe(0);
});

afterAll(async () => {
  await browser?.close();
});

/** A fresh browser and three fresh replicas on a Redis of their own. */
async function setUp(
  env: Record<string, string> = {},
  options: Parameters<Browser['newContext']>[0] = {},
): Promise<ChatProcess> {
  context = await browser.newContext(options);
  const chat = await startChat({ args: ['--replicas', '3'], env: { ...SETTINGS, ...env } });
  chats.push(chat);
  return chat;
}

/** So many sequences in ascending order, all in the answer's first half: what follows takes its time too. */
function moments(count: number): number[] {
  return Array.from({ length: count }, () => 2 + pick(random, EVENTS / 2)).sort((a, b) => a - b);
}

async function replicaOf({ page }: ChatPage): Promise<string> {
  return (await page.getByTestId('replica').textContent()) ?? '';
}

/** Presses the button, and waits until the page says that it is elsewhere and follows again. */
async function switchReplica(page: ChatPage): Promise<void> {
  const before = await replicaOf(page);
  await page.showDetails();
  await page.page.getByTestId('switch-replica').click();
  await expect.poll(() => replicaOf(page)).not.toBe(before);
  await page.until(({ connection }) => connection === 'live' || connection === 'done');
}

/** A second tab, made to be on another replica than the first. */
async function openElsewhere(first: ChatPage): Promise<ChatPage> {
  // Only then does its address name the conversation.
  await first.until(({ sequence }) => sequence > 0);
  const second = await ChatPage.open(context, first.page.url());
  await second.until(({ sequence }) => sequence > 0);
  if ((await replicaOf(second)) === (await replicaOf(first))) await switchReplica(second);
  expect(await replicaOf(second)).not.toBe(await replicaOf(first));
  return second;
}

it('an answer survives switching replicas again and again, and the death of the one that makes it', async () => {
  const chat = await setUp();
  const first = await ChatPage.open(context, chat.url);
  // All the switching takes its time on a busy machine, and the answer must outlast it.
  await first.send('Tell me something long', RECORDING, 10);
  const producer = await producingReplica(chat);
  const second = await openElsewhere(first);
  const seen = new Set<string>();
  for (const moment of moments(5)) {
    await first.until(({ sequence }) => sequence >= moment);
    await switchReplica(first);
    seen.add(await replicaOf(first));
  }
  expect([...seen].sort()).toEqual(['1', '2', '3']);
  while ((await replicaOf(first)) !== producer.name) await switchReplica(first);

  const { status } = await first.state();
  process.kill(producer.pid, 'SIGKILL');
  expect(status).toBe('running');
  await expect.poll(() => replicaOf(first)).not.toBe(producer.name);
  for (const page of [first, second]) {
    await page.expectAnswer(TEXT);
    expect((await page.state()).turns).toHaveLength(1);
  }
  await switchReplica(first);
  expect(await replicaOf(first)).not.toBe(producer.name);
  await first.send('Again', 'google.search', 1000);
  for (const page of [first, second]) {
    await page.until(({ turns }) => turns.length === 2);
    await page.expectAnswer(recordedText('google.search'));
  }
});

it('without recovery, an answer whose replica was killed ends by name in every tab, on every replica', async () => {
  const chat = await setUp({ RECOVER: '0' });
  const first = await ChatPage.open(context, chat.url);
  await first.send('Tell me something long', RECORDING, 30);
  const producer = await producingReplica(chat);
  const second = await openElsewhere(first);
  const [moment = 0] = moments(1);
  const { text: before } = await first.until(({ sequence }) => sequence >= moment);
  process.kill(producer.pid, 'SIGKILL');
  const lost = await first.until(({ status }) => status === 'failed');
  expect(lost.text.startsWith(before)).toBe(true);
  expect(TEXT.startsWith(lost.text)).toBe(true);
  expect(lost.text.length).toBeLessThan(TEXT.length);
  const third = await ChatPage.open(context, first.page.url());
  for (const page of [first, second, third]) {
    await page.until(({ status, text }) => status === 'failed' && text === lost.text);
    await page.page.locator('.note', { hasText: 'producer_lost' }).waitFor();
    expect((await page.state()).problem).toBe('');
    expect(page.complaints).toEqual([]);
  }
  await switchReplica(third);
  await third.reload();
  await third.until(({ status, text }) => status === 'failed' && text === lost.text);
});

it('what a replica asked is decided on another one when it is gone, and every tab says by whom (F30, F33)', async () => {
  const chat = await setUp();
  const first = await ChatPage.open(context, chat.url);
  await first.sendUntilAsked(ASKING);
  const second = await openElsewhere(first);
  await second.untilCard('pending');
  await first.card.getByRole('button', { name: 'Answer by hand…' }).click();
  await first.card.getByLabel('Result to give').fill('half a thou');
  const shown = await replicaOf(first);
  const dying = chat.replicas.find(({ name }) => name === shown);
  process.kill(dying?.pid ?? 0, 'SIGKILL');
  await expect.poll(() => replicaOf(first)).not.toBe(shown);
  await switchReplica(first);
  // What was being written is still there.
  expect(await first.card.getByLabel('Result to give').inputValue()).toBe('half a thou');
  await first.card.getByRole('button', { name: 'Back' }).click();
  await first.card.getByTestId('decide').click();
  for (const page of [first, second]) {
    await page.untilCard('decided');
    await page.card.locator('.when', { hasText: 'by you' }).waitFor();
    await page.expectAnswer(DECIDED_TEXT);
  }

  await second.sendUntilAsked(ASKING);
  const { conversationId = '', turns } = await second.state();
  const { actionId, requests = [] } = turns.at(-1)?.actions[0]?.action ?? {};
  const decisions = requests.map(({ id }) => ({ id, decision: 'approve' }));
  const redisUrl = /^chat: (redis:\/\/127\.0\.0\.1:\d+)/m.exec(chat.output())?.[1] ?? '';
  const input = JSON.stringify({ actionId, by: 'a colleague', decisions });
  const [, signal] = await once(
    spawn(process.execPath, [DECIDE_AND_DIE, redisUrl, conversationId, input]),
    'exit',
  );
  expect(signal).toBe('SIGKILL');
  for (const page of [first, second]) {
    await page.untilCard('decided');
    await page.card.locator('.when', { hasText: 'by a colleague' }).waitFor();
    await page.expectAnswer(DECIDED_TEXT);
  }
});

it('there is room for the replica and its button on a phone', async () => {
  const chat = await setUp({}, { viewport: { width: 360, height: 780 }, hasTouch: true, isMobile: true });
  const page = await ChatPage.open(context, chat.url);
  await page.send('A chat', RECORDING, 1000);
  await page.expectAnswer(TEXT);
  const before = await replicaOf(page);
  await page.page.getByTestId('details').tap();
  await page.page.getByTestId('switch-replica').tap();
  await expect.poll(() => replicaOf(page)).toBe(String((Number(before) % 3) + 1));
  const overflow = await page.page.evaluate('document.documentElement.scrollWidth - innerWidth');
  expect(overflow).toBeLessThanOrEqual(0);
});
