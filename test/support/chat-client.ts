/**
 * The example's routes over plain fetch, as somebody who has only read its README would call them; streams are read by
 * a parser that isn't ours.
 */
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { createParser } from 'eventsource-parser';
import type { Answer, Decision, PublicAction } from 'generation-jobs';
import { providerText } from '../../examples/chat/page/content/provider-text.js';
import { RECORDINGS_FOLDER } from './chat-process.js';

export interface Started {
  readonly streamId: string;
  readonly conversationId: string;
  readonly generation: number;
  readonly status: string;
}

export interface WireEvent {
  readonly id: string;
  readonly event: string;
  // biome-ignore lint/suspicious/noExplicitAny: what came over the wire, to be compared
  readonly data: any;
}

/** The recording's events, read from the file by the test itself. */
export function recordedEvents(name: string): unknown[] {
  const lines = readFileSync(join(RECORDINGS_FOLDER, `${name}.jsonl`), 'utf8').split('\n');
  return lines.filter((line) => line !== '').map((line) => JSON.parse(line));
}

/** Of a stream's events, those of the provider. */
export function providerEvents(events: readonly WireEvent[]): unknown[] {
  return events.filter(({ event }) => event === 'provider').map(({ data }) => data);
}

export function recordedText(name: string): string {
  return recordedEvents(name).map(providerText).join('');
}

/** A decision as the example's page would send it. */
export interface Said {
  readonly decisions?: readonly Decision[];
  readonly answers?: readonly Answer[];
  readonly idempotencyKey?: string;
}

export class ChatClient {
  readonly #url: string;
  readonly #headers: Record<string, string>;

  constructor(url: string, userId: string, tenantId?: string) {
    this.#url = url;
    this.#headers = { 'x-user-id': userId, ...(tenantId !== undefined && { 'x-tenant-id': tenantId }) };
  }

  post(path: string, body: unknown, headers: Record<string, string> = {}): Promise<Response> {
    return fetch(`${this.#url}/api/chat${path}`, {
      method: 'POST',
      headers: { ...this.#headers, 'content-type': 'application/json', ...headers },
      body: typeof body === 'string' ? body : JSON.stringify(body),
    });
  }

  get(path: string, init: RequestInit = {}): Promise<Response> {
    return fetch(`${this.#url}/api/chat${path}`, {
      ...init,
      headers: { ...this.#headers, ...(init.headers as Record<string, string>) },
    });
  }

  async json<T>(path: string): Promise<T> {
    return (await (await this.get(path)).json()) as T;
  }

  /** @throws Error when the answer isn't 200 */
  async start(request: object): Promise<Started> {
    const response = await this.post('', { text: 'Hello', ...request });
    if (response.status !== 200) throw new Error(`${response.status}: ${await response.text()}`);
    return (await response.json()) as Started;
  }

  /** Follows until the answer asks, and says what. */
  async untilAsked(streamId: string): Promise<{ events: WireEvent[]; action: PublicAction }> {
    const events = await this.follow(streamId, { enough: ({ event }) => event === 'requires_action' });
    return { events, action: events.at(-1)?.data.action };
  }

  decide(streamId: string, { actionId, payloadDigest }: PublicAction, said: Said): Promise<Response> {
    return this.post('/resume', { streamId, actionId, payloadDigest, ...said });
  }

  /** Follows until the response ends, or until `enough` says so. */
  async follow(streamId: string, options: FollowOptions = {}): Promise<WireEvent[]> {
    return (await this.attach(streamId, options)).events;
  }

  /** Resolves when the server has let the reader in: what happens from now on, it sees. */
  async attach(
    streamId: string,
    { after, enough = () => false }: FollowOptions = {},
  ): Promise<{ readonly events: Promise<WireEvent[]> }> {
    const leaving = new AbortController();
    const headers = after === undefined ? {} : { 'last-event-id': after };
    const response = await this.get(`/stream/${streamId}`, { headers, signal: leaving.signal });
    const { status, body } = response;
    if (status !== 200 || !body) throw new Error(`${status}: ${await response.text()}`);
    return { events: eventsOf(body, leaving, enough) };
  }
}

interface FollowOptions {
  readonly after?: string;
  readonly enough?: (event: WireEvent) => boolean;
}

async function eventsOf(
  body: ReadableStream<Uint8Array>,
  leaving: AbortController,
  enough: (event: WireEvent) => boolean,
): Promise<WireEvent[]> {
  const events: WireEvent[] = [];
  const parser = createParser({
    onEvent: ({ id = '', event = '', data }) => {
      if (!leaving.signal.aborted) events.push({ id, event, data: JSON.parse(data) });
      if (enough(events.at(-1) as WireEvent)) leaving.abort();
    },
  });
  try {
    const decoder = new TextDecoder();
    for await (const chunk of body) {
      parser.feed(decoder.decode(chunk, { stream: true }));
      // An answer that has come whole is not broken by the signal: Node would wait for more of it for ever.
      if (leaving.signal.aborted) break;
    }
  } catch (error) {
    if (!leaving.signal.aborted) throw error;
  }
  return events;
}
