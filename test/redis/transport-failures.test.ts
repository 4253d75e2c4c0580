/** What a Redis refuses its transport reaches the host by name, and followers are served from the log meanwhile. */
import type { Redis } from 'ioredis';
import { afterAll, beforeAll, expect, it } from 'vitest';
import { createStreamServices } from '../../src/services.js';
import { GenerationJobManager } from '../../src/stream/generation-job-manager.js';
import { RedisKeys } from '../../src/stream/implementations/redis/keys.js';
import type { TransportStep } from '../../src/stream/interfaces/observer.js';
import type { ErrorReport } from '../../src/stream/model/error-report.js';
import { streamKey } from '../../src/stream/model/stream-key.js';
import { RedisServer } from '../support/redis-server.js';
import { until } from './replicas.js';

const KEYS = new RedisKeys('gj:');
const SIGNALS = KEYS.signals;
const LIVE = KEYS.live(streamKey('~anew'));

let server: RedisServer;
let admin: Redis;
beforeAll(async () => {
  server = await RedisServer.start();
  admin = server.connect();
});
afterAll(async () => {
  admin.disconnect();
  await server.stop();
});

it('channels that a user may no more use: told once for listening and once for telling, and followers are polled', async () => {
  await admin.call('ACL', 'SETUSER', 'app', 'on', '>secret', '~*', '&*', '+@all');
  const client = server.connect();
  await client.call('AUTH', 'app', 'secret');
  client.options.username = 'app';
  client.options.password = 'secret';
  const reports: ErrorReport[] = [];
  const counted: TransportStep[] = [];
  const manager = new GenerationJobManager({
    ...createStreamServices({ redis: client }),
    options: { logPollMs: 200 },
    hooks: { onError: (report) => void reports.push(report) },
    observer: { transportFailed: (step) => counted.push(step) },
  });
  await manager.start();
  const created = await manager.createJob({ streamId: 's', userId: 'u' });
  if (!created.started) throw new Error('The job was not started.');
  const told = (part: string) =>
    reports.filter(
      ({ where, error }) => where === 'transport' && String((error as Error).cause ?? error).includes(part),
    );
  try {
    // Redis ends the links of those who listen to what they may not.
    await admin.call('ACL', 'SETUSER', 'app', 'resetchannels');
    const events: string[] = [];
    const following = (async () => {
      for await (const { event } of manager.subscribe('s')) events.push(event);
    })();
    void created.job.emit({ event: 'text', data: 'a' });
    await until(() => events.includes('text'), 'the poll delivers');
    await until(
      () => counted.filter((step) => step === 'subscribe').length >= 3,
      'it is tried again and again',
    );
    expect(told('NOPERM').length).toBeGreaterThanOrEqual(1);
    expect(reports.filter(({ details }) => details?.step === 'subscribe')).toHaveLength(1);
    await manager.deleteStream('s');
    await following;
    await until(
      () => reports.some(({ error }) => String(error).includes('was not made known')),
      'a stop is told',
    );
    expect(events.at(-1)).toBe('gone');
    expect(reports.length, 'no flood').toBeLessThanOrEqual(6);
  } finally {
    await manager.close();
    client.disconnect();
  }
});

it('a link made anew without the right to its channels asks again until it has it, and health says so meanwhile', async () => {
  await admin.call('ACL', 'SETUSER', 'anew', 'on', '>secret', '~*', '&*', '+@all');
  const client = server.connect();
  await client.call('AUTH', 'anew', 'secret');
  client.options.username = 'anew';
  client.options.password = 'secret';
  const manager = new GenerationJobManager({
    ...createStreamServices({ redis: client, pingMs: 100 }),
    // What is heard sooner came by the link.
    options: { logPollMs: 600_000 },
    hooks: { onError: () => {} },
  });
  const isSubscribed = async () => {
    const [, streams] = (await admin.call('PUBSUB', 'NUMSUB', LIVE)) as [string, number];
    const [, signals] = (await admin.call('PUBSUB', 'NUMSUB', SIGNALS)) as [string, number];
    return [streams, signals].map(Number);
  };
  const transport = async () => (await manager.health()).transport;
  const created = await manager.createJob({ streamId: '~anew', userId: 'u' });
  if (!created.started) throw new Error('The job was not started.');
  const seen: unknown[] = [];
  const subscription = manager.subscribe('~anew');
  const following = (async () => {
    for await (const { event, data } of subscription) if (event === 'text') seen.push(data);
  })();
  try {
    await subscription.ready;
    expect(await isSubscribed()).toEqual([1, 1]);
    await admin.call('ACL', 'SETUSER', 'anew', 'resetchannels');
    await until(async () => (await transport()).status === 'failing', 'health tells of it');
    await until(async () => (await isSubscribed()).join() === '0,0', 'the channels are refused');
    await created.job.emit({ event: 'text', data: 'unheard' });

    // A right to all other channels answers the question that health asks, and not this listener.
    await admin.call(
      'ACL',
      'SETUSER',
      'anew',
      'resetchannels',
      `&${SIGNALS}`,
      `&${LIVE.replace('~anew', '[^~]*')}`,
    );
    await until(async () => (await isSubscribed()).join() === '0,1', 'the signals are heard again');
    await until(async () => (await transport()).status === 'failing', 'the stream is not');
    for (let n = 0; n < 5; n++) expect(await transport()).toMatchObject({ status: 'failing' });

    await admin.call('ACL', 'SETUSER', 'anew', 'allchannels');
    await until(async () => (await isSubscribed()).join() === '1,1', 'all are listened to again');
    await until(() => seen.length === 1, 'what was missed is looked for at once');
    await created.job.emit({ event: 'text', data: 'heard' });
    await until(() => seen.length === 2, 'what comes now is heard');
    await until(async () => (await transport()).status === 'ok', 'health is well again');
    await created.job.complete();
    await following;
  } finally {
    await manager.close();
    client.disconnect();
  }
});
