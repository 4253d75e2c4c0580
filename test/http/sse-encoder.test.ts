import { createParser, type EventSourceMessage } from 'eventsource-parser';
import fc from 'fast-check';
import { GenerationJobError } from 'generation-jobs';
import { describe, expect, it } from 'vitest';
import {
  encodeBatch,
  encodeComment,
  encodeEvent,
  encodePlace,
  encodeRetry,
} from '../../src/http/sse-encoder.js';
import { follow, serve, startJob } from './serving.js';

/** What a client's parser makes of a text that arrives cut at these places. */
function parse(text: string, cuts: readonly number[] = []): EventSourceMessage[] {
  const events: EventSourceMessage[] = [];
  const parser = createParser({
    onEvent: (event) => events.push(event),
    onError: (error) => {
      throw error;
    },
  });
  const places = [0, ...[...cuts].sort((a, b) => a - b).filter((cut) => cut < text.length), text.length];
  for (const [index, place] of places.slice(1).entries()) parser.feed(text.slice(places[index], place));
  return events;
}

const logEvent = (sequence: number, event: string, data: unknown) => ({
  sequence,
  event,
  data: JSON.stringify(data),
  attempt: 1,
});

/** Everything that means something to some parser of some line-based format. */
const HOSTILE = [
  'a\rb',
  'a\nb',
  'a\r\nb',
  '\n\n',
  'x\n\ndata: injected\n\n',
  'data: x',
  'id: 1-1',
  'event: completed',
  ':comment',
  '\u2028\u2029',
  '\ufeffBOM',
  '\0',
  '\ud800',
  '\udc00x',
  '\u{1f600}',
  '',
];

describe('the SSE encoder', () => {
  it('writes what an independent parser reads back, however the text is cut on its way (A6)', () => {
    const value = fc.oneof(fc.constantFrom(...HOSTILE), fc.string({ unit: 'binary' }), fc.jsonValue());
    fc.assert(
      fc.property(fc.array(value, { minLength: 1 }), fc.array(fc.nat(2000)), (values, cuts) => {
        const events = values.map((data, index) => logEvent(index + 1, 'text', data));
        const read = parse(encodeBatch({ generation: 7, events }), cuts);
        expect(read).toEqual(
          events.map(({ data, sequence }) => ({ id: `7-${sequence}`, event: 'text', data })),
        );
      }),
    );
  });

  it('carries hostile text through a server and back, with no extra event (A6)', async () => {
    const { manager, url } = await serve();
    const job = await startJob(manager, 'chat-1');
    for (const text of HOSTILE) void job.emit({ event: 'text', data: { [text]: text } });
    await job.complete();
    const reader = await follow(`${url}/stream/chat-1`);
    await reader.over;
    const texts = reader.events.filter(({ event }) => event === 'text');
    expect(texts.map(({ data }) => JSON.parse(data))).toEqual(HOSTILE.map((text) => ({ [text]: text })));
    expect(reader.events).toHaveLength(HOSTILE.length + 2);
  });

  it('refuses an id, a name or data that would break the stream, and repairs none (A7)', () => {
    const refused = (write: () => string) => expect(write).toThrow(GenerationJobError);
    for (const bad of ['a\nb', 'a\rb', 'a\r\nb', '\n']) {
      refused(() => encodeEvent('1-1', bad, '1'));
      refused(() => encodeEvent(bad, 'text', '1'));
      refused(() => encodeEvent('1-1', 'text', bad));
      refused(() => encodeComment(bad));
      refused(() => encodePlace(bad));
    }
    refused(() => encodeEvent('1-1', 'a\0b', '1'));
    refused(() => encodeEvent('1-\0', 'text', '1'));
    refused(() => encodePlace('\0'));
  });

  it('is never asked to: such a name is refused at emit, before the log (A7)', async () => {
    const { manager } = await serve();
    const job = await startJob(manager, 'chat-1');
    for (const event of ['a\nb', 'a\rb', 'a\0b', '', 'é']) {
      expect(() => job.emit({ event, data: 1 })).toThrow(GenerationJobError);
    }
    await job.complete();
    expect((await manager.getJob('chat-1'))?.lastSequence).toBe(2);
  });

  it('gives what is in no log and at no place no id, so that a browser keeps the last one it has', () => {
    const unplaced = { attempt: 0 };
    const events = [
      logEvent(3, 'text', 1),
      { ...logEvent(9, 'gap', {}), ...unplaced },
      logEvent(4, 'sync', {}),
      { ...logEvent(4, 'settled', {}), ...unplaced },
      { ...logEvent(4, 'gone', {}), ...unplaced },
      // A release before the name was reserved let a host emit it.
      logEvent(5, 'settled', {}),
    ];
    const ids = parse(encodeBatch({ generation: 7, events })).map(({ id }) => id);
    expect(ids).toEqual(['7-3', undefined, '7-4', undefined, undefined, '7-5']);
  });

  it('makes the text of a batch once for all who follow', () => {
    const events = [logEvent(1, 'text', 'x')];
    let read = 0;
    const watched = new Proxy(events, {
      get: (target, key, receiver) => {
        read++;
        return Reflect.get(target, key, receiver);
      },
    });
    const first = encodeBatch({ generation: 7, events: watched });
    const readOnce = read;
    expect(encodeBatch({ generation: 7, events: watched })).toBe(first);
    expect(read).toBe(readOnce);
    const chunk = encodeBatch({ generation: 7, events: watched }, true);
    const readTwice = read;
    expect(encodeBatch({ generation: 7, events: watched }, true)).toBe(chunk);
    expect(read).toBe(readTwice);
    expect(chunk).toBe(`${Buffer.byteLength(first).toString(16)}\r\n${first}\r\n`);
  });

  it('writes whole milliseconds, because a browser ignores any other retry', () => {
    expect(encodeRetry(1234.56)).toBe('retry: 1235\n\n');
  });
});
