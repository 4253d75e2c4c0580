import { type Delivery, deliveryOf } from 'generation-jobs/worker';
import { expect, it } from 'vitest';

const NOW = Date.UTC(2030, 0, 1);
const kindOf = (status: number, body?: unknown, retryAfter?: string): Delivery =>
  deliveryOf({ status, body, retryAfter }, NOW);

it('a 2xx of the gateway is done up to the sequence it names, and the page of a proxy is a try', () => {
  expect(kindOf(200, { sequence: 7, leaseUntil: 1 })).toEqual({ kind: 'done', upTo: 7 });
  expect(kindOf(202, {})).toEqual({ kind: 'done', upTo: undefined });
  for (const body of [undefined, '<html>', [], null])
    expect(kindOf(200, body)).toMatchObject({ kind: 'again' });
});

it('a 401 asks for a fresh token and is no try', () => {
  expect(kindOf(401, { code: 'token_expired' })).toMatchObject({
    kind: 'again',
    isTry: false,
    error: { message: 'The gateway answered 401 token_expired.' },
  });
});

it('a 409 goes back for a gap and is an answer for any other code', () => {
  expect(kindOf(409, { code: 'gap', expected: 12 })).toEqual({ kind: 'gap', expected: 12 });
  for (const reason of ['fenced', 'replaced', 'ended', 'gone', 'paused'])
    expect(kindOf(409, { code: reason })).toEqual({ kind: 'over', reason });
  expect(kindOf(404, { code: 'stream_not_found' })).toEqual({ kind: 'over', reason: 'stream_not_found' });
  expect(kindOf(409, { error: { code: 'fenced' } })).toEqual({ kind: 'over', reason: 'fenced' });
});

it.each([
  ['without a body', undefined],
  ['with a gap of no number', { code: 'gap', expected: '1' }],
  ['with a gap below zero', { code: 'gap', expected: -1 }],
  ['with a code of no text', { code: 7 }],
  ['with a code longer than any of ours', { code: 'x'.repeat(65) }],
])('a 409 %s is a try: it is none of the gateway', (_, body) => {
  expect(kindOf(409, body)).toMatchObject({ kind: 'again' });
});

it.each([400, 413, 422])('a %i is for ever', (status) => {
  expect(kindOf(status, { code: 'invalid_event' })).toMatchObject({
    kind: 'never',
    error: expect.any(Error),
  });
});

it.each([408, 429, 500, 502, 503, 504, 301, 403, 404])('a %i is a try', (status) => {
  const delivery = kindOf(status);
  expect(delivery).toMatchObject({ kind: 'again', afterMs: undefined });
  expect(delivery).not.toHaveProperty('isTry');
});

it('the pause that is asked for is seconds or a date, and never before now', () => {
  const pause = (text: string) => kindOf(429, undefined, text);
  expect(pause('3')).toMatchObject({ afterMs: 3000 });
  expect(pause(' 0.5 ')).toMatchObject({ afterMs: 500 });
  expect(pause(new Date(NOW + 7000).toUTCString())).toMatchObject({ afterMs: 7000 });
  expect(pause(new Date(NOW - 7000).toUTCString())).toMatchObject({ afterMs: 0 });
  for (const text of ['', 'soon', '9'.repeat(65)]) expect(pause(text)).toMatchObject({ afterMs: undefined });
});
