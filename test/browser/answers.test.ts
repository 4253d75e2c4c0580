/**
 * Answers on the screen, in a real browser, from a model that writes what a test has it write: code, tasks, and tools
 * where they were used.
 */
import type { Browser, BrowserContext } from 'playwright-core';
import { afterAll, afterEach, beforeAll, describe, expect, it } from 'vitest';
import { ChatPage, launchChromium } from '../support/browser.js';
import { recordedText } from '../support/chat-client.js';
import { type ChatProcess, startChat } from '../support/chat-process.js';
import { type ScriptedModel, startScriptedModel } from '../support/scripted-model.js';

const CODE = 'const answer: number = 42; // <b>not bold</b>\nexport function greet() {}\n';

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

async function write(page: ChatPage, answer: string): Promise<void> {
  model.say(answer);
  await page.send('Please', '', 1000);
  await page.until(({ text, status }) => text === answer && status === 'completed');
}

describe('code in an answer', () => {
  it('has its language, colours and a button that copies exactly what was written', async () => {
    const page = await newPage({ permissions: ['clipboard-read', 'clipboard-write'] });
    await write(
      page,
      `Here:\n\n\`\`\`ts\n${CODE}\`\`\`\n\n- in a list:\n\n  \`\`\`python\n  x = "y"\n  \`\`\`\n`,
    );
    const [block, nested] = [0, 1].map((index) => page.page.locator('figure.code').nth(index));
    expect(await block?.locator('figcaption').innerText()).toBe('ts');
    expect(await nested?.locator('figcaption').innerText()).toBe('python');
    await block?.locator('.hljs-keyword', { hasText: 'const' }).waitFor();
    await nested?.locator('.hljs-string', { hasText: '"y"' }).waitFor();
    expect(await block?.locator('code').textContent()).toBe(CODE.trimEnd());
    expect(await block?.locator('b').count()).toBe(0);
    await block?.getByRole('button', { name: 'Copy the code' }).click();
    await expect.poll(() => page.page.locator('#announcement').textContent()).toBe('Copied');
    expect(await page.page.evaluate('navigator.clipboard.readText()')).toBe(CODE.trimEnd());
    expect(page.complaints).toEqual([]);
  });

  it('is fetched from this server alone, and of an unknown language it stays plain', async () => {
    const page = await newPage();
    const requested: string[] = [];
    page.page.on('request', (request) => requested.push(request.url()));
    await write(page, '```klingon\nconst x = 1;\n```\n\n```json\n{ "a": 1 }\n```');
    await page.page.locator('.hljs-number').waitFor();
    const plain = page.page.locator('figure.code').first();
    expect(await plain.locator('figcaption').innerText()).toBe('klingon');
    expect(await plain.locator('code > *').count()).toBe(0);
    expect(requested.some((address) => address.endsWith('/packages/highlightjs/es/core.min.js'))).toBe(true);
    expect(requested.filter((address) => !address.startsWith(chat.url))).toEqual([]);
  });

  it('keeps the focus on its button while it is still being written', async () => {
    const page = await newPage();
    const lines = Array.from({ length: 60 }, (_, index) => `line(${index});`).join('\n');
    const release = model.hold(`\`\`\`js\n${lines}\n\`\`\``, 100);
    await page.send('Please', '', 1000);
    const button = page.page.getByRole('button', { name: 'Copy the code' });
    await button.focus();
    release();
    await page.until(({ status }) => status === 'completed');
    expect(await button.evaluate((element) => element === element.ownerDocument.activeElement)).toBe(true);
  });
});

it('a task list has boxes instead of bullets, and says which tasks are done', async () => {
  const page = await newPage();
  await write(page, '- [x] written\n- [ ] tested\n\n---\n\n- plain\n');
  const style = (text: string) =>
    page.page
      .locator('.markdown li', { hasText: text })
      .evaluate((element) => element.ownerDocument.defaultView?.getComputedStyle(element).listStyleType);
  expect([await style('written'), await style('tested'), await style('plain')]).toEqual([
    'none',
    'none',
    'disc',
  ]);
  expect(await page.page.getByRole('checkbox', { name: 'done' }).isChecked()).toBe(true);
  expect(await page.page.getByRole('checkbox', { name: 'to do' }).isDisabled()).toBe(true);
});

it('tools are shown where they were used in the answer, live and after a reload', async () => {
  const page = await newPage();
  const recording = 'anthropic.code-execution';
  await page.send('Write code', recording, 1000);
  await page.expectAnswer(recordedText(recording));
  const order = () =>
    page.page
      .getByTestId('answer')
      .locator(':scope > *')
      .evaluateAll((parts) => parts.map((part) => part.textContent?.replace(/\s+/g, ' ')));
  const live = await order();
  expect(live).toEqual([
    expect.stringMatching(/^I'll help .*Let's start: ?$/),
    expect.stringContaining('Used text editor code execution'),
    expect.stringMatching(/^Now let's execute/),
    expect.stringContaining('Used bash code execution'),
    expect.stringMatching(/^Perfect!/),
    expect.stringContaining('Used bash code execution'),
    expect.stringMatching(/^Excellent!/),
  ]);
  await page.reload();
  await page.expectAnswer(recordedText(recording));
  expect(await order()).toEqual(live);
});
