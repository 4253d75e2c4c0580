/**
 * The client and the hook in a real browser, with the library's routes on a real server behind them: what a network and a
 * browser do to a page, and what React does to a component.
 */
import type { Express } from 'express';
import type { GenerationJobManager } from 'generation-jobs';
import type { FollowState } from 'generation-jobs/client';
import { textContent } from 'generation-jobs/content';
import type { Browser, Page } from 'playwright-core';
import { afterAll, afterEach, beforeAll, describe, expect, it, onTestFinished } from 'vitest';
import { type ServeInput, serve } from '../http/serving.js';
import { launchChromium } from '../support/browser.js';
import { bundled } from '../support/bundle.js';
import { startTcpProxy } from '../support/tcp-proxy.js';

const PROGRAMS = {
  client: { program: 'test/browser/pages/client-page.ts' },
  react19: { program: 'test/browser/pages/react-page.ts' },
  react18: {
    program: 'test/browser/pages/react-page.ts',
    alias: { react: 'react18', 'react-dom': 'react-dom18' },
  },
} as const;
type Program = keyof typeof PROGRAMS;

const WORDS = Array.from({ length: 40 }, (_, at) => `word-${at} `);
const TEXT = WORDS.join('');

let browser: Browser;
const programs = new Map<Program, string>();
const pages: Page[] = [];

beforeAll(async () => {
  browser = await launchChromium();
  for (const [name, input] of Object.entries(PROGRAMS)) programs.set(name as Program, await bundled(input));
});

afterEach(async () => {
  for (const page of pages.splice(0)) await page.context().close();
});

afterAll(() => browser?.close());

/** A server with the routes and the page; `streamed` counts the requests for streams. */
async function host(before: (app: Express) => void = () => {}, input: ServeInput = {}) {
  const counted = { streams: 0 };
  const served = await serve({
    ...input,
    manager: { contentModels: [textContent()] },
    routes: {
      ...{ retryMs: 10, heartbeatMs: 50 },
      onResume: async (job) => {
        await (job as Awaited<ReturnType<typeof start>>).emit({ event: 'text', data: { text: 'Sent.' } });
      },
    },
    before: (app) => {
      app.get('/:program', ({ params }, response, next) => {
        const script = params.program.endsWith('.js');
        const text = programs.get(params.program.replace('.js', '') as Program);
        if (text === undefined) next();
        else if (script) response.type('js').send(text);
        else response.type('html').send(documentOf(params.program));
      });
      app.use('/api/chat/stream', (_request, _response, next) => {
        counted.streams++;
        next();
      });
      before(app);
    },
  });
  return { ...served, counted };
}

const documentOf = (program: string) =>
  `<!doctype html><link rel="icon" href="data:,"><div id="root"></div><script type="module" src="/${program}.js"></script>`;

async function start(manager: GenerationJobManager, streamId: string) {
  const made = await manager.createJob({ streamId, userId: 'ann', contentModel: 'text' });
  if (!made.started) throw new Error('not started');
  return made.job;
}

const word = (text: string) => ({ event: 'text', data: { text } });

/** A page that has run its program; what it complains of is a failure. */
async function open(port: number, program: Program): Promise<Page> {
  const page = await (await browser.newContext()).newPage();
  pages.push(page);
  page.setDefaultTimeout(60_000);
  page.on('pageerror', (error) => {
    throw error;
  });
  await page.goto(`http://127.0.0.1:${port}/${program}`);
  return page;
}

const sequences = async (page: Page): Promise<number[]> =>
  (await page.evaluate<string[]>('events.map(({ cursor }) => cursor)')).map((cursor) =>
    Number(cursor.split('-')[1]),
  );

