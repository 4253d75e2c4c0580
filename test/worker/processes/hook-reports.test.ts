/** A hook dies beside an agent while the gateway is away: its host is told once the gateway is back, and once. */
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { createWorkerClient, hookGuard, openOutbox, startControlServer } from 'generation-jobs/worker';
import { expect, it } from 'vitest';
import { afterTest, handedOver, startGateway, until } from '../gateway.js';
import { freshPath, sqliteLibraries } from '../outbox-databases.js';

for (const { name, open } of sqliteLibraries)
  it(`on ${name}: a hook that dies is told to the host of the gateway, with whose it was, through the outbox`, async () => {
    const told: object[] = [];
    const gateway = await startGateway({
      routes: { onHookFatal: (report, run) => void told.push({ ...report, of: run.streamId }) },
    });
    const { token, job } = await handedOver(gateway);
    const outbox = openOutbox({ database: open(freshPath(afterTest)), retryMs: 20, longestRetryMs: 100 });
    afterTest(() => outbox.close());
    const client = await createWorkerClient({ url: gateway.url, token, outbox, onError: () => {} });
    afterTest(() => client.close({ graceMs: 0 }));
    const reports = outbox.reports('hook-fatal', { mode: 'append', deliver: client.deliverTo('hook-fatal') });
    const folder = await mkdtemp(join(tmpdir(), 'hook-reports-'));
    afterTest(() => rm(folder, { recursive: true }));
    const portFile = join(folder, 'port');
    const control = await startControlServer({
      ...{ portFile, log: { level: 'info', levels: ['info'] }, status: () => outbox.stats() },
      onHookFatal: ({ at, ...dead }) => reports.put(dead, { at, idempotencyKey: `${dead.pid}/${at}` }),
    });
    afterTest(() => control.close());
    await gateway.stop();
    const hook = spawn('sh', ['-c', `${hookGuard({ hook: 'finish', portFile })}\nexit 7`]);
    const [code] = await once(hook, 'exit');
    expect(code).toBe(7);
    const status = await (await fetch(`http://127.0.0.1:${control.port}/status`)).json();
    expect(status).toMatchObject({ waiting: 1 });
    await gateway.begin();
    await until('its host is told', () => told.length > 0);
    expect(await outbox.flush({ withinMs: 60_000 })).toBe(true);
    expect(told).toEqual([
      {
        ...{ hook: 'finish', exitCode: 7, pid: hook.pid, of: job.streamId },
        ...{ at: expect.any(Number), idempotencyKey: expect.stringMatching(`^${hook.pid}/`) },
      },
    ]);
    await client.job.complete();
  });
