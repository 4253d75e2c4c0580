/** The page of a decision link in a real browser: what fetches it ahead decides nothing, and one press of its button decides. */
import type { Browser, BrowserContext, Page } from 'playwright-core';
import { afterAll, afterEach, beforeAll, expect, it } from 'vitest';
import { ask } from '../http/asking.js';
import { linkTo, serveLinks } from '../http/linking.js';
import { launchChromium } from '../support/browser.js';

let browser: Browser;
let context: BrowserContext;
let page: Page;

beforeAll(async () => {
  browser = await launchChromium();
});
afterEach(() => context?.close());
afterAll(() => browser?.close());

/** An action that waits, the address of a link to decide it, and what became of each request with it. */
async function asked(input: Parameters<typeof ask>[1] = {}, streamId = 'chat-1') {
  const results: string[] = [];
  const served = await serveLinks({
    manager: { observer: { decisionLink: (result) => results.push(result) } },
  });
  await ask(served, input, { streamId });
  const { token } = await linkTo(served, {}, { streamId });
  context = await browser.newContext();
  page = await context.newPage();
  return { served, results, token, address: `${served.decide}?token=${token}` };
}

it('is fetched ahead, opened and opened again without deciding; one press of a key decides, once (L141, A31)', async () => {
  const { served, results, token, address } = await asked();
  await page.setContent(`<link rel="prefetch" href="${address}"><p>A mail</p>`);
  await expect.poll(() => results).toEqual(['shown']);
  await page.goto(address);
  await page.reload();
  await expect.poll(() => page.getByRole('heading', { level: 1 }).textContent()).toContain('asked of you');
  expect(await served.manager.approvals.peek('chat-1')).not.toBeNull();

  for (const name of ['Approve', 'Reject']) {
    await page.keyboard.press('Tab');
    expect(await page.evaluate('document.activeElement.textContent')).toBe(name);
  }
  await page.keyboard.press('Shift+Tab');
  const posted = page.waitForRequest((request) => request.method() === 'POST');
  await page.keyboard.press('Enter');
  const request = await posted;
  expect(request.url()).not.toContain(token.slice(-20));
  expect(request.headers().referer).toBeUndefined();
  await page.getByRole('heading', { name: 'It is approved' }).waitFor();
  expect(page.url()).not.toContain('token');
  await expect.poll(() => served.runs.length).toBe(1);

  await page.goto(address);
  await page.getByText('decided already').waitFor();
  expect(await page.getByRole('button').count()).toBe(0);
  expect(served.runs).toEqual([{ by: 'ann', decisions: [{ id: 'call-1', decision: 'approve' }] }]);
  expect(await served.manager.approvals.history('chat-1')).toMatchObject([{ via: 'link', by: 'ann' }]);
});

it('shows text that would be markup as text, runs nothing of it, and is in no frame (A32)', async () => {
  const hostile =
    '</pre><script>document.title="taken"</script><img src=x onerror="document.title=\'taken\'">';
  const { address } = await asked({
    requests: [{ id: 'r', name: hostile, description: hostile, arguments: { text: hostile } }],
  });
  const requests: string[] = [];
  page.on('request', (request) => requests.push(request.resourceType()));
  await page.goto(address);
  await page.getByRole('heading', { level: 2, name: hostile }).waitFor();
  expect(await page.title()).toBe('A decision is asked of you');
  expect(await page.locator('img, script, iframe').count()).toBe(0);
  expect(requests).toEqual(['document']);
  const style = await page.evaluate("getComputedStyle(document.querySelector('main')).maxWidth");
  expect(style, 'its own style is allowed').toBe('640px');

  await page.goto('about:blank');
  await page.setContent(`<iframe src="${address}"></iframe>`);
  await expect.poll(() => page.frames()[1]?.url()).toContain('chrome-error:');
});
