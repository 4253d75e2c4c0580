/**
 * The subscriber link, on a client by hand that keeps back its answers, as one does whose server is away, or never gives them,
 * as one does that drops what was under way when its connection broke.
 */
import { EventEmitter } from 'node:events';
import { afterEach, expect, it } from 'vitest';
import type { RedisClient } from '../../src/stream/implementations/redis/client.js';
import { RedisEventTransport } from '../../src/stream/implementations/redis/event-transport.js';
import { RedisKeys } from '../../src/stream/implementations/redis/keys.js';
import { streamKey } from '../../src/stream/model/stream-key.js';
import { turns } from '../../src/testing/fake-clock.js';

const BRIEF_MS = 20;
const KEY = streamKey('s');
const KEYS = new RedisKeys('gj:');
const LISTENER = { onFrame: () => {}, onGone: () => {}, onReset: () => {} };
const SUBSCRIBE = `subscribe ${KEYS.live(KEY)}`;
const UNSUBSCRIBE = `unsubscribe ${KEYS.live(KEY)}`;

const transports: RedisEventTransport[] = [];
afterEach(async () => {
  for (const transport of transports.splice(0)) await transport.close();
});

/** A transport whose link answers at once for the signals, and for streams while `isAnswering`. */
function linked() {
  const events = new EventEmitter();
  const asked: string[] = [];
  const waiting: (() => void)[] = [];
  const state = { isAnswering: false };
  const ask = (command: string) => (channel: string) => {
    if (channel === KEYS.signals) return Promise.resolve(1);
    asked.push(`${command} ${channel}`);
    return new Promise((resolve) => {
      if (state.isAnswering) resolve(1);
      else waiting.push(() => resolve(1));
    });
  };
  const client = {
    ...{ status: 'ready', call: async () => 'PONG', evalsha: async () => 1, eval: async () => 1 },
    ...{ subscribe: ask('subscribe'), unsubscribe: ask('unsubscribe'), disconnect: () => {} },
    ...{ on: events.on.bind(events), off: events.off.bind(events), duplicate: (): unknown => client },
  };
  const transport = new RedisEventTransport(client as unknown as RedisClient, { pingTimeoutMs: BRIEF_MS });
  transports.push(transport);
  return {
    asked,
    transport,
    /** Everything is answered from now on; what was kept back, if it was not dropped. */
    answer(isDropped = false) {
      state.isAnswering = true;
      for (const letGo of waiting.splice(0)) if (!isDropped) letGo();
    },
    keepBack() {
      state.isAnswering = false;
    },
    /** The client says that it has connected anew. */
    reconnect: () => events.emit('ready'),
    listen: () => transport.subscribe(KEY, LISTENER),
  };
}

const refused = { code: 'unavailable' };

it('who listens in vain is told in time, though the link answers neither that nor that nobody listens any more', async () => {
  const { listen } = linked();
  await expect(listen()).rejects.toMatchObject(refused);
  await expect(Promise.allSettled([listen(), listen()])).resolves.toMatchObject([
    { status: 'rejected', reason: refused },
    { status: 'rejected', reason: refused },
  ]);
});

it('who leaves is let go in time, though the link does not answer', async () => {
  const { listen, answer, keepBack } = linked();
  answer();
  const leave = await listen();
  keepBack();
  await leave();
});

it('a link that is away is asked for a channel once and told once that nobody listens, however often somebody tries', async () => {
  const { asked, listen, answer } = linked();
  for (let tries = 0; tries < 5; tries++) await expect(listen()).rejects.toMatchObject(refused);
  expect(asked).toEqual([SUBSCRIBE, UNSUBSCRIBE]);
  answer();
  await (await listen())();
  expect(asked).toEqual([SUBSCRIBE, UNSUBSCRIBE, SUBSCRIBE, UNSUBSCRIBE]);
});

it('a channel that somebody listens to again while it is left is asked for behind that', async () => {
  const { asked, listen, answer } = linked();
  await expect(listen()).rejects.toMatchObject(refused);
  const again = listen();
  await turns(5);
  expect(asked).toEqual([SUBSCRIBE, UNSUBSCRIBE]);
  answer();
  await again;
  expect(asked).toEqual([SUBSCRIBE, UNSUBSCRIBE, SUBSCRIBE]);
});

it('what a client dropped when its connection broke stands in nobody’s way once it has connected anew', async () => {
  const { asked, listen, answer, reconnect } = linked();
  await expect(listen()).rejects.toMatchObject(refused);
  answer(true);
  reconnect();
  await listen();
  expect(asked).toEqual([SUBSCRIBE, UNSUBSCRIBE, SUBSCRIBE]);
});
