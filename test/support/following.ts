/** What tests of programs ask over HTTP: a stream's events as an independent parser reads them, and posts. */
import type { EventSourceMessage } from 'eventsource-parser';
import { EventSourceParserStream } from 'eventsource-parser/stream';
import { expect } from 'vitest';

export async function opened(
  url: string,
  headers: Record<string, string> = {},
): Promise<AsyncIterable<EventSourceMessage>> {
  const response = await fetch(url, { headers });
  expect(response.status).toBe(200);
  const text = response.body?.pipeThrough(new TextDecoderStream());
  if (text === undefined) throw new Error('The answer has no body.');
  return text.pipeThrough(new EventSourceParserStream());
}

/** All events up to the end of the body. */
export async function followed(url: string, headers: Record<string, string> = {}) {
  const events: EventSourceMessage[] = [];
  for await (const event of await opened(url, headers)) events.push(event);
  return events;
}

export async function post(url: string, body: object = {}) {
  const headers = { 'content-type': 'application/json' };
  const response = await fetch(url, { method: 'POST', headers, body: JSON.stringify(body) });
  const answer = (await response.json()) as { streamId: string; error: { code: string } };
  return { status: response.status, body: answer };
}

/** As a page shows them: the content of each `sync`, and the text after it. */
export function textOf(events: readonly EventSourceMessage[]): string {
  return events.reduce((text, { event, data }) => {
    if (event === 'sync') return JSON.parse(data).content.text;
    if (event === 'recovered' && JSON.parse(data).restart) return '';
    return event === 'text' ? text + JSON.parse(data).text : text;
  }, '');
}
