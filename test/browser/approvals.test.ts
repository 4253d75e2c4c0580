/**
 * What an answer asks, in a real browser: cards that can be filled in with mouse, thumb and keyboard, and that say in
 * every tab, and after every reload, what came of them.
 */
import type { Browser, BrowserContext, Page } from 'playwright-core';
import { afterAll, afterEach, beforeAll, describe, expect, it } from 'vitest';
import { ChatPage, launchChromium } from '../support/browser.js';
import { ChatClient, recordedText } from '../support/chat-client.js';
import { type ChatProcess, startChat } from '../support/chat-process.js';

const RECORDING = 'openai-responses.mcp-approval.1';
const NEXT = recordedText('openai-responses.mcp-approval.2');

let chat: ChatProcess;
let browser: Browser;
const contexts: BrowserContext[] = [];

beforeAll(async () => {
  chat = await startChat();
  browser = await launchChromium();
});

afterEach(async () => {
  for (const context of contexts.splice(0)) await context.close();
});

afterAll(async () => {
  await browser?.close();
  expect(await chat?.stop()).toBe(0);
});

async function newPage(options: Parameters<Browser['newContext']>[0] = {}, at = chat): Promise<ChatPage> {
  const context = await browser.newContext(options);
  contexts.push(context);
  return ChatPage.open(context, at.url);
}

/** The page's user past the page. */
async function userOf({ page }: ChatPage): Promise<ChatClient> {
  const cookies = await page.context().cookies();
  return new ChatClient(chat.url, cookies.find(({ name }) => name === 'user-id')?.value ?? '');
}

function submit({ card }: ChatPage) {
  return card.getByTestId('decide');
}

/** The text of the answer, without the cards in it. */
function answerText({ page }: ChatPage) {
  return page.getByTestId('answer').locator('.markdown').last();
}

function choice({ card }: ChatPage, name: string, request = 0) {
  return card.getByTestId('request').nth(request).getByRole('radio', { name });
}

async function expectDecided(page: ChatPage, ...words: string[]): Promise<void> {
  await page.untilCard('decided');
  for (const word of words) await page.card.getByText(word).first().waitFor();
  await page.card.locator('.when', { hasText: 'by you' }).waitFor();
  expect(await page.card.locator('form').count()).toBe(0);
  expect(page.complaints).toEqual([]);
}

/** What has the focus, in words. */
function focused(page: Page): Promise<string> {
  return page.evaluate('document.activeElement.textContent');
}