describe('a page without a framework', () => {
  it('a half-open connection is noticed by its silence, and the answer goes on by another', async () => {
    const { manager, port } = await host();
    const proxy = await startTcpProxy(port);
    onTestFinished(() => proxy.close());
    const page = await open(proxy.port, 'client');
    const job = await start(manager, 's-1');
    for (const text of WORDS.slice(0, 10)) await job.emit(word(text));
    await page.evaluate(`follow('/api/chat/stream/s-1', { stallMs: 1000 })`);
    await page.waitForFunction(`text().includes('word-9')`);
    proxy.freeze();
    for (const text of WORDS.slice(10)) await job.emit(word(text));
    await job.complete();
    await page.waitForFunction(`states.at(-1) === 'ended'`);
    expect(await page.evaluate('text()')).toBe(TEXT);
    const [first = 0, ...rest] = await sequences(page);
    expect(rest).toEqual(rest.map((_, at) => first + at + 1));
    expect(await page.evaluate('states')).toContain('waiting');
  });

  it('a slow one is kept: what trickles is alive', async () => {
    const { manager, port, counted } = await host();
    const page = await open(port, 'client');
    const devtools = await page.context().newCDPSession(page);
    const job = await start(manager, 's-1');
    await devtools.send('Network.enable');
    await devtools.send('Network.emulateNetworkConditions', {
      ...{ offline: false, latency: 300, downloadThroughput: 8_000, uploadThroughput: 8_000 },
    });
    await page.evaluate(`follow('/api/chat/stream/s-1', { stallMs: 5000, resume: false })`);
    await page.waitForFunction('events.length === 1');
    for (const text of WORDS) await job.emit(word(text.padEnd(300, '.')));
    await job.complete();
    await page.waitForFunction(`states.at(-1) === 'ended'`);
    expect(await sequences(page)).toEqual([1, ...WORDS.map((_, at) => at + 2), WORDS.length + 2]);
    expect(await page.evaluate('states')).toEqual(['connecting', 'live', 'ended']);
    expect(counted.streams).toBe(1);
  });

  it('a tab that was frozen while its connection broke goes on where it was when it thaws', async () => {
    const { manager, port, cut } = await host();
    const page = await open(port, 'client');
    const devtools = await page.context().newCDPSession(page);
    const job = await start(manager, 's-1');
    for (const text of WORDS.slice(0, 10)) await job.emit(word(text));
    await page.evaluate(`follow('/api/chat/stream/s-1')`);
    await page.waitForFunction(`text().includes('word-9')`);
    await devtools.send('Page.setWebLifecycleState', { state: 'frozen' });
    cut();
    for (const text of WORDS.slice(10)) await job.emit(word(text));
    await job.complete();
    await devtools.send('Page.setWebLifecycleState', { state: 'active' });
    await page.waitForFunction(`states.at(-1) === 'ended'`);
    expect(await page.evaluate('text()')).toBe(TEXT);
    const [first = 0, ...rest] = await sequences(page);
    expect(rest).toEqual(rest.map((_, at) => first + at + 1));
  });

  it('a long pause ends when the network is back, or somebody looks', async () => {
    const { manager, port, cut } = await host();
    const page = await open(port, 'client');
    const job = await start(manager, 's-1');
    await page.evaluate(`follow('/api/chat/stream/s-1', { longestPauseMs: 3600000 })`);
    await page.waitForFunction('events.length === 1');
    for (const wake of [
      `dispatchEvent(new Event('focus'))`,
      `dispatchEvent(new Event('online'))`,
      `dispatchEvent(new PageTransitionEvent('pageshow'))`,
      `document.dispatchEvent(new Event('visibilitychange'))`,
      `document.dispatchEvent(new Event('resume'))`,
    ]) {
      // A server that answers, and sends everybody away for an hour.
      await page.route('**/stream/**', (route) =>
        route.fulfill({ status: 200, contentType: 'text/event-stream', body: 'retry: 3600000\n\n' }),
      );
      cut();
      await page.waitForFunction(`states.at(-1) === 'waiting' && pauses.at(-1) === 3600000`);
      await page.unroute('**/stream/**');
      await page.evaluate(wake);
      await page.waitForFunction(`states.at(-1) === 'live'`);
    }
    await job.complete();
    await page.waitForFunction(`states.at(-1) === 'ended'`);
    expect(await sequences(page)).toEqual([1, 2]);
  });

  it('a token that has expired is refreshed, and the answer goes on', async () => {
    let valid = 1;
    const { manager, port, cut } = await host((app) => {
      app.get('/sign-in', (_request, response) => response.send(String(valid)));
      app.use('/api', (request, response, next) =>
        request.get('authorization') === `Bearer ${valid}` ? next() : response.status(401).json({}),
      );
    });
    const page = await open(port, 'client');
    const job = await start(manager, 's-1');
    await page.evaluate(`follow('/api/chat/stream/s-1')`);
    await page.waitForFunction('events.length === 1');
    valid = 2;
    cut();
    await job.emit(word('a'));
    await job.complete();
    await page.waitForFunction(`states.at(-1) === 'ended'`);
    expect(await sequences(page)).toEqual([1, 2, 3]);
    expect(await page.evaluate('refused.filter((status) => status === 401).length')).toBe(1);
  });
});

