import type { EventSourceMessage } from 'eventsource-parser';
import type { Browser } from 'playwright-core';
import { afterAll, beforeAll, expect, it } from 'vitest';
import { launchChromium } from '../support/browser.js';
import { opened, post, textOf } from '../support/following.js';
import { compiledExample, type Program, startProgram } from '../support/programs.js';

let program: Program;
let browser: Browser;

beforeAll(async () => {
  program = await startProgram(compiledExample('approvals'));
  browser = await launchChromium();
});

afterAll(async () => {
  await browser?.close();
  await program?.end('SIGTERM');
});

it.each([
  ['approve', { decision: 'approve' }, 'Sent “Lunch?” to bob.'],
  ['edit', { decision: 'edit', arguments: { to: 'eve', text: 'Dinner?' } }, 'Sent “Dinner?” to eve.'],
  ['reject', { decision: 'reject', reason: 'too early' }, 'Not sent.'],
])('an answer asks before it acts, and goes on as was decided: %s', async (_, decision, said) => {
  const api = `${program.url}/api/chat`;
  const { streamId } = (await post(api)).body;
  const events: EventSourceMessage[] = [];
  for await (const event of await opened(`${api}/stream/${streamId}`)) {
    events.push(event);
    if (event.event !== 'requires_action') continue;
    const { actionId, payloadDigest } = JSON.parse(event.data).action;
    const about = { streamId, actionId, payloadDigest };
    const noMail = [{ id: 'call-1', decision: 'edit', arguments: { to: 7 } }];
    const refused = await post(`${api}/resume`, { ...about, decisions: noMail });
    expect([refused.status, refused.body.error.code]).toEqual([403, 'action_refused']);
    const decisions = [{ id: 'call-1', ...decision }];
    expect((await post(`${api}/resume`, { ...about, decisions })).status).toBe(202);
  }
  const names = ['created', 'text', 'requires_action', 'resumed', 'text', 'completed'];
  expect(events.map(({ event }) => event)).toEqual(names);
  expect(textOf(events)).toBe(`I would write to Bob. ${said}`);
  expect(JSON.stringify(events)).not.toContain('build the run again');
});

it('the page shows the question again after a reload, tells what is wrong with an answer, and sends what was edited', async () => {
  const page = await browser.newPage();
  await page.goto(program.url);
  await page.click('#ask');
  await page.waitForSelector('#card:not([hidden])');
  await page.reload();
  await page.waitForSelector('#card:not([hidden])');
  expect(await page.textContent('#call')).toBe('Allow send_mail?');
  expect(await page.textContent('#state')).toBe('requires_action');

  await page.fill('#args', '{ not JSON');
  await page.click('[name=edit]');
  await expect.poll(() => page.textContent('#problem')).toContain('JSON');
  await page.fill('#args', '{ "to": "eve" }');
  await page.click('[name=edit]');
  await expect.poll(() => page.textContent('#problem')).toContain('the server does not accept');
  await page.fill('#args', '{ "to": "eve", "text": "Tea?" }');
  await page.click('[name=edit]');
  await expect.poll(() => page.textContent('#state')).toBe('completed');
  expect(await page.textContent('#answer')).toBe('I would write to Bob. Sent “Tea?” to eve.');
  expect(await page.isVisible('#card')).toBe(false);
});