describe('a tool call that waits', () => {
  it('is allowed with one press, by keyboard alone, and the answer goes on', async () => {
    const page = await newPage();
    await page.sendUntilAsked(RECORDING);
    await expect.poll(() => focused(page.page)).toBe('Allow create_short_url?');
    await expect
      .poll(() => page.page.locator('#announcement').textContent())
      .toBe('The answer waits for your decision.');
    for (const key of ['Tab', 'Tab', 'Enter']) await page.page.keyboard.press(key);
    await expectDecided(page, 'Allowed: create_short_url');
    await page.expectAnswer(NEXT);
    await expect.poll(() => focused(page.page)).toBe('Allowed: create_short_url');
  });

  it('is named in the question, with its arguments shown once, in the field that changes them', async () => {
    const page = await newPage();
    await page.sendUntilAsked(RECORDING);
    const heading = page.card.getByRole('heading', { name: 'Allow create_short_url?' });
    expect(await heading.locator('code').innerText()).toBe('create_short_url');
    const editor = page.card.getByLabel('Arguments, as JSON');
    expect(await editor.isVisible()).toBe(true);
    expect(JSON.parse(await editor.inputValue())).toMatchObject({ url: 'https://ai-sdk.dev/' });
    expect(await page.card.innerText()).not.toContain('ai-sdk.dev');
    expect(await page.card.getByRole('textbox').count()).toBe(1);
    await submit(page).click();
    await page.expectAnswer(NEXT);
  });

  it('is rejected with a reason, after one that the server doesn’t accept', async () => {
    const page = await newPage();
    await page.sendUntilAsked(RECORDING);
    await page.card.getByRole('button', { name: 'Reject…' }).click();
    const reason = page.card.getByLabel('Reason (optional)');
    await expect.poll(() => reason.evaluate((area) => area === area.ownerDocument.activeElement)).toBe(true);
    await reason.fill('hunter2');
    await submit(page).click();
    await page.card.getByRole('alert').filter({ hasText: 'does not accept' }).waitFor();
    await page.untilCard('pending');
    await reason.fill('No shorteners, please');
    await submit(page).click();
    await expectDecided(page, 'Rejected: create_short_url', 'No shorteners, please');
    await answerText(page).getByText('No shorteners, please').waitFor();
    await page.until(({ status }) => status === 'completed');
    expect(await page.card.getByRole('alert').isVisible()).toBe(false);
  });

  it('is not rejected by a press that is taken back', async () => {
    const page = await newPage();
    await page.sendUntilAsked(RECORDING);
    await page.card.getByRole('button', { name: 'Reject…' }).click();
    await page.card.getByLabel('Reason (optional)').press('Escape');
    await expect.poll(() => focused(page.page)).toBe('Reject…');
    await page.card.getByRole('button', { name: 'Answer by hand…' }).click();
    await page.card.getByRole('button', { name: 'Back' }).click();
    await page.card.getByRole('button', { name: 'Allow', exact: true }).click();
    await page.expectAnswer(NEXT);
  });

  it('is edited as JSON, and can’t be sent before it is an object', async () => {
    const page = await newPage();
    await page.sendUntilAsked(RECORDING);
    const editor = page.card.getByLabel('Arguments, as JSON');
    for (const [text, complaint] of [
      ['{ "url": ', 'not JSON yet'],
      ['["url"]', 'an object'],
    ] as const) {
      await editor.fill(text);
      await page.card.getByText(complaint).waitFor();
      expect(await submit(page).isDisabled()).toBe(true);
      expect(await editor.getAttribute('aria-invalid')).toBe('true');
    }
    await editor.fill('{ "url": "https://example.com/" }');
    expect(await editor.getAttribute('aria-invalid')).toBe('false');
    await page.card.getByRole('button', { name: 'Allow with changes' }).click();
    await expectDecided(page, 'Allowed with changes: create_short_url');
    const { text } = await page.until(({ status }) => status === 'completed');
    expect(text).toContain('"url": "https://example.com/"');
    expect(text.endsWith(NEXT)).toBe(true);
    await page.page.getByTestId('answer').locator('figure.code').getByText('https://example.com/').waitFor();
  });

  it('is answered by hand, but not with nothing', async () => {
    const page = await newPage();
    await page.sendUntilAsked(RECORDING);
    await page.card.getByRole('button', { name: 'Answer by hand…' }).click();
    expect(await submit(page).isDisabled()).toBe(true);
    await page.card.getByLabel('Result to give').fill('zip1.io/by-hand');
    await submit(page).click();
    await expectDecided(page, 'Answered by hand: create_short_url', 'zip1.io/by-hand');
    await answerText(page).getByText('zip1.io/by-hand').waitFor();
  });

  it('still waits after a reload, and the composer works meanwhile', async () => {
    const page = await newPage();
    await page.sendUntilAsked(RECORDING);
    const before = await page.state();
    await page.reload();
    await page.untilCard('pending');
    expect(await page.state()).toMatchObject({ turns: before.turns, cursor: before.cursor });
    await page.card.locator('time').waitFor();
    await expect.poll(() => focused(page.page)).toBe('Allow create_short_url?');
    await page.page.getByTestId('composer').fill('Something else');
    expect(await page.page.getByTestId('send').isEnabled()).toBe(true);
    await page.page.getByTestId('composer').fill('');
    await page.page.getByTestId('stop').waitFor();
    await submit(page).click();
    await page.expectAnswer(NEXT);
  });

  it('is withdrawn when something else is asked for, and stays so in the history', async () => {
    const page = await newPage();
    await page.sendUntilAsked(RECORDING);
    await page.send('Something else', 'google.search', 1000);
    await page.expectAnswer(recordedText('google.search'));
    await page.untilCard('withdrawn');
    await page.reload();
    await page.until(({ turns }) => turns.length === 2);
    await page.untilCard('withdrawn');
    await page.page.locator('.note', { hasText: 'Replaced' }).waitFor();
    expect(page.complaints).toEqual([]);
  });
});

describe('questions', () => {
  it('are answered by options and in words, and stay answered in the history', async () => {
    const page = await newPage();
    await page.sendUntilAsked('demo.question');
    const [where, what] = [0, 1].map((index) => page.card.getByTestId('question').nth(index));
    await where?.getByRole('radio', { name: 'The sea' }).check();
    await where?.getByRole('radio', { name: 'The mountains' }).check();
    await where?.getByLabel('Or in your own words').fill('Not too high');
    expect(await submit(page).isDisabled()).toBe(true);
    await page.card.getByText('1 of 2 answered').waitFor();
    await what?.getByRole('checkbox', { name: 'Good food' }).check();
    await what?.getByRole('checkbox', { name: 'Music' }).check();
    await submit(page).click();
    await expectDecided(page, 'Answered', 'The mountains', 'Not too high', 'Good food', 'Music');
    const { text } = await page.until(({ status }) => status === 'completed');
    expect(text).toContain('Good food, Music');
    const [introduction, answer] = await page.page.locator('.turn .markdown').allInnerTexts();
    expect(introduction).toContain('I have two questions');
    expect(answer).toContain('Your weekend');

    await page.send('And now', 'google.search', 1000);
    await page.expectAnswer(recordedText('google.search'));
    const live = await page.state();
    await page.reload();
    await page.until(({ turns }) => turns.length === 2);
    expect((await page.state()).turns).toEqual(live.turns);
    await expectDecided(page, 'The mountains', 'Music');
  });
});