describe.each(['react18', 'react19'] as const)('a component of %s', (react) => {
  it('follows by one connection in strict mode, renders what comes, and leaves when it is unmounted', async () => {
    const { manager, port, counted } = await host();
    const page = await open(port, react);
    await page.waitForFunction('window.shown !== undefined');
    expect(await page.evaluate('shown.connection')).toBeNull();
    const job = await start(manager, 's-1');
    await job.emit(word('Once '));
    await page.evaluate(`show('s-1')`);
    await page.locator('#answer', { hasText: 'Once' }).waitFor();
    await job.emit(word('upon'));
    await page.locator('#answer', { hasText: 'Once upon' }).waitFor();
    expect(await page.evaluate<FollowState>('shown.connection')).toEqual({ name: 'live' });
    expect(await page.evaluate('shown.status')).toBe('running');
    expect(counted.streams).toBe(1);
    await page.evaluate('unmount()');
    await expect.poll(async () => (await manager.stats()).process.followers).toBe(0);
    expect(await page.evaluate('document.getElementById("answer")')).toBeNull();
    expect(counted.streams).toBe(1);
  });

  it('shows another stream, and nothing of the one before, when its id changes', async () => {
    const { manager, port } = await host();
    const page = await open(port, react);
    const [one, other] = [await start(manager, 's-1'), await start(manager, 's-2')];
    await one.emit(word('the first'));
    await other.emit(word('the second'));
    await page.evaluate(`show('s-1')`);
    await page.locator('#answer', { hasText: 'the first' }).waitFor();
    await page.evaluate(`show('s-2')`);
    await page.locator('#answer', { hasText: 'the second' }).waitFor();
    await one.emit(word(', still'));
    await other.complete();
    await page.waitForFunction(`shown.connection.name === 'ended'`);
    expect(await page.locator('#answer').textContent()).toBe('the second');
    await page.evaluate('show(null)');
    await page.waitForFunction('shown.connection === null && shown.content === undefined');
    await expect.poll(async () => (await manager.stats()).process.followers).toBe(0);
  });

  it('stops the answer that is shown, decides what it asks, and says what was refused', async () => {
    const { manager, port } = await host();
    const page = await open(port, react);
    const job = await start(manager, 's-1');
    await page.evaluate(`show('s-1')`);
    // Nobody awaits it: the error is shown, and the page has no unhandled rejection.
    await page.waitForFunction(`shown.status === 'running'`);
    await page.evaluate(`void shown.decide('approve')`);
    await page.waitForFunction(`shown.error?.code === 'nothing_pending'`);
    await job.pause({ type: 'tool_approval', requests: [{ id: 'call-1', name: 'send_mail' }] });
    await page.waitForFunction(`shown.pendingAction?.requests[0].id === 'call-1'`);
    await page.evaluate(`shown.decide('approve')`);
    await page.locator('#answer', { hasText: 'Sent.' }).waitFor();
    await page.waitForFunction(`shown.pendingAction === null && shown.error === undefined`);
    await page.waitForFunction(`shown.status === 'completed'`);
    const next = await start(manager, 's-2');
    await page.evaluate(`show('s-2')`);
    await page.waitForFunction(`shown.status === 'running'`);
    expect(await page.evaluate('shown.stop().then(({ aborted }) => aborted)')).toBe(true);
    await page.waitForFunction(`shown.status === 'aborted' && shown.connection.name === 'ended'`);
    expect(next.signal.aborted).toBe(true);
  });
});
