/** What a Redis refuses its transport reaches the host by name, and followers are served from the log meanwhile. */
import type { Redis } from 'ioredis';
import { afterAll, beforeAll, expect, it } from 'vitest';
import { createStreamServices } from '../../src/services.js';
import { GenerationJobManager } from '../../src/stream/generation-job-manager.js';
import type { TransportStep } from '../../src/stream/interfaces/observer.js';
import type { ErrorReport } from '../../src/stream/model/error-report.js';
import { RedisServer } from '../support/redis-server.js';
import { until } from './replicas.js';

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