describe('several calls at once', () => {
  it('are decided each and sent together, on a phone', async () => {
    const page = await newPage({ viewport: { width: 360, height: 740 }, hasTouch: true, isMobile: true });
    const sent: string[] = [];
    page.page.on('request', (request) => {
      if (request.url().endsWith('/resume')) sent.push(request.postData() ?? '');
    });
    await page.sendUntilAsked('demo.batch');
    const decide = [
      () => choice(page, 'Allow', 0).check(),
      () => choice(page, 'Reject', 1).check(),
      () => choice(page, 'Allow', 2).check(),
    ];
    for (const [index, step] of decide.entries()) {
      await page.card.getByText(`${index} of 3 decided`).waitFor();
      expect(await submit(page).isDisabled()).toBe(true);
      await step();
    }
    const overflow = await page.page.evaluate('document.documentElement.scrollWidth - innerWidth');
    expect(overflow).toBeLessThanOrEqual(0);
    await submit(page).tap();
    await expectDecided(page, 'Decided', 'Allowed', 'Rejected');
    await page.until(({ status }) => status === 'completed');
    expect(sent.map((body) => JSON.parse(body))).toEqual([
      expect.objectContaining({
        payloadDigest: expect.any(String),
        idempotencyKey: expect.any(String),
        decisions: [
          { id: 'mail', decision: 'approve' },
          { id: 'calendar', decision: 'reject' },
          { id: 'room', decision: 'approve' },
        ],
      }),
    ]);
  });
});

describe('a second tab', () => {
  it('shows the decision of the first, and by whom', async () => {
    const first = await newPage();
    await first.sendUntilAsked(RECORDING);
    const second = await ChatPage.open(first.page.context(), first.page.url());
    await second.untilCard('pending');
    await second.card.getByRole('button', { name: 'Answer by hand…' }).click();
    await first.card.getByRole('button', { name: 'Reject…' }).click();
    await submit(first).click();
    for (const page of [first, second]) {
      await expectDecided(page, 'Rejected');
      await page.until(({ status }) => status === 'completed');
    }
    expect((await second.state()).turns).toEqual((await first.state()).turns);
  });

  it('that decides too late is told what was decided', async () => {
    const page = await newPage();
    await page.sendUntilAsked(RECORDING);
    const user = await userOf(page);
    await page.page.route('**/api/chat/resume', async (route) => {
      const { streamId, actionId, payloadDigest, decisions } = route.request().postDataJSON();
      const [{ id }] = decisions;
      await user.post('/resume', {
        streamId,
        actionId,
        payloadDigest,
        decisions: [{ id, decision: 'reject' }],
      });
      await route.continue();
    });
    await submit(page).click();
    await page.card.getByRole('alert').filter({ hasText: 'Already decided by you: rejected.' }).waitFor();
    await expectDecided(page, 'Rejected');
  });

  it('and a decision whose answer was lost is made once', async () => {
    const page = await newPage();
    await page.sendUntilAsked(RECORDING);
    let tries = 0;
    await page.page.route('**/api/chat/resume', async (route) => {
      if (++tries > 1) return route.continue();
      await route.fetch();
      return route.abort();
    });
    await submit(page).click();
    await expectDecided(page, 'Allowed');
    await page.expectAnswer(NEXT);
    await expect.poll(() => tries).toBe(2);
    expect(await page.card.getByRole('alert').isVisible()).toBe(false);
  });
});

it('what nobody decides in time is shown as expired, live and after a reload', async () => {
  const hasty = await startChat({ env: { APPROVAL_MS: '1500' } });
  const page = await newPage({}, hasty);
  await page.sendUntilAsked(RECORDING);
  await page.untilCard('expired');
  await page.card.getByText('Expired: nobody decided in time').waitFor();
  expect(await page.card.locator('form').count()).toBe(0);
  await page.reload();
  await page.untilCard('expired');
  await page.send('Again', 'google.search', 1000);
  await page.expectAnswer(recordedText('google.search'));
  await page.reload();
  await page.until(({ turns }) => turns.length === 2);
  await page.untilCard('expired');
  expect(page.complaints).toEqual([]);
  expect(await hasty.stop()).toBe(0);
});
