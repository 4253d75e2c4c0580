/**
 * Headless Chromium, and the chat page in it as its tests see it: by test ids and by what the page says it holds.
 */
import { type Browser, type BrowserContext, chromium, type Locator, type Page } from 'playwright-core';
import { expect } from 'vitest';
import type { AskedAction } from '../../examples/chat/page/content/asked-action.js';

/** What `window.chatState()` answers. */
export interface ChatState {
  readonly conversationId?: string;
  readonly generation?: number;
  readonly text: string;
  readonly status?: string;
  readonly turns: readonly {
    readonly generation: number;
    readonly status: string;
    readonly text: string;
    readonly actions: readonly AskedAction[];
  }[];
  readonly cursor: string;
  /** The messages that wait for their turn. */
  readonly queued: readonly string[];
  /** Of the cursor; 0 before the first event. */
  readonly sequence: number;
  readonly connection: string;
  readonly problem: string;
}

/** What hasn't happened by then won't: the longest answer in a test plays for half a minute. */
const WAIT_MS = 60_000;

/** `npm test` installs Chromium where it can, and says where it is. */
export function launchChromium(): Promise<Browser> {
  return chromium.launch({
    executablePath: process.env.CHROMIUM_PATH ?? '/usr/bin/chromium',
    args: [
      '--no-sandbox',
      '--disable-gpu',
      '--disable-quic',
      '--no-first-run',
      '--disable-background-networking',
      '--disable-component-update',
      '--disable-sync',
    ],
  });
}

export class ChatPage {
  readonly page: Page;
  /** Everything the page complained about: exceptions, refused scripts, failed checks. */
  readonly complaints: string[] = [];

  private constructor(page: Page) {
    this.page = page;
    page.on('pageerror', (error) => this.complaints.push(error.message));
    page.on('console', (message) => {
      // The browser reports every lost connection, and every refusal, as an error; both are what is tested.
      const isNetwork =
        /^Failed to load resource: (net::|the server responded with a status of 4(03|04|09|10))/.test(
          message.text(),
        );
      if (message.type() === 'error' && !isNetwork) this.complaints.push(message.text());
    });
  }

  static async open(context: BrowserContext, url: string): Promise<ChatPage> {
    const page = await context.newPage();
    page.setDefaultTimeout(WAIT_MS);
    const chat = new ChatPage(page);
    await page.goto(url);
    await chat.ready();
    return chat;
  }

  /** Until the page's modules have run and the recordings are offered. */
  async ready(): Promise<void> {
    await this.page.getByTestId('recording').locator('option').first().waitFor({ state: 'attached' });
  }

  async reload(): Promise<void> {
    await this.page.reload({ waitUntil: 'commit' });
    await this.ready();
  }

  async send(text: string, recording: string, speed: number): Promise<void> {
    await this.page.getByTestId('recording').selectOption(recording);
    await this.page.getByTestId('speed').selectOption(String(speed));
    await this.page.getByTestId('composer').fill(text);
    await this.page.getByTestId('send').click();
  }

  async state(): Promise<ChatState> {
    const state: ChatState = await this.page.evaluate('window.chatState()');
    return { ...state, sequence: Number(state.cursor.split('-')[1] ?? 0) };
  }

  /** Asked from outside: the page's policy forbids the text evaluation that a wait inside the page would need. */
  async until(holds: (state: ChatState) => boolean): Promise<ChatState> {
    let state: ChatState | undefined;
    const look = async () => {
      state = await this.state();
      return holds(state);
    };
    await expect.poll(look, { interval: 10, timeout: WAIT_MS }).toBe(true);
    return state as ChatState;
  }

  /** Headless tabs always count as visible; this is what the page sees of being covered by another one. */
  async setHidden(isHidden: boolean): Promise<void> {
    await this.page.evaluate(`
      Object.defineProperty(document, 'hidden', { configurable: true, value: ${isHidden} });
      document.dispatchEvent(new Event('visibilitychange'));
    `);
  }

  /** Replica, cursor and connection, which are hidden until they are asked for. */
  async showDetails(): Promise<void> {
    const button = this.page.getByTestId('details');
    if ((await button.getAttribute('aria-expanded')) === 'false') await button.click();
  }

  async connection(): Promise<string> {
    return (await this.page.getByTestId('connection').textContent()) ?? '';
  }

  /** Of what the conversation asked, the newest. */
  get card(): Locator {
    return this.page.getByTestId('action').last();
  }

  /** Sends a message, and waits until the answer asks. */
  async sendUntilAsked(recording: string): Promise<void> {
    await this.send('Please', recording, 1000);
    await this.untilCard('pending');
  }

  async untilCard(state: 'pending' | 'decided' | 'expired' | 'withdrawn'): Promise<void> {
    await expect.poll(() => this.card.getAttribute('data-state'), { timeout: WAIT_MS }).toBe(state);
  }

  /** The whole answer is there, in memory and on the screen, and nothing went wrong on the way. */
  async expectAnswer(text: string): Promise<void> {
    // The answer before it may stand there completed until this one begins.
    const isThere = (state: ChatState) => state.status === 'completed' && state.text === text;
    const state = await this.until(isThere).catch(() => this.state());
    expect(state.text).toBe(text);
    expect(state.problem).toBe('');
    expect(this.complaints).toEqual([]);
    await expect.poll(() => this.connection(), { timeout: WAIT_MS }).toBe('done');
    // A conversation opened again shows what is stored of it first, and has a cursor once it follows.
    const isCursorShown = async () =>
      (await this.page.getByTestId('cursor').textContent()) === (await this.state()).cursor;
    await expect.poll(isCursorShown, { timeout: WAIT_MS }).toBe(true);
    const shown = await this.page.getByTestId('answer').locator('.markdown').allInnerTexts();
    expect(words(shown.join(''))).toBe(words(text));
  }
}

/** What is left of a text when Markdown's own signs, and how it is laid out, are taken away. */
function words(text: string): string {
  const addresses = text.replace(/\[([^\]]*)\]\([^)]*\)/g, '$1');
  return addresses.replace(/[^\p{Letter}\p{Number}]+/gu, '').replace(/\d+/g, '');
}
